"""Runs by the truth of each of several readers, how far these agree, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covidreport.metrics.agreement import is_paradox
from covidreport.records import Estimate, ReportData
from covidreport.records.truths import Agreement, ReadersTruth, TruthFigures
from covidreport.report.blocks import (
    RATES,
    Block,
    Cell,
    Column,
    Count,
    Difference,
    Group,
    Link,
    Prose,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.blocks.tables import Room
from covidreport.report.index import Index
from covidreport.report.split_cases import TITLE
from covidreport.report.truths import list_other_winners, name_truth
from covidreport.text import DASH, clean, decimal, listed, plural, whole

MOST_NAMES = 4
FIGURES: tuple[tuple[str, str, Room], ...] = (
    ("Sensitivity", "sensitivity", "always"),
    ("Specificity", "specificity", "medium"),
    ("ROC AUC", "roc_auc", "wide"),
)
"""Each with the room that a table of runs has it in."""
REMARK = (
    "An image that a reader did not read counts in no figure against that reader. The range over "
    "readers says how much a figure hangs on whose truth is taken. The interval says how much it "
    "hangs on which images these are. Neither covers the other."
)


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where the images have no truth of several readers."""
    truths = data.truths
    if truths is None:
        return ()
    blocks: tuple[Block, ...] = (
        Prose(_lead(truths), "lead"),
        *_say_first(truths),
        *_tabulate_truths(truths, index),
        Prose(REMARK, "remark"),
        *_tabulate_runs(truths, index),
        _group_agreement(truths),
        *_lead_to_images(data),
    )
    return (Section("truths", "Whose truth", blocks),)


def _lead(truths: ReadersTruth) -> str:
    readers = plural(len(truths.readers), "reader")
    words = f"{readers} gave their truth of these images. Every other figure of this report takes "
    same, compared = truths.same, truths.compared
    if not compared:
        words += "the data set’s own truth, and no image has both that and a majority of readers."
    elif same == compared:
        words += f"the data set’s truth: the majority of the readers, on all {whole(same)} images."
    else:
        words += (
            "the data set’s own truth. It is that of the readers’ majority on "
            f"{whole(same)} of {whole(compared)} images."
        )
    if truths.tied:
        words += (
            f" {plural(truths.tied, 'image has', 'images have')} no majority, since as many "
            "readers say yes as no. They count in no figure against the majority."
        )
    return words


def _say_first(truths: ReadersTruth) -> Iterator[Prose]:
    """Whether another run would be first by another truth."""
    own = truths.truths[0].first
    if not own:
        return
    first = clean(listed(list(own), MOST_NAMES))
    others = list_other_winners(truths)
    if not others:
        told = [each for each in truths.truths if each.first]
        if len(told) > 1:
            verb = "is" if len(own) == 1 else "are"
            yield Prose(f"Whoever’s truth is taken, {first} {verb} among the first.")
        return
    said = [
        f"by {clean(name)} {clean(listed(list(runs), MOST_NAMES))}"
        for name, runs in others[:MOST_NAMES]
    ]
    more = len(others) - len(said)
    rest = f", and another by {plural(more, 'other reader')}" if more else ""
    yield Prose(
        f"The best run hangs on whose truth is taken. By the data set’s {first} is first; "
        f"{', '.join(said)}{rest}.",
        "doubt",
    )


def _tabulate_truths(truths: ReadersTruth, index: Index) -> Iterator[Table]:
    """A row a truth, with the figures of the run that is first by the data set's."""
    own = truths.truths[0].first
    best = own[0] if own else (truths.truths[0].figures[0].run if truths.truths[0].figures else "")
    if not best:
        return
    head = (
        Column("Truth of", kind="name"),
        Column("Images", kind="count"),
        Column(index.disease, "images", "count"),
        Column("First", "missed cases, then false alarms", room="medium"),
        *(Column(title, "95 % CI", "figure", RATES) for title, _, _ in FIGURES),
    )
    rows = []
    for each in truths.truths:
        found = next(one for one in each.figures if one.run == best)
        cells: tuple[Cell, ...] = (
            Text(name_truth(each)),
            Count(each.images),
            Count(each.positives),
            Text(listed(list(each.first), MOST_NAMES) if each.first else DASH),
            *(Rate(getattr(found, key), evidence=True) for _, key, _ in FIGURES),
        )
        rows.append(Row(cells, baseline=each.kind == "dataset"))
    yield Table(f"{clean(best)} by whose truth", head, tuple(rows))


def _tabulate_runs(truths: ReadersTruth, index: Index) -> Iterator[Group]:
    """A row a ranked run, with the range of its figures over readers beside their intervals."""
    own, majority = truths.truths[:2]
    head: list[Column] = [Column("Run", kind="name")]
    for title, _, room in FIGURES:
        head += [
            Column(title, "95 % CI", "figure", room=room),
            Column("Majority", "95 % CI", "figure", room="wide"),
            Column("Over readers", "range", "figure", room=room),
        ]
    rows = []
    for place, figures in enumerate(own.figures):
        row = index.ranked.get(figures.run)
        if row is None or row.rank is None:
            continue
        cells: list[Cell] = [index.link(figures.run)]
        for _, key, _ in FIGURES:
            of_readers = [each.figures[place] for each in truths.readers]
            cells += [
                Rate(getattr(figures, key)),
                _difference(getattr(majority.figures[place], key)),
                _range(of_readers, key),
            ]
        rows.append(Row(tuple(cells), best=row.rank == 1))
    if rows:
        title = "Each run by the readers’ truth"
        table = Table(title, tuple(head), tuple(rows), "wide")
        gist = "By the data set’s truth, by the majority, and the range over readers"
        yield Group((table,), title, gist, state="folded")


def _range(figures: Sequence[TruthFigures], key: str) -> Text:
    values = [value for each in figures if (value := getattr(each, key).value) is not None]
    if not values:
        return Text(DASH)
    return Text(f"{decimal(min(values))} to {decimal(max(values))}", sort=min(values))


def _group_agreement(truths: ReadersTruth) -> Group:
    head = (
        Column("Readers", kind="name"),
        Column("Images", "read by two or more", "count"),
        Column("They differ on", kind="count"),
        Column("Agreement", "95 % CI", "figure", RATES),
        Column("Kappa", "95 % CI", "figure"),
        Column("On positives", "95 % CI", "figure", room="medium"),
        Column("On negatives", "95 % CI", "figure", room="medium"),
        Column("PABAK", "95 % CI", "figure", room="wide"),
    )
    rows = []
    if len(truths.readers) > 2:
        rows.append(Row((Text("all"), *_list_cells(truths.agreement)), best=True))
    rows += [
        Row((Text(f"{each.first} and {each.second}"), *_list_cells(each.agreement)))
        for each in truths.pairs
    ]
    blocks: list[Block] = [Prose(one) for one in describe_agreement(truths)]
    blocks.append(Table("Agreement between the readers", head, tuple(rows)))
    gist = f"kappa {decimal(truths.agreement.kappa.value)}"
    return Group(tuple(blocks), "How far the readers agree", gist, "agreement", "folded")


def _lead_to_images(data: ReportData) -> Iterator[Prose]:
    if data.cases is not None and data.cases.split:
        n = len(data.cases.split) + data.cases.split_omitted
        whose = Link(TITLE, "split"), f": {plural(n, 'image')}, with what each run says of them."
        yield Prose(whose)


def _list_cells(agreement: Agreement) -> tuple[Cell, ...]:
    return (
        Count(agreement.images),
        Count(agreement.split),
        Rate(agreement.agreed),
        _difference(agreement.kappa),
        Rate(agreement.positive),
        Rate(agreement.negative),
        _difference(agreement.pabak),
    )


def _difference(estimate: Estimate) -> Difference:
    """An estimate without its fraction, for which a table of many columns has no room."""
    return Difference(estimate.value, estimate.low, estimate.high, signed=False)


def describe_agreement(truths: ReadersTruth) -> tuple[str, ...]:
    """How far all agree, in a few sentences; and what kappa hides where it does."""
    every = truths.agreement
    if not every.images:
        return ("No image was read by two readers: how far they agree is not known.",)
    kind = "Cohen’s" if len(truths.readers) == 2 else "Fleiss’"
    words = [
        f"Of {plural(every.images, 'image')} that two or more read, they differ on "
        f"{whole(every.split)}. Two readers say the same of an image in "
        f"{decimal(every.agreed.value)} of cases; {kind} kappa, which takes off what chance "
        f"would give, is {decimal(every.kappa.value)}."
    ]
    if is_paradox(every):
        rare, common = sorted(
            (("positive", every.positive_calls), ("negative", every.calls - every.positive_calls)),
            key=lambda each: each[1],
        )
        of = {"positive": every.positive.value, "negative": every.negative.value}
        words.append(
            f"That kappa is low though they agree comes of rare {rare[0]}s: "
            f"{whole(rare[1])} of {whole(every.calls)} calls. Where one answer is rare, chance "
            "alone gives much agreement, and kappa falls whatever readers do. "
            f"Where one calls an image {rare[0]}, another does in {decimal(of[rare[0]])} of cases; "
            f"for {common[0]} it is {decimal(of[common[0]])}. Were both answers as frequent, kappa "
            f"would be {decimal(every.pabak.value)} (PABAK)."
        )
    alike = sum(is_paradox(each.agreement) for each in truths.pairs)
    if alike and len(truths.pairs) > 1:
        words.append(
            f"Kappa is below 0.60 at an agreement of 0.85 or more in {whole(alike)} of "
            f"{plural(len(truths.pairs), 'pair')}."
        )
    return tuple(words)

"""The report in one sentence, what it does not say, and the findings that bear on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from typing import Literal

from covidreport.audit.copies import in_split
from covidreport.audit.synthetic import CODE as SYNTHETIC
from covidreport.compare.finding import (
    describe_detectable,
    describe_non_inferiority,
    describe_picked,
    describe_planned,
    describe_verdict,
)
from covidreport.compare.patients import describe_patients
from covidreport.compare.ranking import rank_sets
from covidreport.records import (
    Counts,
    Estimate,
    Evaluation,
    RankedRun,
    Ranking,
    ReportData,
    ReportedDataset,
)
from covidreport.report.blocks import (
    Block,
    Cell,
    Chart,
    Group,
    Items,
    Link,
    Note,
    Prose,
    Section,
    Strong,
)
from covidreport.report.cells import write_cell
from covidreport.report.charts.tally import draw_tally
from covidreport.report.index import Index
from covidreport.report.promise import describe_promise
from covidreport.report.sections.findings import list_notes
from covidreport.report.tables import of_label
from covidreport.text import DASH, clean, format_estimate, listed, plural, whole
from covidreport.text.thresholds import (
    CHOSEN_HERE,
    common_threshold,
    describe_threshold,
    is_exploratory,
    is_trained_on,
    was_tuned_on,
)

DOUBT_CODES = ("best-run-not-distinguishable",)
"""Findings that say whether the first run can be told from the next: they stand by the answer."""

IMAGE_CODES = ("shortcut-attributes",)
"""Warnings about the images: they stand by the answer, whichever run is best."""

COPY_CODES = ("identical-files", "identical-pixels", "near-duplicates")
"""Cases of the ranked split that count twice: where they are a warning, they stand there too."""

_ALONE = "alone was evaluated on these very images"
_MOST_NAMED = 3
_MOST_GRAVE = 5
"""Findings that stand beside the answer; how many there are is said behind them."""


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """Which run misses the fewest, at what price; or why that can't be said."""
    notes = list_notes(data, index)
    standing = _count_notes(notes)
    ranking = data.rankings[0] if data.rankings else None
    best = [row for row in ranking.rows if row.rank == 1] if ranking else []
    evaluation = index.evaluation(best[0].run, ranking) if ranking and best else None
    counts = index.counts(evaluation)
    if ranking is None or evaluation is None or counts is None:
        why = Prose((_no_answer(ranking, data, index),), "sentence")
        errors = _link_notes(_errors(notes))
        parts: tuple[Block, ...] = (*_banner(data), *errors, why, *standing)
        return (Section("answer", "Answer", parts, part="answer"),)
    tone: Literal["assured", "doubt"] = "assured" if _is_assured(ranking) else "doubt"
    words = Group(
        (
            *_banner(data),
            *_link_notes(_errors(notes)),
            Prose(_sentence(ranking, best, evaluation, counts, data, index), "sentence"),
            *(Prose(clean(one), "elsewhere") for one in _describe_patients(ranking, index)),
            *(Prose(clean(one), tone) for one in _describe_lead(ranking, index)),
            *(Prose(clean(one), "elsewhere") for one in _describe_picked(ranking, index)),
            *(Prose(one, "elsewhere") for one in _on_other_splits(best, ranking, index)),
            *_on_other_datasets(best[0], data, index),
            *(Prose(one, "doubt") for one in _doubts(data, ranking)),
            *_link_notes(_grave(notes, {row.run for row in best}, data)),
            *standing,
        )
    )
    chart = _draw_dots(counts, index)
    blocks = (Group((words, chart), layout="beside"),) if chart else (words,)
    return (Section("answer", "Answer", blocks, part="answer"),)


def _banner(data: ReportData) -> tuple[Prose, ...]:
    """What is said before all else: that nobody is on these pictures."""
    return tuple(
        Prose(f"{clean(each.what)}.", "banner") for each in data.findings if each.code == SYNTHETIC
    )


def _draw_dots(counts: Counts, index: Index) -> Chart | None:
    """A dot for each case that was missed or found, where they can be counted by eye."""
    dots = draw_tally(counts)
    if dots is None:
        return None
    parts = [f"{whole(counts.missed)} missed"]
    if counts.failed_positive:
        parts[0] += f" ({whole(counts.failed_positive)} of them not scored)"
    parts.append(f"{whole(counts.tp)} found")
    words = f"{whole(len(dots.dots))} {index.disease} images, one dot each: {listed(parts)}"
    return Chart("", "", words, "", dots)


def _describe_lead(ranking: Ranking, index: Index) -> tuple[str, ...]:
    """By how much the first is ahead, and whether that is more than chance."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return ()
    ranked = [row for row in ranking.rows if row.rank is not None]
    best = [row for row in ranked if row.rank == 1]
    ahead = ""
    if len(best) == 1 and len(ranked) > 1:
        second = ranked[1]
        gap = second.missed - best[0].missed
        ahead = f"The next, {second.run}, misses {gap:,} more. " if gap else ""
        if not gap and second.false_alarms > best[0].false_alarms:
            ahead = f"The next, {second.run}, misses as many and gives more false alarms. "
        elif not gap:
            ahead = f"The next, {second.run}, misses as many and gives as many false alarms. "
    verdict = describe_verdict(ranking, index.disease)
    sentences = [f"{ahead}{verdict} {describe_detectable(comparisons)}"]
    sentences += [describe_planned(ranking), describe_non_inferiority(comparisons)]
    return tuple(one for one in sentences if one)


def _describe_patients(ranking: Ranking, index: Index) -> tuple[str, ...]:
    """The same by patient, where patients are known."""
    said = describe_patients(ranking, index.evaluations(ranking), index.disease)
    return (said,) if said else ()


def _describe_picked(ranking: Ranking, index: Index) -> tuple[str, ...]:
    """What picking the best has done to its figures."""
    if ranking.comparisons is None:
        return ()
    said = describe_picked(ranking.comparisons, index.disease)
    return (said,) if said else ()


def _on_other_splits(best: Sequence[RankedRun], ranking: Ranking, index: Index) -> tuple[str, ...]:
    """What the best run does on other splits at the same threshold, a sentence each, and which run
    those would choose: a reader of their report finds the same two runs there."""
    sentences = []
    for split in _other_splits(ranking, index):
        chosen = _choose_on(split, ranking, index)
        for row in best if len(best) == 1 else ():
            here = index.evaluation(row.run, ranking)
            there = next((one for one in split if one.run == row.run), None)
            if here is not None and there is not None and _is_quotable(there, here, index):
                sentences.append(_quote(there, index, chosen=chosen))
        elsewhere = [one for one in chosen if one.run not in {row.run for row in best}]
        if elsewhere and len(elsewhere) == len(chosen):
            sentences.append(_quote_choice(elsewhere, ranking, index))
    return tuple(sentences)


def _on_other_datasets(best: RankedRun, data: ReportData, index: Index) -> Iterator[Prose]:
    """What the best run does on each other data set, and which run misses the fewest there.

    A doubt where that is another run, and where its sensitivity is another by more than chance.
    """
    reported = index.find(best.run)
    where = f"All this is of {clean(data.dataset)}. "
    for each in data.datasets:
        if not each.rankings or reported is None:
            continue
        there = each.find(reported)
        where += f"On {clean(each.dataset)}, "
        counts = index.counts(there)
        if there is None or counts is None:
            words = f"another data set, {clean(best.run)} was not evaluated"
        else:
            words = (
                f"{clean(best.run)} misses {_count_missed(there, index)}, with "
                f"{plural(counts.false_alarms, 'false alarm')} among "
                f"{plural(counts.negatives, 'image')} without {index.disease}"
            )
        chosen = [row.run for row in each.rankings[0].rows if row.rank == 1]
        doubtful = _differs_on(each, best.run, data)
        if chosen and best.run not in chosen:
            doubtful = True
            verb = "misses" if len(chosen) == 1 else "miss"
            words += f"; {listed(list(map(clean, chosen)), _MOST_NAMED)} {verb} the fewest there"
        sentence = f"{where}{words} (", Link("the data sets side by side", "datasets"), ")."
        yield Prose(sentence, "doubt" if doubtful else "elsewhere")
        where = ""


def _differs_on(each: ReportedDataset, run: str, data: ReportData) -> bool:
    """Whether a run's sensitivity differs from that on the ranked data set by more than chance, as
    far as one of the two is the first."""
    first, *_ = data.datasets
    ranked = next(one for one in data.datasets if not one.rankings)
    pair = each if ranked is first else ranked if each is first else None
    differences = () if pair is None else pair.differences
    return any(
        (d.difference.low or 0) > 0 or (d.difference.high or 0) < 0
        for d in differences
        if (d.run, d.metric) == (run, "sensitivity")
    )


def _other_splits(ranking: Ranking, index: Index) -> list[list[Evaluation]]:
    """The evaluations of the ranked runs on each other split, in the order of the ranking."""
    found: dict[str, list[Evaluation]] = {}
    for row in ranking.rows:
        reported, here = index.find(row.run), index.evaluation(row.run, ranking)
        if reported is None or here is None:
            continue
        for other in reported.usual:
            if other.split != here.split:
                found.setdefault(other.split, []).append(other)
    return list(found.values())


def _is_quotable(there: Evaluation, here: Evaluation, index: Index) -> bool:
    """Whether figures on another split say what the run does there at the threshold of the report.

    Not on images that trained it, that its epoch was chosen on, or that its threshold was tuned on.
    """
    reported, counts = index.find(here.run), index.counts(there)
    if reported is None or counts is None or not counts.positives:
        return False
    watched = reported.run.watched
    return (
        there.thresholds.get(index.target) == here.thresholds.get(index.target)
        and not is_trained_on(reported.run, there.split)
        and there.split.lower() != (watched and watched.lower())
        and not was_tuned_on(here, there)
        and not is_exploratory(there, index.target)
    )


def _choose_on(
    split: Sequence[Evaluation], ranking: Ranking, index: Index
) -> tuple[Evaluation, ...]:
    """The first of the runs on another split, where a choice between several can be made there."""
    pairs = [(one, index.evaluation(one.run, ranking)) for one in split]
    quotable = [one for one, here in pairs if here is not None and _is_quotable(one, here, index)]
    sets = rank_sets(quotable, index.target, ranking.specificity_floor)
    rows = [row for row in sets[0].ranking.rows if row.rank is not None] if sets else []
    if len(rows) < 2:
        return ()
    first = {row.run for row in rows if row.rank == 1}
    return tuple(one for one in sets[0].evaluations if one.run in first)


def _quote(there: Evaluation, index: Index, *, chosen: Sequence[Evaluation]) -> str:
    """How the best run does on another split, and whether that split would choose it as well."""
    counts = index.counts(there)
    assert counts is not None
    which = "not used by this program to choose it"
    if there in chosen:
        which = "where it misses the fewest as well"
    return (
        f"On the {clean(there.split)} split, {which}, {clean(there.run)} misses "
        f"{_count_missed(there, index)}, with {plural(counts.false_alarms, 'false alarm')} among "
        f"{plural(counts.negatives, 'image')} without {index.disease}, at the same threshold."
    )


def _quote_choice(chosen: Sequence[Evaluation], ranking: Ranking, index: Index) -> str:
    """The run that another split would choose, with its figures there and here."""
    first = chosen[0]
    more = f" ({plural(len(chosen) - 1, 'other')} alike)" if len(chosen) > 1 else ""
    here = index.evaluation(first.run, ranking)
    assert here is not None
    return (
        f"The {clean(first.split)} split would choose {clean(first.run)}{more}, which misses "
        f"{_count_missed(first, index)} there and {_count_missed(here, index)} here."
    )


def _count_missed(evaluation: Evaluation, index: Index) -> str:
    counts = index.counts(evaluation)
    if counts is None:
        return DASH
    sensitivity = of_label(evaluation, index.target, "sensitivity")
    return (
        f"{whole(counts.missed)} of {whole(counts.positives)} "
        f"(sensitivity {_with_interval(sensitivity)})"
    )


def _errors(notes: Sequence[Note]) -> list[Note]:
    """What goes before the answer: nobody is to read a figure first that can't be trusted."""
    return [one for one in notes if one.severity == "error"][:_MOST_GRAVE]


def _grave(notes: Sequence[Note], best: Set[str], data: ReportData) -> list[Note]:
    """The warnings about the images or a best run; not what stands as a doubt."""
    said = {clean(one.what) for one in data.findings if one.code in DOUBT_CODES}
    weighty = {
        clean(one.what)
        for one in data.findings
        if one.code in IMAGE_CODES
        or (one.code in COPY_CODES and one.what.endswith(in_split(data.split)))
    }
    chosen = [
        one
        for one in notes
        if one.severity == "warning"
        and one.what not in said
        and (one.what in weighty or {write_cell(each).line for each in one.about} & best)
    ]
    return chosen[: max(0, _MOST_GRAVE - len(_errors(notes)))]


def _link_notes(notes: Sequence[Note]) -> list[Items]:
    items = tuple((Link(one.what, one.id),) for one in notes)
    return [Items(items, tuple(one.severity for one in notes))] if notes else []


def _no_answer(ranking: Ranking | None, data: ReportData, index: Index) -> str:
    where = f"{clean(data.dataset)}, split {clean(data.split)}"
    if ranking is None:
        return f"No run has figures for {index.disease} on {where}: there is nothing to rank yet."
    if len(ranking.rows) == 1:
        each = f"The only run on {where}, can't be ranked"
        if len(data.rankings) > 1:
            each = f"No run on {where}, can be ranked, and each {_ALONE}:"
        return f"{each} for {index.disease}; the table says why."
    return (
        f"None of the {whole(len(ranking.rows))} runs on {where}, can be ranked for "
        f"{index.disease}; the table says why."
    )


def _sentence(
    ranking: Ranking,
    best: Sequence[RankedRun],
    evaluation: Evaluation,
    counts: Counts,
    data: ReportData,
    index: Index,
) -> tuple[Cell, ...]:
    """`exp15 misses the fewest: 8 of 28 COVID-19 images (…), at the price of 195 false alarms …`"""
    spans: list[Cell] = []
    several = len(data.rankings) > 1
    if several and len(ranking.rows) > 1:
        spans.append(f"Among the {len(ranking.rows)} runs on the same images, ")
    alone = sum(row.rank is not None for row in ranking.rows) == 1
    if several and len(ranking.rows) == 1:
        spans += [index.link(best[0].run), f" {_ALONE}, and missed "]
    elif alone:
        spans += [
            index.link(best[0].run),
            " is the only run that can be ranked. It missed ",
        ]
    elif len(best) == 1:
        spans += [index.link(best[0].run), " misses the fewest: "]
    else:
        spans += [*_names(best, index), " miss the fewest, each "]
    sensitivity = of_label(evaluation, index.target, "sensitivity")
    specificity = of_label(evaluation, index.target, "specificity")
    spans += [
        Strong(f"{whole(counts.missed)} of {whole(counts.positives)}"),
        " ",
        index.disease,
        f" images (sensitivity {_with_interval(sensitivity)}), at the price of ",
        Strong(plural(counts.false_alarms, "false alarm")),
        f" among {plural(counts.negatives, 'image')} without ",
        index.disease,
        f" (specificity {_with_interval(specificity)}).",
        _thresholds(best, ranking, index),
    ]
    return tuple(spans)


def _thresholds(best: Sequence[RankedRun], ranking: Ranking, index: Index) -> str:
    """At which thresholds the best runs were counted, and where these come from."""
    evaluations = [one for row in best if (one := index.evaluation(row.run, ranking)) is not None]
    shared = common_threshold(evaluations, index.target)
    if shared is not None:
        promise = describe_promise(evaluations[0], index.target) if len(evaluations) == 1 else ""
        return f" Threshold {clean(shared)}. {promise}".rstrip()
    each = [
        f"{clean(one.run)} {clean(describe_threshold(one, index.target))}" for one in evaluations
    ]
    return f" Thresholds: {listed(each, _MOST_NAMED)}."


def _names(best: Sequence[RankedRun], index: Index) -> list[Cell]:
    shown = [index.link(row.run) for row in best[:_MOST_NAMED]]
    left = len(best) - len(shown)
    spans: list[Cell] = []
    for i, span in enumerate(shown):
        last = i == len(shown) - 1 and not left
        spans += [" and " if last else ", "] if i else []
        spans.append(span)
    return [*spans, f" and {left} more"] if left else spans


def _with_interval(estimate: Estimate | None) -> str:
    shown = format_estimate(estimate)
    if shown.mark:
        return f"{shown.value}; {shown.mark}: {CHOSEN_HERE}"
    return f"{shown.value}; 95 % CI {shown.interval}" if shown.interval else shown.value


def _is_assured(ranking: Ranking) -> bool:
    """Whether the one run of rank 1 is significantly different from every other."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return False
    return sum(each.significantly_different is not True for each in comparisons.rank_evidence) == 1


def _doubts(data: ReportData, first: Ranking) -> tuple[str, ...]:
    """What findings say; not what `describe_lead` has said of the first ranking already."""
    said: set[str] = set()
    if first.comparisons is not None:
        said = {row.run for row in first.rows}
    doubts = (
        clean(one.what)
        for one in data.findings
        if one.code in DOUBT_CODES and not (one.subjects and set(one.subjects) <= said)
    )
    return tuple(what if what.endswith((".", "?", "!")) else f"{what}." for what in doubts)


def _count_notes(notes: Sequence[Note]) -> list[Prose]:
    counts = Counter(one.severity for one in notes)
    parts = [plural(count, severity) for severity, count in counts.items()]
    return [Prose((Link(f"To be read with {listed(parts)}", "findings"),))] if parts else []

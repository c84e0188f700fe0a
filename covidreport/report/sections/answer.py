"""The report in one sentence, what it does not say, and the findings that bear on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
from covidreport.compare.same_specificity import CODE as DEPENDENT_LEAD
from covidreport.compare.same_specificity import describe_own_level
from covidreport.records import (
    Counts,
    Evaluation,
    Finding,
    RankedRun,
    Ranking,
    ReportData,
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
from covidreport.report.charts.tally import draw_tally
from covidreport.report.elsewhere import (
    MOST_NAMED,
    quote_other_datasets,
    quote_other_splits,
    write_with_interval,
)
from covidreport.report.index import Index
from covidreport.report.promise import describe_promise
from covidreport.report.sections.findings import Noted, list_findings
from covidreport.report.sections.weighted import describe_first
from covidreport.report.tables import of_label
from covidreport.text import clean, listed, plural, whole
from covidreport.text.thresholds import (
    common_threshold,
    describe_threshold,
)

DOUBT_CODES = ("best-run-not-distinguishable", DEPENDENT_LEAD)
"""Findings that say whether the first run can be told from the next: they stand by the answer."""

IMAGE_CODES = ("shortcut-attributes",)
"""Warnings about the images: they stand by the answer, whichever run is best."""

OTHER_CODES = ("best-run-by-weight", "best-run-by-truth", "best-run-over-sites")
"""That another run is first, counted otherwise: the first of the warnings that stand there."""

COPY_CODES = ("identical-files", "identical-pixels", "near-duplicates")
"""Cases of the ranked split that count twice: where they are a warning, they stand there too."""

_ALONE = "alone was evaluated on these very images"
_MOST_GRAVE = 5
"""Findings that stand beside the answer; how many there are is said behind them."""


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """Which run misses the fewest, at what price; or why that can't be said."""
    found = list_findings(data, index)
    standing = _count_notes([note for _, note in found])
    ranking = data.rankings[0] if data.rankings else None
    best = [row for row in ranking.rows if row.rank == 1] if ranking else []
    evaluation = index.evaluation(best[0].run, ranking) if ranking and best else None
    counts = index.counts(evaluation)
    if ranking is None or evaluation is None or counts is None:
        why = Prose((_no_answer(ranking, data, index),), "sentence")
        errors = _errors(found)
        parts: tuple[Block, ...] = (
            *_banner(data), *_link_notes(errors, (), data), why, *standing,
        )  # fmt: skip
        return (Section("answer", "Answer", parts, part="answer"),)
    tone: Literal["assured", "doubt"] = "assured" if _is_assured(ranking) else "doubt"
    by_weight = _answer_by_weight(data, index)
    names = tuple(row.run for row in best)
    errors = [pair for pair in _errors(found) if _concerns(pair[0], names)]
    sentence = _sentence(ranking, best, evaluation, counts, data, index, disputed=bool(errors))
    words = Group(
        (
            *_banner(data),
            *_link_notes(errors, names, data),
            *by_weight,
            Prose(sentence, "elsewhere" if by_weight else "sentence"),
            *(Prose(clean(one), tone) for one in _describe_lead(ranking, index)),
            *(Prose(clean(one), "elsewhere") for one in _describe_patients(ranking, index)),
            *(
                Prose(clean(one), "elsewhere")
                for one in _describe_picked(ranking, evaluation, index)
            ),
            *(Prose(one, "elsewhere") for one in quote_other_splits(best, ranking, index)),
            *quote_other_datasets(best[0], data, index),
            *(Prose(one, "doubt") for one in _doubts(data, ranking)),
            *_link_notes(_grave(found, names, data), names, data),
            *standing,
        )
    )
    chart = _draw_dots(counts, index)
    blocks = (Group((words, chart), layout="beside"),) if chart else (words,)
    return (Section("answer", "Answer", blocks, part="answer"),)


def _answer_by_weight(data: ReportData, index: Index) -> tuple[Prose, ...]:
    """Which run is first by the images' weights; nothing unless that was asked."""
    if data.weighted is None or not data.weighted.asked:
        return ()
    spans, differences = describe_first(data.weighted, index)
    return (Prose(spans, "sentence"), *([Prose(differences, "doubt")] if differences else []))


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
    level = describe_own_level(ranking)
    said = [f"{ahead}{verdict}", describe_detectable(comparisons), level]
    sentences = [" ".join(filter(None, said))]
    sentences += [describe_planned(ranking), describe_non_inferiority(comparisons)]
    return tuple(one for one in sentences if one)


def _describe_patients(ranking: Ranking, index: Index) -> tuple[str, ...]:
    """The same by patient, where patients are known."""
    said = describe_patients(ranking, index.evaluations(ranking), index.disease)
    return (said,) if said else ()


def _describe_picked(ranking: Ranking, best: Evaluation, index: Index) -> tuple[str, ...]:
    """What picking the best has done to its figures."""
    if ranking.comparisons is None:
        return ()
    here = of_label(best, index.target, "specificity")
    specificity = None if here is None else here.value
    said = describe_picked(ranking.comparisons, index.disease, specificity)
    return (said,) if said else ()


def _errors(found: Sequence[Noted]) -> list[Noted]:
    return [pair for pair in found if pair[1].severity == "error"][:_MOST_GRAVE]


def _concerns(finding: Finding, best: Sequence[str]) -> bool:
    """Whether an error goes before the answer: nobody is to read a figure first that can't be
    trusted. One about other runs alone stands behind it."""
    return not finding.subjects or not set(best).isdisjoint(finding.subjects)


def _grave(found: Sequence[Noted], best: Sequence[str], data: ReportData) -> list[Noted]:
    """The errors of other runs; the warnings about the images or a best run, but for those that
    stand as a doubt."""
    errors = _errors(found)
    chosen = [
        pair
        for pair in sorted(found, key=lambda pair: pair[0].code not in OTHER_CODES)
        if pair[1].severity == "warning"
        and pair[0].code not in DOUBT_CODES
        and (_is_about_images(pair[0], data) or not set(best).isdisjoint(pair[0].subjects))
    ]
    others = [pair for pair in errors if not _concerns(pair[0], best)]
    return [*others, *chosen[: max(0, _MOST_GRAVE - len(errors))]]


def _is_about_images(finding: Finding, data: ReportData) -> bool:
    copies = finding.code in COPY_CODES and finding.what.endswith(in_split(data.split))
    return finding.code in IMAGE_CODES or copies


def _link_notes(found: Sequence[Noted], best: Sequence[str], data: ReportData) -> list[Items]:
    items = tuple((Link(_name_best(each, best, data), each[1].id),) for each in found)
    return [Items(items, tuple(note.severity for _, note in found))] if found else []


def _name_best(noted: Noted, best: Sequence[str], data: ReportData) -> str:
    """What was found; where it counts runs, `8 runs, exp15 among them, ran with …`."""
    finding, note = noted
    named = [clean(run) for run in best if run in finding.subjects]
    counted = plural(len(finding.subjects), "run")
    if not named or len(finding.subjects) in (1, len(data.runs)):
        return note.what
    if not note.what.startswith(f"{counted} "):
        return note.what
    rest = note.what.removeprefix(counted)
    return f"{counted}, {listed(named, MOST_NAMED)} among them,{rest}"


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
    *,
    disputed: bool,
) -> tuple[Cell, ...]:
    """`exp15 misses the fewest: 8 of 28 COVID-19 images (…), at the price of 195 false alarms …`"""
    # an error stands before it: the sentence says what was counted, and not what is so
    spans: list[Cell] = ["By these counts, "] if disputed else []
    several = len(data.rankings) > 1
    if several and len(ranking.rows) > 1:
        spans.append(
            f"{'a' if disputed else 'A'}mong the {len(ranking.rows)} runs on the same images, "
        )
    ranked = [row for row in ranking.rows if row.rank is not None]
    alone = len(ranked) == 1
    # a run without a rank may miss fewer: one that calls every image positive misses nobody
    fewer = any(row.counted and row.missed <= best[0].missed for row in ranking.rows[len(ranked) :])
    among = f" of the {whole(len(ranked))} ranked runs" if fewer else ""
    if several and len(ranking.rows) == 1:
        spans += [index.link(best[0].run), f" {_ALONE}, and missed "]
    elif alone:
        spans += [
            index.link(best[0].run),
            " is the only run that can be ranked. It missed ",
        ]
    elif len(best) == 1:
        spans += [index.link(best[0].run), f" misses the fewest{among}: "]
    else:
        spans += [*_names(best, index), f" miss the fewest{among}, each "]
    sensitivity = of_label(evaluation, index.target, "sensitivity")
    specificity = of_label(evaluation, index.target, "specificity")
    spans += [
        Strong(f"{whole(counts.missed)} of {whole(counts.positives)}"),
        " ",
        index.disease,
        f" images (sensitivity {write_with_interval(sensitivity)})",
        ". The price: " if disputed or among else ", at the price of ",
        Strong(plural(counts.false_alarms, "false alarm")),
        f" among {plural(counts.negatives, 'image')} without ",
        index.disease,
        f" (specificity {write_with_interval(specificity)}).",
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
    return f" Thresholds: {listed(each, MOST_NAMED)}."


def _names(best: Sequence[RankedRun], index: Index) -> list[Cell]:
    shown = [index.link(row.run) for row in best[:MOST_NAMED]]
    left = len(best) - len(shown)
    spans: list[Cell] = []
    for i, span in enumerate(shown):
        last = i == len(shown) - 1 and not left
        spans += [" and " if last else ", "] if i else []
        spans.append(span)
    return [*spans, f" and {left} more"] if left else spans


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

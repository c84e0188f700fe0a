"""The report in one sentence, what it does not say, and the findings that bear on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from covidreport.audit.copies import in_split
from covidreport.compare.ranking import rank_sets
from covidreport.records import (
    Counts,
    Estimate,
    Evaluation,
    RankedRun,
    Ranking,
    ReportData,
)
from covidreport.report.blocks import Note
from covidreport.report.cells import write_cell
from covidreport.report.charts.tally import Tally, draw_tally
from covidreport.report.index import Index
from covidreport.report.view.against import describe_lead
from covidreport.report.view.names import name_span
from covidreport.report.view.promise import describe_promise
from covidreport.report.view.ranking import name_the_best
from covidreport.report.view.records import Answer, GraveFinding, Span
from covidreport.report.view.tables import of_label
from covidreport.text import DASH, clean, figure, listed, plural, whole
from covidreport.text.thresholds import (
    CHOSEN_HERE,
    describe_threshold,
    is_exploratory,
    is_trained_on,
    share_threshold,
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


def view_answer(data: ReportData, findings: Sequence[Note], index: Index) -> Answer:
    """Which run misses the fewest, at what price; or why that can't be said."""
    standing = _standing(findings)
    ranking = data.rankings[0] if data.rankings else None
    best = name_the_best(ranking) if ranking else ()
    if ranking is None or not best:
        return Answer((Span(_no_answer(ranking, data, index)),), standing=standing)
    evaluation = index.evaluation(best[0].run, ranking)
    counts = index.counts(evaluation)
    if evaluation is None or counts is None:
        return Answer((Span(_no_answer(ranking, data, index)),), standing=standing)
    tally = draw_tally(counts)
    return Answer(
        sentence=_sentence(ranking, best, evaluation, counts, data, index),
        against=describe_lead(ranking, index),
        elsewhere=_on_other_splits(best, ranking, index),
        assured=_is_assured(ranking),
        doubts=_doubts(data, ranking),
        grave=_grave(findings, [name_span(index, row.run).text for row in best], data),
        standing=standing,
        tally=tally,
        tally_caption=_tally_caption(counts, tally, index) if tally else "",
    )


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


def _grave(
    findings: Sequence[Note], best: Sequence[str], data: ReportData
) -> tuple[GraveFinding, ...]:
    """Every error, then the warnings about the images or a best run; not what stands as a doubt."""
    said = {clean(one.what) for one in data.findings if one.code in DOUBT_CODES}
    weighty = {
        clean(one.what)
        for one in data.findings
        if one.code in IMAGE_CODES
        or (one.code in COPY_CODES and one.what.endswith(in_split(data.split)))
    }
    every = [one for one in findings if one.what not in said]
    chosen = [one for one in every if one.severity == "error"]
    chosen += [
        one
        for one in every
        if one.severity == "warning"
        and (one.what in weighty or {write_cell(subject).line for subject in one.about} & set(best))
    ]
    return tuple(GraveFinding(one.severity, one.id, one.what) for one in chosen[:_MOST_GRAVE])


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
) -> tuple[Span, ...]:
    """`exp15 misses the fewest: 8 of 28 COVID-19 images (…), at the price of 195 false alarms …`"""
    spans: list[Span] = []
    several = len(data.rankings) > 1
    if several and len(ranking.rows) > 1:
        spans.append(Span(f"Among the {len(ranking.rows)} runs on the same images, "))
    alone = sum(row.rank is not None for row in ranking.rows) == 1
    if several and len(ranking.rows) == 1:
        spans += [name_span(index, best[0].run), Span(f" {_ALONE}, and missed ")]
    elif alone:
        spans += [
            name_span(index, best[0].run),
            Span(" is the only run that can be ranked. It missed "),
        ]
    elif len(best) == 1:
        spans += [name_span(index, best[0].run), Span(" misses the fewest: ")]
    else:
        spans += [*_names(best, index), Span(" miss the fewest, each ")]
    sensitivity = of_label(evaluation, index.target, "sensitivity")
    specificity = of_label(evaluation, index.target, "specificity")
    spans += [
        Span(f"{whole(counts.missed)} of {whole(counts.positives)}", "strong"),
        Span(" "),
        Span(index.disease, "label"),
        Span(f" images (sensitivity {_with_interval(sensitivity)}), at the price of "),
        Span(plural(counts.false_alarms, "false alarm"), "strong"),
        Span(f" among {plural(counts.negatives, 'image')} without "),
        Span(index.disease, "label"),
        Span(f" (specificity {_with_interval(specificity)})."),
        Span(_thresholds(best, ranking, index)),
    ]
    return tuple(spans)


def _thresholds(best: Sequence[RankedRun], ranking: Ranking, index: Index) -> str:
    """At which thresholds the best runs were counted, and where these come from."""
    evaluations = [one for row in best if (one := index.evaluation(row.run, ranking)) is not None]
    shared = share_threshold(evaluations, index.target)
    if shared is not None:
        promise = describe_promise(evaluations[0], index.target) if len(evaluations) == 1 else ""
        return f" Threshold {clean(shared)}. {promise}".rstrip()
    each = [
        f"{clean(one.run)} {clean(describe_threshold(one, index.target))}" for one in evaluations
    ]
    return f" Thresholds: {listed(each, _MOST_NAMED)}."


def _names(best: Sequence[RankedRun], index: Index) -> list[Span]:
    shown = [name_span(index, row.run) for row in best[:_MOST_NAMED]]
    left = len(best) - len(shown)
    spans: list[Span] = []
    for i, span in enumerate(shown):
        last = i == len(shown) - 1 and not left
        spans += [Span(" and " if last else ", ")] if i else []
        spans.append(span)
    return [*spans, Span(f" and {left} more")] if left else spans


def _with_interval(estimate: Estimate | None) -> str:
    shown = figure(estimate)
    if shown.mark:
        return f"{shown.value}; {shown.mark}: {CHOSEN_HERE}"
    return f"{shown.value}; 95 % CI {shown.interval}" if shown.interval else shown.value


def _tally_caption(counts: Counts, tally: Tally, index: Index) -> str:
    parts = [f"{whole(counts.missed)} missed"]
    if counts.failed_positive:
        parts[0] += f" ({whole(counts.failed_positive)} of them not scored)"
    parts.append(f"{whole(counts.tp)} found")
    return f"{whole(len(tally.dots))} {index.disease} images, one dot each: {listed(parts)}"


def _is_assured(ranking: Ranking) -> bool:
    """Whether the one run of rank 1 was told apart from every other."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return False
    return sum(each.told_apart is not True for each in comparisons.standings) == 1


def _doubts(data: ReportData, first: Ranking) -> tuple[str, ...]:
    """What findings say; not what `describe_lead` has said of the first ranking already."""
    said: set[str] = set()
    if first.comparisons is not None and first.comparisons.basis == "scores":
        said = {row.run for row in first.rows}
    doubts = (
        clean(one.what)
        for one in data.findings
        if one.code in DOUBT_CODES and not (one.subjects and set(one.subjects) <= said)
    )
    return tuple(what if what.endswith((".", "?", "!")) else f"{what}." for what in doubts)


def _standing(findings: Sequence[Note]) -> str:
    counts = Counter(one.severity for one in findings)
    parts = [plural(count, severity) for severity, count in counts.items()]
    return f"To be read with {listed(parts)}" if parts else ""

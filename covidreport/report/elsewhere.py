"""What the best run does on other splits and data sets, and which run those would choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covidreport.compare.ranking import rank_sets
from covidreport.records import (
    Estimate,
    Evaluation,
    RankedRun,
    Ranking,
    ReportData,
    ReportedDataset,
)
from covidreport.report.blocks import Link, Prose
from covidreport.report.index import Index
from covidreport.report.tables import of_label
from covidreport.text import DASH, clean, format_estimate, listed, plural, whole
from covidreport.text.thresholds import CHOSEN_HERE, is_exploratory, is_trained_on, was_tuned_on

MOST_NAMED = 3
"""Runs that a sentence names."""


def quote_other_splits(
    best: Sequence[RankedRun], ranking: Ranking, index: Index
) -> tuple[str, ...]:
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


def quote_other_datasets(best: RankedRun, data: ReportData, index: Index) -> Iterator[Prose]:
    """What the best run does on each other data set, and which run misses the fewest there.

    A doubt where that is another run, and where its sensitivity is another by more than chance.
    """
    reported = index.find(best.run)
    where = f"These figures are of data set “{clean(data.dataset)}”. "
    for each in data.datasets:
        if not each.rankings or reported is None:
            continue
        there = each.find(reported)
        where += f"On data set “{clean(each.dataset)}”, "
        counts = index.counts(there)
        if there is None or counts is None:
            words = f"{clean(best.run)} was not evaluated"
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
            words += f". {listed(list(map(clean, chosen)), MOST_NAMED)} {verb} the fewest there"
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
        f"(sensitivity {write_with_interval(sensitivity)})"
    )


def write_with_interval(estimate: Estimate | None) -> str:
    """`0.714; 95 % CI 0.529 to 0.847`, and that a threshold was chosen here."""
    shown = format_estimate(estimate)
    if shown.mark:
        return f"{shown.value}; {shown.mark}: {CHOSEN_HERE}"
    return f"{shown.value}; 95 % CI {shown.interval}" if shown.interval else shown.value

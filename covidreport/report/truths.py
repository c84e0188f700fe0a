"""Runs by the truth of each of several readers, and how far these agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.compare.answers import AlignedAnswers, answers_facts, read_answers
from covidreport.compare.ranking import explain_counts
from covidreport.compare.reading import ReadScores
from covidreport.metrics import (
    CountMetric,
    count_labels,
    estimate_fold_aucs,
    estimate_roc_aucs,
    list_metrics,
    number_folds,
    roc_auc_interval,
)
from covidreport.metrics.agreement import agree_all, agree_pairwise, vote
from covidreport.metrics.matches import Proportion
from covidreport.metrics.proportions import estimate_proportions, with_interval
from covidreport.metrics.readings import take_readings
from covidreport.records import (
    UNKNOWN,
    Estimate,
    Evaluation,
    Finding,
    MetricPlan,
    Ranking,
    ReportedRun,
)
from covidreport.records.truths import PairAgreement, ReadersTruth, Truth, TruthFigures
from covidreport.storage.cache import cached
from covidreport.storage.scores import stores_readings
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from covidreport.text import listed
from covidreport.text.thresholds import is_exploratory

METHOD = 1
"""Counted up when the same scores would give other figures."""
MOST_NAMES = 4
_Codes = NDArray[np.int8]


class _Judged(Struct, frozen=True, eq=False):
    """The ranking's answers; exploratory: runs without intervals; barred: those that have no rank
    whatever they miss."""

    answers: AlignedAnswers
    plan: MetricPlan
    floor: float
    target: str
    exploratory: frozenset[str]
    barred: frozenset[str]


def collect_truths(
    ranking: Ranking, reported: Sequence[ReportedRun], read: ReadScores = read_scores
) -> ReadersTruth | None:
    """Of the ranking's runs whose scores can be read; None where no reader's truth is stored."""
    runs = {each.run.name: each for each in reported}
    files = [
        (each.evaluation, evaluation_folder(each.run.folder, each.evaluation.key) / SCORES_FILE)
        for row in ranking.rows
        if (each := runs.get(row.run)) is not None and each.evaluation is not None
    ]
    # the first one says in which order images stand, and what readers say of them
    files.sort(key=lambda each: not stores_readings(each[1]))
    if not files or not stores_readings(files[0][1]):
        return None
    facts = {"method": METHOD, "ranking": ranking, **answers_facts(ranking, files, read)}

    def describe() -> ReadersTruth | None:
        return describe_truths(ranking, files, read)

    return cached("truths", facts, describe, ReadersTruth)


def name_truth(truth: Truth) -> str:
    """Whose truth it is."""
    return {"dataset": "the data set", "majority": "the majority"}.get(truth.kind, truth.name)


def list_other_winners(truths: ReadersTruth) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """By whose truth none of the runs is first that are first by the data set's, and who is."""
    own = set(truths.truths[0].first)
    return tuple(
        (name_truth(each), each.first)
        for each in truths.truths[1:]
        if own and each.first and not own & set(each.first)
    )


def find_other_winners(truths: ReadersTruth | None) -> tuple[Finding, ...]:
    """That the best run hangs on whose truth is taken, where it does."""
    others = () if truths is None else list_other_winners(truths)
    if truths is None or not others:
        return ()
    own = truths.truths[0].first
    by = listed([name for name, _ in others], MOST_NAMES)
    return (
        Finding(
            "warning",
            "best-run-by-truth",
            f"Another run would be first by the truth of {by}",
            "; ".join(f"by {name} {listed(list(runs), MOST_NAMES)}" for name, runs in others),
            "Settle the images on which the readers differ, and say in the paper whose truth the "
            "figures take.",
            own,
        ),
    )


def describe_truths(
    ranking: Ranking, files: Sequence[tuple[Evaluation, Path]], read: ReadScores
) -> ReadersTruth | None:
    """The runs of these evaluations by each reader's truth.

    None where no reader read the target, or no scores can be read.
    """
    answers = read_answers(files, ranking.target, read)
    readings = (
        {} if answers.images is None else take_readings(answers.images.readings, ranking.target)
    )
    if not readings:
        return None
    of = {evaluation.run: evaluation for evaluation, _ in files}
    first = of[answers.names[0]]
    judged = _Judged(
        answers.take([row.run for row in ranking.rows]),
        MetricPlan() if first.score_metrics is None else first.score_metrics.plan,
        ranking.specificity_floor,
        ranking.target,
        frozenset(name for name, each in of.items() if is_exploratory(each, ranking.target)),
        frozenset(_list_barred(ranking, of)),
    )
    codes = np.stack([*readings.values()])
    majority, tied = vote(codes)
    both = (majority != UNKNOWN) & (answers.truth != UNKNOWN)
    truths = (
        _judge(judged, "dataset", "", answers.truth),
        _judge(judged, "majority", "", majority),
        *(_judge(judged, "reader", name, each) for name, each in readings.items()),
    )
    pairs = agree_pairwise(codes, answers.groups)
    return ReadersTruth(
        truths,
        int(tied.sum()),
        int(both.sum()),
        int((both & (majority == answers.truth)).sum()),
        pairs[0, 1] if len(codes) == 2 else agree_all(codes, answers.groups),
        tuple(
            PairAgreement(one, other, pairs[places])
            for places, (one, other) in zip(
                combinations(range(len(readings)), 2), combinations(readings, 2), strict=True
            )
            if pairs[places].images
        ),
        answers.excluded,
    )


def _list_barred(ranking: Ranking, of: Mapping[str, Evaluation]) -> Iterator[str]:
    """The runs that have no rank for another reason than what they answer."""
    for row in ranking.rows:
        counts = of[row.run].counts.get(ranking.target) if row.run in of else None
        reason = (
            None
            if counts is None
            else explain_counts(counts, ranking.target, ranking.specificity_floor)
        )
        if row.rank is None and reason is None:
            yield row.run


def _judge(
    judged: _Judged, kind: Literal["dataset", "majority", "reader"], name: str, truth: _Codes
) -> Truth:
    figures = tuple(_measure(judged, place, truth) for place in range(len(judged.answers.names)))
    keys = {
        each.run: (each.counts.missed, each.counts.false_alarms)
        for each in figures
        if each.run not in judged.barred
        and explain_counts(each.counts, judged.target, judged.floor) is None
    }
    best = min(keys.values(), default=None)
    return Truth(
        kind,
        name,
        int((truth != UNKNOWN).sum()),
        int((truth == 1).sum()),
        tuple(run for run, key in keys.items() if key == best),
        figures,
    )


def _measure(judged: _Judged, place: int, truth: _Codes) -> TruthFigures:
    """A run's figures against a truth, with the intervals of the plan."""
    answers = judged.answers
    predicted, failed = answers.answers[place], answers.failed[place]
    (counts,) = count_labels(truth[:, np.newaxis], predicted[:, np.newaxis], failed)
    rates = list_metrics(CountMetric)
    found = estimate_proportions(
        [
            (rates["sensitivity"].estimate(counts),
             Proportion(truth == 1, predicted & ~failed)),
            (rates["specificity"].estimate(counts),
             Proportion(truth == 0, ~predicted & ~failed)),
        ],
        answers.groups, judged.plan,
    )  # fmt: skip
    figures = (*found, _estimate_auc(answers, place, truth))
    if answers.names[place] in judged.exploratory:
        figures = tuple(_without_interval(each) for each in figures)
    return TruthFigures(answers.names[place], counts, *figures)


def _estimate_auc(answers: AlignedAnswers, place: int, truth: _Codes) -> Estimate:
    folds = answers.folds[place] if answers.folds else None
    scores, failed = answers.scores[[place]], answers.failed[[place]]
    found = (
        estimate_roc_aucs(truth, scores, failed, answers.groups)
        if folds is None
        else estimate_fold_aucs(truth, scores, failed, number_folds(folds), answers.groups)
    )
    if found is None:
        return Estimate(None)
    return with_interval(Estimate(float(found.values[0])), roc_auc_interval(found, 0))


def _without_interval(estimate: Estimate) -> Estimate:
    return Estimate(estimate.value, numerator=estimate.numerator, denominator=estimate.denominator)

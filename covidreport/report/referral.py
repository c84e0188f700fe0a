"""What the ranked runs still miss when their least certain images go to a radiologist."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import astuple, replace
from numpy.typing import NDArray

from covidreport.compare.reading import ReadScores, digest_scores
from covidreport.errors import StoreError
from covidreport.metrics import (
    CountMetric,
    code_groups,
    decide_label,
    find_bars,
    find_cut,
    list_metrics,
    measure_certainty,
    trace_referral,
)
from covidreport.metrics.matches import Proportion
from covidreport.metrics.proportions import estimate_proportions
from covidreport.records import (
    UNKNOWN,
    Counts,
    Estimate,
    Evaluation,
    LabelRule,
    MetricPlan,
    Ranking,
    ReferralPoint,
    ReportedRun,
    RunReferral,
    Scores,
)
from covidreport.storage.cache import cached
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from covidreport.text.thresholds import find_label_rule, is_trained_on

METHOD = 1
"""Counted up when the same scores would give other figures."""
SHARES = (0.05, 0.1, 0.2, 0.3)
TUNING = "tuning"
_MOST_POINTS = 200
"""Of a curve: more can't be told apart in a drawing."""


def collect_referral(
    ranking: Ranking, reported: Sequence[ReportedRun], read: ReadScores = read_scores
) -> tuple[RunReferral, ...]:
    """Of the ranked runs whose scores can be read; the others have none."""
    runs = {each.run.name: each for each in reported}
    found = (
        _refer_run(runs[row.run], ranking.target, read)
        for row in ranking.rows
        if row.rank is not None
    )
    return tuple(each for each in found if each is not None)


def _refer_run(reported: ReportedRun, target: str, read: ReadScores) -> RunReferral | None:
    evaluation = reported.evaluation
    assert evaluation is not None
    path = _locate(reported, evaluation)
    if path is None or not evaluation.counts[target].positives:
        return None
    other = _choose_other(reported)
    beside = None if other is None else _locate(reported, other)
    facts = [
        METHOD, SHARES, evaluation.run, target, find_label_rule(evaluation, target),
        digest_scores(path, read), astuple(evaluation.counts[target]),
        None if other is None or beside is None else [other.split, digest_scores(beside, read)],
    ]  # fmt: skip

    def compute() -> RunReferral | None:
        try:
            cuts = None if other is None or beside is None else read(beside)
            split = None if other is None or cuts is None else other.split
            return _compute(read(path), evaluation, target, cuts, split)
        except (StoreError, ValueError):
            return None  # why stands among the curves and the cases

    return cached("referral", facts, compute, RunReferral)


def _locate(reported: ReportedRun, evaluation: Evaluation) -> Path | None:
    path = evaluation_folder(reported.run.folder, evaluation.key) / SCORES_FILE
    return path if evaluation.has_scores and path.is_file() else None


def _choose_other(reported: ReportedRun) -> Evaluation | None:
    """Where the cuts come from: the tuning split, else the first that trained nothing of the run.

    A run is surer of the images that it was trained on.
    """
    others = [
        each
        for each in reported.usual[1:]
        if _locate(reported, each) is not None and not is_trained_on(reported.run, each.split)
    ]
    return min(others, key=lambda each: (each.split != TUNING, each.split), default=None)


def _compute(
    scores: Scores, evaluation: Evaluation, target: str, cuts: Scores | None, split: str | None
) -> RunReferral | None:
    """None where the scores don't give the evaluation's counts."""
    rule = find_label_rule(evaluation, target)
    column = scores.labels.index(target)
    answers = decide_label(scores, target, rule)
    known = scores.truth[:, column] != UNKNOWN
    truth, failed = scores.truth[known, column], scores.failed[known]
    predicted = answers[known]
    wrong = (truth == 1) & (failed | ~predicted)
    if wrong.sum() != evaluation.counts[target].missed:
        return None
    certainty = _measure(scores, target, rule)[known]
    groups = code_groups(scores.groups)
    plan = MetricPlan() if evaluation.score_metrics is None else evaluation.score_metrics.plan
    others = certainty if cuts is None else _measure(cuts, target, rule)
    referred = [certainty <= find_cut(others, at) for at in SHARES]
    estimates = _estimate_missed(
        truth == 1, predicted & ~failed, referred, None if groups is None else groups[known], plan
    )
    points = []
    for at, images, missed in zip(SHARES, referred, estimates, strict=True):
        if cuts is None:
            missed = replace(missed, low=None, high=None, method=None)
        points.append(ReferralPoint(at, int(images.sum()), len(truth), missed))
    return RunReferral(evaluation.run, split, tuple(points), _trace(certainty, wrong, truth))


def _measure(scores: Scores, target: str, rule: LabelRule) -> NDArray[np.float64]:
    column = scores.labels.index(target)
    bars: float | NDArray[np.floating]
    if isinstance(rule, str):
        bars = find_bars(scores.scores, scores.activation, scores.others)[:, column]
    else:
        bars = rule
    return measure_certainty(scores.scores[:, column], scores.activation, bars)


def _estimate_missed(
    positive: NDArray[np.bool_], found: NDArray[np.bool_], referred: Sequence[NDArray[np.bool_]],
    groups: NDArray[np.integer] | None, plan: MetricPlan,
) -> list[Estimate]:  # fmt: skip
    """The share of positives that is still missed where referred images are read rightly, for each
    set of these."""
    sensitivity = list_metrics(CountMetric)["sensitivity"]
    positives = int(positive.sum())
    proportions = []
    for images in referred:
        right = positive & (found | images)
        tp = int(right.sum())
        counts = Counts(tn=0, fp=0, fn=positives - tp, tp=tp)
        proportions.append((sensitivity.estimate(counts), Proportion(positive, right)))
    estimates = estimate_proportions(proportions, groups, plan)
    return [_turn(each) for each in estimates]


def _turn(found: Estimate) -> Estimate:
    """Of the share that is found, the share that is missed."""
    assert found.value is not None
    assert found.numerator is not None
    assert found.denominator is not None
    return replace(
        found,
        value=1 - found.value,
        numerator=found.denominator - found.numerator,
        low=None if found.high is None else 1 - found.high,
        high=None if found.low is None else 1 - found.low,
    )


def _trace(
    certainty: NDArray[np.float64], wrong: NDArray[np.bool_], truth: NDArray[np.int8]
) -> tuple[tuple[float, float], ...]:
    referred, left = trace_referral(certainty, wrong)
    kept = np.unique(np.linspace(0, len(referred) - 1, _MOST_POINTS).round().astype(int))
    shares = referred[kept] / len(truth), left[kept] / (truth == 1).sum()
    return tuple(zip(shares[0].tolist(), shares[1].tolist(), strict=True))

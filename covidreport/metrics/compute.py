"""All that one run's scores say: counts, estimates with their intervals, and score metrics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.counts import decide
from covidreport.metrics.delong import RocAucs, estimate_roc_aucs, roc_auc_interval
from covidreport.metrics.effective import TIMES, effective_size
from covidreport.metrics.estimates import Estimates, estimate_scores
from covidreport.metrics.folds import estimate_fold_aucs, number_folds
from covidreport.metrics.intervals import UNDEFINED, Interval, wilson_ends
from covidreport.metrics.near import count_near
from covidreport.metrics.precision_variance import estimate_precision_variance
from covidreport.metrics.proportions import code_groups, estimate_proportions, with_interval
from covidreport.metrics.score_metrics import Answers, compute_score_metrics, predict_at
from covidreport.metrics.table import (
    AnswerMetric,
    CountMetric,
    LabelsMetric,
    Metric,
    list_metrics,
)
from covidreport.metrics.unit_intervals import Units, count_units, estimate_intervals
from covidreport.records import (
    Counts,
    DecisionRule,
    Estimate,
    MetricPlan,
    ScoreMetrics,
    Scores,
)


class ComputedMetrics(Struct, frozen=True):
    """One run's metrics, as `Evaluation` holds them."""

    counts: Mapping[str, Counts]
    estimates: Estimates
    score_metrics: ScoreMetrics


def compute_metrics(
    scores: Scores, rule: DecisionRule, plan: MetricPlan | None = None
) -> ComputedMetrics:
    """Every metric of one run's scores at thresholds `(K,)` (probabilities), or of what argmax
    makes of them, with its interval.

    Each is made as the table of metrics says, over patients where some have several images. Equal
    arguments give equal metrics. Raises as `estimate_scores`.
    """
    plan = plan or MetricPlan()
    counts, plain = estimate_scores(scores, rule, intervals=False)  # they are of units, below
    failed = scores.failed
    predicted = decide(scores, rule)
    groups = code_groups(scores.groups)
    units = count_units(scores.truth, predicted, failed, groups)
    near = count_near(scores, rule)
    answers = Answers(scores, tuple(counts.values()), near, predicted, failed, groups, units)
    estimates = {label: dict(found) for label, found in plain.items()}
    for column, label in enumerate(scores.labels):
        estimates[label] |= _describe_rates(answers, column, estimates[label], plan)
        estimates[label] |= _describe_curves(answers, column, estimates[label])
    estimates[""] |= _describe_overall(answers, estimates[""], plan)
    return ComputedMetrics(counts, estimates, compute_score_metrics(answers, plan))


def restate_prevalence(
    score_metrics: ScoreMetrics, counts: Mapping[str, Counts], prevalence: Mapping[str, float],
    scores: Scores | None, rule: DecisionRule,
) -> ScoreMetrics:  # fmt: skip
    """The score metrics with the predictive values of another prevalence, as `compute_metrics` has
    them.

    scores: needed where patients have several images, whose intervals are over patients; None
    where that is known not to be so. rule: of `scores.labels`. All else is taken as it stands.
    """
    plan = replace(score_metrics.plan, prevalence=prevalence)
    groups = None if scores is None else code_groups(scores.groups)
    units = None
    if scores is not None and groups is not None:
        predicted = decide(scores, rule)
        units = count_units(scores.truth, predicted, scores.failed, groups)
    labels = {}
    for label, one in score_metrics.labels.items():
        prior = prevalence.get(label)
        of_label = None
        if scores is not None and units is not None:
            of_label = units.of_label(scores.labels.index(label))
        ppv, npv = predict_at(counts[label], prior, of_label)
        labels[label] = replace(one, prevalence=prior, ppv=ppv, npv=npv)
    return replace(score_metrics, plan=plan, labels=labels)


def _describe_rates(
    answers: Answers, column: int, estimates: Mapping[str, Estimate], plan: MetricPlan
) -> dict[str, Estimate]:
    """One label's metrics of counts with their intervals."""
    return _describe_counts(
        list_metrics(CountMetric), answers.units.of_label(column), estimates, plan
    )


def _describe_counts(
    metrics: Mapping[str, Metric], units: Units, estimates: Mapping[str, Estimate],
    plan: MetricPlan,
) -> dict[str, Estimate]:  # fmt: skip
    """These metrics of counts with their intervals; what is undefined has none."""
    defined = {key: each for key, each in metrics.items() if estimates[key].value is not None}
    intervals = estimate_intervals(list(defined.values()), units, plan.interval)
    return {
        key: with_interval(estimates[key], interval)
        for key, interval in zip(defined, intervals, strict=True)
    }


def _describe_curves(
    answers: Answers, column: int, estimates: Mapping[str, Estimate]
) -> dict[str, Estimate]:
    """One label's ROC AUC and average precision with their intervals."""
    scores, groups = answers.scores, answers.groups
    truth, values = scores.truth[:, column], scores.scores[:, column][np.newaxis]
    failed = answers.failed[np.newaxis]
    if estimates["roc_auc"].value is None:
        return {}
    aucs = estimate_roc_aucs(truth, values, failed, groups)
    within = aucs if scores.folds is None else estimate_fold_aucs(
        truth, values, failed, number_folds(scores.folds), groups
    )  # fmt: skip
    assert aucs is not None
    assert within is not None
    variance = estimate_precision_variance(truth, values, failed, groups)
    method = "wilson, infinitesimal jackknife"
    if groups is not None:
        method += " over groups"
    method += ", approximate"  # of areas near 1 it may hold less: benchmarks/README.md
    precision = estimates["average_precision"]
    between = _precision_interval(precision.value, variance, aucs, method)
    return {
        "roc_auc": with_interval(estimates["roc_auc"], roc_auc_interval(within, 0)),
        "average_precision": with_interval(precision, between),
    }


def _precision_interval(
    value: float | None, variance: NDArray[np.float64], aucs: RocAucs, method: str
) -> Interval:
    """Of `average_precision_ends`; None where there is one positive, or negative, alone."""
    if value is None:
        return Interval(None, None, None, UNDEFINED)
    low, high = average_precision_ends(np.array([value]), variance, aucs)
    if np.isnan(low[0]):
        return Interval(None, None, None, UNDEFINED)
    return Interval(float(low[0]), float(high[0]), method)


def average_precision_ends(
    values: NDArray[np.float64], variance: NDArray[np.float64], aucs: RocAucs,
    confidence: float = 0.95,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """The interval of each run's average precision, `(R,)` each: Wilson's on the effective sample.

    As `roc_auc_ends`, with the variance `(R,)` of `estimate_precision_variance`. aucs: of the same
    scores.
    """
    size = effective_size(
        values, variance, TIMES * aucs.fewest, TIMES * aucs.fewest,
        aucs.freedom, confidence,
    )  # fmt: skip
    return wilson_ends(values, size, confidence)


def _describe_overall(
    answers: Answers, estimates: Mapping[str, Estimate], plan: MetricPlan
) -> dict[str, Estimate]:
    """The metrics over all labels with their intervals."""
    proportions = {
        key: metric.compute(answers.scores, answers.predicted)
        for key, metric in list_metrics(AnswerMetric).items()
    }
    of_images = estimate_proportions(
        [(estimates[key], proportion) for key, proportion in proportions.items()],
        answers.groups,
        plan,
    )
    of_counts = _describe_counts(list_metrics(LabelsMetric), answers.units, estimates, plan)
    return dict(zip(proportions, of_images, strict=True)) | of_counts

"""All that one run's scores say: counts, estimates with their intervals, and score metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.bootstrap import (
    ALL_EQUAL,
    Interval,
    estimate_intervals,
    name_bootstrap,
    percentile_interval,
)
from covidreport.metrics.counts import predict_labels
from covidreport.metrics.curve_bootstrap import affordable_resamples, resample_curves
from covidreport.metrics.delong import estimate_roc_aucs, roc_auc_interval
from covidreport.metrics.estimates import Estimates, estimate_scores
from covidreport.metrics.intervals import wilson
from covidreport.metrics.matches import Proportion
from covidreport.metrics.near import count_near
from covidreport.metrics.proportions import (
    code_groups,
    estimate_proportions,
    pays_to_collapse,
    with_interval,
)
from covidreport.metrics.rates import CountArrays, divide
from covidreport.metrics.resample import ResampledCounts, resample_counts
from covidreport.metrics.score_metrics import Answers, compute_score_metrics, predict_at
from covidreport.metrics.table import (
    AnswerMetric,
    CountMetric,
    LabelsMetric,
    list_answered,
    list_metrics,
    list_proportions,
)
from covidreport.records import UNKNOWN, Counts, Estimate, MetricPlan, ScoreMetrics, Scores

RUN_WORK: Final = 200_000_000
"""How many image weights the curves of one run may add up: about half a second on one core. Up to
some 7,000 images of three labels that buys all 2,000 resamples."""


@dataclass(frozen=True, slots=True)
class ComputedMetrics:
    """One run's metrics, as `Evaluation` holds them."""

    counts: Mapping[str, Counts]
    estimates: Estimates
    score_metrics: ScoreMetrics


def compute_metrics(
    scores: Scores, thresholds: Sequence[float], plan: MetricPlan | None = None
) -> ComputedMetrics:
    """Every metric of one run's scores at thresholds `(K,)` (probabilities), with its interval.

    Rates have the plan's interval. What is no proportion of images has the bootstrap's, as has
    everything where patients have several images: whole patients are then sampled. ROC AUC and
    average precision are resampled as often as `RUN_WORK` allows; where that is less often than the
    plan says, ROC AUC has DeLong's interval and the other's name says how often. Equal arguments
    give equal metrics. Raises as `estimate_scores`.
    """
    plan = plan or MetricPlan()
    counts, plain = estimate_scores(scores, thresholds)
    failed = scores.failed
    predicted = predict_labels(scores.scores, thresholds, scores.activation, failed)
    groups = code_groups(scores.groups)
    resampled = _resample(scores, predicted, groups, plan)
    near = count_near(scores, thresholds)
    answers = Answers(scores, tuple(counts.values()), near, predicted, failed, groups, resampled)
    estimates = {label: dict(found) for label, found in plain.items()}
    for column, label in enumerate(scores.labels):
        estimates[label] |= _describe_rates(answers, column, estimates[label], plan)
        estimates[label] |= _describe_curves(answers, column, estimates[label], plan)
    estimates[""] |= _describe_overall(answers, estimates[""], plan)
    return ComputedMetrics(counts, estimates, compute_score_metrics(answers, plan))


def restate_prevalence(
    score_metrics: ScoreMetrics, counts: Mapping[str, Counts], prevalence: Mapping[str, float],
    scores: Scores | None, thresholds: Mapping[str, float],
) -> ScoreMetrics:  # fmt: skip
    """The score metrics with the predictive values of another prevalence, as `compute_metrics` has
    them.

    scores: needed where patients have several images, whose intervals are those of resamples; None
    where that is known not to be so. All else is taken as it stands.
    """
    plan = replace(score_metrics.plan, prevalence=prevalence)
    groups = None if scores is None else code_groups(scores.groups)
    resampled = None
    if scores is not None and groups is not None:
        values = [thresholds[label] for label in scores.labels]
        predicted = predict_labels(scores.scores, values, scores.activation, scores.failed)
        resampled = _resample(scores, predicted, groups, plan)
    labels = {}
    for label, one in score_metrics.labels.items():
        prior = prevalence.get(label)
        column = 0 if scores is None else scores.labels.index(label)
        ppv, npv = predict_at(counts[label], prior, resampled, column)
        labels[label] = replace(one, prevalence=prior, ppv=ppv, npv=npv)
    return replace(score_metrics, plan=plan, labels=labels)


def _resample(
    scores: Scores, predicted: NDArray[np.bool_], groups: NDArray[np.integer[Any]] | None,
    plan: MetricPlan,
) -> ResampledCounts:  # fmt: skip
    """The counts of all labels in the plan's resamples, of one run."""
    failed = scores.failed
    return resample_counts(
        scores.truth, predicted[np.newaxis], failed[np.newaxis], groups,
        resamples=plan.resamples, seed=plan.seed,
        collapse=pays_to_collapse(np.arange(len(failed)) if groups is None else groups, plan),
    )  # fmt: skip


def _describe_rates(
    answers: Answers, column: int, estimates: Mapping[str, Estimate], plan: MetricPlan
) -> dict[str, Estimate]:
    """One label's metrics of counts with their intervals."""
    truth = answers.scores.truth[:, column]
    proportions = {} if answers.groups is None else list_proportions()
    bootstrapped = [
        name
        for name, metric in list_answered().items()
        if metric.interval == "bootstrap" or name in proportions
    ]
    intervals = estimate_intervals(answers.resampled, 0, column, metrics=bootstrapped)
    found = {name: with_interval(estimates[name], each) for name, each in intervals.items()}
    rest = [
        name
        for name, metric in list_metrics(CountMetric).items()
        if metric.interval == "Wilson" and name not in found
    ]
    # Without groups a rate needs no more than its two counts, nor does what the truth alone says.
    known = Proportion(truth != UNKNOWN, truth == 1)
    rates = estimate_proportions([(estimates[name], known) for name in rest], answers.groups, plan)
    return found | dict(zip(rest, rates, strict=True))


def _describe_curves(
    answers: Answers, column: int, estimates: Mapping[str, Estimate], plan: MetricPlan
) -> dict[str, Estimate]:
    """One label's ROC AUC and average precision with their intervals."""
    scores, groups = answers.scores, answers.groups
    truth, values = scores.truth[:, column], scores.scores[:, column][np.newaxis]
    failed = answers.failed[np.newaxis]
    if estimates["roc_auc"].value is None:
        return {}
    resamples = affordable_resamples(scores.truth, 1, plan.resamples, RUN_WORK)
    resampled = resample_curves(truth, values, failed, groups, resamples=resamples, seed=plan.seed)
    name = name_bootstrap(resampled.grouped)
    auc = percentile_interval(estimates["roc_auc"].value, resampled.roc_auc[:, 0], name)
    if resamples < plan.resamples:
        name = f"{name}, {resamples} resamples"
        aucs = estimate_roc_aucs(truth, values, failed, groups)
        assert aucs is not None
        auc = roc_auc_interval(aucs, 0)
    precision = estimates["average_precision"]
    between = percentile_interval(precision.value, resampled.average_precision[:, 0], name)
    return {
        "roc_auc": with_interval(estimates["roc_auc"], auc),
        "average_precision": with_interval(precision, between),
    }


def _describe_overall(
    answers: Answers, estimates: Mapping[str, Estimate], plan: MetricPlan
) -> dict[str, Estimate]:
    """The metrics over all labels with their intervals."""
    proportions = {
        key: metric.compute(answers.scores.truth, answers.predicted, answers.failed)
        for key, metric in list_metrics(AnswerMetric).items()
    }
    of_images = estimate_proportions(
        [(estimates[key], proportion) for key, proportion in proportions.items()],
        answers.groups,
        plan,
    )
    found = dict(zip(proportions, of_images, strict=True))
    name = name_bootstrap(answers.groups is not None)
    for key, values in _resample_overall(answers.resampled).items():
        interval = percentile_interval(estimates[key].value, values, name)
        if key == "label_accuracy" and interval.reason == ALL_EQUAL:
            interval = _all_alike(answers, estimates[key])
        found[key] = with_interval(estimates[key], interval)
    return found


def _resample_overall(resampled: ResampledCounts) -> dict[str, NDArray[np.float64]]:
    """The metrics of all labels together in each resample, `(B,)` each; NaN where undefined."""
    counts = CountArrays(*(each[:, 0] for each in resampled.resampled))
    return {
        key: divide(metric.compute(counts)) for key, metric in list_metrics(LabelsMetric).items()
    }


def _all_alike(answers: Answers, accuracy: Estimate) -> Interval:
    """Wilson's where every answer is right, or wrong: of images or patients, not of answers."""
    assert accuracy.value is not None
    groups: NDArray[Any] | None = answers.groups
    units = len(answers.failed) if groups is None else int(groups.max()) + 1
    low, high = wilson(round(accuracy.value * units), units)
    name = "wilson" if groups is None else "wilson over groups"
    return Interval(low, high, f"{name} (degenerate bootstrap)")

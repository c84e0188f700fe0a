"""All that one run's scores say: counts, estimates with their intervals, and the details."""

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
from covidreport.metrics.counts import decide
from covidreport.metrics.curve_bootstrap import affordable_resamples, resample_curves
from covidreport.metrics.delong import estimate_roc_aucs, roc_auc_interval
from covidreport.metrics.details import Answers, describe_details, predict_at
from covidreport.metrics.estimates import Estimates, estimate_scores
from covidreport.metrics.intervals import wilson
from covidreport.metrics.matches import Share
from covidreport.metrics.near import count_near
from covidreport.metrics.rates import CountArrays, divide
from covidreport.metrics.resample import ResampledCounts, resample_counts
from covidreport.metrics.shares import (
    code_groups,
    estimate_shares,
    pays_to_collapse,
    with_interval,
)
from covidreport.metrics.table import (
    AnswerMetric,
    CountMetric,
    LabelsMetric,
    list_answered,
    list_metrics,
    list_proportions,
)
from covidreport.records import UNKNOWN, Counts, Details, Estimate, FigurePlan, Scores

RUN_WORK: Final = 200_000_000
"""How many image weights the curves of one run may add up: about half a second on one core. Up to
some 7,000 images of three labels that buys all 2,000 resamples."""


@dataclass(frozen=True, slots=True)
class Described:
    """One run's figures, as `Evaluation` holds them."""

    counts: Mapping[str, Counts]
    estimates: Estimates
    details: Details


def describe_scores(
    scores: Scores, thresholds: Sequence[float], plan: FigurePlan | None = None
) -> Described:
    """Every figure of one run's scores at thresholds `(K,)` (probabilities), with its interval.

    Rates have the plan's interval. What is no share of images has the bootstrap's, as has
    everything where patients have several images: whole patients are then drawn. ROC AUC and
    average precision are resampled as often as `RUN_WORK` allows; where that is less often than the
    plan says, ROC AUC has DeLong's interval and the other's name says how often. Equal arguments
    give equal figures. Raises as `estimate_scores`.
    """
    plan = plan or FigurePlan()
    counts, plain = estimate_scores(scores, thresholds)
    failed = scores.failed
    predicted = decide(scores.scores, thresholds, scores.activation, failed)
    groups = code_groups(scores.groups)
    resampled = _resample(scores, predicted, groups, plan)
    near = count_near(scores, thresholds)
    answers = Answers(scores, tuple(counts.values()), near, predicted, failed, groups, resampled)
    estimates = {label: dict(figures) for label, figures in plain.items()}
    for column, label in enumerate(scores.labels):
        estimates[label] |= _describe_rates(answers, column, estimates[label], plan)
        estimates[label] |= _describe_curves(answers, column, estimates[label], plan)
    estimates[""] |= _describe_overall(answers, estimates[""], plan)
    return Described(counts, estimates, describe_details(answers, plan))


def restate_prevalence(
    details: Details, counts: Mapping[str, Counts], prevalence: Mapping[str, float],
    scores: Scores | None, thresholds: Mapping[str, float],
) -> Details:  # fmt: skip
    """The details with the predictive values of another prevalence, as `describe_scores` has them.

    scores: needed where patients have several images, whose intervals are those of resamples; None
    where that is known not to be so. All else is taken as it stands.
    """
    plan = replace(details.plan, prevalence=prevalence)
    groups = None if scores is None else code_groups(scores.groups)
    resampled = None
    if scores is not None and groups is not None:
        values = [thresholds[label] for label in scores.labels]
        predicted = decide(scores.scores, values, scores.activation, scores.failed)
        resampled = _resample(scores, predicted, groups, plan)
    labels = {}
    for label, one in details.labels.items():
        share = prevalence.get(label)
        column = 0 if scores is None else scores.labels.index(label)
        ppv, npv = predict_at(counts[label], share, resampled, column)
        labels[label] = replace(one, prevalence=share, ppv=ppv, npv=npv)
    return replace(details, plan=plan, labels=labels)


def _resample(
    scores: Scores, predicted: NDArray[np.bool_], groups: NDArray[np.integer[Any]] | None,
    plan: FigurePlan,
) -> ResampledCounts:  # fmt: skip
    """The counts of all labels in the plan's resamples, of one run."""
    failed = scores.failed
    return resample_counts(
        scores.truth, predicted[np.newaxis], failed[np.newaxis], groups,
        resamples=plan.resamples, seed=plan.seed,
        collapse=pays_to_collapse(np.arange(len(failed)) if groups is None else groups, plan),
    )  # fmt: skip


def _describe_rates(
    answers: Answers, column: int, figures: Mapping[str, Estimate], plan: FigurePlan
) -> dict[str, Estimate]:
    """One label's figures of counts with their intervals."""
    truth = answers.scores.truth[:, column]
    proportions = {} if answers.groups is None else list_proportions()
    drawn = [
        name
        for name, metric in list_answered().items()
        if metric.interval == "bootstrap" or name in proportions
    ]
    intervals = estimate_intervals(answers.resampled, 0, column, figures=drawn)
    found = {name: with_interval(figures[name], each) for name, each in intervals.items()}
    rest = [
        name
        for name, metric in list_metrics(CountMetric).items()
        if metric.interval == "Wilson" and name not in found
    ]
    # Without groups a rate needs no more than its two counts, nor does what the truth alone says.
    known = Share(truth != UNKNOWN, truth == 1)
    rates = estimate_shares([(figures[name], known) for name in rest], answers.groups, plan)
    return found | dict(zip(rest, rates, strict=True))


def _describe_curves(
    answers: Answers, column: int, figures: Mapping[str, Estimate], plan: FigurePlan
) -> dict[str, Estimate]:
    """One label's ROC AUC and average precision with their intervals."""
    scores, groups = answers.scores, answers.groups
    truth, values = scores.truth[:, column], scores.scores[:, column][np.newaxis]
    failed = answers.failed[np.newaxis]
    if figures["roc_auc"].value is None:
        return {}
    resamples = affordable_resamples(scores.truth, 1, plan.resamples, RUN_WORK)
    drawn = resample_curves(truth, values, failed, groups, resamples=resamples, seed=plan.seed)
    name = name_bootstrap(drawn.grouped)
    auc = percentile_interval(figures["roc_auc"].value, drawn.roc_auc[:, 0], name)
    if resamples < plan.resamples:
        name = f"{name}, {resamples} resamples"
        aucs = estimate_roc_aucs(truth, values, failed, groups)
        assert aucs is not None
        auc = roc_auc_interval(aucs, 0)
    precision = figures["average_precision"]
    between = percentile_interval(precision.value, drawn.average_precision[:, 0], name)
    return {
        "roc_auc": with_interval(figures["roc_auc"], auc),
        "average_precision": with_interval(precision, between),
    }


def _describe_overall(
    answers: Answers, figures: Mapping[str, Estimate], plan: FigurePlan
) -> dict[str, Estimate]:
    """The figures over all labels with their intervals."""
    shares = {
        key: metric.compute(answers.scores.truth, answers.predicted, answers.failed)
        for key, metric in list_metrics(AnswerMetric).items()
    }
    of_images = estimate_shares(
        [(figures[key], share) for key, share in shares.items()], answers.groups, plan
    )
    found = dict(zip(shares, of_images, strict=True))
    name = name_bootstrap(answers.groups is not None)
    for key, draws in _draw_overall(answers.resampled).items():
        interval = percentile_interval(figures[key].value, draws, name)
        if key == "label_accuracy" and interval.reason == ALL_EQUAL:
            interval = _all_alike(answers, figures[key])
        found[key] = with_interval(figures[key], interval)
    return found


def _draw_overall(resampled: ResampledCounts) -> dict[str, NDArray[np.float64]]:
    """The figures of all labels together in each resample, `(B,)` each; NaN where undefined."""
    drawn = CountArrays(*(each[:, 0] for each in resampled.resampled))
    return {
        key: divide(metric.compute(drawn)) for key, metric in list_metrics(LabelsMetric).items()
    }


def _all_alike(answers: Answers, accuracy: Estimate) -> Interval:
    """Wilson's where every answer is right, or wrong: of images or patients, not of answers."""
    assert accuracy.value is not None
    groups: NDArray[Any] | None = answers.groups
    units = len(answers.failed) if groups is None else int(groups.max()) + 1
    low, high = wilson(round(accuracy.value * units), units)
    name = "wilson" if groups is None else "wilson over groups"
    return Interval(low, high, f"{name} (degenerate bootstrap)")

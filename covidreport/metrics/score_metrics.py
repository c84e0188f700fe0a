"""Score metrics, beyond counts and estimates: operating points, calibration, subgroups, and more.

Intervals are those of `proportions` wherever a metric is a proportion of images. With patients who
have several images, every interval here allows for them, or there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.benefit import compute_decision_curve
from covidreport.metrics.calibration import (
    bin_reliability,
    brier_score,
    expected_calibration_error,
    fit_calibration,
    to_logits,
    to_probabilities,
)
from covidreport.metrics.consistency import estimate_consistency
from covidreport.metrics.curves import count_curve, roc_auc
from covidreport.metrics.effective import sample_units
from covidreport.metrics.folds import calibrate_within_folds
from covidreport.metrics.matches import Proportion
from covidreport.metrics.operating import (
    list_points,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from covidreport.metrics.predictive import (
    negative_likelihood_ratio,
    npv_at_prevalence,
    positive_likelihood_ratio,
    ppv_at_prevalence,
)
from covidreport.metrics.proportions import estimate_proportions
from covidreport.metrics.rates import sensitivity, specificity
from covidreport.metrics.stated import digest_units
from covidreport.metrics.subgroups import estimate_subgroups
from covidreport.metrics.unit_intervals import Units
from covidreport.records import (
    UNKNOWN,
    Calibration,
    Consistency,
    Counts,
    Estimate,
    LabelScoreMetrics,
    MetricPlan,
    NetBenefit,
    OperatingPoint,
    ScoreMetrics,
    Scores,
)

DECISION_THRESHOLDS: Final = (
    *(round(0.01 * i, 2) for i in range(1, 10)), *(round(0.05 * i, 2) for i in range(2, 20)),
)  # fmt: skip
"""0.01 to 0.09 by 0.01, where a rare disease is decided on, then to 0.95 by 0.05."""


class Answers(Struct, frozen=True, eq=False):
    """One run's scores at its thresholds, and what intervals are made from.

    near: of `count_near`.

    predicted bool `(N, K)`, failed bool `(N,)`, groups of `code_groups`; units: what each image or
    patient adds to the labels' counts.
    """

    scores: Scores
    counts: Sequence[Counts]
    near: Sequence[Counts]
    predicted: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    groups: NDArray[np.integer[Any]] | None
    units: Units


def compute_score_metrics(answers: Answers, plan: MetricPlan) -> ScoreMetrics:
    """Everything beyond counts and estimates that one run's scores allow to be said."""
    scores = answers.scores
    labels = {
        label: _describe_label(answers, column, plan) for column, label in enumerate(scores.labels)
    }
    subgroups = {
        name: {
            label: estimate_subgroups(
                scores.truth[:, column], answers.predicted[:, column], answers.failed, values,
                answers.groups, plan,
            )
            for column, label in enumerate(scores.labels)
        }
        for name, values in scores.attributes.items()
    }  # fmt: skip
    return ScoreMetrics(
        plan=plan,
        labels=labels,
        consistency=_describe_consistency(answers, plan),
        subgroups=subgroups,
        units=digest_units(scores),
    )


def _describe_label(answers: Answers, column: int, plan: MetricPlan) -> LabelScoreMetrics:
    scores = answers.scores
    truth, values = scores.truth[:, column], scores.scores[:, column]
    counts = answers.counts[column]
    points = list_points(truth, values, answers.failed)
    prevalence = plan.prevalence.get(scores.labels[column])
    units = None if answers.groups is None else answers.units.of_label(column)
    sizes = None if units is None else size_classes(units)
    ppv, npv = predict_at(counts, prevalence, units)
    calibration = _describe_calibration(answers, column, plan)
    pooled: dict[str, float | None] = {}
    if scores.folds is not None:
        calibration, pooled = _average_calibration(answers, column, calibration)
    return LabelScoreMetrics(
        sensitivity_at=tuple(
            OperatingPoint(at, sensitivity_at_specificity(points, at)) for at in plan.specificities
        ),
        specificity_at=tuple(
            OperatingPoint(at, specificity_at_sensitivity(points, at)) for at in plan.sensitivities
        ),
        positive_likelihood_ratio=positive_likelihood_ratio(counts, sizes),
        negative_likelihood_ratio=negative_likelihood_ratio(counts, sizes),
        prevalence=prevalence,
        ppv=ppv,
        npv=npv,
        calibration=calibration,
        net_benefit=_describe_net_benefit(answers, column),
        pooled=pooled,
        near=answers.near[column],
    )


def predict_at(
    counts: Counts, prevalence: float | None, units: Units | None
) -> tuple[Estimate, Estimate]:
    """PPV and NPV of one label at a stated prevalence, undefined where none is stated.

    units: what each patient adds to the label's counts, where some have several images; None where
    images are independent.
    """
    if prevalence is None:
        return Estimate(None), Estimate(None)
    sizes = None if units is None else size_classes(units)
    return (
        ppv_at_prevalence(counts, prevalence, sizes), npv_at_prevalence(counts, prevalence, sizes)
    )  # fmt: skip


def size_classes(units: Units) -> tuple[float, float]:
    """Of how many independent positives and negatives sensitivity and specificity have the
    evidence; NaN where one patient alone has them."""
    first, second = (
        float(sample_units(*compute(units.counts)).size) for compute in (sensitivity, specificity)
    )
    return first, second


def _describe_calibration(answers: Answers, column: int, plan: MetricPlan) -> Calibration:
    scores, failed = answers.scores, answers.failed
    truth = scores.truth[:, column]
    values = np.where(failed, 0, scores.scores[:, column])
    probabilities = to_probabilities(values, scores.activation)
    logits = to_logits(values, scores.activation)
    line = fit_calibration(truth, logits, failed, groups=answers.groups)
    bins = bin_reliability(truth, probabilities, failed)
    scored = (truth != UNKNOWN) & ~failed
    proportions = []
    for i, each in enumerate(bins):
        above = probabilities >= each.low
        below = probabilities < each.high if i < len(bins) - 1 else probabilities <= each.high
        proportions.append((each.observed, Proportion(scored & above & below, truth == 1)))
    observed = estimate_proportions(proportions, answers.groups, plan)
    return Calibration(
        images=line.images,
        brier=brier_score(truth, probabilities, failed),
        intercept=line.intercept,
        slope=line.slope,
        ece=expected_calibration_error(bins),
        bins=tuple(
            replace(each, observed=estimate) for each, estimate in zip(bins, observed, strict=True)
        ),
    )


def _average_calibration(
    answers: Answers, column: int, pooled: Calibration
) -> tuple[Calibration, dict[str, float | None]]:
    """That within folds, and what it is of all images at once, with the ROC AUC of these.

    The Brier score is a mean over images either way, and bins stay those of all images.
    """
    scores = answers.scores
    within = calibrate_within_folds(scores, column, answers.groups)
    curve = count_curve(scores.truth[:, column], scores.scores[:, column], answers.failed)
    intercept, slope, ece = within.values()
    return replace(pooled, intercept=intercept, slope=slope, ece=ece), {
        "roc_auc": roc_auc(curve).value,
        **dict(
            zip(
                within, (e.value for e in (pooled.intercept, pooled.slope, pooled.ece)), strict=True
            )
        ),
    }


def _describe_net_benefit(answers: Answers, column: int) -> tuple[NetBenefit, ...]:
    scores = answers.scores
    values = np.where(answers.failed, 0, scores.scores[:, column])
    curve = compute_decision_curve(
        scores.truth[:, column], to_probabilities(values, scores.activation), answers.failed,
        DECISION_THRESHOLDS, answers.groups,
    )  # fmt: skip
    if curve is None:
        return ()
    points = []
    for place, at in enumerate(curve.thresholds):
        ends = float(curve.low[place]), float(curve.high[place])
        stated = (None, None, None) if np.isnan(ends).any() else (*ends, curve.method)
        points.append(
            NetBenefit(float(at), float(curve.run[place]), float(curve.treat_all[place]), *stated)
        )
    return tuple(points)


def _describe_consistency(answers: Answers, plan: MetricPlan) -> Consistency:
    labels = answers.scores.labels
    found = estimate_consistency(answers.predicted, answers.failed, labels, plan.normal)
    scored = ~answers.failed
    silent: NDArray[np.bool_] = np.logical_not(answers.predicted.any(axis=1))
    nothing = Proportion(scored, silent)
    contradiction = nothing
    if plan.normal is not None:
        column = labels.index(plan.normal)
        others = np.delete(answers.predicted, column, axis=1).any(axis=1)
        contradiction = Proportion(scored, answers.predicted[:, column] & others)
    first, second = estimate_proportions(
        [(found.nothing, nothing), (found.contradiction, contradiction)], answers.groups, plan
    )
    return replace(found, nothing=first, contradiction=second)

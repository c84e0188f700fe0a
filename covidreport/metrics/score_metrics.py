"""Score metrics, beyond counts and estimates: operating points, calibration, subgroups, and more.

Intervals are those of `proportions` wherever a metric is a proportion of images. With patients who
have several images, every interval here allows for them, or there is none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.benefit import compute_decision_curve
from covidreport.metrics.bootstrap import compute_from_counts, percentile_interval
from covidreport.metrics.calibration import (
    bin_reliability,
    brier_score,
    expected_calibration_error,
    fit_calibration,
    to_logits,
    to_probabilities,
)
from covidreport.metrics.consistency import estimate_consistency
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
from covidreport.metrics.proportions import estimate_proportions, with_interval
from covidreport.metrics.rates import CountArrays
from covidreport.metrics.resample import ResampledCounts
from covidreport.metrics.subgroups import estimate_subgroups
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
    Subgroup,
    Subgroups,
)

DECISION_THRESHOLDS: Final = (
    *(round(0.01 * i, 2) for i in range(1, 10)), *(round(0.05 * i, 2) for i in range(2, 20)),
)  # fmt: skip
"""0.01 to 0.09 by 0.01, where a rare disease is decided on, then to 0.95 by 0.05."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """One run's scores at its thresholds, and what intervals are made from.

    near: of `count_near`.

    predicted bool `(N, K)`, failed bool `(N,)`, groups of `code_groups`; resampled: the labels'
    counts in the resamples of the plan, of one run.
    """

    scores: Scores
    counts: Sequence[Counts]
    near: Sequence[Counts]
    predicted: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    groups: NDArray[np.integer[Any]] | None
    resampled: ResampledCounts


def digest_units(groups: Sequence[str] | None, attributes: Mapping[str, Sequence[str]]) -> str:
    """The sha256 of what intervals and subgroups depend on besides truth and scores."""
    facts = {"groups": groups, "attributes": dict(attributes)}
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()


def compute_score_metrics(answers: Answers, plan: MetricPlan) -> ScoreMetrics:
    """Everything beyond counts and estimates that one run's scores allow to be said."""
    scores = answers.scores
    labels = {
        label: _describe_label(answers, column, plan) for column, label in enumerate(scores.labels)
    }
    subgroups = {
        name: {
            label: _describe_subgroups(answers, column, values, plan)
            for column, label in enumerate(scores.labels)
        }
        for name, values in scores.attributes.items()
    }
    return ScoreMetrics(
        plan=plan,
        labels=labels,
        consistency=_describe_consistency(answers, plan),
        subgroups=subgroups,
        units=digest_units(scores.groups, scores.attributes),
    )


def _describe_label(answers: Answers, column: int, plan: MetricPlan) -> LabelScoreMetrics:
    scores = answers.scores
    truth, values = scores.truth[:, column], scores.scores[:, column]
    counts = answers.counts[column]
    points = list_points(truth, values, answers.failed)
    prevalence = plan.prevalence.get(scores.labels[column])
    resampled = None if answers.groups is None else answers.resampled
    positive, negative = positive_likelihood_ratio(counts), negative_likelihood_ratio(counts)
    if resampled is not None:
        resamples = _resample_ratios(resampled, column, None)
        positive = _with_resamples(positive, resamples["positive"])
        negative = _with_resamples(negative, resamples["negative"])
    ppv, npv = predict_at(counts, prevalence, resampled, column)
    return LabelScoreMetrics(
        sensitivity_at=tuple(
            OperatingPoint(at, sensitivity_at_specificity(points, at)) for at in plan.specificities
        ),
        specificity_at=tuple(
            OperatingPoint(at, specificity_at_sensitivity(points, at)) for at in plan.sensitivities
        ),
        positive_likelihood_ratio=positive,
        negative_likelihood_ratio=negative,
        prevalence=prevalence,
        ppv=ppv,
        npv=npv,
        calibration=_describe_calibration(answers, column, plan),
        net_benefit=_describe_net_benefit(answers, column),
        near=answers.near[column],
    )


def predict_at(
    counts: Counts, prevalence: float | None, resampled: ResampledCounts | None, column: int
) -> tuple[Estimate, Estimate]:
    """PPV and NPV of one label at a stated prevalence, undefined where none is stated.

    resampled: where patients have several images, the labels' counts in resamples of them, of which
    the label's are in `column`; None where images are independent.
    """
    if prevalence is None:
        return Estimate(None), Estimate(None)
    ppv, npv = ppv_at_prevalence(counts, prevalence), npv_at_prevalence(counts, prevalence)
    if resampled is None:
        return ppv, npv
    resamples = _resample_ratios(resampled, column, prevalence)
    return _with_resamples(ppv, resamples["ppv"]), _with_resamples(npv, resamples["npv"])


def _resample_ratios(
    resampled: ResampledCounts, column: int, prevalence: float | None
) -> dict[str, NDArray[np.float64]]:
    """Likelihood ratios and predictive values in each resample, `(B,)` each."""
    counts = CountArrays(*(each[:, 0, column] for each in resampled.resampled))
    rates = compute_from_counts(counts, ("sensitivity", "specificity"))
    sensitivity, specificity = rates["sensitivity"], rates["specificity"]
    prior = np.nan if prevalence is None else prevalence
    right, alarms = prior * sensitivity, (1 - prior) * (1 - specificity)
    cleared, missed = (1 - prior) * specificity, prior * (1 - sensitivity)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "positive": sensitivity / (1 - specificity),
            "negative": (1 - sensitivity) / specificity,
            "ppv": right / (right + alarms),
            "npv": cleared / (cleared + missed),
        }


def _with_resamples(estimate: Estimate, resamples: NDArray[np.float64]) -> Estimate:
    """The estimate with the interval of its resamples; the formula's took images for patients."""
    return with_interval(
        estimate, percentile_interval(estimate.value, resamples, "bootstrap over groups")
    )


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


def _describe_net_benefit(answers: Answers, column: int) -> tuple[NetBenefit, ...]:
    scores = answers.scores
    values = np.where(answers.failed, 0, scores.scores[:, column])
    curve = compute_decision_curve(
        scores.truth[:, column], to_probabilities(values, scores.activation), answers.failed,
        DECISION_THRESHOLDS,
    )  # fmt: skip
    if curve is None:
        return ()
    points = zip(curve.thresholds, curve.run, curve.treat_all, strict=True)
    return tuple(NetBenefit(float(at), float(run), float(every)) for at, run, every in points)


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


def _describe_subgroups(
    answers: Answers, column: int, values: Sequence[str], plan: MetricPlan
) -> Subgroups:
    """One label's subgroups by one attribute, with the intervals of the plan."""
    truth, predicted = answers.scores.truth[:, column], answers.predicted[:, column]
    failed = answers.failed
    found = estimate_subgroups(truth, predicted, failed, values)
    texts = np.array(values, dtype=object)
    every = [*found.groups, *([found.not_stated] if found.not_stated else [])]
    proportions = []
    for group in every:
        inside = texts == group.value
        proportions += [
            (group.sensitivity, Proportion(inside & (truth == 1), predicted & ~failed)),
            (group.specificity, Proportion(inside & (truth == 0), ~predicted & ~failed)),
        ]
    rates = estimate_proportions(proportions, answers.groups, plan)
    pairs = zip(every, rates[::2], rates[1::2], strict=True)
    restated: list[Subgroup] = [
        replace(group, sensitivity=first, specificity=second) for group, first, second in pairs
    ]
    return replace(
        found,
        groups=tuple(restated[: len(found.groups)]),
        not_stated=restated[-1] if found.not_stated else None,
    )

"""All metrics of one evaluation, from scores or from counts."""

from __future__ import annotations

from collections.abc import Mapping

from covidreport.errors import RunError
from covidreport.metrics.counts import count_labels, decide, find_not_finite
from covidreport.metrics.curves import count_curve
from covidreport.metrics.folds import average_over_folds
from covidreport.metrics.proportions import with_interval
from covidreport.metrics.rates import to_arrays
from covidreport.metrics.table import (
    AnswerMetric,
    CountMetric,
    CurveMetric,
    LabelsMetric,
    list_metrics,
)
from covidreport.metrics.unit_intervals import METHODS, Units, count_images, estimate_interval
from covidreport.records import Counts, DecisionRule, Estimate, Scores

Estimates = Mapping[str, Mapping[str, Estimate]]
"""Per label, then per metric; the metrics over all labels stand under `""`."""


def estimate_counts(counts: Mapping[str, Counts], *, intervals: bool = True) -> Estimates:
    """Every metric of counts by label; those that only scores could give are `Estimate(None)`.

    Intervals take images for independent; so metrics over all labels have none: an image's answers
    are not. intervals: whether metrics that are no proportions have them, too.
    """
    estimates: dict[str, dict[str, Estimate]] = {}
    for label, of_label in counts.items():
        units = count_images(to_arrays(of_label)) if intervals else None
        of_counts = {
            key: _estimate(each, of_label, units) for key, each in list_metrics(CountMetric).items()
        }
        estimates[label] = of_counts | dict.fromkeys(list_metrics(CurveMetric), Estimate(None))
    overall = {
        key: each.estimate(counts.values()) for key, each in list_metrics(LabelsMetric).items()
    }
    estimates[""] = overall | dict.fromkeys(list_metrics(AnswerMetric), Estimate(None))
    return estimates


def _estimate(metric: CountMetric, counts: Counts, units: Units | None) -> Estimate:
    found = metric.estimate(counts)
    if units is None or found.value is None or metric.interval not in METHODS:
        return found
    return with_interval(found, estimate_interval(metric, units))


def estimate_scores(
    scores: Scores, rule: DecisionRule, *, intervals: bool = True
) -> tuple[Mapping[str, Counts], Estimates]:
    """The counts by label and every metric of scores at thresholds `(K,)` (probabilities), or of
    what argmax makes of them; intervals as `estimate_counts` has them.

    Raises RunError where a score is not finite in an image that did not fail: the run is invalid,
    and no metric of it is given. Raises UsageError for a threshold outside (0, 1).
    """
    bad = find_not_finite(scores)
    if bad is not None:
        raise RunError(
            f"{bad.count} scores of {bad.images} images are not finite, the first for "
            f"{bad.label} of image {bad.sample_id}: the run is invalid, since such a score is "
            "neither a yes nor a no; export the model again and check it for overflow"
        )
    failed = scores.failed
    predicted = decide(scores, rule)
    tables = count_labels(scores.truth, predicted, failed)
    counts = dict(zip(scores.labels, tables, strict=True))
    estimates = {
        label: dict(found) for label, found in estimate_counts(counts, intervals=intervals).items()
    }
    for column, label in enumerate(scores.labels):
        curve = count_curve(scores.truth[:, column], scores.scores[:, column], failed)
        for name, metric in list_metrics(CurveMetric).items():
            estimates[label][name] = metric.estimate(curve)
        if scores.folds is not None:
            estimates[label]["roc_auc"] = average_over_folds(scores, column)
    for name, answers in list_metrics(AnswerMetric).items():
        estimates[""][name] = answers.estimate(scores, predicted)
    return counts, estimates

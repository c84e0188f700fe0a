"""The details of an evaluation as columns: every figure under a name of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from covidreport.metrics import (
    ConsistencyMetric,
    LabelScoreMetric,
    Metric,
    interval_columns,
    list_metrics,
)
from covidreport.records import (
    Consistency,
    Estimate,
    LabelScoreMetrics,
    PatientFigures,
    ScoreMetrics,
    Subgroup,
)

_BEFORE: Mapping[str, tuple[str, Callable[[LabelScoreMetrics], float | int | None]]] = {
    "ppv_at_prevalence": ("stated_prevalence", lambda one: one.prevalence),
    "brier": ("calibration_images", lambda one: one.calibration.images),
}
"""What stands before a figure, and says on what it rests."""


def flatten_label(details: ScoreMetrics, label: str) -> dict[str, float | int | None]:
    """One label's figures beyond the threshold; those over all labels where `label` is empty.

    Calibration bins are `bin_<from>_…`, points of the decision curve `net_benefit_<threshold>`.
    """
    if not label:
        return _list_columns(ConsistencyMetric, details.consistency)
    one = details.labels.get(label)
    return {} if one is None else _flatten(one)


def _flatten(one: LabelScoreMetrics) -> dict[str, float | int | None]:
    cells: dict[str, float | int | None] = {}
    for point in one.sensitivity_at:
        cells |= interval_columns(f"sensitivity_at_specificity_{point.at:g}", point.estimate)
    for point in one.specificity_at:
        cells |= interval_columns(f"specificity_at_sensitivity_{point.at:g}", point.estimate)
    cells |= _list_columns(LabelScoreMetric, one)
    calibration = one.calibration
    for each in calibration.bins:
        start = f"bin_{each.low:g}"
        cells |= {f"{start}_images": each.count, f"{start}_predicted": each.predicted}
        cells |= interval_columns(f"{start}_observed", each.observed)
    for benefit in one.net_benefit:
        cells |= interval_columns(f"net_benefit_{benefit.threshold:g}", benefit.estimate)
        cells[f"treat_all_{benefit.threshold:g}"] = benefit.treat_all
    return cells


def _list_columns(
    kind: type[Metric], found: LabelScoreMetrics | Consistency
) -> dict[str, float | int | None]:
    cells: dict[str, float | int | None] = {}
    for key, metric in list_metrics(kind).items():
        if isinstance(found, LabelScoreMetrics) and key in _BEFORE:
            name, of = _BEFORE[key]
            cells[name] = of(found)
        cells |= interval_columns(key, metric.compute(found))
    return cells


def list_subgroups(details: ScoreMetrics, label: str) -> Iterator[tuple[str, Subgroup]]:
    """Each part of the images with its attribute; those that state no value come last."""
    for attribute, by_label in details.subgroups.items():
        found = by_label.get(label)
        if found is not None:
            yield from ((attribute, group) for group in found.groups)
            if found.not_stated is not None:
                yield attribute, found.not_stated


def flatten_patients(patients: PatientFigures | None) -> dict[str, object]:
    """A ranked run's figures by patient; None in every column where there are none."""
    counts = None if patients is None else patients.counts
    rates = {
        "patient_sensitivity": None if patients is None else patients.sensitivity,
        "patient_specificity": None if patients is None else patients.specificity,
    }
    return {
        "patient_rule": None if patients is None else patients.rule,
        "patients_positive": None if counts is None else counts.positives,
        "patients_missed": None if counts is None else counts.missed,
        "patients_negative": None if counts is None else counts.negatives,
        "patients_false_alarms": None if counts is None else counts.false_alarms,
        **{
            column: value
            for key, rate in rates.items()
            for column, value in interval_columns(key, rate or Estimate(None)).items()
        },
    }

"""The figures of every evaluation as frames: counts, estimates, and what scores say beyond."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from covidreport.records import Counts, Estimate, Evaluation, LabelDetails, ReportData, Subgroup
from covidreport.report.flat import list_subgroups
from covidreport.report.frames.columns import (
    CALIBRATION,
    COUNTED,
    COUNTS,
    ESTIMATES,
    FAILURES,
    NET_BENEFIT,
    OPERATING_POINTS,
    SUBGROUPS,
    build_frame,
)

if TYPE_CHECKING:
    import pandas as pd


def _each_evaluation(data: ReportData) -> Iterator[Evaluation]:
    """Of each run the one on the ranked split, then those on other splits."""
    for reported in data.runs:
        if reported.evaluation is not None:
            yield reported.evaluation
        yield from reported.others


def _each_label(data: ReportData) -> Iterator[tuple[dict[str, Any], LabelDetails]]:
    """What scores say of each label, with the cells that say whose it is."""
    for one in _each_evaluation(data):
        for label, details in one.details.labels.items() if one.details else ():
            yield _cells(one, label), details


def _cells(one: Evaluation, label: str | None = None) -> dict[str, Any]:
    cells = {"run": one.run, "dataset": one.dataset, "split": one.split, "variant": one.variant}
    return cells if label is None else cells | {"label": label}


def _count_cells(counts: Counts | None) -> dict[str, Any]:
    return {name: getattr(counts, name) if counts else None for name in COUNTS}


def _ends(one: Estimate, name: str = "value", prefix: str = "") -> dict[str, float | None]:
    return {name: one.value, f"{prefix}low": one.low, f"{prefix}high": one.high}


def frame_counts(data: ReportData) -> pd.DataFrame:
    """One row for each run, split and label: its 2x2 table and its threshold."""
    return build_frame(
        COUNTED,
        (
            {
                **_cells(one, label),
                "is_target": label == data.target,
                "threshold": one.thresholds.get(label),
                "thresholds_from": one.thresholds_from,
                "fingerprint": one.fingerprint,
                "n_images": one.n_images,
                "n_groups": one.n_groups,
                **_count_cells(one.counts.get(label)),
            }
            for one in _each_evaluation(data)
            for label in one.labels
        ),
    )


def frame_estimates(data: ReportData) -> pd.DataFrame:
    """One row for each figure: those at the threshold, then those that scores allow."""
    return build_frame(
        ESTIMATES,
        (
            {
                **_cells(one, label),
                "metric": metric,
                **_ends(estimate),
                "numerator": estimate.numerator,
                "denominator": estimate.denominator,
                "method": estimate.method,
            }
            for one in _each_evaluation(data)
            for label, metric, estimate in _list_estimates(one)
        ),
    )


def _list_estimates(one: Evaluation) -> Iterator[tuple[str, str, Estimate]]:
    for label, figures in one.estimates.items():
        yield from ((label, metric, estimate) for metric, estimate in figures.items())
    if one.details is None:
        return
    yield "", "no_label", one.details.consistency.nothing
    yield "", "contradiction", one.details.consistency.contradiction
    for label, details in one.details.labels.items():
        yield label, "positive_likelihood_ratio", details.positive_likelihood_ratio
        yield label, "negative_likelihood_ratio", details.negative_likelihood_ratio
        yield label, "ppv_at_prevalence", details.ppv
        yield label, "npv_at_prevalence", details.npv
        yield label, "brier", details.calibration.brier
        yield label, "calibration_intercept", details.calibration.intercept
        yield label, "calibration_slope", details.calibration.slope
        yield label, "ece", details.calibration.ece


def frame_failures(data: ReportData) -> pd.DataFrame:
    """One row for each image that could not be scored, with the reason."""
    return build_frame(
        FAILURES,
        (
            {**_cells(one), "subject": each.subject, "stage": each.stage, "reason": each.reason}
            for one in _each_evaluation(data)
            for each in one.failures
        ),
    )


def frame_subgroups(data: ReportData) -> pd.DataFrame:
    """One row for each value of an attribute; an empty value is that of images that state none."""
    return build_frame(
        SUBGROUPS,
        (
            {**_cells(one, label), "attribute": attribute, **_group_cells(group)}
            for one in _each_evaluation(data)
            if one.details is not None
            for label in one.labels
            for attribute, group in list_subgroups(one.details, label)
        ),
    )


def _group_cells(group: Subgroup) -> dict[str, Any]:
    return {
        "value": group.value,
        "n_images": group.counts.total,
        **_count_cells(group.counts),
        **_ends(group.sensitivity, "sensitivity", "sensitivity_"),
        **_ends(group.specificity, "specificity", "specificity_"),
        "sensitivity_compared": "sensitivity" in group.compared,
        "specificity_compared": "specificity" in group.compared,
    }


def frame_operating_points(data: ReportData) -> pd.DataFrame:
    """One row for each best sensitivity at a given specificity, and the reverse."""
    sides = (("sensitivity", "specificity"), ("specificity", "sensitivity"))
    return build_frame(
        OPERATING_POINTS,
        (
            {**cells, "metric": metric, "given": given, "at": point.at, **_ends(point.estimate)}
            for cells, details in _each_label(data)
            for metric, given in sides
            for point in getattr(details, f"{metric}_at")
        ),
    )


def frame_calibration(data: ReportData) -> pd.DataFrame:
    """One row for each bin of scores: the mean score and the share that is positive."""
    return build_frame(
        CALIBRATION,
        (
            {
                **cells,
                "bin_low": each.low,
                "bin_high": each.high,
                "n_images": each.count,
                "predicted": each.predicted,
                **_ends(each.observed, "observed", "observed_"),
            }
            for cells, details in _each_label(data)
            for each in details.calibration.bins
        ),
    )


def frame_net_benefit(data: ReportData) -> pd.DataFrame:
    """One row for each threshold of a decision curve."""
    return build_frame(
        NET_BENEFIT,
        (
            {
                **cells,
                "threshold": point.threshold,
                "net_benefit": point.run,
                "treat_all": point.treat_all,
            }
            for cells, details in _each_label(data)
            for point in details.net_benefit
        ),
    )

"""The figures of every evaluation as frames: counts, estimates, and what scores say beyond."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from covidreport.metrics import COUNTS, interval_columns, iter_metrics, list_counts
from covidreport.records import (
    Counts,
    Estimate,
    Evaluation,
    LabelScoreMetrics,
    ReportData,
    Subgroup,
)
from covidreport.report.flat import list_subgroups
from covidreport.report.frames.columns import (
    CALIBRATION,
    COUNTED,
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
    """Of each run the one on the ranked split, then those on other splits and data sets."""
    for reported in data.runs:
        if reported.evaluation is not None:
            yield reported.evaluation
        yield from reported.others
        yield from reported.elsewhere


def _each_label(data: ReportData) -> Iterator[tuple[dict[str, Any], LabelScoreMetrics]]:
    """What scores say of each label, with the cells that say whose it is."""
    for one in _each_evaluation(data):
        for label, details in one.score_metrics.labels.items() if one.score_metrics else ():
            yield _cells(one, label), details


def _cells(one: Evaluation, label: str | None = None) -> dict[str, Any]:
    cells = {"run": one.run, "dataset": one.dataset, "split": one.split, "variant": one.variant}
    return cells if label is None else cells | {"label": label}


def _count_cells(counts: Counts | None) -> dict[str, Any]:
    return list_counts(counts) if counts else dict.fromkeys(COUNTS)


def _ends(one: Estimate) -> dict[str, float | None]:
    return {"value": one.value, "low": one.low, "high": one.high}


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
                **_cells(one, each.label),
                "metric": each.key,
                **_ends(each.estimate),
                "numerator": each.estimate.numerator,
                "denominator": each.estimate.denominator,
                "method": each.estimate.method,
            }
            for one in _each_evaluation(data)
            for each in iter_metrics(one, score_metrics=True)
        ),
    )


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
            if one.score_metrics is not None
            for label in one.labels
            for attribute, group in list_subgroups(one.score_metrics, label)
        ),
    )


def _group_cells(group: Subgroup) -> dict[str, Any]:
    return {
        "value": group.value,
        "n_images": group.counts.total,
        **_count_cells(group.counts),
        **interval_columns("sensitivity", group.sensitivity),
        **interval_columns("specificity", group.specificity),
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
                **interval_columns("observed", each.observed),
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
                **interval_columns("net_benefit", point.estimate),
                "treat_all": point.treat_all,
            }
            for cells, details in _each_label(data)
            for point in details.net_benefit
        ),
    )

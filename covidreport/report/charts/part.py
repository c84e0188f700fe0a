"""The payload's part for charts of several runs: their specifications and the figures of each run.

Counts that fall or rise with the threshold are stored as the difference from the one before, which
keeps 200 runs small. `shown` are the view's own cells at the evaluated threshold, text and note.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from covidreport.metrics.intervals import two_sided_z
from covidreport.records import Evaluation, LabelCurve, ReportData, ReportedRun
from covidreport.report.charts.palette import LOOKS
from covidreport.report.charts.specs import (
    specify_epochs,
    specify_net_benefit,
    specify_precision_recall,
    specify_reliability,
    specify_roc,
)
from covidreport.report.index import index_runs
from covidreport.report.view.curves import MEASURES, epoch_values, has_bins
from covidreport.report.view.operating import describe_labels, point_cells
from covidreport.report.view.records import ReportView
from covidreport.text import exact


def list_charts(data: ReportData, view: ReportView) -> dict[str, Any] | None:
    """All that the charts of several runs are drawn from; None where there are none."""
    specs = list_specs(view)
    if not specs:
        return None
    thresholds = data.curves.thresholds if data.curves else {}
    runs = index_runs(data).runs
    return {
        "specs": specs,
        "looks": [{"dash": list(look.dash), "path": look.path} for look in LOOKS],
        "labels": [list(pair) for pair in describe_labels(data)],
        "thresholds": {label: list(at) for label, at in thresholds.items()},
        "texts": {label: [exact(t) for t in at] for label, at in thresholds.items()},
        "z": two_sided_z(0.95),
        "exploratory": view.operating.exploratory if view.operating else "",
        "chosen": list(view.shown),
        "runs": [_list_run(each, data) for each in runs],
    }


def list_specs(view: ReportView) -> dict[str, Any]:
    """The specifications of the charts that this report has, by name."""
    specs: dict[str, Any] = {}
    if view.operating is not None:
        specs["roc"] = specify_roc()
        specs["precision-recall"] = specify_precision_recall()
        specs["net-benefit"] = specify_net_benefit()
    if view.curves is not None:
        specs |= {chart.name: specify_epochs(chart.name) for chart in view.curves.training}
        if view.curves.calibration is not None:
            specs["reliability"] = specify_reliability()
    return specs


def _list_run(reported: ReportedRun, data: ReportData) -> dict[str, Any]:
    run: dict[str, Any] = {"labels": {}}
    evaluation = reported.evaluation
    if evaluation is not None and data.curves is not None:
        curves = data.curves.runs.get(reported.run.name, {})
        for label in evaluation.labels:
            if label in evaluation.counts and label in evaluation.thresholds:
                run["labels"][label] = _list_label(evaluation, label, curves.get(label))
    epochs = {
        f"{place}_{measure}": values
        for measure in MEASURES
        for place, values in epoch_values(reported, measure).items()
    }
    if epochs:
        run["epochs"] = {"at": [epoch.epoch for epoch in reported.run.history], **epochs}
    bins = _list_bins(reported)
    if bins:
        run["bins"] = bins
    return run


def _list_label(evaluation: Evaluation, label: str, curve: LabelCurve | None) -> dict[str, Any]:
    counts = evaluation.counts[label]
    one: dict[str, Any] = {
        "at": evaluation.thresholds[label],
        "positives": counts.positives,
        "negatives": counts.negatives,
        "found": counts.tp,
        "alarms": counts.false_alarms,
        "shown": [[cell.text, cell.note] for cell in point_cells(evaluation, label)],
    }
    if curve is not None:
        flat = [number for pair in _steps_of_pairs(curve.outline) for number in pair]
        one["curve"] = {
            "outline": flat,
            "found": _steps(curve.found),
            "alarms": _steps(curve.false_alarms),
        }
    return one


def _list_bins(reported: ReportedRun) -> dict[str, list[list[float | int | None]]]:
    evaluation = reported.evaluation
    if evaluation is None or evaluation.details is None:
        return {}
    return {
        label: [
            [b.predicted, b.observed.value, b.observed.low, b.observed.high, b.count]
            for b in one.calibration.bins
            if b.predicted is not None and b.observed.value is not None
        ]
        for label, one in evaluation.details.labels.items()
        if has_bins(reported, label)
    }


def _steps(values: Sequence[int]) -> list[int]:
    return [after - before for before, after in pairwise((0, *values))]


def _steps_of_pairs(values: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(((0, 0), *values))]

"""Loss and accuracy by epoch of several runs on one axis, and their calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence

from covidreport.records import ReportData, ReportedRun
from covidreport.report.index import Index
from covidreport.report.view.names import name_span
from covidreport.report.view.records import ChartView, CurvesView
from covidreport.text import clean, decimal

MEASURES = ("loss", "accuracy")
COLUMNS = {
    "training": ("train_{}",),
    "last batch": ("last_batch_{}",),
    "validation": ("validation_{}", "val_{}"),
}
"""Where a measure of an epoch may stand in history.csv, by where it was measured."""


def epoch_values(reported: ReportedRun, measure: str) -> dict[str, list[float | None]]:
    """A measure by where it was measured, one value an epoch; only what has any value."""
    history = reported.run.history
    found = {}
    for place, names in COLUMNS.items():
        for name in (each.format(measure) for each in names):
            values = [_finite(epoch.values.get(name)) for epoch in history]
            if any(value is not None for value in values):
                found[place] = values
                break
    return found


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def view_curves_of_runs(data: ReportData, index: Index, shown: Sequence[int]) -> CurvesView | None:
    """The section; None where no run has a history and none has calibration."""
    training = [
        _view_epochs(measure, [index.runs[i] for i in shown])
        for measure in MEASURES
        if any(epoch_values(each, measure) for each in index.runs)
    ]
    calibrated = any(has_bins(each, data.target) for each in index.runs)
    if not training and not calibrated:
        return None
    losses = {str(each.run.hyperparameters.get("loss")) for each in index.runs}
    remarks = []
    if len(losses) > 1 and any(chart.name == "loss" for chart in training):
        remarks.append(
            "The runs were trained with different loss functions: compare the shape of their "
            "losses, not the height."
        )
    return CurvesView(
        lead="How training went, and whether a score of 0.8 means 8 in 10."
        if calibrated
        else "How training went, for several runs on one axis.",
        runs=tuple(name_span(index, index.runs[i].run.name) for i in shown),
        training=tuple(training),
        calibration=_view_calibration([index.runs[i] for i in shown], index)
        if calibrated
        else None,
        remarks=tuple(remarks),
    )


def has_bins(reported: ReportedRun, label: str) -> bool:
    """Whether the calibration of a run for a label was computed."""
    evaluation = reported.evaluation
    return (
        evaluation is not None
        and evaluation.details is not None
        and label in evaluation.details.labels
        and any(b.predicted is not None for b in evaluation.details.labels[label].calibration.bins)
    )


def _view_epochs(measure: str, runs: Sequence[ReportedRun]) -> ChartView:
    words, places = [], dict[str, None]()
    for each in runs:
        values = epoch_values(each, measure)
        places |= dict.fromkeys(values)
        last = [f"{place} {decimal(known[-1])}" for place, known in _known(values).items()]
        if last:
            words.append(f"{clean(each.run.name)} ends at {', '.join(last)}")
    title = measure.capitalize()
    drawn = {"validation": "Solid: validation.", "training": "Dashed: training.",
             "last batch": "Dotted: each epoch's last batch."}  # fmt: skip
    key = " ".join(text for place, text in drawn.items() if place in places)
    return ChartView(measure, title, f"{title} by epoch. {'; '.join(words)}.", key)


def _known(values: dict[str, list[float | None]]) -> dict[str, list[float]]:
    return {place: [value for value in each if value is not None] for place, each in values.items()}


def _view_calibration(runs: Sequence[ReportedRun], index: Index) -> ChartView:
    words = []
    for each in runs:
        if has_bins(each, index.target) and each.evaluation and each.evaluation.details:
            found = each.evaluation.details.labels[index.target].calibration
            words.append(f"{clean(each.run.name)}: ECE {decimal(found.ece.value)}")
    return ChartView(
        "reliability",
        "Calibration",
        f"Observed share with {index.disease} by mean score in each bin. {'; '.join(words)}.",
        "Dashed: scores that are probabilities; below it they are too high. Upright: 95 % "
        "intervals. Beneath: how many images a point stands for.",
    )

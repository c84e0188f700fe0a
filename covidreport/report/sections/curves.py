"""Loss and accuracy by epoch of several runs on one axis, and their calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from covidreport.records import (
    Calibration,
    CalibrationPoint,
    ReliabilityBin,
    ReportData,
    ReportedRun,
)
from covidreport.report.blocks import Block, Chart, Group, Prose, Section
from covidreport.report.charts.lines import (
    Axis,
    Band,
    Lines,
    Place,
    Series,
    TitledLines,
    fit_axis,
    known_values,
)
from covidreport.report.index import Index
from covidreport.report.shown import choose_shown, list_labels
from covidreport.text import clean, decimal, label_name

_TICK = 0.012
MEASURES = ("loss", "accuracy")
COLUMNS = {
    "training": ("train_{}",),
    "last batch": ("last_batch_{}",),
    "validation": ("validation_{}", "val_{}"),
}
"""Where a measure of an epoch may stand in history.csv, by where it was measured; what is drawn
last goes above the others, and its end is marked."""


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no run has a history and none has calibration."""
    shown = choose_shown(data, index)
    charts = [
        _epochs(measure, shown, index)
        for measure in MEASURES
        if any(epoch_values(each, measure) for each in index.runs)
    ]
    losses = {str(each.run.hyperparameters.get("loss")) for each in index.runs}
    remarks: list[Block] = []
    if len(losses) > 1 and any(chart.name == "loss" for chart in charts):
        remarks.append(
            Prose(
                "The runs were trained with different loss functions: compare the shape of their "
                "losses, not the height.",
                "remark",
            )
        )
    calibrated = any(list_bins(each, data.target) for each in index.runs)
    if calibrated:
        charts.append(_reliability(data, shown, index))
    if not charts:
        return ()
    lead = Prose(
        "How training went, and whether a score of 0.8 means 8 in 10."
        if calibrated
        else "How training went, for several runs on one axis.",
        "lead",
    )
    runs = tuple(index.link(each.run.name) for each in shown)
    group = Group(tuple(charts), layout="charts", runs=runs)
    gist = "Loss and accuracy by epoch"
    gist += ", calibration" if calibrated else ""
    return (Section("curves", "Curves", (lead, group, *remarks), "appendix", gist),)


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


def list_bins(reported: ReportedRun, label: str) -> tuple[ReliabilityBin, ...]:
    """The bins of a run's calibration that hold images of known scores; empty where none was
    computed."""
    calibration = _calibration(reported, label)
    bins = () if calibration is None else calibration.bins
    return tuple(b for b in bins if b.predicted is not None and b.observed.value is not None)


def _calibration(reported: ReportedRun, label: str) -> Calibration | None:
    evaluation = reported.evaluation
    if evaluation is None or evaluation.score_metrics is None:
        return None
    found = evaluation.score_metrics.labels.get(label)
    return None if found is None else found.calibration


def draw_epochs(measure: str, index: Index, shown: tuple[str, ...]) -> Lines:
    """A measure by epoch of every run and split, marked at the last epoch that has one.

    The axis holds the runs that are shown first: one loss that went astray would press all others
    flat. What lies beyond it has no line.
    """
    every = []
    for each in index.runs:
        at = [float(epoch.epoch) for epoch in each.run.history]
        for split, values in epoch_values(each, measure).items():
            places = tuple(zip(at, values, strict=True))
            every.append(Series(index.key(each.run.name), places, split))
    y = fit_axis(measure, known_values([one for one in every if one.run in shown] or every))
    series = [_cut(one, y) for one in every]
    ends = tuple(
        Series(
            one.run, tuple(place for place in one.places if place[1] is not None)[-1:], one.split
        )
        for one in series
    )
    epochs = [epoch for one in series for epoch, _ in one.places]
    first, last = min(epochs), max(epochs)
    alone = 0.5 if first == last else 0.0
    x = Axis("epoch", first - alone, last + alone, "epoch")
    return Lines(x, y, shown, tuple(series), ends, height=200)


def _cut(series: Series, axis: Axis) -> Series:
    """A series with gaps where it lies beyond an axis."""
    slack = 1e-9 * (axis.high - axis.low)  # a round end may lie a rounding error inside its value
    places = tuple(
        (x, y if y is not None and axis.low - slack <= y <= axis.high + slack else None)
        for x, y in series.places
    )
    return replace(series, places=places)


def _epochs(measure: str, shown: Sequence[ReportedRun], index: Index) -> Chart:
    words, places = [], dict[str, None]()
    for each in shown:
        values = epoch_values(each, measure)
        places |= dict.fromkeys(values)
        last = [f"{place} {decimal(known[-1])}" for place, known in _known(values).items()]
        if last:
            words.append(f"{clean(each.run.name)} ends at {', '.join(last)}")
    title = measure.capitalize()
    drawn = {"validation": "Solid: validation.", "training": "Dashed: training.",
             "last batch": "Dotted: each epoch's last batch."}  # fmt: skip
    keys = [text for place, text in drawn.items() if place in places]
    summary = f"{title} by epoch. {'; '.join(words)}."
    lines = draw_epochs(measure, index, tuple(index.key(each.run.name) for each in shown))
    if known_values(lines.lines) != known_values(draw_epochs(measure, index, ()).lines):
        keys.append("The axis holds the runs that are shown first.")
    return Chart(measure, title, summary, " ".join(keys), (TitledLines("", summary, lines),))


def _known(values: dict[str, list[float | None]]) -> dict[str, list[float]]:
    return {place: [value for value in each if value is not None] for place, each in values.items()}


def draw_reliability(data: ReportData, label: str, index: Index, shown: tuple[str, ...]) -> Lines:
    """The smooth curve with its band, each bin's proportion with its interval, and how many images
    it holds. A run without a curve has a line through its bins."""
    lines, bands, spans, counts = [], [], [], []
    for each in index.runs:
        run, bins = index.key(each.run.name), list_bins(each, label)
        if not bins:
            continue
        curve = list_smooth(data, each.run.name, label)
        drawn = [(one.predicted, one.observed) for one in curve]
        through = [(b.predicted or 0.0, b.observed.value or 0.0) for b in bins]
        lines.append(Series(run, tuple(drawn or through)))
        if curve:
            bands.append(Band(run, tuple((one.predicted, one.low, one.high) for one in curve)))
        spans.append(Series(run, tuple(place for one in bins for place in _cross(one))))
        columns = (((b.predicted or 0.0, 0), (b.predicted or 0.0, b.count)) for b in bins)
        counts.append(Series(run, tuple(place for two in columns for place in (*two, _gap(two)))))
    images = fit_axis("images in the bin", known_values(counts), "count")
    beneath = Lines(Axis("score"), images, shown, (), bars=tuple(counts), height=56)
    return Lines(
        Axis(""), Axis("observed proportion"), shown, tuple(lines), spans=tuple(spans),
        bands=tuple(bands), guide=((0.0, 0.0), (1.0, 1.0)), height=200, beneath=beneath,
    )  # fmt: skip


def list_smooth(data: ReportData, run: str, label: str) -> tuple[CalibrationPoint, ...]:
    """A run's smooth calibration curve; empty where it has none."""
    curves = {} if data.curves is None else data.curves.runs.get(run, {})
    return curves[label].calibration if label in curves else ()


def _cross(one: ReliabilityBin) -> tuple[Place, ...]:
    """The interval of a bin, and a tick where its proportion stands."""
    x, value = one.predicted or 0.0, one.observed.value
    ends = [(x, one.observed.low), (x, one.observed.high)]
    tick = [(max(0.0, x - _TICK), value), (min(1.0, x + _TICK), value)]
    return (*ends, _gap(ends), *tick, _gap(tick))


def _gap(places: Sequence[Place]) -> Place:
    return places[-1][0], None


def _reliability(data: ReportData, shown: Sequence[ReportedRun], index: Index) -> Chart:
    keys = tuple(index.key(each.run.name) for each in shown)

    def say(label: str) -> str:
        found = ((each, _calibration(each, label)) for each in shown if list_bins(each, label))
        words = [f"{clean(each.run.name)}: ECE {decimal(c.ece.value)}" for each, c in found if c]
        return f"Observed proportion with {label_name(label)} by score. {'; '.join(words)}."

    return Chart(
        "reliability",
        "Calibration",
        say(data.target),
        "Dashed: scores that are probabilities; below it they are too high. Lines are smoothed by "
        "logistic regression on a spline. Of the first run: the 95 % band, the proportion in each "
        "bin with its interval and, beneath, its images.",
        tuple(
            TitledLines(label, say(label), draw_reliability(data, label, index, keys))
            for label in list_labels(data)
        ),
    )

"""Curves and figures over the epochs of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from covidreport.records import Epoch, Run
from covidreport.report.charts.curves import CurveChart, Series, SeriesKind, draw_curves
from covidreport.report.view.records import Cell, Column, Row, Table
from covidreport.text import (
    aligned,
    clean,
    decimal,
    humanise,
    label_name,
    plural,
    titled,
    whole,
)

_PREFIXES: dict[str, tuple[str, SeriesKind]] = {
    "train_": ("training", "train"),
    "validation_": ("validation", "validation"),
    "val_": ("validation", "validation"),
    "last_batch_": ("last batch", "other"),
}


def list_columns(history: Sequence[Epoch]) -> tuple[str, ...]:
    """The columns that any epoch has, in the file's order; durations (`…_s`) left out."""
    names = dict.fromkeys(name for epoch in history for name in epoch.values)
    return tuple(name for name in names if not name.endswith("_s"))


def _split_column(name: str) -> tuple[str, str, SeriesKind]:
    """What is measured, on what, and how it is drawn: `train_loss` is `loss`, `training`."""
    for prefix, (place, kind) in _PREFIXES.items():
        if name.startswith(prefix):
            return name.removeprefix(prefix), place, kind
    return name, "", "other"


def _values(history: Sequence[Epoch], name: str) -> tuple[float | None, ...]:
    values = (epoch.values.get(name) for epoch in history)
    return tuple(v if v is not None and math.isfinite(v) else None for v in values)


def _is_rate(measure: str) -> bool:
    return measure.endswith(("accuracy", "sensitivity", "specificity", "f1"))


def _are_counts(measure: str, values: Sequence[float | None]) -> bool:
    known = [value for value in values if value is not None]
    plain = not measure.endswith("loss") and not _is_rate(measure)
    return bool(known) and plain and all(value == int(value) and value >= 0 for value in known)


def view_curves(run: Run) -> tuple[CurveChart, ...]:
    """A chart for each figure that was measured on a split; loss and accuracy come first."""
    history = run.history
    if not history:
        return ()
    families: dict[str, list[str]] = {"loss": [], "accuracy": []}
    for name in list_columns(history):
        measure, place, _ = _split_column(name)
        if place or measure in families:
            families.setdefault(measure, []).append(name)
    charts = (_chart(run, measure, names) for measure, names in families.items() if names)
    return tuple(chart for chart in charts if chart is not None)


def _chart(run: Run, measure: str, names: Sequence[str]) -> CurveChart | None:
    history = run.history
    series = []
    for name in names:
        _, place, kind = _split_column(name)
        series.append(Series(place or _measure_name(measure), kind, _values(history, name)))
    counts = all(_are_counts(measure, one.values) for one in series)
    exported = run.settings.get("exported_epoch")
    epoch = exported.get("epoch") if isinstance(exported, dict) else exported
    title = titled(_measure_name(measure))
    if [one.name for one in series] == ["last batch"]:
        title = f"{title} of each epoch's last batch"
    return draw_curves(
        title,
        f"{title} by epoch. " + " ".join(_summarise(one, history, measure) for one in series),
        [one.epoch for one in history],
        series,
        epoch if isinstance(epoch, int) else None,
        whole=counts,
    )


def _measure_name(measure: str) -> str:
    """`covid-19_false_negatives` is `COVID-19 false negatives`."""
    first, _, rest = measure.partition("_")
    named = label_name(first)
    return f"{named} {humanise(rest)}".strip() if named != first else humanise(measure)


def _summarise(series: Series, history: Sequence[Epoch], measure: str) -> str:
    texts = _format(series.values, measure)
    known = [i for i, value in enumerate(series.values) if value is not None]
    if not known:
        return f"{titled(series.name)}: not recorded."
    first, last = known[0], known[-1]
    text = f"{titled(series.name)}: {texts[first]} at epoch {history[first].epoch}"
    if last > first:
        text += f", {texts[last]} at epoch {history[last].epoch}"
    return f"{text}."


def _format(values: Sequence[float | None], measure: str) -> tuple[str, ...]:
    if _is_rate(measure):
        return tuple(decimal(value) for value in values)
    if _are_counts(measure, values):
        return tuple(whole(None if value is None else int(value)) for value in values)
    return aligned(values)


def view_history(run: Run) -> Table | None:
    """Every figure of every epoch; None where no epoch was recorded."""
    names = list_columns(run.history)
    if not run.history or not names:
        return None
    columns = [Column("Epoch", kind="rank")]
    cells: list[list[Cell]] = [[Cell(str(epoch.epoch), kind="rank")] for epoch in run.history]
    for name in names:
        measure, place, _ = _split_column(name)
        title = _measure_name(measure)
        columns.append(Column(titled(title), place, "figure"))
        texts = _format(_values(run.history, name), measure)
        for row, text in zip(cells, texts, strict=True):
            row.append(Cell(text, kind="figure"))
    rows = tuple(Row(tuple(row)) for row in cells)
    return Table(f"{plural(len(rows), 'epoch')} of {clean(run.name)}", tuple(columns), rows)

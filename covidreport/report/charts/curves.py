"""Curves over the epochs of one run; an epoch without a figure leaves a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from covidreport.report.charts.scales import Scale, Tick, fit_scale

WIDTH, HEIGHT = 360, 220
_LEFT, _TOP, _BOTTOM = 50.0, 18.0, 36.0
_CHARACTER = 6.2
_LINE = 13.0

SeriesKind = Literal["train", "validation", "other"]


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn as one curve: `values[i]` belongs to `epochs[i]` of the chart."""

    name: str
    kind: SeriesKind
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: lines through neighbouring epochs, and dots where a line would be invisible."""

    name: str
    kind: SeriesKind
    lines: tuple[str, ...]
    """Each the points of one unbroken piece."""
    dots: tuple[tuple[float, float], ...]
    """Epochs without neighbours, and the last one."""
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class CurveChart:
    """Geometry of the chart in a view box of width x height, and its words."""

    title: str
    summary: str
    """The picture in words, for those who don't see it."""
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    zero: float | None
    """Where zero stands on an axis that has values on both sides of it."""
    curves: tuple[Curve, ...]
    exported: float | None = None
    """Where the epoch stands that was exported."""


def draw_curves(
    title: str,
    summary: str,
    epochs: Sequence[int],
    series: Sequence[Series],
    exported: int | None = None,
    *,
    whole: bool = False,
) -> CurveChart | None:
    """The chart of some series over the same epochs; None where no series has any value.

    whole: the figures are counts, and the axis begins at 0.
    """
    shown = [one for one in series if any(value is not None for value in one.values)]
    if not shown:
        return None
    right = WIDTH - 8 - _CHARACTER * max(len(one.name) for one in shown)
    bottom = HEIGHT - _BOTTOM
    x_scale, x_ticks = _epoch_axis(epochs, _LEFT, right)
    values = [value for one in shown for value in one.values if value is not None]
    y_scale, y_ticks = fit_scale(values, bottom, _TOP, 5, whole=whole, floor=0.0 if whole else None)
    curves = [_draw(one, epochs, x_scale, y_scale, right + 6) for one in shown]
    return CurveChart(
        title, summary, WIDTH, HEIGHT, _LEFT, round(right, 1), _TOP, bottom, x_ticks, y_ticks,
        zero=y_scale.place(0.0) if y_scale.low < 0 < y_scale.high else None,
        curves=_part_labels(curves, bottom),
        exported=None if exported is None or exported not in epochs else x_scale.place(exported),
    )  # fmt: skip


def _epoch_axis(epochs: Sequence[int], start: float, end: float) -> tuple[Scale, tuple[Tick, ...]]:
    """An axis from the first epoch to the last with ticks on whole ones."""
    first, last = min(epochs), max(epochs)
    if first == last:
        scale = Scale(first - 1.0, first + 1.0, start, end)
        return scale, (Tick(scale.place(first), str(first)),)
    inset = 6.0
    scale = Scale(first, last, start + inset, end - inset)
    step = next(s for s in _steps() if (last - first) / s <= 5)
    at = [first, *(e for e in range(0, last + 1, step) if e - first >= step * 0.6)]
    return scale, tuple(Tick(scale.place(epoch), str(epoch)) for epoch in at)


def _steps() -> Sequence[int]:
    return [factor * 10**power for power in range(9) for factor in (1, 2, 5)]


def _draw(
    series: Series, epochs: Sequence[int], x_scale: Scale, y_scale: Scale, label_x: float
) -> Curve:
    pieces: list[list[tuple[float, float]]] = [[]]
    for epoch, value in zip(epochs, series.values, strict=True):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((x_scale.place(epoch), y_scale.place(value)))
    pieces = [piece for piece in pieces if piece]
    last = pieces[-1][-1]
    alone = [piece[0] for piece in pieces if len(piece) == 1 and piece[0] != last]
    lines = [" ".join(f"{x},{y}" for x, y in piece) for piece in pieces if len(piece) > 1]
    return Curve(
        series.name, series.kind, tuple(lines), (*alone, last), round(label_x, 1), last[1] + 4
    )


def _part_labels(curves: Sequence[Curve], bottom: float) -> tuple[Curve, ...]:
    """The curves with labels moved apart, in their order from top to bottom."""
    order = sorted(range(len(curves)), key=lambda i: curves[i].label_y)
    places = [curves[i].label_y for i in order]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + _LINE)
    overhang = max(0.0, places[-1] - bottom)
    for i in range(len(places) - 1, -1, -1):
        limit = bottom if i == len(places) - 1 else places[i + 1] - _LINE
        places[i] = min(places[i], limit) if overhang else places[i]
    moved = dict(zip(order, places, strict=True))
    return tuple(
        Curve(curve.name, curve.kind, curve.lines, curve.dots, curve.label_x, round(moved[i], 1))
        for i, curve in enumerate(curves)
    )

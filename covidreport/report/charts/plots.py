"""One run's calibration and its decision curve: small static pictures of what tables hold too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covidreport.records import NetBenefit, ReliabilityBin
from covidreport.report.charts.scales import Scale, Tick, fit_scale

WIDTH, HEIGHT = 360, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 352.0, 18.0, 40.0
_SHARES = ((0.0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "1"))
_BELOW = 0.25
"""How far below 0 a decision curve is shown, as a share of its height: further down, everything is
worse than treating nobody, and how much worse tells nothing."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A dot with the interval that goes through it, upright; None where there is none."""

    x: float
    y: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Plot:
    """Geometry of a picture in a view box of width x height, and its words."""

    title: str
    summary: str
    """The picture in words, for those who don't see it."""
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    reference: str
    """The points of the dashed line that the run is held against."""
    key: str
    """What dots and lines are."""
    lines: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    zero: float | None = None
    width: int = WIDTH
    height: int = HEIGHT
    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM


def draw_reliability(title: str, summary: str, bins: Sequence[ReliabilityBin]) -> Plot | None:
    """Observed share against mean score, a dot for each bin; None where all bins are empty."""
    x_scale = Scale(0.0, 1.0, _LEFT + 6, _RIGHT - 6)
    y_scale = Scale(0.0, 1.0, HEIGHT - _BOTTOM, _TOP)
    bars = []
    for each in bins:
        if each.predicted is None or each.observed.value is None:
            continue
        ends = (each.observed.low, each.observed.high)
        low, high = (None if end is None else y_scale.place(end) for end in ends)
        x, y = x_scale.place(each.predicted), y_scale.place(each.observed.value)
        bars.append(Bar(x, y, low, high))
    if not bars:
        return None
    corners = [(x_scale.place(at), y_scale.place(at)) for at in (0.0, 1.0)]
    return Plot(
        title, summary, "mean score", "share with the label",
        x_ticks=tuple(Tick(x_scale.place(at), text) for at, text in _SHARES),
        y_ticks=tuple(Tick(y_scale.place(at), text) for at, text in _SHARES),
        reference=_join(corners),
        key="A dot for each bin with its interval. On the dashed line scores are probabilities; "
        "below it they are too high.",
        bars=tuple(bars),
    )  # fmt: skip


def draw_decisions(title: str, summary: str, points: Sequence[NetBenefit]) -> Plot | None:
    """Net benefit over threshold probabilities beside treating everybody; None without points."""
    if not points:
        return None
    high = max([*(p.run for p in points), *(p.treat_all for p in points), 0.01])
    low = max(-_BELOW * high, min(0.0, *(p.run for p in points), *(p.treat_all for p in points)))
    y_scale, y_ticks = fit_scale([low, high], HEIGHT - _BOTTOM, _TOP, 5)
    x_scale = Scale(0.0, 1.0, _LEFT + 6, _RIGHT - 6)
    floor = y_scale.low
    at = [p.threshold for p in points]

    def trace(values: Sequence[float]) -> tuple[str, ...]:
        pieces = _cut_below(list(zip(at, values, strict=True)), floor)
        return tuple(_join([(x_scale.place(x), y_scale.place(y)) for x, y in p]) for p in pieces)

    everybody = trace([p.treat_all for p in points])
    return Plot(
        title, summary, "threshold probability", "net benefit",
        x_ticks=tuple(Tick(x_scale.place(share), text) for share, text in _SHARES),
        y_ticks=y_ticks,
        reference=everybody[0] if everybody else "",
        key="The line is the run, the dashed one treats everybody, and the dotted one nobody. "
        "Acting on the run pays where its line is above both.",
        lines=trace([p.run for p in points]),
        zero=y_scale.place(0.0),
    )  # fmt: skip


def _cut_below(
    points: Sequence[tuple[float, float]], floor: float
) -> list[list[tuple[float, float]]]:
    """The pieces of a line that lie at or above `floor`, each cut where it crosses it."""
    pieces: list[list[tuple[float, float]]] = []
    before: tuple[float, float] | None = None
    for point in points:
        inside = point[1] >= floor
        was_inside = before is not None and before[1] >= floor
        if before is not None and inside != was_inside:
            (x1, y1), (x2, y2) = before, point
            crossing = (x1 + (x2 - x1) * (floor - y1) / (y2 - y1), floor)
            pieces[-1].append(crossing) if was_inside else pieces.append([crossing])
        elif inside and not was_inside:
            pieces.append([])
        if inside:
            pieces[-1].append(point)
        before = point
    return [piece for piece in pieces if len(piece) > 1]


def _join(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)

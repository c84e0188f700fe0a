"""Missed cases against false alarms or a cost, one dot a run: what is traded for what."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from covidreport.report.charts.scales import Scale, Tick, fit_counts, fit_scale
from covidreport.text import whole

PointKind = Literal["best", "ranked", "unranked", "average"]
"""An average is of readers: it is no run, and no other one beats it or is beaten by it."""
_RADIUS = 4.5
_CHARACTER = 6.6
"""Mean width of a character of a label, in units of the view box."""
_LINE = 12.0
_GAPS = (4.0, 10.0, 18.0, 28.0)
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 16.0, 30.0, 44.0
_HEAD = 4
"""Of an arrow, how far it goes back and to the sides."""
_MARGIN = 34.0
"""For the runs that are not ranked and lie beyond those that are."""
_STRETCH = 2.5
"""How many times longer than the points need an axis may be for the best run's interval."""


class Axis(Struct, frozen=True):
    """What lies across: the less the better. whole: whether it is counted."""

    title: str
    whole: bool = True


FALSE_ALARMS = Axis("false alarms")


class ScatterPoint(Struct, frozen=True):
    """A run to be drawn. `title` says all of it; `label` is short.

    reach: both ends of the interval across, then of that of missed cases; None where there is none.
    reader: whether it is of people, who are diamonds.
    """

    across: float
    missed: float
    label: str
    title: str
    kind: PointKind
    reach: tuple[float, float, float, float] | None = None
    reader: bool = False


class ScatterDot(Struct, frozen=True):
    """A dot with its label; a leader leads to a label that does not stand beside its dot."""

    x: float
    y: float
    title: str
    kind: PointKind
    label: str = ""
    label_x: float = 0.0
    label_y: float = 0.0
    leader: tuple[float, float, float, float] | None = None
    cross: tuple[float, float, float, float] | None = None
    """Where the interval across begins and ends, and that of missed cases."""
    cut: str = ""
    """A path of arrow heads at the ends of the cross that go on beyond the axes."""
    reader: bool = False


class Scatter(Struct, frozen=True):
    """Geometry of the chart in a view box of width x height."""

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    front: str
    """Points of the line along the runs that no other run beats on both counts; may be empty."""
    dots: tuple[ScatterDot, ...]
    across: str
    """The title of the axis."""
    missed: str
    """What stands beside that of the other: that it is by square roots; may be empty."""
    beyond: tuple[float, float] | None = None
    """Where the axes end and the runs stand that lie further out; None where none does."""
    radius: float = _RADIUS


_Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def draw_scatter(
    points: Sequence[ScatterPoint], width: int, height: int, most_labels: int,
    across: Axis = FALSE_ALARMS,
) -> Scatter | None:  # fmt: skip
    """Place the runs; None where there are fewer than two. Points are given best first.

    Both axes begin at 0 and hold the ranked runs; what is not ranked and lies beyond stands at the
    margin, with its value. Runs at the same place share a dot. Only the first `most_labels` dots
    are labelled, and of these only the ones whose label finds a free place.
    """
    if len(points) < 2:
        return None
    plan = _lay_out(points, width, height, across)
    merged = [plan.bring_in(one) for one in _merge(points)]
    places = [(plan.x.place(p.across), plan.y.place(p.missed)) for p in merged]
    front = _front(points, plan.x, plan.y)
    obstacles: list[_Box] = [
        _around(x, y, _RADIUS + (3 if point.kind == "average" else 1))
        for point, (x, y) in zip(merged, places, strict=True)
    ]
    obstacles += [_along(*corners) for corners in pairwise(front)]
    right, top = width - _RIGHT, _TOP
    frame = (_LEFT + 2, top - 1, right + _RIGHT - 2, height - _BOTTOM - 2)
    dots = []
    for index, (point, (x, y)) in enumerate(zip(merged, places, strict=True)):
        cross = plan.cross(point)
        free = _free_place(point.label, x, y, frame, obstacles) if index < most_labels else None
        dot = ScatterDot(
            x, y, point.title, point.kind, cross=cross, cut=plan.cut(point), reader=point.reader
        )
        if free is None:
            dots.append(dot)
            continue
        box, leader = free
        obstacles.append(box)
        label_x, label_y = round((box[0] + box[2]) / 2, 1), round(box[3] - 2.5, 1)
        dots.append(
            replace(dot, label=point.label, label_x=label_x, label_y=label_y, leader=leader)
        )
    line = " ".join(f"{x},{y}" for x, y in front)
    return Scatter(
        width, height, _LEFT, right, top, height - _BOTTOM, plan.x_ticks, plan.y_ticks, line,
        tuple(dots), f"{across.title}{_say_root(plan.x)}", _say_root(plan.y), plan.beyond,
    )  # fmt: skip


class _Plan(Struct, frozen=True):
    """The axes, which end where the ranked runs do; beyond: where the others are drawn."""

    x: Scale
    y: Scale
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    beyond: tuple[float, float] | None

    def bring_in(self, point: ScatterPoint) -> ScatterPoint:
        """The point at the margin where it lies beyond an axis, with its values in its label."""
        across, missed = point.across, point.missed
        if across <= self.x.high and missed <= self.y.high:
            return point
        label = f"{point.label}: {whole(round(point.across))}, {whole(round(point.missed))} missed"
        if across > self.x.high:
            across = _invert(self.x, self.x.end + _MARGIN / 2)
        if missed > self.y.high:
            missed = _invert(self.y, self.y.end - _MARGIN / 2)
        return replace(point, across=across, missed=missed, label=label, reach=None)

    def cross(self, point: ScatterPoint) -> tuple[float, float, float, float] | None:
        """The interval of each axis as far as the axis goes."""
        if point.reach is None or point.kind == "unranked":
            return None
        left, right, low, high = point.reach
        x, y = self.x, self.y
        return (
            x.place(max(left, x.low)), x.place(min(right, x.high)),
            y.place(max(low, y.low)), y.place(min(high, y.high)),
        )  # fmt: skip

    def cut(self, point: ScatterPoint) -> str:
        """An arrow head where an interval goes on beyond its axis."""
        if point.reach is None or point.kind == "unranked":
            return ""
        _, right, _, high = point.reach
        x, y = self.x.place(point.across), self.y.place(point.missed)
        parts = [f"M{self.x.end - _HEAD:g} {y - _HEAD:g}l{_HEAD} {_HEAD}l-{_HEAD} {_HEAD}"] * (
            right > self.x.high
        )
        parts += [f"M{x - _HEAD:g} {self.y.end + _HEAD:g}l{_HEAD}-{_HEAD}l{_HEAD} {_HEAD}"] * (
            high > self.y.high
        )
        return "".join(parts)


def _say_root(scale: Scale) -> str:
    return " (square-root scale)" if scale.root else ""


def _invert(scale: Scale, place: float) -> float:
    """The value that would stand at a place beyond the end of an axis."""
    share = (place - scale.start) / (scale.end - scale.start)
    return scale.low + (share**2 if scale.root else share) * (scale.high - scale.low)


def _lay_out(points: Sequence[ScatterPoint], width: int, height: int, across: Axis) -> _Plan:
    ranked = [one for one in points if one.kind != "unranked"] or list(points)
    parts = max(3, width // 110)

    def fit(margin_x: float, margin_y: float) -> _Plan:
        left, right = _LEFT, width - _RIGHT - margin_x
        if across.whole:
            counts = [math.ceil(p.across) for p in ranked]
            x, x_ticks = fit_counts(_hold_best(counts, ranked, 1), left, right, parts)
        else:
            x, x_ticks = fit_scale([p.across for p in ranked], left, right, parts, floor=0.0)
        bottom, top = height - _BOTTOM, _TOP + margin_y
        counts = [math.ceil(p.missed) for p in ranked]
        y, y_ticks = fit_counts(_hold_best(counts, ranked, 3), bottom, top, 5)
        beyond = (right, top) if margin_x or margin_y else None
        return _Plan(x, y, x_ticks, y_ticks, beyond)

    plan = fit(0.0, 0.0)
    far_x = max(p.across for p in points) > plan.x.high
    far_y = max(p.missed for p in points) > plan.y.high
    return fit(_MARGIN * far_x, _MARGIN * far_y) if far_x or far_y else plan


def _hold_best(counts: list[int], ranked: Sequence[ScatterPoint], end: int) -> list[int]:
    """The counts, and the end of the best run's cross, unless that would squeeze all others."""
    most = _STRETCH * max(counts)
    ends = [math.ceil(p.reach[end]) for p in ranked if p.kind == "best" and p.reach]
    return [*counts, *(one for one in ends if one <= most)]


def _merge(points: Sequence[ScatterPoint]) -> Iterable[ScatterPoint]:
    """One point for the runs that stand at the same place, under all their labels; an average has
    a point of its own."""
    places: dict[tuple[float, float, bool], list[ScatterPoint]] = {}
    for point in points:
        place = (point.across, point.missed, point.kind == "average")
        places.setdefault(place, []).append(point)
    for group in places.values():
        first = group[0]
        labels = [point.label for point in group]
        label = ", ".join(labels[:4]) + (" …" if len(labels) > 4 else "")
        title = "; ".join(point.title for point in group)
        people = all(point.reader for point in group)
        yield replace(first, label=label, title=title, reader=people)


def _front(
    points: Iterable[ScatterPoint], x_scale: Scale, y_scale: Scale
) -> list[tuple[float, float]]:
    """The corners of the steps along the ranked runs that no other one beats on both counts."""
    best: list[ScatterPoint] = []
    ranked = (point for point in points if point.kind in ("best", "ranked"))
    for point in sorted(ranked, key=lambda p: (p.across, p.missed)):
        if not best or point.missed < best[-1].missed:
            best.append(point)
    if len(best) < 2:
        return []
    corners = []
    for earlier, later in zip([None, *best[:-1]], best, strict=True):
        x = x_scale.place(later.across)
        if earlier is not None:
            corners.append((x, y_scale.place(earlier.missed)))
        corners.append((x, y_scale.place(later.missed)))
    return corners


def _free_place(
    label: str, x: float, y: float, frame: _Box, obstacles: Sequence[_Box]
) -> tuple[_Box, tuple[float, float, float, float] | None] | None:
    """The nearest box around (x, y) that holds `label` and meets nothing, and its leader."""
    width = _CHARACTER * len(label) + 2
    for gap in _GAPS:
        for angle in (0, -45, -90, 45, 90, 180, -135, 135, -20, 20, -70, 70, 160, -160):
            box = _beside(x, y, angle, gap, width)
            if _inside(box, frame) and not any(_meet(box, other) for other in obstacles):
                return box, _leader(x, y, box) if gap > _GAPS[0] else None
    return None


def _beside(x: float, y: float, angle: float, gap: float, width: float) -> _Box:
    """A box of a label whose nearest edge is `gap` away from the dot, in that direction."""
    dx, dy = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    reach = _RADIUS + gap
    centre_x = x + dx * (reach + width / 2)
    centre_y = y + dy * (reach + _LINE / 2)
    return (
        centre_x - width / 2, centre_y - _LINE / 2, centre_x + width / 2, centre_y + _LINE / 2
    )  # fmt: skip


def _leader(x: float, y: float, box: _Box) -> tuple[float, float, float, float]:
    """A line from the rim of the dot to the nearest point of the box."""
    end_x, end_y = min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])
    length = math.hypot(end_x - x, end_y - y)
    start = (_RADIUS + 1) / length
    return (
        round(x + (end_x - x) * start, 1), round(y + (end_y - y) * start, 1),
        round(end_x, 1), round(end_y, 1),
    )  # fmt: skip


def _around(x: float, y: float, reach: float) -> _Box:
    return (x - reach, y - reach, x + reach, y + reach)


def _along(start: tuple[float, float], end: tuple[float, float]) -> _Box:
    """The box of a level or upright piece of a line."""
    (x1, y1), (x2, y2) = start, end
    return (min(x1, x2) - 1, min(y1, y2) - 1, max(x1, x2) + 1, max(y1, y2) + 1)


def _inside(box: _Box, frame: _Box) -> bool:
    return box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]


def _meet(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]

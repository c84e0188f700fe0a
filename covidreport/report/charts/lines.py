"""Lines of several runs on two axes, as data: each named by the run that it is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from covidreport.report.charts.scales import fit_scale

WIDTH, HEIGHT = 300, 260
"""Of a plot, in the units of its drawing."""
Place = tuple[float, float | None]
"""Where something stands, in the units of the axes; None where there is no figure."""


class Axis(Struct, frozen=True):
    """What is shown along it, and the values at both ends."""

    title: str
    low: float = 0.0
    high: float = 1.0
    kind: Literal["share", "quantity", "count", "epoch"] = "share"


class Series(Struct, frozen=True):
    """What one run has in a chart, in its order; a place without a figure is a gap.

    run: its key. split: where it was measured, in charts that tell that apart.
    """

    run: str
    places: tuple[Place, ...]
    split: str = ""


class Band(Struct, frozen=True):
    """The interval of a run's line: x and both ends, in the order of the line."""

    run: str
    places: tuple[tuple[float, float, float], ...]


class Mark(Struct, frozen=True):
    """A place that is of no run, such as a reader's, with its name and what is said of it.

    spans: the ends of an average's intervals, each two places.
    """

    x: float
    y: float
    name: str
    words: str
    spans: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = ()
    average: bool = False


class Lines(Struct, frozen=True):
    """A chart: lines, and dots where a run stands.

    shown: the keys of the runs that are drawn at first, in the order of their styles. spans:
    upright intervals, each two places and a gap; bars: the same as columns. Spans, bars and bands
    are seen of the first run that is shown: those of several would hide each other. guide: the
    dashed line that runs are held against. level: a value that has a line of its own. threshold:
    whether a reader can move one. marks: seen whichever runs are shown. beneath: a second chart
    under the same axis.
    """

    x: Axis
    y: Axis
    shown: tuple[str, ...]
    lines: tuple[Series, ...]
    dots: tuple[Series, ...] = ()
    spans: tuple[Series, ...] = ()
    bars: tuple[Series, ...] = ()
    bands: tuple[Band, ...] = ()
    guide: tuple[Place, ...] = ()
    level: float | None = None
    threshold: bool = False
    height: int = HEIGHT
    marks: tuple[Mark, ...] = ()
    beneath: Lines | None = None


class TitledLines(Struct, frozen=True):
    """The lines of one label; `summary` says them in words. Without labels `label` is empty."""

    label: str
    summary: str
    lines: Lines


def fit_axis(
    title: str, values: Iterable[float], kind: Literal["quantity", "count"] = "quantity"
) -> Axis:
    """An axis that holds all values and ends on round steps."""
    floor = 0.0 if kind == "count" else None
    scale, _ = fit_scale(list(values) or [0.0, 1.0], 0.0, 1.0, 8, floor=floor)
    return Axis(title, scale.low, scale.high, kind)


def known_values(series: Sequence[Series]) -> list[float]:
    """All values that are known, of all series."""
    return [value for one in series for _, value in one.places if value is not None]

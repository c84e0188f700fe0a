"""A picture as a list of shapes, in the colours of the palette: what draws them knows no chart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from covidreport.report.charts.palette import INK, NONE


class Shape(Struct, frozen=True):
    """The outline of an SVG path; colours are those of the palette, or none.

    dots: its strokes are round at their ends, so that one of no length is a dot `width` wide.
    """

    d: str
    fill: str = NONE
    stroke: str = NONE
    width: float = 1.0
    opacity: float = 1.0
    dots: bool = False


class Label(Struct, frozen=True):
    """Words that stand, end or are centred at a place; `y` is their base line."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    colour: str = INK
    size: float = 11.5
    bold: bool = False


class Diagram(Struct, frozen=True):
    """Shapes in a view box of width x height, what comes later above what came before."""

    width: float
    height: float
    shapes: tuple[Shape | Label, ...]


def rectangle(x: float, y: float, width: float, height: float) -> str:
    """The outline of a rectangle."""
    return f"M{x:g} {y:g}h{width:g}v{height:g}h{-width:g}z"


def dots(places: Iterable[tuple[float, float]], colour: str, diameter: float) -> Shape:
    """A filled dot at each place, as one shape."""
    strokes = level_strokes((x, y, 0.0) for x, y in places)
    return Shape(strokes, stroke=colour, width=diameter, dots=True)


def level_strokes(strokes: Iterable[tuple[float, float, float]]) -> str:
    """The outline of level strokes: where each begins, and its length. Each is the step from the
    one before: there may be thousands."""
    written = []
    x = y = 0.0
    for left, middle, length in strokes:
        written.append(f"m{left - x:g} {middle - y:g}h{length:g}")
        x, y = left + length, middle
    return "".join(written).replace(" -", "-")

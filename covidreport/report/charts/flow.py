"""How images came to be counted: boxes from the top down, with what goes away at their right."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from msgspec import Struct

from covidreport.report.charts.diagram import Diagram, Label, Shape, rectangle
from covidreport.report.charts.palette import INK, PAPER, SOFT, STRONG

SIZES = 620, 350
"""Of the picture on a wide and on a narrow page."""
_EDGE = 1.0
_PAD, _LINE, _GAP = 9.0, 16.0, 14.0
_CHARACTER, _BOLD = 6.3, 7.0
"""Mean width of a character of a line, and of a title, in units of the view box."""


class FlowBox(Struct, frozen=True):
    """A title and the lines beneath it. aside: images that go away, or are told apart."""

    title: str
    lines: tuple[str, ...]
    aside: bool = False


def draw_flow(boxes: Sequence[FlowBox], ends: tuple[FlowBox, FlowBox], width: int) -> Diagram:
    """Boxes in their order, and beneath the last one both ends beside each other."""
    pen = _Pen(width)
    for box in boxes:
        pen.draw_aside(box) if box.aside else pen.draw_main(box)
    pen.draw_ends(*ends)
    return Diagram(width, round(pen.y + _EDGE, 1), tuple(pen.shapes))


class _Pen:
    """Draws from the top down in two columns; `y` is how far it has come."""

    def __init__(self, width: int) -> None:
        self.shapes: list[Shape | Label] = []
        self.y = _EDGE
        gap = 40.0 if width > 500 else 22.0
        self._box = (width - gap) / 2 - _EDGE
        self._right = width - _EDGE - self._box
        self._stem = _EDGE + self._box / 2
        self._from: float | None = None
        """Where the last main box ends; None before the first."""

    def draw_main(self, box: FlowBox) -> None:
        """The next box of the column, with the arrow that leads to it."""
        if self._from is not None:
            self.y += _GAP
            self._draw_arrow(self._stem, self._from, self.y)
        self._draw_box(box, _EDGE)
        self._from = self.y

    def draw_aside(self, box: FlowBox) -> None:
        """A box at the right of the arrow that leads to the next main box."""
        self.y += _GAP
        middle = round(self.y + self._measure(box) / 2, 1)
        across = f"M{self._stem:g} {middle:g}H{self._right:g}"
        self.shapes.append(Shape(f"{across}m-5 -3.5l5 3.5l-5 3.5", stroke=STRONG))
        self._draw_box(box, self._right)

    def draw_ends(self, first: FlowBox, last: FlowBox) -> None:
        """Two boxes beside each other, which come from the last main one."""
        start, fork, top = self._from or self.y, self.y + _GAP, self.y + 2 * _GAP
        other = self._right + self._box / 2
        down = f"M{self._stem:g} {start:g}V{fork:g}H{other:g}"
        self.shapes.append(Shape(down, stroke=STRONG))
        height = max(self._measure(first), self._measure(last))
        for box, left, middle in ((first, _EDGE, self._stem), (last, self._right, other)):
            self._draw_arrow(middle, fork, top)
            self.y = top
            self._draw_box(box, left, height)

    def _wrap(self, box: FlowBox) -> tuple[list[str], list[str]]:
        """Title and lines as they fit into a box."""
        room = self._box - 2 * _PAD
        title = wrap(box.title, int(room / _BOLD))
        return title, [part for line in box.lines for part in wrap(line, int(room / _CHARACTER))]

    def _measure(self, box: FlowBox) -> float:
        return 2 * _PAD + _LINE * sum(map(len, self._wrap(box))) - 4

    def _draw_arrow(self, x: float, start: float, end: float) -> None:
        self.shapes.append(Shape(f"M{x:g} {start:g}V{end:g}m-3.5 -5l3.5 5l3.5 -5", stroke=STRONG))

    def _draw_box(self, box: FlowBox, left: float, height: float | None = None) -> None:
        height = height or self._measure(box)
        outline = rectangle(left, self.y, self._box, height)
        self.shapes.append(Shape(outline, fill=PAPER, stroke=STRONG))
        title, lines = self._wrap(box)
        base = self.y + _PAD + 9
        for place, line in enumerate((*title, *lines)):
            bold = place < len(title)
            colour = SOFT if box.aside and not bold else INK
            at = base + place * _LINE
            self.shapes.append(Label(left + _PAD, at, line, colour=colour, bold=bold))
        self.y += height

"""Small multiples: one panel beside another, each with a line for every run, all on one scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from covidreport.report.charts.diagram import Diagram, Label, Shape
from covidreport.report.charts.palette import ACCENT, FAINT, INK, RULE, STRONG
from covidreport.report.charts.scales import Scale

SIZES = 900, 350
"""Width of the drawing on a wide and on a narrow page."""
_TOP, _HEIGHT, _BOTTOM = 20.0, 84.0, 26.0
_LEFT, _GAP = 26.0, 20.0
_LEVELS = (0.0, 0.5, 1.0)


class Trace(Struct, frozen=True):
    """One run's values from 0 to 1, from step 0 on; None where there is none. first: drawn above
    all others, and stronger."""

    values: tuple[float | None, ...]
    first: bool = False


class Panel(Struct, frozen=True):
    """A title, and a line for each run."""

    title: str
    traces: tuple[Trace, ...]


def draw_multiples(panels: Sequence[Panel], steps: int, width: int) -> Diagram:
    """The panels in rows, as many beside each other as there is room for."""
    beside = 6 if width > 500 else 2
    room = (width - _LEFT - (beside - 1) * _GAP) / beside
    tall = _TOP + _HEIGHT + _BOTTOM
    shapes: list[Shape | Label] = []
    for place, panel in enumerate(panels):
        row, column = divmod(place, beside)
        left, top = _LEFT + column * (room + _GAP), row * tall + _TOP
        across = Scale(0, steps, left + 4, left + room - 4)
        down = Scale(0.0, 1.0, top + _HEIGHT, top)
        shapes += _draw_frame(panel, across, down, numbered=column == 0)
        for trace in sorted(panel.traces, key=lambda each: each.first):
            shapes += _draw_trace(trace, across, down)
    rows = -(-len(panels) // beside)
    return Diagram(width, round(rows * tall, 1), tuple(shapes))


def _draw_frame(
    panel: Panel, across: Scale, down: Scale, *, numbered: bool
) -> Iterator[Shape | Label]:
    left, right = across.start - 4, across.end + 4
    yield Label(left, down.end - 8, panel.title, colour=INK, bold=True)
    for level in _LEVELS:
        y = down.place(level)
        yield Shape(f"M{left:g} {y:g}H{right:g}", stroke=STRONG if level == 0 else RULE)
        if numbered:
            yield Label(left - 5, y + 4, f"{level:g}", "end", FAINT)
    for step in range(int(across.high) + 1):
        yield Label(across.place(step), down.start + 14, str(step), "middle", FAINT)


def _draw_trace(trace: Trace, across: Scale, down: Scale) -> Iterator[Shape]:
    places = [
        (across.place(step), down.place(value))
        for step, value in enumerate(trace.values)
        if value is not None
    ]
    if len(places) < 2:
        return
    line = "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
    colour, width = (ACCENT, 2.5) if trace.first else (FAINT, 1.0)
    yield Shape(line, stroke=colour, width=width, opacity=1.0 if trace.first else 0.6)

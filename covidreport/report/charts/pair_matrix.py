"""All pairs of runs as a square of coloured cells: one metric below the diagonal, one above it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from covidreport.report.charts.diagram import Diagram, Label, Shape, dots, level_strokes, rectangle
from covidreport.report.charts.palette import ACCENT, FAINT, INK, MISSED, PAPER, RULE
from covidreport.text import signed

_LARGEST = 440.0
"""Side of the square, in units of the view box."""
_LARGEST_CELL = 72.0
_WRITTEN = 40.0
"""A cell of this size holds its difference in figures."""
_COUNTED = 17.0
"""A cell of this size holds a count."""
MOST_NAMED = 25
"""So many runs have a label each; of more it is every tenth or so, and the first."""
_APART = 24.0
_LEVELS = 10
_DEEPEST = 0.65
"""Opacity of the largest difference: what is written in its cell can be read."""
_LETTER = 6.4
_LEGEND = 96.0
_NAME_LINE = 15.0
_WORDED = 56.0
"""A cell of this size holds `17 missed`."""


class Pair(Struct, frozen=True):
    """The value of the higher ranked run minus that of the other; None where it is undefined."""

    difference: float | None
    significant: bool = False


class PairedRun(Struct, frozen=True):
    """A run of the matrix: its name, a short one, and what it missed."""

    name: str
    short: str
    missed: int


Pairs = Mapping[tuple[int, int], Pair]
"""By the places of the higher ranked run and of the other."""


def draw_pairs(
    runs: Sequence[PairedRun], below: Pairs, above: Pairs, titles: tuple[str, str], width: int
) -> Diagram:
    """Runs in the order of their ranking, best first; titles: of what is below, and above.

    A narrow matrix has the short names alone; beneath it are its legend and whose they are.
    """
    wide = width > 500
    named = wide and len(runs) <= MOST_NAMED
    shorts = max(len(run.short) for run in runs) * _LETTER + 10
    names = max(len(f"{run.name}  {run.short}") for run in runs) * _LETTER + 12
    left = round(names if named else shorts)
    room = min(width - left - (_LEGEND if wide else 2), _LARGEST)
    square = _Square(left, 36, min(room // len(runs), _LARGEST_CELL), len(runs))
    reach = _fit_reach([*below.values(), *above.values()])
    shapes: list[Shape | Label] = []
    shapes += _fill(square, below, above, reach)
    shapes += _frame(square)
    shapes += _mark(square, below, above)
    shapes += _label(square, runs, titles, named=named)
    if wide:
        shapes += _legend(square.right + 24, square.top, reach)
        return Diagram(width, round(square.bottom + 26), tuple(shapes))
    beneath = square.bottom + 34
    shapes += _legend(square.left, beneath, reach)
    explained = [run for run in runs if run.short != run.name] if len(runs) <= MOST_NAMED else []
    shapes += _explain(square.left + _LEGEND, beneath + 8, explained, width)
    height = max(130.0, len(explained) * _NAME_LINE + 8)
    return Diagram(width, round(beneath + height), tuple(shapes))


class _Square(Struct, frozen=True):
    left: float
    top: float
    cell: float
    runs: int

    @property
    def right(self) -> float:
        return self.left + self.cell * self.runs

    @property
    def bottom(self) -> float:
        return self.top + self.cell * self.runs

    def corner(self, row: int, column: int) -> tuple[float, float]:
        return self.left + column * self.cell, self.top + row * self.cell

    def centre(self, row: int, column: int) -> tuple[float, float]:
        x, y = self.corner(row, column)
        return x + self.cell / 2, y + self.cell / 2


def _fit_reach(pairs: Iterable[Pair]) -> float:
    """The largest difference, to a tenth above."""
    largest = max((abs(pair.difference or 0.0) for pair in pairs), default=0.0)
    return max(1, math.ceil(largest * 10 - 1e-9)) / 10


def _places(below: Pairs, above: Pairs) -> Iterator[tuple[int, int, Pair]]:
    """Row, column and pair of every cell."""
    for (first, second), pair in below.items():
        yield second, first, pair
    for (first, second), pair in above.items():
        yield first, second, pair


def _fill(square: _Square, below: Pairs, above: Pairs, reach: float) -> Iterator[Shape]:
    """One shape for all cells of one level; neighbours in a row are one stroke, as wide as a cell
    is high: it is short."""
    strokes = defaultdict[int, list[tuple[float, float, float]]](list)
    before = (-1, -1, 0)
    for row, column, pair in sorted(_places(below, above), key=lambda place: place[:2]):
        level = _level(pair.difference, reach)
        if level:
            x, y = square.corner(row, column)
            if before == (row, column - 1, level):
                x, _, length = strokes[level].pop()
            else:
                length = 0.0
            strokes[level].append((x, y + square.cell / 2, length + square.cell))
        before = (row, column, level)
    for level, found in sorted(strokes.items()):
        tone = ACCENT if level > 0 else MISSED
        yield Shape(
            level_strokes(found), stroke=tone, width=square.cell, opacity=_opacity(abs(level))
        )


def _level(difference: float | None, reach: float) -> int:
    """From -10 to 10; what is no tie has a colour."""
    if not difference:
        return 0
    level = max(1, min(_LEVELS, round(abs(difference) / reach * _LEVELS)))
    return level if difference > 0 else -level


def _opacity(level: int) -> float:
    return round(_DEEPEST * level / _LEVELS, 3)


def _frame(square: _Square) -> Iterator[Shape]:
    ends = [square.cell * at for at in range(square.runs + 1)]
    lines = [f"M{square.left:g} {square.top + at:g}H{square.right:g}" for at in ends]
    lines += [f"M{square.left + at:g} {square.top:g}V{square.bottom:g}" for at in ends]
    yield Shape("".join(lines), stroke=RULE, width=1 if square.cell > _COUNTED else 0.5)
    corners = (square.corner(at, at) for at in range(square.runs))
    diagonal = "".join(rectangle(*corner, square.cell, square.cell) for corner in corners)
    yield Shape(diagonal, fill=RULE)


def _mark(square: _Square, below: Pairs, above: Pairs) -> Iterator[Shape | Label]:
    written = square.cell >= _WRITTEN
    size = 6.0 if written else max(2.0, min(6.0, square.cell // 3))
    marked = []
    for row, column, pair in _places(below, above):
        x, y = square.centre(row, column)
        if written:
            yield Label(x, round(y + 4, 1), signed(pair.difference), "middle")
        if pair.significant:
            marked.append((x, y + (14 if written else 0)))
    if marked:
        yield dots(marked, INK, size)


def _label(
    square: _Square, runs: Sequence[PairedRun], titles: tuple[str, str], *, named: bool
) -> Iterator[Label]:
    few = len(runs) <= MOST_NAMED
    step = next(step for step in (10, 20, 50, 100, 1000) if step * square.cell >= _APART)
    beside = max(len(run.short) for run in runs) * _LETTER + 6
    for at, run in enumerate(runs):
        x, y = square.centre(at, at)
        if few or not at or (at + 1) % step == 0:
            yield Label(square.left - 6, round(y + 4, 1), run.short, "end", size=11)
            yield Label(round(x, 1), square.top - 6, run.short, "middle", size=11)
        if named:
            name_end = round(square.left - 6 - beside, 1)
            yield Label(name_end, round(y + 4, 1), run.name, "end", size=11)
        if square.cell >= _COUNTED:
            missed = f"{run.missed} missed" if square.cell >= _WORDED else str(run.missed)
            yield Label(round(x, 1), round(y + 4, 1), missed, "middle", size=11, bold=True)
    yield Label(square.left, square.bottom + 17, f"below: {titles[0]}", colour=FAINT)
    yield Label(square.right, square.top - 22, f"above: {titles[1]}", "end", FAINT)


def _explain(x: float, y: float, runs: Sequence[PairedRun], width: int) -> Iterator[Label]:
    """The short names and whose they are, a line each, cut where the picture ends."""
    shorts = max((len(run.short) for run in runs), default=0) * _LETTER + 8
    room = max(1, int((width - x - shorts) / _LETTER))
    for at, run in enumerate(runs):
        line = round(y + at * _NAME_LINE, 1)
        name = run.name if len(run.name) <= room else f"{run.name[: room - 1]}…"
        yield Label(x, line, run.short, size=11)
        yield Label(x + shorts, line, name, size=11)


def _legend(x: float, y: float, reach: float) -> Iterator[Shape | Label]:
    """A strip of the colours from the largest difference to its opposite, and the mark."""
    step = 5.0
    for at in range(-_LEVELS, _LEVELS + 1):
        strip = rectangle(x, y + (at + _LEVELS) * step, 12, step)
        tone = ACCENT if at < 0 else MISSED
        yield Shape(strip, fill=tone if at else PAPER, opacity=_opacity(abs(at)) if at else 1)
    height = (2 * _LEVELS + 1) * step
    yield Shape(rectangle(x, y, 12, height), stroke=RULE)
    texts: tuple[tuple[float, str], ...] = (
        (y + 8, signed(reach, 2)), (y + height / 2 + 4, "0"), (y + height, signed(-reach, 2)),
    )  # fmt: skip
    for at_y, text in texts:
        yield Label(x + 18, round(at_y, 1), text, colour=FAINT)
    yield dots([(x + 6, y + height + 16)], INK, 6)
    yield Label(x + 18, y + height + 20, "significant", colour=FAINT)

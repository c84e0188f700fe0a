"""Tables and sentences for a terminal: which columns there is room for, and where lines end.

Nothing ends inside a word or a number. A name ends a line behind a hyphen, a dot or the like where
it is too long for its column; a command between backticks stays in one line, to be copied.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

FULL = 140
"""From so many columns of the terminal on a table wraps names and words before a column goes."""
PIPED_WIDTH = 10_000
"""What goes into a file or to a program is not cut, and no line of it ends before it is over."""
HANG = 4
"""By so much a line is indented that goes on with the one above it."""
GAP = 2
"""Spaces between two columns."""
LONG_NAME, LONG_TEXT, SHORT_NAME = 40, 24, 12
"""So much of a name and of a text is not wrapped for the sake of a column that can go; and of a
name the least that stands in a line."""
_PIECES = re.compile(r"[^-_./\\ ]*[-_./\\ ]|[^-_./\\ ]+")
_WORDS = re.compile(r"(\s*)((?:`[^`\n]*`|\S)+)")


class Column(Struct, frozen=True):
    """A head, and what stands beneath it: names, words, or figures that are never wrapped.

    goes: those with the largest go first where there is too little room; one with 0 always stands.
    called: in the sentence that says what went, where that is not its title.
    """

    title: str
    kind: Literal["name", "text", "figure"] = "text"
    goes: int = 0
    called: str = ""


class Layout(Struct, frozen=True):
    """Which columns stand, by their places, and how wide; left_out: what the others are called.

    full: so wide is the terminal that has room for all.
    """

    kept: tuple[int, ...]
    widths: tuple[int, ...]
    left_out: tuple[str, ...]
    full: int

    def note(self, otherwise: str = "--json") -> str:
        """What was left out and where it is; empty where nothing was."""
        if not self.left_out:
            return ""
        ways = " or ".join(filter(None, (f"{self.full} columns", otherwise)))
        return f"No room for {', '.join(self.left_out)}; {ways} show all."


def measure(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(sign) in ("Mn", "Me", "Cf")
        else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )  # fmt: skip


def wrap(text: str, width: int, hang: int = 0) -> list[str]:
    """A paragraph in lines of `width`; all but the first begin with `hang` spaces.

    What stands before its first word stays. A word or command that is longer has its own line.
    """
    lines = [""]
    for gap, word in _WORDS.findall(text):
        ended = lines[-1].strip() and measure(lines[-1]) + measure(gap + word) > width
        if ended:
            lines.append(" " * hang)
        lines[-1] += word if ended else gap + word
    return lines


def wrap_name(name: str, width: int) -> list[str]:
    """A name in lines of `width`, each ended behind a sign that parts it, where there is one."""
    lines = [""]
    for piece in _PIECES.findall(name):
        if lines[-1] and measure(lines[-1]) + measure(piece.rstrip()) > width:
            lines.append("")
        for sign in piece:
            if measure(lines[-1]) + measure(sign) > width and sign != " ":
                lines.append("")
            lines[-1] += sign
    return [line.rstrip() for line in lines]


def draw_row(
    columns: Sequence[Column], cells: Sequence[str], layout: Layout, *, head: bool = False
) -> list[list[tuple[int, str]]]:
    """The lines of a row; each is the pieces of its cells, with the place of the cell.

    Figures stand at the right of their column. Nothing stands behind the last sign of a line.
    head: whether it is the row of titles, whose last lines are level.
    """
    broken = [
        wrap_cell(cells[place], "text" if head else columns[place].kind, width)
        for place, width in zip(layout.kept, layout.widths, strict=True)
    ]
    high = max(map(len, broken), default=0)
    if head:
        broken = [[""] * (high - len(parts)) + parts for parts in broken]
    lines: list[list[tuple[int, str]]] = []
    for number in range(high):
        pieces: list[tuple[int, str]] = []
        before = 0
        for place, width, parts in zip(layout.kept, layout.widths, broken, strict=True):
            part = parts[number] if number < len(parts) else ""
            room = max(0, width - measure(part))
            right = columns[place].kind == "figure"
            if part:
                pieces.append((place, " " * (before + right * room) + part))
                before = (0 if right else room) + GAP
            else:
                before += width + GAP
        lines.append(pieces)
    return lines


def wrap_cell(text: str, kind: str, width: int) -> list[str]:
    """What stands in a cell, in the lines that it takes; none is wider than the cell."""
    if kind == "figure" or measure(text) <= width:
        return [text]
    if kind == "name":
        return wrap_name(text, width)
    return [part for line in wrap(text, width) for part in wrap_name(line, width)]


def lay_out(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Layout:
    """The columns that a terminal of `width` has room for, and how much each takes."""
    sizes = [
        _Sizes.of(column, [row[place] for row in rows]) for place, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    by_turn = sorted((i for i in kept if columns[i].goes), key=lambda i: (-columns[i].goes, -i))
    for place in by_turn:
        if _needs(sizes, kept, wide=width >= FULL) <= width:
            break
        kept.remove(place)
    every = range(len(columns))
    full = _needs(sizes, every, wide=False)
    if full > FULL:
        full = max(FULL, _needs(sizes, every, wide=True))
    return Layout(
        tuple(kept),
        tuple(_share([sizes[i] for i in kept], width - GAP * (len(kept) - 1))),
        tuple(columns[i].called or columns[i].title for i in every if i not in kept),
        full,
    )


def draw_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, otherwise: str = "--json"
) -> list[str]:
    """The lines of a table without any style, and one more for what there was no room for."""
    layout = lay_out(columns, rows, width)
    titles = [column.title for column in columns]
    lines = draw_row(columns, titles, layout, head=True)
    for row in rows:
        lines += draw_row(columns, row, layout)
    note = wrap(layout.note(otherwise), width, HANG) if layout.left_out else []
    return ["".join(part for _, part in line) for line in lines] + note


class _Sizes(Struct, frozen=True):
    """Widths of a column: of what it holds, with which it is content, and the least."""

    whole: int
    content: int
    least: int

    @classmethod
    def of(cls, column: Column, cells: Sequence[str]) -> _Sizes:
        head = _longest(column.title)
        inside = max(map(measure, cells), default=0)
        whole = max(measure(column.title), inside)
        if column.kind == "figure":
            return cls(whole, max(head, inside), max(head, inside))
        if column.kind == "name":
            pieces = [min(measure(cell), SHORT_NAME) for cell in cells]
            long = LONG_NAME
        else:
            pieces = [_longest(cell) for cell in cells]
            long = LONG_TEXT
        least = min(max(head, *pieces, 1) if cells else head, max(head, LONG_NAME))
        return cls(whole, min(whole, max(long, least)), min(whole, least))


def _longest(text: str) -> int:
    """The width of its longest word."""
    return max((measure(word) for _, word in _WORDS.findall(text)), default=0)


def _needs(sizes: Sequence[_Sizes], kept: Sequence[int], *, wide: bool) -> int:
    """So much room these columns want; wide: where it is enough that nothing breaks."""
    wanted = sum(sizes[i].least if wide else sizes[i].content for i in kept)
    return wanted + GAP * (len(kept) - 1)


def _share(sizes: Sequence[_Sizes], room: int) -> list[int]:
    """Each its whole width; where that is too much the widest give first what they can spare."""
    widths = [size.whole for size in sizes]
    for floors in ([size.content for size in sizes], [size.least for size in sizes]):
        while sum(widths) > room:
            spare = [
                (width - floor, i)
                for i, (width, floor) in enumerate(zip(widths, floors, strict=True))
            ]
            most, place = max(spare)
            if most <= 0:
                break
            widths[place] -= 1
    return widths

"""Tables in the terminal: each takes the room that there is, and says what it had none for."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from covidreport.cli.terminal import clean
from covidreport.report.blocks import Table as TableBlock
from covidreport.report.cells import write_cell
from covidreport.text.columns import GAP, Column, draw_row, lay_out, measure, wrap

FIGURES = ("count", "missed", "figure", "rank")
"""Kinds of column of a report whose cells are numbers."""
ROOM = {"always": 0, "medium": 1, "wide": 2, "asked": 3}
"""When a column of a report goes, by where a page shows it."""
Cell = str | tuple[str, str]
"""What stands in a cell, with its style where it has one."""


class Row(Struct, frozen=True):
    """A row; style: of all its cells that have none."""

    cells: Sequence[Cell]
    style: str = ""


def print_table(
    console: Console, columns: Sequence[Column], rows: Sequence[Row], *, title: str = "",
    otherwise: str = "--json",
) -> None:  # fmt: skip
    """The columns that there is room for, and beneath them what was left out.

    otherwise: the option that shows all, whatever the room; empty where there is none.
    """
    columns = [replace(each, title=clean(each.title)) for each in columns]
    texts = [[clean(cell if isinstance(cell, str) else cell[0]) for cell in row.cells]
             for row in rows]  # fmt: skip
    layout = lay_out(columns, texts, console.width)
    if title:
        print_line(console, title, "bold")
    titles = [each.title for each in columns]
    if any(titles):
        for line in draw_row(columns, titles, layout, head=True):
            print_styled(console, [(part, "bold") for _, part in line])
    for row, cells in zip(rows, texts, strict=True):
        styles = [row.style if isinstance(cell, str) else cell[1] for cell in row.cells]
        for line in draw_row(columns, cells, layout):
            print_styled(console, [(part, styles[place]) for place, part in line])
    if layout.left_out:
        print_line(console, layout.note(otherwise), "dim")


def print_block(console: Console, block: TableBlock, otherwise: str = "--json") -> None:
    """A table of a report: its caption, its heads, each cell in one line."""
    columns = [
        Column(
            f"{column.title} {column.note}".strip(),
            "figure" if column.kind in FIGURES else "name" if column.kind == "name" else "text",
            ROOM[column.room],
            column.title,
        )
        for column in block.columns
    ]
    rows = [Row([write_cell(cell).line for cell in row.cells]) for row in block.rows]
    print_table(console, columns, rows, title=block.caption, otherwise=otherwise)


def print_line(console: Console, text: str, style: str = "", hang: int = 2) -> None:
    """A sentence on stdout; where it takes several lines the others are indented by `hang`."""
    for line in wrap(clean(text), console.width, hang):
        print_styled(console, [(line, style)])


def print_styled(console: Console, pieces: Sequence[tuple[str, str]]) -> None:
    """A line as it is, each of its pieces with a style."""
    console.print(Text.assemble(*pieces), soft_wrap=True)


def print_beside(
    console: Console, head: tuple[str, str], texts: Sequence[tuple[str, str]], width: int
) -> None:
    """A word at the left and beside it what it is of, each text in lines of its own.

    width: of the longest such word, so that what stands beneath each other begins alike. Of several
    texts each is told from the next by its further lines, which are indented.
    """
    margin = max(width, measure(head[0])) + GAP
    first = True
    for text, style in texts:
        for line in wrap(clean(text), console.width - margin, 2 * (len(texts) > 1)):
            left = head[0] if first else ""
            print_styled(console, [(left.ljust(margin), head[1]), (line, style)])
            first = False

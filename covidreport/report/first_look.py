"""What of a long or wide table is read at once, where the rest is folded beneath it."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.report.blocks import Cell, Difference, Rate, Table
from covidreport.report.cells import write_cell
from covidreport.text import listed, plural

MOST_ROWS, MOST_COLUMNS = 12, 7
"""GitHub shows so many columns beside each other in its 830 pixels; the baseline's row is always
there, too."""
WHOLE = "The whole table"
"""How the title of the fold begins."""
_FIRST_TO_GO = ("asked", "wide", "medium")


def take_first(table: Table) -> Table:
    """Its first rows and the baseline's, wherever it stands, and as many columns as there is room
    for; the table itself where that is all of it."""
    places = _choose_columns(table)
    rows = [row for at, row in enumerate(table.rows) if at < MOST_ROWS or row.baseline]
    if len(places) == len(table.columns) and len(rows) == len(table.rows):
        return table
    return replace(
        table,
        columns=tuple(table.columns[at] for at in places),
        rows=tuple(replace(row, cells=tuple(row.cells[at] for at in places)) for row in rows),
    )


def write_briefly(cell: Cell) -> str:
    """A figure with its interval in brackets, without its fraction: `0.714 (0.529 to 0.847)`."""
    written = write_cell(cell)
    if isinstance(cell, Rate | Difference) and written.note:
        return f"{written.value} ({written.note})"
    return written.line


def describe_whole(table: Table) -> str:
    """What is folded: `The whole table: 18 rows, also Block, Found and F1`."""
    places = _choose_columns(table)
    more = [each.title for at, each in enumerate(table.columns) if at not in places]
    return f"{WHOLE}: {plural(len(table.rows), 'row')}{f', also {listed(more)}' if more else ''}"


def _choose_columns(table: Table) -> list[int]:
    """The places of those that stand: what a page shows last goes first, from the right."""
    places = list(range(len(table.columns)))
    for room in _FIRST_TO_GO:
        for at in reversed(range(len(table.columns))):
            if len(places) > MOST_COLUMNS and table.columns[at].room == room:
                places.remove(at)
    return places

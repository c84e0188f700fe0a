"""A table of a report in the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from covidreport.cli.terminal import clean
from covidreport.report.blocks import Table as TableBlock
from covidreport.report.cells import write_cell

RIGHT = ("count", "missed", "figure", "rank")
"""Kinds of column whose cells are numbers."""


def draw_table(block: TableBlock) -> Table:
    """The block as rich draws it: its caption, its heads, each cell in one line."""
    table = Table(
        title=Text(clean(block.caption), style="bold"), title_justify="left", box=None,
        pad_edge=False, header_style="bold",
    )  # fmt: skip
    for column in block.columns:
        head = f"{column.title} {column.note}".strip()
        table.add_column(
            Text(clean(head)),
            justify="right" if column.kind in RIGHT else "left",
            overflow="fold",
        )
    for row in block.rows:
        table.add_row(*(Text(clean(write_cell(cell).line)) for cell in row.cells))
    return table

"""Reads the tables of a page as a reader does: captions, heads and cells, without markup."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from covidreport.report.first_look import WHOLE
from tests.report.tree import classes_of, words_of

Cell = tuple[str, str]
"""The text of a cell, and what is noted beneath it."""


@dataclass(frozen=True)
class ReadTable:
    """A table that was found; `kind` are its classes."""

    kind: frozenset[str]
    caption: str
    head: tuple[tuple[Cell, ...], ...]
    rows: tuple[tuple[Cell, ...], ...]


def read_tables(part: Element) -> list[ReadTable]:
    """Every table in a part of a page, in its order; pictures in cells are left out.

    In Markdown that is shown, what stands in bold before a table is its caption. Where its first
    rows and columns stand before the whole of it, which is folded, it is read once, and whole.
    """
    tables: list[ReadTable] = []
    bold, again = "", False
    for element in part.iter():
        if element.tag == "p" and len(element) == 1 and element[0].tag == "strong":
            bold = words_of(element)
        elif element.tag == "summary" and words_of(element).startswith(WHOLE):
            again = True
        elif element.tag == "table":
            tables[len(tables) - again :] = [_read(element, bold)]
            again = False
    return tables


def _read(table: Element, bold: str) -> ReadTable:
    caption = table.find("caption")
    rows = {
        place: tuple(
            tuple(_read_cell(cell) for cell in row if cell.tag in ("td", "th"))
            for part in table
            if part.tag in place.split()
            for row in part.iter("tr")
        )
        for place in ("thead", "tbody tfoot")
    }
    words = bold if caption is None else words_of(caption)
    return ReadTable(frozenset(classes_of(table)), words, rows["thead"], rows["tbody tfoot"])


def _read_cell(cell: Element) -> Cell:
    notes = [words_of(each) for each in cell.iter() if each.tag == "i"]
    # a sign that leads to what a metric is belongs to its head, not to its name
    return words_of(cell, {"i", "term"}), " ".join(notes)


def read_grids(part: Element) -> list[ReadTable]:
    """Every grid in a part of a page, as a table with one head: its levels in one line each, and a
    head that goes over two rows in both. Notes stand in brackets."""
    grids = []
    for table in part.iter("table"):
        if "counts" not in classes_of(table):
            continue
        levels = _spread(table, ("thead",))
        head = tuple(
            (", ".join(dict.fromkeys(text for text, _ in column)), "")
            for column in zip(*levels, strict=True)
        )
        caption = table.find("caption")
        assert caption is not None
        rows = tuple(
            tuple((f"{text} ({note})" if note else text, "") for text, note in row)
            for row in _spread(table, ("tbody", "tfoot"))
        )
        grids.append(ReadTable(frozenset(classes_of(table)), words_of(caption), (head,), rows))
    return grids


def _spread(table: Element, tags: tuple[str, ...]) -> list[list[Cell]]:
    """Rows of cells, one in each place that it goes over."""
    rows: list[dict[int, Cell]] = []
    elements = [row for part in table if part.tag in tags for row in part.iter("tr")]
    filled: dict[tuple[int, int], Cell] = {}
    for at, row in enumerate(elements):
        column = 0
        for cell in (each for each in row if each.tag in ("td", "th")):
            while (at, column) in filled:
                column += 1
            down, right = int(cell.get("rowspan", "1")), int(cell.get("colspan", "1"))
            for i in range(down):
                for j in range(right):
                    filled[at + i, column + j] = _read_cell(cell)
    for at in range(len(elements)):
        rows.append({column: cell for (line, column), cell in filled.items() if line == at})
    return [[row[column] for column in sorted(row)] for row in rows]

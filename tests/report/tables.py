"""Reads the tables of a page as a reader does: captions, heads and cells, without markup."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

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

    In Markdown that is shown, what stands in bold before a table is its caption.
    """
    tables, bold = [], ""
    for element in part.iter():
        if element.tag == "p" and len(element) == 1 and element[0].tag == "strong":
            bold = words_of(element)
        elif element.tag == "table":
            tables.append(_read(element, bold))
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
    notes = [words_of(each) for each in cell.iter() if "note" in classes_of(each)]
    return words_of(cell, {"note"}), " ".join(notes)

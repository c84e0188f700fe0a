"""Names of runs in the parts of the report that are strings."""

from __future__ import annotations

from covidreport.report.index import Index
from covidreport.report.view.records import Cell, Span
from covidreport.text import clean


def name_span(index: Index, name: str) -> Span:
    """A name in a sentence, which leads to its section where it is a run."""
    return Span(clean(name), "name", index.anchors.get(name, ""))


def name_cell(index: Index, name: str, note: str = "") -> Cell:
    """A name in a table, which leads to its section."""
    anchor = index.anchors.get(name, "")
    return Cell(clean(name), clean(note), kind="name", anchor=anchor, sort=clean(name))

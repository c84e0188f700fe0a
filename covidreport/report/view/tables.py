"""Cells of the parts of the report that are strings still."""

from __future__ import annotations

from covidreport.records import Estimate
from covidreport.report.view.records import Cell
from covidreport.text import figure


def figure_cell(estimate: Estimate | None) -> Cell:
    """A figure with its interval beneath."""
    shown = figure(estimate)
    note = shown.interval or shown.mark
    return Cell(shown.value, note, shown.text if note else shown.value, "figure")


def evidence_cell(estimate: Estimate | None) -> Cell:
    """A figure with its fraction and interval beneath."""
    shown = figure(estimate)
    note = "; ".join(part for part in (shown.fraction, shown.interval, shown.mark) if part)
    return Cell(shown.value, note, shown.text, "figure")

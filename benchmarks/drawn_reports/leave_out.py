"""Leaves parts of a report out of the comparison, by what a reader calls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.drawn_reports.records import Chart, Part, Section, Table


def leave_out(report: Section, titles: Sequence[str]) -> Section:
    """The report without sections, tables and charts of these titles, wherever they stand."""
    parts = tuple(
        leave_out(part, titles) if isinstance(part, Section) else part
        for part in report.parts
        if _title_of(part) not in titles
    )
    return replace(report, parts=parts)


def _title_of(part: Part) -> str | None:
    if isinstance(part, Section):
        return part.title
    if isinstance(part, Table):
        return part.caption
    return part.alternative if isinstance(part, Chart) else None

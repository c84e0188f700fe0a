"""Reports of what was evaluated: a pure function from `ReportData` to text for each format."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from covidreport.records import ReportData
from covidreport.report.csv import render_csv
from covidreport.report.html import render_html
from covidreport.report.json import render_json
from covidreport.report.markdown import render_markdown

__all__ = ["FORMATS", "Format", "render_csv", "render_html", "render_json", "render_markdown"]


class Format(NamedTuple):
    """A format: the suffix of its files, with the dot, and the function that makes one."""

    suffix: str
    render: Callable[[ReportData], str]


FORMATS: dict[str, Format] = {
    "html": Format(".html", render_html),
    "markdown": Format(".md", render_markdown),
    "json": Format(".json", render_json),
    "csv": Format(".csv", render_csv),
}
"""Every format by the name that `render --format` takes."""

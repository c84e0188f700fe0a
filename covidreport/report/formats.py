"""The formats of a report: a pure function from `ReportData` to text for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from covidreport.records import ReportData
from covidreport.report.csv import render_csv
from covidreport.report.html import render_html
from covidreport.report.json import render_json
from covidreport.report.markdown import render_comment, render_markdown
from covidreport.report.options import PLAIN, RenderOptions

__all__ = [
    "FORMATS",
    "Format",
    "render_comment",
    "render_csv",
    "render_html",
    "render_json",
    "render_markdown",
]


class Renderer(Protocol):
    """A pure function from a report's data to text; the options are for formats that have any."""

    def __call__(self, data: ReportData, options: RenderOptions = PLAIN, /) -> str: ...


class Format(NamedTuple):
    """A format: the suffix of its files, with the dot, and the function that makes one."""

    suffix: str
    render: Renderer


def _whole(render: Callable[[ReportData], str]) -> Renderer:
    """A format that holds all data, whatever it is to look like."""
    return lambda data, options=PLAIN, /: render(data)  # noqa: ARG005


FORMATS: dict[str, Format] = {
    "html": Format(".html", render_html),
    "markdown": Format(".md", render_markdown),
    "comment": Format(".comment.md", render_comment),
    "json": Format(".json", _whole(render_json)),
    "csv": Format(".csv", _whole(render_csv)),
}
"""Every format by the name that `render --format` takes."""

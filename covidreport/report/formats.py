"""The formats of a report: a pure function from `ReportData` to text for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from covidreport.records import ReportData
from covidreport.report.csv import render_csv
from covidreport.report.csv_tables import render_metrics_csv, render_ranking_csv
from covidreport.report.docx import render_docx
from covidreport.report.html import render_html
from covidreport.report.json import render_json
from covidreport.report.latex import render_latex
from covidreport.report.markdown import render_comment, render_markdown
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.store import encode_text

__all__ = [
    "DOCUMENTS",
    "FORMATS",
    "Format",
    "encode_report",
    "find_suffix",
    "name_formats",
    "need_curves",
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
    """A format: the suffix of its files, with the dot, the function that makes one, and whether it
    has the curves over all thresholds."""

    suffix: str
    render: Renderer
    curves: bool = True


def _whole(render: Callable[[ReportData], str]) -> Renderer:
    """A format that holds all data, whatever it is to look like."""
    return lambda data, options=PLAIN, /: render(data)  # noqa: ARG005


class Document(NamedTuple):
    """A format that is no text: the suffix of its files, and the function that makes one."""

    suffix: str
    render: Callable[[ReportData, RenderOptions], bytes]


FORMATS: dict[str, Format] = {
    "html": Format(".html", render_html),
    "markdown": Format(".md", render_markdown),
    "comment": Format(".comment.md", render_comment),
    "latex": Format(".tex", render_latex),
    "json": Format(".json", _whole(render_json), curves=False),
    "ranking-csv": Format(".ranking.csv", _whole(render_ranking_csv), curves=False),
    "metrics-csv": Format(".metrics.csv", _whole(render_metrics_csv), curves=False),
    "csv": Format(".csv", _whole(render_csv), curves=False),
}
"""Every format that is text, by the name that `render --format` takes."""
DOCUMENTS: dict[str, Document] = {"docx": Document(".docx", render_docx)}
"""The others, by the same names: made by programs that may not be there."""


def name_formats() -> tuple[str, ...]:
    """Every name that `render --format` takes."""
    return (*FORMATS, *DOCUMENTS)


def find_suffix(name: str) -> str:
    """The suffix of a format's files, with the dot."""
    return FORMATS[name].suffix if name in FORMATS else DOCUMENTS[name].suffix


def need_curves(names: Iterable[str]) -> bool:
    """Whether any of these formats has the curves over all thresholds."""
    return any(name not in FORMATS or FORMATS[name].curves for name in names)


def encode_report(name: str, data: ReportData, options: RenderOptions = PLAIN) -> bytes:
    """A report as the bytes of a file of that format."""
    if name in FORMATS:
        return encode_text(FORMATS[name].render(data, options))
    return DOCUMENTS[name].render(data, options)

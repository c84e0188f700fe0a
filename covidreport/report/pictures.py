"""The charts of a report as files: PNG beside a Markdown report, SVG and PDF for a paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from covidreport.records import ReportData
from covidreport.report.blocks import Chart, walk_blocks
from covidreport.report.charts.diagram import Diagram
from covidreport.report.charts.lines import TitledLines
from covidreport.report.charts.scatter import Scatter
from covidreport.report.charts.vega import draw_alone
from covidreport.report.environment import render_template
from covidreport.report.index import index_runs
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.report.prose import HTML
from covidreport.report.reader_points import explain_marks
from covidreport.report.view import ReportView, view_report
from covidreport.text import clean, label_name

SCALE = 2
"""Pixels a unit: sharp on a dense screen, and on paper."""


def draw_pictures(data: ReportData, options: RenderOptions = PLAIN) -> Mapping[str, bytes]:
    """The pictures that `render_markdown` links to where `options.charts` is set, by file name.

    Missed cases against false alarms for each ranking, and the charts of several runs as the page
    shows them first. The same data give the same bytes with the same version of vl-convert.
    """
    import vl_convert

    return {
        f"{name}.png": bytes(vl_convert.svg_to_png(svg, scale=SCALE))
        for name, svg in _draw_charts(data, options)
    }


def draw_figures(data: ReportData, options: RenderOptions = PLAIN) -> Iterator[tuple[str, bytes]]:
    """The same pictures for a paper, by file name: each as SVG and as PDF, of lines and text."""
    import vl_convert

    for name, svg in _draw_charts(data, options):
        yield f"{name}.svg", svg.encode()
        yield f"{name}.pdf", bytes(vl_convert.svg_to_pdf(svg))


def _draw_charts(data: ReportData, options: RenderOptions) -> Iterator[tuple[str, str]]:
    """The name of each chart that a page draws of several runs, and its SVG by itself."""
    runs = index_runs(data).runs
    for block in _list_charts(view_report(data, options.hide)):
        match block.drawing:
            case (Scatter() as first, *_):
                yield block.name, _render("trade-off.svg.j2", {"scatter": first}, options)
            case (Diagram() as first, *_):
                yield block.name, _render("diagram.svg.j2", {"diagram": first}, options)
            case (TitledLines() as first, *_):
                names = [clean(runs[int(key) - 1].run.name) for key in first.lines.shown]
                of = f" for {label_name(first.label)}" if first.label else ""
                note = explain_marks(first.lines.marks)
                yield block.name, draw_alone(first.lines, f"{block.title}{of}", names, note)


def _render(template: str, values: dict[str, object], options: RenderOptions) -> str:
    return render_template(template, values, HTML, options.templates).lstrip()


def _list_charts(view: ReportView) -> Iterator[Chart]:
    for sections in view.sections.values():
        for section in sections:
            for block in walk_blocks(section.blocks):
                if isinstance(block, Chart):
                    yield block

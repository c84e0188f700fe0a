"""The charts of a report as PNG files that stand beside a Markdown report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from covidreport.records import ReportData
from covidreport.report.blocks import Chart, walk_blocks
from covidreport.report.charts.diagram import Diagram
from covidreport.report.charts.lines import TitledLines
from covidreport.report.charts.scatter import Scatter
from covidreport.report.charts.vega import draw_png
from covidreport.report.environment import render_template
from covidreport.report.index import index_runs
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.report.prose import HTML
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

    runs = index_runs(data).runs
    view = view_report(data, options.hide)
    pictures = {}
    for block in _list_charts(view):
        match block.drawing:
            case (Scatter() as first, *_):
                values: dict[str, object] = {"scatter": first}
                svg = render_template("trade-off.svg.j2", values, HTML, options.templates)
                pictures[f"{block.name}.png"] = bytes(vl_convert.svg_to_png(svg, scale=SCALE))
            case (Diagram() as first, *_):
                values = {"diagram": first}
                svg = render_template("diagram.svg.j2", values, HTML, options.templates)
                pictures[f"{block.name}.png"] = bytes(vl_convert.svg_to_png(svg, scale=SCALE))
            case (TitledLines() as first, *_):
                names = [clean(runs[int(key) - 1].run.name) for key in first.lines.shown]
                of = f" for {label_name(first.label)}" if first.label else ""
                title = f"{block.title}{of}"
                pictures[f"{block.name}.png"] = draw_png(first.lines, title, names, SCALE)
    return pictures


def _list_charts(view: ReportView) -> Iterator[Chart]:
    for sections in view.sections.values():
        for section in sections:
            for block in walk_blocks(section.blocks):
                if isinstance(block, Chart):
                    yield block

"""The charts of a report as PNG files that stand beside a Markdown report."""

from __future__ import annotations

from collections.abc import Mapping

from covidreport.records import ReportData
from covidreport.report.blocks import Chart
from covidreport.report.charts.drawn import list_rows
from covidreport.report.charts.part import list_charts
from covidreport.report.charts.vega import draw_png
from covidreport.report.environment import render_template
from covidreport.report.index import index_runs
from covidreport.report.look import PLAIN, Look
from covidreport.report.prose import HTML
from covidreport.report.view import view_report
from covidreport.report.view.curves import MEASURES
from covidreport.report.view.records import ReportView
from covidreport.text import clean, label_name

SCALE = 2
"""Pixels a unit: sharp on a dense screen, and on paper."""


def draw_pictures(data: ReportData, look: Look = PLAIN) -> Mapping[str, bytes]:
    """The pictures that `render_markdown` links to where `look.charts` is set, by file name.

    Missed cases against false alarms for each ranking, and the charts of several runs as the page
    shows them first. The same data give the same bytes with the same version of vl-convert.
    """
    import vl_convert

    view = view_report(data, look.hide)
    trade_offs = {
        name: bytes(vl_convert.svg_to_png(svg, scale=SCALE))
        for name, svg in _draw_trade_offs(view, look).items()
    }
    return {**trade_offs, **_draw_charts(data, view)}


def _draw_trade_offs(view: ReportView, look: Look) -> dict[str, str]:
    """Missed cases against false alarms, an SVG for each ranking that has the picture."""
    blocks = (block for one in view.sections["ranking"] for block in one.blocks)
    return {
        f"{block.name}.png": render_template(
            "trade-off.svg.j2", {"scatter": block.drawing[0]}, HTML, look.templates
        )
        for block in blocks
        if isinstance(block, Chart) and isinstance(block.drawing, tuple)
    }


def _draw_charts(data: ReportData, view: ReportView) -> dict[str, bytes]:
    """ROC, precision and recall, net benefit, epochs and calibration, where the data has them."""
    charts = list_charts(data, view)
    if charts is None:
        return {}
    runs = index_runs(data).runs
    names = [clean(runs[place].run.name) for place in view.shown]
    titles = {chart.name: chart.title for chart in view.charts}
    titles |= {
        name: f"{titles[name]} for {label_name(data.target)}"
        for name in titles.keys() - set(MEASURES)
    }
    return {
        f"{name}.png": draw_png(charts["specs"][name], rows, titles[name], names, SCALE)
        for name, rows in list_rows(charts).items()
    }

"""The charts of a report as PNG files that stand beside a Markdown report."""

from __future__ import annotations

import html
from collections.abc import Mapping

from covidreport.records import ReportData
from covidreport.report.environment import render_template
from covidreport.report.look import PLAIN, Look
from covidreport.report.view import view_report
from covidreport.report.view.records import ReportView

SCALE = 2
"""Pixels a unit: sharp on a dense screen, and on paper."""


def draw_pictures(data: ReportData, look: Look = PLAIN) -> Mapping[str, bytes]:
    """The pictures that `render_markdown` links to where `look.charts` is set, by file name.

    The same data give the same bytes with the same version of vl-convert.
    """
    import vl_convert

    view = view_report(data, look.hide)
    return {
        name: bytes(vl_convert.svg_to_png(svg, scale=SCALE))
        for name, svg in _draw_trade_offs(view, look).items()
    }


def _draw_trade_offs(view: ReportView, look: Look) -> dict[str, str]:
    """Missed cases against false alarms, an SVG for each ranking that has the picture."""
    return {
        name_trade_off(ranking.anchor): render_template(
            "trade-off.svg.j2", {"scatter": ranking.scatters[0]}, html.escape, look.templates
        )
        for ranking in view.rankings
        if ranking.scatters
    }


def name_trade_off(anchor: str) -> str:
    """The file of a ranking's picture: `ranking.png`, `ranking-2.png`."""
    return f"{anchor}.png"

"""The report as one HTML file: no script, no request, nothing that the page's policy allows."""

from __future__ import annotations

import base64
import hashlib
import html

from covidreport.records import ReportData
from covidreport.report.charts.intervals import INTERVAL_TICKS
from covidreport.report.charts.intervals import WIDTH as INTERVAL_WIDTH
from covidreport.report.environment import read_template, render_template
from covidreport.report.view import view_report


def render_html(data: ReportData) -> str:
    """One self-contained HTML file. The same data give the same bytes."""
    from markupsafe import Markup

    style = read_template("report.css")
    if "</" in style:
        raise ValueError("report.css holds `</`, which could end the style element early")
    values: dict[str, object] = {
        "view": view_report(data),
        "style": Markup(style),  # noqa: S704  # our own file, checked above
        "policy": content_policy(style),
        "interval_ticks": INTERVAL_TICKS,
        "interval_width": INTERVAL_WIDTH,
    }
    return render_template("report.html.j2", values, html.escape)


def content_policy(style: str) -> str:
    """What a browser may do with the page: apply this very style, show embedded pictures."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )

"""The charts of several runs as static pictures, for a page without JavaScript and for paper."""

from __future__ import annotations

from typing import Any

from covidreport.report.charts.rows import Rows, epoch_rows, operating_rows, reliability_rows
from covidreport.report.charts.vega import draw_svg


def draw_charts(charts: dict[str, Any] | None) -> dict[str, str]:
    """SVG by the name of the chart: the runs that are shown first, the target, as evaluated."""
    if charts is None:
        return {}
    return {name: draw_svg(charts["specs"][name], rows) for name, rows in list_rows(charts).items()}


def list_rows(charts: dict[str, Any]) -> dict[str, Rows]:
    """The rows of each chart that this report has, as it is shown first."""
    chosen, label = charts["chosen"], charts["labels"][0][0]
    rows: dict[str, Rows] = {}
    if "roc" in charts["specs"]:
        rows |= operating_rows(charts, chosen, label, None)
    for name in charts["specs"]:
        if name == "reliability":
            rows[name] = reliability_rows(charts, chosen, label)
        elif name not in rows:
            rows[name] = epoch_rows(charts, chosen, name)
    return rows

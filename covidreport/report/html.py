"""The report as one HTML file: nothing is fetched, nothing runs that its policy does not name."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence

from covidreport.records import ReportData
from covidreport.report.charts.intervals import INTERVAL_TICKS
from covidreport.report.charts.intervals import WIDTH as INTERVAL_WIDTH
from covidreport.report.environment import read_template, render_template
from covidreport.report.payload import write_payload
from covidreport.report.view import view_report

STYLES = (
    "page", "controls", "answer", "findings", "tables", "charts", "runs", "end", "screens", "print",
)  # fmt: skip
"""The files of `templates/styles`, in the order in which later rules go before earlier ones."""
SCRIPTS = ("page",)
"""The files of `templates/script`, in order: the first makes what the others use."""


def render_html(data: ReportData) -> str:
    """One self-contained HTML file. The same data give the same bytes."""
    from markupsafe import Markup

    view = view_report(data)
    style, script = read_style(), read_script()
    values: dict[str, object] = {
        "view": view,
        "style": Markup(style),  # noqa: S704  # our own files, checked when they were read
        "scripts": [Markup(script)],  # noqa: S704  # likewise
        "payload": Markup(write_payload(data, view)),  # noqa: S704  # escaped for its element
        "policy": content_policy(style, [script]),
        "interval_ticks": INTERVAL_TICKS,
        "interval_width": INTERVAL_WIDTH,
    }
    return render_template("report.html.j2", values, html.escape)


def read_style() -> str:
    """All style sheets as one."""
    return _check("\n".join(read_template(f"styles/{name}.css") for name in STYLES), "style")


def read_script() -> str:
    """All scripts as one, in a scope of their own."""
    files = "\n".join(read_template(f"script/{name}.js") for name in SCRIPTS)
    return _check(f'"use strict";\n(() => {{\n{files}}})();\n', "script")


def content_policy(style: str, scripts: Sequence[str]) -> str:
    """What a browser may do with the page: apply this very style, run these very scripts, show
    embedded pictures; ask nobody for anything."""
    allowed = " ".join(_digest(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_digest(style)}; img-src data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _check(text: str, element: str) -> str:
    if f"</{element}" in text.lower() or "<!--" in text:
        raise ValueError(f"a file of the {element} could end the {element} element early")
    return text

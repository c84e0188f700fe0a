"""The report as one HTML file: nothing is fetched, nothing runs that its policy does not name."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from covidreport.errors import CovidReportError
from covidreport.records import ReportData
from covidreport.report.blocks import (
    FIRST_PICTURES,
    FIRST_ROWS,
    MOST_SIGNS,
    Section,
    list_targets,
    list_terms,
)
from covidreport.report.cells import SIGNS
from covidreport.report.charts.intervals import WIDTH as INTERVAL_WIDTH
from covidreport.report.charts.lines import WIDTH as PLOT_WIDTH
from covidreport.report.charts.palette import SERIES_STYLES
from covidreport.report.environment import OWN, read_template, render_template
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.report.payload import escape_json, list_parts
from covidreport.report.prose import HTML
from covidreport.report.view import ReportView, view_report

STYLES = (
    "page", "controls", "answer", "findings", "tables", "charts", "pictures", "drawings", "runs",
    "matrices", "end", "screens", "rows", "print",
)  # fmt: skip
"""The files of `templates/styles`, in the order in which later rules go before earlier ones."""
SCRIPTS = (
    "page", "address", "contents", "numbers", "tables", "pictures", "choice", "charts", "readout",
    "readings", "saving", "threshold", "print",
)  # fmt: skip
"""The files of `templates/script`, in order: the first makes what the others use."""


def render_html(data: ReportData, options: RenderOptions = PLAIN) -> str:
    """One self-contained HTML file. The same data and options give the same bytes."""
    view = view_report(data, options.hide)
    return draw_page(view, list_parts(data, view), options)


def draw_page(view: ReportView, parts: Mapping[str, object], options: RenderOptions = PLAIN) -> str:
    """A page of any view; parts: what its script works on (`list_parts`)."""
    from markupsafe import Markup

    script = read_script(options.templates)
    style = read_style(options.templates)
    values: dict[str, object] = {
        "view": view,
        "targets": list_targets(_list_sections(view)),
        "logo": options.logo,
        "style": Markup(style),  # noqa: S704  # our own files, checked when they were read
        "script": Markup(script),  # noqa: S704  # likewise
        "payload": Markup(escape_json(parts)),  # noqa: S704  # escaped for its element
        "policy": content_policy(style, script),
        "plot_width": PLOT_WIDTH,
        "shapes": [style.path for style in SERIES_STYLES],
        "inks": [style.colour for style in SERIES_STYLES],
        "signs": SIGNS,
        "interval_width": INTERVAL_WIDTH,
        "most_signs": MOST_SIGNS,
        "shown_of_long": FIRST_ROWS,
        "first_pictures": FIRST_PICTURES,
        "terms": list_terms(_list_sections(view)),
        "print_appendix": options.appendix,
    }
    return render_template("report.html.j2", values, HTML, options.templates)


def _list_sections(view: ReportView) -> tuple[Section, ...]:
    return tuple(one for each in view.sections.values() for one in each)


def read_style(own: Path | None = None) -> str:
    """All style sheets as one, those in `own` in place of ours and its `styles/own.css` last."""
    return _check(_join("styles", STYLES, ".css", own), "style")


def read_script(own: Path | None = None) -> str:
    """All scripts as one, in a scope of their own; `own` as for styles."""
    files = _join("script", SCRIPTS, ".js", own)
    return _check(f'"use strict";\n(() => {{\n{files}}})();\n', "script")


def _join(folder: str, names: Sequence[str], suffix: str, own: Path | None) -> str:
    files = [f"{folder}/{name}{suffix}" for name in names]
    files += [name for name in OWN if own and name.startswith(folder) and (own / name).is_file()]
    return "\n".join(read_template(name, own) for name in files)


def content_policy(style: str, script: str) -> str:
    """What a browser may do with the page: apply this very style, run this very script, show
    embedded pictures; ask nobody for anything."""
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "img-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _check(text: str, element: str) -> str:
    if f"</{element}" in text.lower() or "<!--" in text:
        raise CovidReportError(
            f"a file of the {element} holds `</{element}` or `<!--`, which could end the {element} "
            "element early"
        )
    return text

"""The report as Markdown, for a pull request or a terminal: the same words and figures."""

from __future__ import annotations

import re

from covidreport.records import ReportData
from covidreport.report.environment import render_template
from covidreport.report.view import view_report

_ANYWHERE = re.compile(r"[\\`*_\[\]<>|~$]|&(?=[#\w])")
_AT_THE_START = re.compile(r"^(\s*)(?:([#+=-])|(\d+)([.)])(?=\s|$))")
_LINKS_BY_ITSELF = re.compile(r"(?i)(https?|ftp)(:)(?=//)|(www)(\.)")


def render_markdown(data: ReportData) -> str:
    """GitHub-flavoured Markdown without any HTML. The same data give the same bytes."""
    text = render_template("report.md.j2", {"view": view_report(data)}, escape_markdown)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escape_markdown(text: str) -> str:
    r"""Text that Markdown shows as it is: in a paragraph, a heading, a list or a table's cell.

    Line breaks become spaces; a backslash goes before whatever could begin markup, and before the
    sign that would make a bare address a link. `a|b` is `a\|b`, `<script>` is `\<script\>`.
    """
    flat = re.sub(r"\s+", " ", text)
    escaped = _ANYWHERE.sub(lambda found: f"\\{found.group()}", flat)
    escaped = _LINKS_BY_ITSELF.sub(
        lambda found: f"{found[1] or found[3]}\\{found[2] or found[4]}", escaped
    )
    return _AT_THE_START.sub(
        lambda found: f"{found[1]}{found[3] or ''}\\{found[2] or found[4]}", escaped, count=1
    )

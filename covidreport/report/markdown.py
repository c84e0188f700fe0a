"""The report as Markdown, whole in a file or cut for a comment: the same words and figures.

What is long is folded into `<details>`, which GitHub and GitLab both show; no other HTML stands in
it but a comment in the first line, by which a comment of an earlier run is found and replaced.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from covidreport.records import ReportData
from covidreport.report.blocks import Block
from covidreport.report.environment import render_template
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.report.parts import PartMarks
from covidreport.report.prose import Writer
from covidreport.report.view import ReportView, view_report

if TYPE_CHECKING:
    from markupsafe import Markup

COMMENT_LIMIT = 65_000
"""GitHub takes 65,536 characters in a comment; the rest is for a few words around the report."""
MARKER = "<!-- covidreport:report -->"
"""The first line: a comment that begins with it is one of ours, and may be replaced."""
REMEDY = "`report.md` and the HTML report of the same runs have them."

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_ANYWHERE = re.compile(r"[\\`*_\[\]<>|~$]|&(?=[#\w])")
_AT_THE_START = re.compile(r"^(\s*)(?:([#+=/-])|(\d+)([.)])(?=\s|$))")
_LINKS_BY_ITSELF = re.compile(r"(?i)(https?|ftp)(:)(?=//)|(www)(\.)")
_MENTION = re.compile(r"(?<![\w.])@(?=\w)")


def render_comment(data: ReportData, options: RenderOptions = PLAIN) -> str:
    """The report in as many characters as a comment on GitHub may have."""
    return render_markdown(data, options, limit=COMMENT_LIMIT)


def render_markdown(
    data: ReportData, options: RenderOptions = PLAIN, *, limit: int | None = None
) -> str:
    """GitHub-flavoured Markdown, whole, or of at most `limit` characters.

    Where there is more to say whole parts are left out, the least important first, and a sentence
    says which. The same data give the same bytes.
    """
    return draw_text(view_report(data, options.hide), options, limit=limit)


def draw_text(
    view: ReportView, options: RenderOptions = PLAIN, *, limit: int | None = None,
    unfolded: bool = False,
) -> str:  # fmt: skip
    """Markdown of any view, as `render_markdown`; unfolded: every table whole where it stands."""
    marks = PartMarks()
    values: dict[str, object] = {
        "view": view,
        "unfolded": unfolded,
        "marker": _as_markup(MARKER),
        "in_html": _write_in_html,
        "charts": _as_markup(quote(options.charts)),
        **marks.values(),
    }
    marked = render_template("report.md.j2", values, MARKDOWN, options.templates)
    return marks.cut(marked, limit, REMEDY)


def render_blocks(blocks: tuple[Block, ...]) -> str:
    """Blocks by themselves, their titles as headings of the second level. Nothing is cut."""
    marks = PartMarks()
    values: dict[str, object] = {
        "all": blocks,
        "in_html": _write_in_html,
        "charts": "",
        **marks.values(),
    }
    return marks.cut(render_template("part.md.j2", values, MARKDOWN), None, REMEDY)


def _as_markup(text: str) -> Markup:
    from markupsafe import Markup

    return Markup(text)  # noqa: S704  # our own words, or escaped by the caller


def _write_in_html(text: str) -> Markup:
    """Text for between the tags of `<summary>`, where a backslash would be a backslash."""
    flat = re.sub(r"\s+", " ", _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))
    return _as_markup(_MENTION.sub("@&#8203;", html.escape(flat, quote=False)))


def escape_markdown(text: str) -> str:
    r"""Text that Markdown shows as it is: in a paragraph, a heading, a list or a table's cell.

    Line breaks become spaces; a backslash goes before whatever could begin markup or, at the start
    of a line, a command to GitLab, and before the sign that would make a bare address a link.
    `a|b` is `a\|b`, `<script>` is `\<script\>`. Nobody is called by an `@name`: a space without
    width stands behind the `@`.
    """
    flat = re.sub(r"\s+", " ", _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))
    escaped = _ANYWHERE.sub(lambda found: f"\\{found.group()}", flat)
    escaped = _LINKS_BY_ITSELF.sub(
        lambda found: f"{found[1] or found[3]}\\{found[2] or found[4]}", escaped
    )
    escaped = _MENTION.sub("@&#8203;", escaped)
    return _AT_THE_START.sub(
        lambda found: f"{found[1]}{found[3] or ''}\\{found[2] or found[4]}", escaped, count=1
    )


MARKDOWN = Writer(escape_markdown, lambda words: f"`{words}`")

"""The answer and the ranking by themselves: a piece of HTML for a notebook, and a few plain lines.

The piece has no page around it: it takes its colours from the text that it stands among, so it is
light in a light notebook and dark in a dark one, whatever the system prefers.
"""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import ReportData
from covidreport.report.blocks import Items, Prose, walk_blocks
from covidreport.report.cells import write_line
from covidreport.report.charts.intervals import WIDTH as INTERVAL_WIDTH
from covidreport.report.environment import read_template, render_template
from covidreport.report.prose import HTML
from covidreport.report.view import ReportView, view_report

_ANSWER = ("banner", "sentence", "assured", "doubt")
"""The answer, what is said before it, and for and against it."""


def render_summary(data: ReportData) -> str:
    """The answer and every ranking as one `div` with a style of its own; no script, no request.

    The same data give the same bytes.
    """
    from markupsafe import Markup

    style = read_template("summary.css")
    if "</" in style:
        raise ValueError("summary.css holds `</`, which could end the style element early")
    view = view_report(data)
    values: dict[str, object] = {
        "view": view,
        "answer": _list_answer(view),
        "remarks": [one.words for one in _list_prose(view, "ranking", ("remark",))],
        "targets": frozenset[str](),
        "terms": {},
        "style": Markup(style),  # noqa: S704  # our own file, checked above
        "interval_width": INTERVAL_WIDTH,
    }
    return render_template("summary.html.j2", values, HTML)


def describe_report(data: ReportData) -> str:
    """The title, what was evaluated, and the answer in one sentence, as plain text."""
    view = view_report(data)
    facts = "; ".join(write_line((fact.value,)) for fact in view.facts)
    words = [write_line(one.words) for one in _list_answer(view)]
    return "\n".join([f"{view.title}: {facts}", *words])


def _list_answer(view: ReportView) -> list[Prose]:
    """What a reader of the answer alone has to know, the errors among it: no figure is to be read
    before the error that it can't be trusted for."""
    found: list[Prose] = []
    for section in view.sections["answer"]:
        for block in walk_blocks(section.blocks):
            if isinstance(block, Prose) and block.tone in _ANSWER:
                found.append(block)
            elif isinstance(block, Items):
                pairs = zip(block.items, block.severities, strict=False)
                errors = (words for words, severity in pairs if severity == "error")
                found += [Prose(("Error: ", *words), "trouble") for words in errors]
    return found


def _list_prose(view: ReportView, name: str, tones: Sequence[str]) -> list[Prose]:
    """The sentences of these tones in the sections of that name."""
    blocks = (block for one in view.sections[name] for block in walk_blocks(one.blocks))
    return [block for block in blocks if isinstance(block, Prose) and block.tone in tones]

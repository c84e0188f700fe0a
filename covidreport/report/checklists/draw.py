"""An answered checklist as a page, as text, as a table or as a document."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping

from msgspec import Struct

from covidreport import __version__
from covidreport.records import ReportData
from covidreport.report.blocks import Block, Column, Fact, Prose, Row, Section, Table, Text
from covidreport.report.checklists import CHECKLISTS, AnsweredItem, answer_items
from covidreport.report.checklists.items import Checklist
from covidreport.report.html import draw_page
from covidreport.report.markdown import draw_text
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.report.view import ReportView, view_report
from covidreport.text import clean, plural, whole

SCHEMA = "covidreport.checklist/1"
NOT_REPORTED = "not reported"
LEAD = (
    "An item is reported where a place of the report holds a figure, or a text that its authors "
    "stated. Whether it says all that the item asks for is for them to judge. What is missing "
    "belongs into their text, or under `[study]` in `covidreport.toml`."
)


class Answered(Struct, frozen=True):
    """A checklist, its items by the titles of their parts, and what it is an answer for."""

    checklist: Checklist
    parts: Mapping[str, tuple[AnsweredItem, ...]]
    title: str

    @property
    def items(self) -> tuple[AnsweredItem, ...]:
        """All items in their order."""
        return tuple(each for part in self.parts.values() for each in part)


def answer(name: str, data: ReportData, options: RenderOptions = PLAIN) -> Answered:
    """The checklist of that name (`stard`) as the report of these data answers it."""
    view = view_report(data, options.hide)
    sections = tuple(one for found in view.sections.values() for one in found)
    checklist = CHECKLISTS[name]
    return Answered(checklist, answer_items(checklist, sections), view.title)


def view_checklist(answered: Answered) -> ReportView:
    """The checklist as sections, a table for each of its parts."""
    checklist = answered.checklist
    told = sum(bool(each.places) for each in answered.items)
    tables: tuple[Block, ...] = tuple(
        _tabulate(title, items) for title, items in answered.parts.items()
    )
    source = Prose((f"{checklist.title}: ", Text(checklist.source), "."), "remark")
    section = Section("checklist", "Items", (Prose(LEAD, "lead"), *tables, source))
    return ReportView(
        title=f"{checklist.title}: {answered.title}",
        kicker="Checklist",
        facts=(
            Fact("Reported", Text(f"{whole(told)} of {plural(len(answered.items), 'item')}")),
            Fact("Places", Text("by their anchors in the HTML report, such as report.html#flow")),
        ),
        generator=f"covidreport {__version__}",
        notes=(),
        sections={"checklist": (section,)},
    )


def _tabulate(title: str, items: tuple[AnsweredItem, ...]) -> Table:
    head = Column("Item", kind="rank"), Column("Asks for", kind="name"), Column("Where")
    rows = tuple(
        Row((Text(each.item.number), Text(each.item.topic), Text(_say_where(each))))
        for each in items
    )
    return Table(title, head, rows, "wide")


def _say_where(each: AnsweredItem) -> str:
    places = [f"{clean(place.words)} (#{place.anchor})" for place in each.places]
    return "; ".join(places) or NOT_REPORTED


def _render_csv(answered: Answered) -> str:
    sink = io.StringIO()
    table = csv.writer(sink, lineterminator="\n")
    table.writerow(["checklist", "part", "item", "asks_for", "reported", "where", "anchors"])
    for part, items in answered.parts.items():
        for each in items:
            table.writerow([
                answered.checklist.title, part, each.item.number, each.item.topic,
                int(bool(each.places)), "; ".join(clean(place.words) for place in each.places),
                " ".join(place.anchor for place in each.places),
            ])  # fmt: skip
    return sink.getvalue()


def _render_json(answered: Answered) -> str:
    """Schema, checklist, source, and of each item whether it is reported, and where."""
    document = {
        "schema": SCHEMA,
        "checklist": answered.checklist.title,
        "source": answered.checklist.source,
        "items": [
            {
                "item": each.item.number, "part": part, "asks_for": each.item.topic,
                "reported": bool(each.places),
                "where": [
                    {"anchor": place.anchor, "title": place.words} for place in each.places
                ],
            }
            for part, items in answered.parts.items()
            for each in items
        ],
    }  # fmt: skip
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _render_page(answered: Answered) -> str:
    return draw_page(view_checklist(answered), {})


def _render_text(answered: Answered) -> str:
    return draw_text(view_checklist(answered), unfolded=True)


FORMATS: Mapping[str, Callable[[Answered], str]] = {
    ".md": _render_text,
    ".html": _render_page,
    ".csv": _render_csv,
    ".json": _render_json,
}
"""What writes a checklist, by the suffix of its file."""

"""What the report's script works on: one JSON object in the page, a part for each section.

Parts carry figures that are not rounded, and beside them the view's strings for all that is shown,
so the script shows no number that the view has not written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from covidreport.records import ReportData
from covidreport.report.blocks import Link, Pictures, walk_blocks
from covidreport.report.cells import SIGNS, write_cell
from covidreport.report.charts.part import list_charts
from covidreport.report.index import index_runs
from covidreport.report.view.records import ReportView
from covidreport.text import clean, decimal


def _list_runs(data: ReportData, view: ReportView) -> list[dict[str, Any]]:
    """Each run in the order of the page: its place in this list is how other parts name it.

    Its anchor is empty where the page has no section of each run.
    """
    index = index_runs(data, linked=bool(view.sections["runs"]))
    names = [reported.run.name for reported in index.runs]
    return [
        {"anchor": index.anchors.get(name, ""), "name": clean(name), "badge": index.badge(name)}
        for name in names
    ]


def _list_pictures(data: ReportData, view: ReportView) -> list[dict[str, Any]] | None:  # noqa: ARG001
    """Every block of pictures: its runs, and what each said of each picture."""
    blocks = (one for all_of in view.sections.values() for one in all_of)
    found = [
        _list_block(block)
        for section in blocks
        for block in walk_blocks(section.blocks)
        if isinstance(block, Pictures) and block.pictures
    ]
    return found or None


def _list_block(block: Pictures) -> dict[str, Any]:
    answers = [answer for one in block.pictures for answer in one.answers]
    return {
        "noun": block.noun,
        "counted": block.counted,
        "words": {SIGNS[answer.tone]: answer.word for answer in answers},
        "runs": [
            [write_cell(run).value, run.target if isinstance(run, Link) else "", key]
            for run, key in zip(block.runs, block.keys, strict=True)
        ],
        "pictures": {
            one.id: {
                "name": one.name,
                "gist": one.gist,
                "facts": [[fact.name, write_cell(fact.value).line] for fact in one.facts],
                "scores": [decimal(answer.score) for answer in one.answers],
                "signs": "".join(SIGNS[answer.tone] for answer in one.answers),
            }
            for one in block.pictures
        },
    }


PARTS: dict[str, Callable[[ReportData, ReportView], Any]] = {
    "runs": _list_runs,
    "pictures": _list_pictures,
    "charts": list_charts,
}
"""Each part by its name in the script's `report`; a part that is None is left out."""


def list_parts(data: ReportData, view: ReportView) -> dict[str, Any]:
    """The parts that this report has, by name."""
    parts = {name: make(data, view) for name, make in PARTS.items()}
    return {name: part for name, part in parts.items() if part is not None}


def escape_json(value: object) -> str:
    """Compact JSON without `<`, which could end the element, nor JavaScript's own line ends."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text

"""What the report's script works on: one JSON object in the page, a part for each section.

Parts carry figures that are not rounded, and beside them the view's strings for all that is shown,
so the script shows no number that the view has not written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from covidreport.records import ReportData
from covidreport.report.cells import write_cell
from covidreport.report.charts.part import list_charts
from covidreport.report.index import index_runs
from covidreport.report.view.records import ReportView
from covidreport.text import clean


def _list_runs(data: ReportData, view: ReportView) -> list[dict[str, Any]]:
    """Each run in the order of the page: its place in this list is how other parts name it.

    Its anchor is empty where the page has no section of each run.
    """
    index = index_runs(data, linked=bool(view.runs))
    names = [reported.run.name for reported in index.runs]
    return [
        {"anchor": index.anchors.get(name, ""), "name": clean(name), "badge": index.badge(name)}
        for name in names
    ]


def _list_cases(data: ReportData, view: ReportView) -> dict[str, Any] | None:  # noqa: ARG001
    """Every case that is shown, with what each run said of it."""
    if view.cases is None or not (view.cases.positives or view.cases.alarms):
        return None
    cases = (*view.cases.positives, *view.cases.alarms)
    runs = [one.run for one in cases[0].scores]
    return {
        "runs": [
            [run.text, run.anchor, key] for run, key in zip(runs, view.cases.keys, strict=True)
        ],
        "cases": {
            case.anchor: {
                "kind": case.kind,
                "name": case.name,
                "gist": case.gist,
                "facts": [[fact.name, write_cell(fact.value).line] for fact in case.facts],
                "scores": [one.score for one in case.scores],
                "signs": "".join(one.sign for one in case.scores),
            }
            for case in cases
        },
    }


PARTS: dict[str, Callable[[ReportData, ReportView], Any]] = {
    "runs": _list_runs,
    "cases": _list_cases,
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

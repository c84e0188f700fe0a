"""What the report's script works on: one JSON object in the page, a part for each section.

Parts carry figures that are not rounded, and beside them the view's strings for all that is shown,
so the script shows no number that the view has not written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from covidreport.records import ReportData
from covidreport.report.view.records import ReportView


def _list_runs(data: ReportData, view: ReportView) -> list[dict[str, Any]]:  # noqa: ARG001
    """Each run in the order of the page: its place in this list is how other parts name it."""
    return [{"anchor": run.anchor, "name": run.name, "badge": run.badge} for run in view.runs]


PARTS: dict[str, Callable[[ReportData, ReportView], Any]] = {
    "runs": _list_runs,
}
"""Each part by its name in the script's `report`; a part that is None is left out."""


def write_payload(data: ReportData, view: ReportView) -> str:
    """The parts as JSON that can stand inside a script element. The same data, the same bytes."""
    parts = {name: make(data, view) for name, make in PARTS.items()}
    return escape_json({name: part for name, part in parts.items() if part is not None})


def escape_json(value: object) -> str:
    """Compact JSON without `<`, which could end the element, nor JavaScript's own line ends."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text

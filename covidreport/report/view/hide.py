"""Takes sections out of a view that the configuration doesn't want, and says that it did."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace

from covidreport.report.view.records import ReportView
from covidreport.text import SECTIONS, listed

_WITHOUT: dict[str, Callable[[ReportView], ReportView]] = {
    "operating": lambda view: replace(view, operating=None),
    "curves": lambda view: replace(view, curves=None),
}
"""What takes each of `SECTIONS` out."""


def _without(view: ReportView, name: str) -> ReportView:
    if name in view.sections:
        return replace(view, sections={**view.sections, name: ()})
    return _WITHOUT[name](view)


def hide_sections(view: ReportView, hide: Set[str]) -> ReportView:
    """The view without these sections, with a sentence that names those that had anything."""
    gone = []
    for name in SECTIONS:
        if name in hide:
            without = _without(view, name)
            if without != view:
                gone.append(SECTIONS[name])
            view = without
    if not gone:
        return view
    return replace(view, left_out=f"Left out by the configuration: {listed(gone)}.")

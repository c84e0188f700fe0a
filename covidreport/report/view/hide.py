"""Takes sections out of a view that the configuration doesn't want, and says that it did."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace

from covidreport.config import SECTIONS
from covidreport.report.view.records import ReportView
from covidreport.report.view.wording import listed

_WITHOUT: dict[str, Callable[[ReportView], ReportView]] = {
    "against": lambda view: replace(
        view, rankings=tuple(replace(one, comparisons=None) for one in view.rankings)
    ),
    "blocks": lambda view: replace(view, blocks=()),
    "repeats": lambda view: replace(view, repeats=()),
    "cases": lambda view: replace(view, cases=None),
    "compare": lambda view: replace(view, compare=None),
    "operating": lambda view: replace(view, operating=None),
    "curves": lambda view: replace(view, curves=None),
    "matrices": lambda view: replace(view, matrices=None),
    "subgroups": lambda view: replace(view, subgroups=None),
    "runs": lambda view: replace(view, runs=()),
    "methods": lambda view: replace(view, methods=()),
    "provenance": lambda view: replace(view, provenance=(), times=None),
}
"""What takes each of `SECTIONS` out."""


def hide_sections(view: ReportView, hide: Set[str]) -> ReportView:
    """The view without these sections, with a sentence that names those that had anything."""
    gone = []
    for name in SECTIONS:
        if name in hide:
            without = _WITHOUT[name](view)
            if without != view:
                gone.append(SECTIONS[name])
            view = without
    if not gone:
        return view
    return replace(view, left_out=f"Left out by the configuration: {listed(gone)}.")

"""Takes sections out of a view that the configuration doesn't want, and says that it did."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace

from covidreport.config import SECTIONS
from covidreport.report.view.records import Answer, ReportView
from covidreport.text import listed


def _without_cases(view: ReportView) -> ReportView:
    """Nor are cases named where two runs stand side by side."""
    compare = view.compare and replace(view.compare, cases=None)
    return replace(view, cases=None, compare=compare)


def _without_findings(view: ReportView) -> ReportView:
    """What the answer and the runs say of findings stays, and leads nowhere."""
    grave = tuple(replace(one, anchor="") for one in view.answer.grave)
    runs = tuple(
        replace(run, findings=tuple(replace(one, anchor="") for one in run.findings))
        for run in view.runs
    )
    return replace(view, findings=(), answer=replace(view.answer, grave=grave), runs=runs)


_WITHOUT: dict[str, Callable[[ReportView], ReportView]] = {
    "answer": lambda view: replace(view, answer=Answer(())),
    "ranking": lambda view: replace(view, rankings=()),
    "against": lambda view: replace(view, against=()),
    "failed": lambda view: replace(view, failed=None),
    "blocks": lambda view: replace(view, blocks=()),
    "repeats": lambda view: replace(view, repeats=()),
    "cases": _without_cases,
    "compare": lambda view: replace(view, compare=None),
    "operating": lambda view: replace(view, operating=None),
    "curves": lambda view: replace(view, curves=None),
    "matrices": lambda view: replace(view, matrices=None),
    "subgroups": lambda view: replace(view, subgroups=None),
    "runs": lambda view: replace(view, runs=()),
    "findings": _without_findings,
    "provenance": lambda view: replace(view, provenance=None),
    "methods": lambda view: replace(view, methods=()),
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

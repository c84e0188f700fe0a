"""Turns a `ReportData` into strings, once, for every format that people read."""

from __future__ import annotations

from collections.abc import Set

from covidreport import __version__
from covidreport.records import ReportData
from covidreport.report.blocks import Fact, Text
from covidreport.report.index import Index, index_runs
from covidreport.report.sections import SECTIONS
from covidreport.report.sections.findings import list_notes
from covidreport.report.view.curves import view_curves_of_runs
from covidreport.report.view.hide import hide_sections
from covidreport.report.view.operating import choose_shown, view_operating
from covidreport.report.view.records import ReportView
from covidreport.text import clean, label_name, listed, plural, whole

__all__ = ["view_report"]


def view_report(data: ReportData, hide: Set[str] = frozenset()) -> ReportView:
    """The whole report as strings, but for the sections of `hide` (`config.SECTIONS`).

    Reads no clock: equal data give an equal view.
    """
    index = index_runs(data, linked="runs" not in hide)
    findings = list_notes(data, index)
    shown = choose_shown(data, index)
    view = ReportView(
        title=clean(data.title),
        kicker=f"Comparison of {plural(len(data.runs), 'run')}",
        facts=_facts(data, index),
        generator=f"covidreport {__version__}",
        notes=findings,
        sections={name: build(data, index) for name, build in SECTIONS.items()},
        shown=shown,
        operating=view_operating(data, index, shown),
        curves=view_curves_of_runs(data, index, shown),
    )
    return hide_sections(view, hide)


def _facts(data: ReportData, index: Index) -> tuple[Fact, ...]:
    """What stands under the title: the data, its size, the runs."""
    facts = [Fact("Data", Text(f"{clean(data.dataset)}, {clean(data.split)} split"))]
    first = next((one.evaluation for one in index.runs if one.evaluation is not None), None)
    if first is not None:
        counts = first.counts.get(data.target)
        images = plural(first.n_images, "image")
        of_them = ", {} of them"
        if first.n_groups is not None:
            images += f" of {plural(first.n_groups, 'patient')}"
            of_them = "; {} of the images"  # patients stand between: `them` could be either
        if counts is not None:
            images += f"{of_them.format(whole(counts.positives))} with {index.disease}"
        facts.append(Fact("Images", Text(images)))
        facts.append(Fact("Labels", Text(listed([label_name(label) for label in first.labels]))))
    facts.append(Fact("Runs", Text(describe_standing(data, index))))
    return tuple(facts)


def describe_standing(data: ReportData, index: Index) -> str:
    """How many runs there are, and how many of them have a rank."""
    ranked = sum(row.rank is not None for row in index.ranked.values())
    unranked = len(index.ranked) - ranked
    without = sum(reported.evaluation is None for reported in data.runs)
    parts = [f"{ranked} ranked"]
    if unranked:
        parts.append(f"{unranked} shown and not ranked")
    if without:
        parts.append(f"{without} without figures")
    return f"{plural(len(data.runs), 'run')}: {listed(parts)}"

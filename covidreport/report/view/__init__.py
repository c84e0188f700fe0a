"""Turns a `ReportData` into strings, once, for every format that people read."""

from __future__ import annotations

from collections.abc import Set

from covidreport import __version__
from covidreport.records import ReportData
from covidreport.report.view.against import view_comparisons
from covidreport.report.view.answer import view_answer, view_limits
from covidreport.report.view.blocks import view_blocks
from covidreport.report.view.cases import view_cases
from covidreport.report.view.compare import view_compare
from covidreport.report.view.curves import view_curves_of_runs
from covidreport.report.view.findings import gather_findings, view_findings
from covidreport.report.view.hide import hide_sections
from covidreport.report.view.index import Index, index_runs
from covidreport.report.view.matrices import view_matrices
from covidreport.report.view.methods import describe_dashes, view_methods
from covidreport.report.view.operating import choose_shown, view_operating
from covidreport.report.view.provenance import view_provenance
from covidreport.report.view.ranking import (
    describe_standing,
    view_failed,
    view_ranking,
)
from covidreport.report.view.records import Fact, ReportView
from covidreport.report.view.repeats import view_repeats
from covidreport.report.view.runs import view_runs
from covidreport.report.view.subgroups import view_subgroups
from covidreport.text import clean, label_name, listed, plural, whole

__all__ = ["view_report"]


def view_report(data: ReportData, hide: Set[str] = frozenset()) -> ReportView:
    """The whole report as strings, but for the sections of `hide` (`config.SECTIONS`).

    Reads no clock: equal data give an equal view.
    """
    index = index_runs(data, linked="runs" not in hide)
    findings = view_findings(gather_findings(data, index), index)
    shown = choose_shown(data, index)
    view = ReportView(
        title=clean(data.title),
        kicker=f"Comparison of {plural(len(data.runs), 'run')}",
        facts=_facts(data, index),
        answer=view_answer(data, findings, index),
        limits=view_limits(data, index),
        findings=findings,
        rankings=tuple(
            view_ranking(ranking, place, data, index) for place, ranking in enumerate(data.rankings)
        ),
        against=tuple(
            made
            for place, ranking in enumerate(data.rankings)
            if (made := view_comparisons(ranking, place, index)) is not None
        ),
        dash_note=describe_dashes(data),
        failed=view_failed(index),
        blocks=view_blocks(data, index),
        cases=view_cases(data, index),
        compare=view_compare(data, index),
        matrices=view_matrices(data, index),
        subgroups=view_subgroups(data, index),
        repeats=view_repeats(data, index),
        runs=view_runs(data, findings, index),
        methods=view_methods(data, index),
        provenance=view_provenance(data, index),
        generator=f"covidreport {__version__}",
        shown=shown,
        operating=view_operating(data, index, shown),
        curves=view_curves_of_runs(data, index, shown),
    )
    return hide_sections(view, hide)


def _facts(data: ReportData, index: Index) -> tuple[Fact, ...]:
    """What stands under the title: the data, its size, the runs."""
    facts = [Fact("Data", f"{clean(data.dataset)}, {clean(data.split)} split")]
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
        facts.append(Fact("Images", images))
        facts.append(Fact("Labels", listed([label_name(label) for label in first.labels])))
    facts.append(Fact("Runs", describe_standing(data, index)))
    return tuple(facts)

"""The sections of a report: one file each, and one line here.

Each is a function from the report's data to none, one or several sections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from covidreport.records import ReportData
from covidreport.report.blocks import Section
from covidreport.report.index import Index
from covidreport.report.sections import (
    answer,
    cases,
    classes,
    cost,
    curves,
    datasets,
    disturbed,
    experiments,
    failed,
    findings,
    foreign,
    limits,
    matrices,
    methods,
    operating,
    pairwise,
    predictive,
    provenance,
    ranking,
    readers,
    referral,
    repeats,
    resamples,
    runs,
    shortcuts,
    sites,
    specificity,
    spots,
    study,
    subgroups,
    truths,
    weighted,
)

Build = Callable[[ReportData, Index], tuple[Section, ...]]


class Entry(Struct, frozen=True):
    """A line of the list: what makes the section, and what it is called where it is left out."""

    build: Build
    words: str = ""
    """Empty where it stands in every report."""


SECTIONS: Mapping[str, Entry] = {
    "answer": Entry(answer.build, "the answer"),
    "findings": Entry(findings.build, "the findings"),
    "limits": Entry(limits.build),
    "ranking": Entry(ranking.build, "the ranking"),
    "failed": Entry(failed.build, "the runs without figures"),
    "against": Entry(pairwise.build, "the pairwise comparisons"),
    "readers": Entry(readers.build, "the radiologists beside the runs"),
    "truths": Entry(truths.build, "the truth of several readers"),
    "cases": Entry(cases.build, "the missed cases"),
    "operating": Entry(operating.build, "the operating points"),
    "subgroups": Entry(subgroups.build, "the subgroups of the best runs"),
    "spots": Entry(spots.build, "the weak spots"),
    "shortcuts": Entry(shortcuts.build, "the shortcuts"),
    "datasets": Entry(datasets.build, "the data sets side by side"),
    "experiments": Entry(experiments.build, "the experiments of two studies side by side"),
    "sites": Entry(sites.build, "the sites"),
    "weighted": Entry(weighted.build, "the runs by weight"),
    "specificity": Entry(specificity.build, "the runs at the same specificity"),
    "repeats": Entry(repeats.build, "the repeats over seeds"),
    "cost": Entry(cost.build, "what the models cost"),
    "runs": Entry(runs.build, "each run by itself"),
    "matrices": Entry(matrices.build, "the confusion matrices of all runs"),
    "classes": Entry(classes.build, "the errors by true class"),
    "curves": Entry(curves.build, "the curves of several runs"),
    "predictive": Entry(predictive.build, "the predictive values at other prevalences"),
    "referral": Entry(referral.build, "the referral of uncertain images"),
    "resamples": Entry(resamples.build, "the ranks in resamples"),
    "foreign": Entry(foreign.build, "what is no frontal radiograph"),
    "disturbed": Entry(disturbed.build, "the changed pictures"),
    "study": Entry(study.build, "the study and whom its images show"),
    "provenance": Entry(provenance.build, "the provenance"),
    "methods": Entry(methods.build, "the methods"),
}
"""Each by the name that it is left out by, in the order of the report. What is left out is named at
the end, and what the report is not always stands in it."""
FORMER_SECTIONS = frozenset({"blocks", "compare"})
"""Sections of earlier versions: a file that hides one of them still says what it said."""


def list_hideable() -> tuple[str, ...]:
    """The names of those that can be left out, in their order."""
    return tuple(name for name, entry in SECTIONS.items() if entry.words)

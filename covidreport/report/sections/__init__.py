"""The sections of a report: one file each, and one line here.

Each is a function from the report's data to none, one or several sections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from covidreport.records import ReportData
from covidreport.report.blocks import Section
from covidreport.report.index import Index
from covidreport.report.sections import (
    answer,
    cases,
    curves,
    failed,
    findings,
    limits,
    matrices,
    methods,
    operating,
    pairwise,
    provenance,
    ranking,
    repeats,
    runs,
    subgroups,
)

Build = Callable[[ReportData, Index], tuple[Section, ...]]

SECTIONS: Mapping[str, Build] = {
    "answer": answer.build,
    "limits": limits.build,
    "ranking": ranking.build,
    "against": pairwise.build,
    "failed": failed.build,
    "repeats": repeats.build,
    "cases": cases.build,
    "operating": operating.build,
    "curves": curves.build,
    "matrices": matrices.build,
    "subgroups": subgroups.build,
    "runs": runs.build,
    "findings": findings.build,
    "provenance": provenance.build,
    "methods": methods.build,
}
"""Each by the name that it is left out by, in the order of the report."""

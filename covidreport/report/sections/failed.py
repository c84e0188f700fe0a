"""The runs that have no figures at all, and why."""

from __future__ import annotations

from covidreport.records import ReportData, ReportedRun
from covidreport.report.blocks import Column, Row, Section, Table, Text
from covidreport.report.index import Index
from covidreport.text import DASH, clean, plural


def build(data: ReportData, index: Index) -> tuple[Section, ...]:  # noqa: ARG001
    """The section; none where every run has some figures."""
    rows = tuple(
        Row((index.link(reported.run.name), *_explain(reported)))
        for reported in index.runs
        if reported.evaluation is None
    )
    if not rows:
        return ()
    head = (Column("Run", kind="name"), Column("Failed at"), Column("Why"))
    table = Table(f"{plural(len(rows), 'run')} without figures", head, rows)
    return (Section("failed", "Runs without figures", (table,)),)


def _explain(reported: ReportedRun) -> tuple[Text, str]:
    if reported.failure is not None:
        return Text(reported.failure.stage), clean(reported.failure.explanation)
    return Text(DASH), "Was not evaluated on these images"

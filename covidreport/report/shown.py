"""Which runs and labels the charts of several runs show before a reader chooses others."""

from __future__ import annotations

from covidreport.records import ReportData, ReportedRun
from covidreport.report.index import Index
from covidreport.text import label_name

SHOWN_FIRST = 4


def choose_shown(data: ReportData, index: Index) -> tuple[ReportedRun, ...]:
    """The first runs in the order of the page, those that have curves before those with counts;
    radiologists, who are points in the charts, go last."""
    curves = data.curves.runs if data.curves else {}
    evaluated = [i for i, each in enumerate(index.runs) if each.evaluation is not None]
    first = sorted(
        evaluated,
        key=lambda i: (
            index.runs[i].run.is_reader, index.runs[i].run.name not in curves,
            not _is_ranked(index.runs[i], index), i,
        ),
    )  # fmt: skip
    return tuple(index.runs[i] for i in sorted(first[:SHOWN_FIRST]))


def _is_ranked(reported: ReportedRun, index: Index) -> bool:
    row = index.ranked.get(reported.run.name)
    return row is not None and row.rank is not None


def list_labels(data: ReportData) -> dict[str, str]:
    """The labels of the report by how a reader writes them, the target first.

    A target that no run was evaluated for is none of them, unless there are no others. Where any
    run has scores a label that none has scores of is left out: nothing of it can be drawn.
    """
    evaluations = [each.evaluation for each in data.runs if each.evaluation is not None]
    found = dict.fromkeys(label for each in evaluations for label in each.labels)
    labels = sorted(found, key=lambda label: label != data.target) or [data.target]
    scored = data.curves.thresholds if data.curves else {}
    return {label: label_name(label) for label in labels if not scored or label in scored}

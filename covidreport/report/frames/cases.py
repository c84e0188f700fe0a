"""The cases of a report as a frame: who missed which image, and who raised which false alarm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from covidreport.records import CaseTable, ReportData
from covidreport.report.frames.columns import CASES, build_frame

if TYPE_CHECKING:
    import pandas as pd


def frame_cases(data: ReportData) -> pd.DataFrame:
    """One row for each run's answer to each case, those that most runs missed first."""
    return build_frame(CASES, _list_answers(data.cases) if data.cases else ())


def _list_answers(table: CaseTable) -> Iterator[dict[str, Any]]:
    doubtful = tuple(each.case for each in table.label_errors or ())
    kinds = (
        ("positive", table.positives),
        ("false alarm", table.false_alarms),
        ("label in doubt", doubtful),
    )
    for kind, cases in kinds:
        for case in cases:
            said = zip(table.runs, case.answers, case.scores, table.thresholds, strict=True)
            for run, answer, score, threshold in said:
                yield {
                    "kind": kind,
                    "case": case.name,
                    "group": case.group,
                    "attributes": dict(case.attributes),
                    "run": run,
                    "answer": answer,
                    "score": score,
                    "threshold": threshold,
                }

"""How the checks walk through the evaluations of a report, and how their texts put figures."""

from __future__ import annotations

from collections.abc import Iterator

from covidreport.records import Evaluation, ReportData, ReportedRun


def list_evaluations(run: ReportedRun) -> tuple[Evaluation, ...]:
    """All evaluations of a run, that on the reported split first."""
    reported = (run.evaluation,) if run.evaluation is not None else ()
    return (*reported, *run.others)


def iterate_reported(data: ReportData) -> Iterator[tuple[ReportedRun, Evaluation]]:
    """The runs that were evaluated on the reported split, each with that evaluation."""
    for run in data.runs:
        if run.evaluation is not None:
            yield run, run.evaluation


def format_share(part: int, whole: int) -> str:
    """Such as "35.5 % (2200 of 6200)"."""
    return f"{100 * part / whole:.1f} % ({part} of {whole})"


def format_p(p_value: float) -> str:
    """Such as "p = 0.0312", or "p < 0.0001"."""
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.4f}"


def name_count(count: int, noun: str) -> str:
    """Such as "1 run" or "2 runs"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

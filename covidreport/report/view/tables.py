"""Cells and columns that more than one table of the report has."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import Counts, Estimate, Evaluation
from covidreport.report.charts.intervals import place_interval
from covidreport.report.view.records import Cell, CellKind, Column
from covidreport.text import DASH, clean, figure, whole
from covidreport.text.thresholds import describe_origin, share_threshold, spell_threshold


def figure_cell(estimate: Estimate | None, *, mark: bool = False) -> Cell:
    """A figure with its interval beneath; with a mark on the column's axis if asked for.

    One without an interval stands alone: what it is a fraction of is said in the run's section.
    """
    shown = figure(estimate)
    place = place_interval(estimate) if mark else None
    note = shown.interval or shown.mark
    full = shown.text if note else shown.value
    value = None if estimate is None else estimate.value
    return Cell(shown.value, note, full, "figure", mark=place, sort=value)


def evidence_cell(estimate: Estimate | None) -> Cell:
    """A figure with its fraction and interval beneath."""
    shown = figure(estimate)
    note = "; ".join(part for part in (shown.fraction, shown.interval, shown.mark) if part)
    return Cell(shown.value, note, shown.text, "figure")


def overall(evaluation: Evaluation | None, metric: str) -> Estimate | None:
    """A figure over all labels; None where it was not computed."""
    return None if evaluation is None else evaluation.estimates.get("", {}).get(metric)


def of_label(evaluation: Evaluation | None, label: str, metric: str) -> Estimate | None:
    """A figure of one label; None where it was not computed."""
    return None if evaluation is None else evaluation.estimates.get(label, {}).get(metric)


def count_columns(counts: Sequence[Counts | None]) -> tuple[Column, Column, Column]:
    """The heads of missed, found and false alarms, with what they are counted of if it is one."""
    positives = {one.positives for one in counts if one is not None}
    negatives = {one.negatives for one in counts if one is not None}
    alike = all_alike(counts)
    sick = f"of {whole(min(positives))}" if alike and positives else ""
    well = f"of {whole(min(negatives))}" if alike and negatives else ""
    return (
        Column("Missed", sick, "missed"),
        Column("Found", sick, "count"),
        Column("False alarms", well, "count"),
    )


def count_cells(counts: Counts | None, *, alike: bool) -> tuple[Cell, Cell, Cell]:
    """Missed, found and false alarms; `alike` where the head says what they are counted of."""
    if counts is None:
        kinds: tuple[CellKind, ...] = ("missed", "count", "count")
        first, second, third = (Cell(DASH, kind=kind) for kind in kinds)
        return first, second, third
    sick = "" if alike else f"of {whole(counts.positives)}"
    well = "" if alike else f"of {whole(counts.negatives)}"
    return (
        Cell(
            whole(counts.missed),
            _note(sick, counts.failed_positive),
            kind="missed",
            sort=counts.missed,
        ),
        Cell(whole(counts.tp), sick, kind="count", sort=counts.tp),
        Cell(
            whole(counts.false_alarms),
            _note(well, counts.failed_negative),
            kind="count",
            sort=counts.false_alarms,
        ),
    )


def _note(of: str, failed: int) -> str:
    unscored = f"{whole(failed)} not scored" if failed else ""
    return ", ".join(part for part in (of, unscored) if part)


def threshold_columns(evaluations: Sequence[Evaluation | None], label: str) -> list[Column]:
    """A column of thresholds where they differ; none where all runs share one, which is said once
    in the caption."""
    known = [one for one in evaluations if one is not None]
    return [] if share_threshold(known, label) else [Column("Threshold", kind="figure")]


def threshold_cells(
    evaluation: Evaluation | None, evaluations: Sequence[Evaluation | None], label: str
) -> list[Cell]:
    """A run's own threshold and where it comes from, where `threshold_columns` has a column."""
    if not threshold_columns(evaluations, label):
        return []
    value = None if evaluation is None else evaluation.thresholds.get(label)
    if evaluation is None or value is None:
        return [Cell(DASH, kind="figure")]
    origin = clean(describe_origin(evaluation, label))
    text = spell_threshold(value)
    return [Cell(text, origin, f"{text} ({origin})", "figure", sort=value)]


def all_alike(counts: Sequence[Counts | None]) -> bool:
    """Whether all runs were counted over the same numbers of positives and negatives."""
    return len({(one.positives, one.negatives) for one in counts if one is not None}) <= 1

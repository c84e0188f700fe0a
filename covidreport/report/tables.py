"""Cells and columns that more than one table of the report has."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.metrics import ALL_METRICS
from covidreport.metrics.binned import BINNED, is_binned
from covidreport.records import ARGMAX, Counts, Estimate, Evaluation
from covidreport.report.blocks import Cell, Column, Count, Text
from covidreport.text import DASH, clean, humanise, titled, whole
from covidreport.text.thresholds import (
    common_threshold,
    describe_origin,
    is_argmax,
    show_threshold,
)


def metric_title(key: str) -> str:
    """What readers call a metric; one that this version does not know keeps its key as words."""
    return ALL_METRICS[key].title if key in ALL_METRICS else titled(humanise(key))


def overall(evaluation: Evaluation | None, metric: str) -> Estimate | None:
    """A figure over all labels; None where it was not computed."""
    return of_label(evaluation, "", metric)


def of_label(evaluation: Evaluation | None, label: str, metric: str) -> Estimate | None:
    """A figure of one label; None where it was not computed."""
    return None if evaluation is None else evaluation.estimates.get(label, {}).get(metric)


def say_binned(estimate: Estimate | None) -> str:
    """That an area is of bins and not of scores; empty for others."""
    return BINNED if is_binned(estimate) else ""


def count_columns(counts: Sequence[Counts | None]) -> tuple[Column, Column, Column]:
    """The heads of missed, found and false alarms, with what they are counted of if it is one."""
    known = [one for one in counts if one is not None]
    alike = bool(known) and all_alike(counts)
    positives = f"of {whole(known[0].positives)}" if alike else ""
    negatives = f"of {whole(known[0].negatives)}" if alike else ""
    return (
        Column("Missed", positives, "missed"),
        Column("Found", positives, "count", falls=True, room="asked"),
        Column("False alarms", negatives, "count"),
    )


def count_cells(counts: Counts | None, *, alike: bool) -> tuple[Count, Count, Count]:
    """Missed, found and false alarms; `alike` where the head says what they are counted of."""
    if counts is None:
        return Count(None), Count(None), Count(None)
    return (
        Count(counts.missed, counts.positives, counts.failed_positive, told=alike),
        Count(counts.tp, counts.positives, told=alike),
        Count(counts.false_alarms, counts.negatives, counts.failed_negative, told=alike),
    )


def all_alike(counts: Sequence[Counts | None]) -> bool:
    """Whether all runs were counted over the same numbers of positives and negatives."""
    return len({(one.positives, one.negatives) for one in counts if one is not None}) <= 1


def threshold_columns(evaluations: Sequence[Evaluation | None], label: str) -> list[Column]:
    """A column of thresholds where they differ; none where all runs share one, which is said once
    in the caption."""
    known = [one for one in evaluations if one is not None]
    return (
        [] if common_threshold(known, label) else [Column("Threshold", kind="figure", falls=True)]
    )


def threshold_cells(
    evaluation: Evaluation | None, evaluations: Sequence[Evaluation | None], label: str
) -> list[Cell]:
    """A run's own threshold and where it comes from, where `threshold_columns` has a column."""
    if not threshold_columns(evaluations, label):
        return []
    if evaluation is None:
        return [Text(DASH)]
    if is_argmax(evaluation):
        return [Text(ARGMAX)]
    value = evaluation.thresholds.get(label)
    origin = "" if value is None else clean(describe_origin(evaluation, label))
    return [Text(show_threshold(evaluation, label), origin, value)]

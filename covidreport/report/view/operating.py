"""The runs at their operating points, for the section in which a reader moves the threshold."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.metrics.outline import MOST_POINTS
from covidreport.records import Evaluation, ReportData, ReportedRun
from covidreport.report.index import Index
from covidreport.report.tables import of_label
from covidreport.report.view.names import name_cell
from covidreport.report.view.records import Cell, ChartView, Column, OperatingView, Row, Table
from covidreport.report.view.tables import figure_cell
from covidreport.text import (
    DASH,
    clean,
    decimal,
    exact,
    label_name,
    whole,
)

SHOWN_FIRST = 4
"""Runs that charts of several runs show before a reader chooses others."""
EXPLORATORY = (
    "Exploratory intervals take images as independent, and are too narrow where a patient has "
    "several."
)
RATES = ("sensitivity", "specificity", "ppv", "npv")


def choose_shown(data: ReportData, index: Index) -> tuple[int, ...]:
    """The first runs in the order of the page, those that have curves before those with counts."""
    curves = data.curves.runs if data.curves else {}
    evaluated = [i for i, each in enumerate(index.runs) if each.evaluation is not None]
    ranked = sorted(
        evaluated,
        key=lambda i: (
            index.runs[i].run.name not in curves, not _is_ranked(index.runs[i], index), i
        ),
    )  # fmt: skip
    return tuple(sorted(ranked[:SHOWN_FIRST]))


def _is_ranked(reported: ReportedRun, index: Index) -> bool:
    row = index.ranked.get(reported.run.name)
    return row is not None and row.rank is not None


def view_operating(data: ReportData, index: Index, shown: Sequence[int]) -> OperatingView | None:
    """The section; None where no run has scores, since counts belong to one threshold alone."""
    if data.curves is None or not data.curves.runs:
        return None
    runs = [index.runs[i] for i in shown]
    rows = tuple(
        Row((name_cell(index, each.run.name), *point_cells(each.evaluation, data.target)))
        for each in runs
        if each.evaluation is not None
    )
    remarks = [
        "Net benefit means what it says only where scores are calibrated: it takes a threshold of "
        "0.1 as the choice of who accepts nine false alarms for one case found."
    ]
    if any(each.evaluation and each.evaluation.n_images > MOST_POINTS for each in index.runs):
        remarks.append(
            f"A curve of more than {MOST_POINTS} points is drawn through fewer of them, such that "
            "none of the others lies a pixel away from the line. Counts, rates and areas are those "
            "of all images."
        )
    remarks += [
        f"{clean(left.run)} is not among the curves: {clean(left.reason)}."
        for left in data.curves.left_out
    ]
    return OperatingView(
        lead=(
            "What other thresholds would have given on these very images. A threshold that is "
            "chosen from the images that it is judged on flatters the run and is exploratory: "
            "choose it on other images (`covidreport tune`) and evaluate again."
        ),
        table=Table(f"At the evaluated thresholds, for {index.disease}", operating_columns(), rows),
        charts=_view_charts(runs, index),
        remarks=tuple(remarks),
        exploratory=EXPLORATORY if any(_has_patients(each.evaluation) for each in runs) else "",
    )


def _has_patients(evaluation: Evaluation | None) -> bool:
    """Whether some patients are known to have several images."""
    if evaluation is None or evaluation.n_groups is None:
        return False
    return evaluation.n_groups < evaluation.n_images


def operating_columns() -> tuple[Column, ...]:
    """The head of the table that moves with the threshold."""
    return (
        Column("Run", kind="name"),
        Column("Threshold", kind="figure"),
        Column("Missed", "false negatives", "missed"),
        Column("Found", "true positives", "count"),
        Column("False alarms", "false positives", "count"),
        Column("Cleared", "true negatives", "count"),
        Column("Sensitivity", "95 % CI", "figure"),
        Column("Specificity", "95 % CI", "figure"),
        Column("PPV", "95 % CI", "figure"),
        Column("NPV", "95 % CI", "figure"),
    )


def point_cells(evaluation: Evaluation | None, label: str) -> tuple[Cell, ...]:
    """One run at the threshold that it was evaluated at: all columns but its name."""
    counts = None if evaluation is None else evaluation.counts.get(label)
    if evaluation is None or counts is None:
        return tuple(Cell(DASH, kind=column.kind) for column in operating_columns()[1:])
    threshold = evaluation.thresholds.get(label)
    origin = clean(evaluation.thresholds_from)
    sick, well = f"of {whole(counts.positives)}", f"of {whole(counts.negatives)}"
    return (
        Cell(exact(threshold), f"as evaluated ({origin})", kind="figure"),
        Cell(whole(counts.missed), sick, kind="missed"),
        Cell(whole(counts.tp), sick, kind="count"),
        Cell(whole(counts.false_alarms), well, kind="count"),
        Cell(whole(counts.tn), well, kind="count"),
        *(figure_cell(of_label(evaluation, label, name)) for name in RATES),
    )


def _view_charts(runs: Sequence[ReportedRun], index: Index) -> tuple[ChartView, ...]:
    target = index.disease
    return (
        ChartView(
            "roc",
            "ROC curve",
            f"ROC curves for {target}. {_areas(runs, index, 'roc_auc', 'area')}",
            "Dashed: chance.",
        ),
        ChartView(
            "precision-recall",
            "Precision and recall",
            f"Precision-recall curves for {target}. "
            f"{_areas(runs, index, 'average_precision', 'average precision')}",
            "Dashed: the share of images with the label, what chance gives.",
        ),
        ChartView(
            "net-benefit",
            "Net benefit",
            f"Net benefit for {target} over thresholds, beside treating everybody and nobody. The "
            "figures of each run stand in its section.",
            "Dashed: treat everybody. Level: treat nobody.",
        ),
    )


def _areas(runs: Sequence[ReportedRun], index: Index, metric: str, word: str) -> str:
    parts = []
    for each in runs:
        estimate = of_label(each.evaluation, index.target, metric)
        value = decimal(estimate.value if estimate else None)
        parts.append(f"{clean(each.run.name)}: {word} {value}")
    return "; ".join(parts) + "."


def describe_labels(data: ReportData) -> tuple[tuple[str, str], ...]:
    """The labels of the report as the data and as a reader writes them, the target first.

    A target that no run was evaluated for is none of them, unless there are no others.
    """
    evaluations = [each.evaluation for each in data.runs if each.evaluation is not None]
    found = dict.fromkeys(label for each in evaluations for label in each.labels)
    labels = sorted(found, key=lambda label: label != data.target) or [data.target]
    return tuple((label, label_name(label)) for label in labels)

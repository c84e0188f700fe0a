"""The runs at their thresholds, and what other thresholds would have given on these very images."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import Evaluation, ReportData, ReportedDataset, ReportedRun
from covidreport.report.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Count,
    Group,
    Prose,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.charts.lines import Lines, TitledLines
from covidreport.report.charts.threshold import (
    RunCurve,
    draw_net_benefit,
    draw_precision_recall,
    draw_roc,
)
from covidreport.report.datasets import number_beside, see_from
from covidreport.report.index import Index
from covidreport.report.reader_points import describe_marks, explain_marks, mark_readers
from covidreport.report.shown import choose_shown, list_labels
from covidreport.report.tables import of_label
from covidreport.text import DASH, clean, decimal, label_name, listed
from covidreport.text.thresholds import is_argmax, show_threshold

LEAD = (
    "What other thresholds would have given on these very images. A threshold that is chosen from "
    "the images that it is judged on flatters the run and is exploratory. Choose it on other "
    "images (`covidreport tune`) and evaluate again."
)
NET_BENEFIT = (
    "Net benefit means what it says only where scores are calibrated. It takes a threshold of 0.1 "
    "as the choice of who accepts nine false alarms for one case found."
)
GREY = "Thin grey dashes:"
"""Before what a guide is: a run's own line may be dashed too."""
RATES = ("sensitivity", "specificity", "ppv", "npv")


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no run has scores, since counts belong to one threshold alone."""
    if data.curves is None or not data.curves.runs:
        return ()
    shown = choose_shown(data, index)
    rows = tuple(
        Row((index.link(each.run.name), *point_cells(each.evaluation, data.target)), style=style)
        for style, each in enumerate(shown)
    )
    caption = f"At the evaluated thresholds, for {index.disease}"
    remarks: list[Block] = [Prose(NET_BENEFIT, "remark")]
    without = [e.run.name for e in index.runs if e.evaluation and is_argmax(e.evaluation)]
    if without:
        said = (
            f"{clean(listed(without))} {'has' if len(without) == 1 else 'have'} no threshold to "
            "move: the label that scores highest is predicted (argmax). Curves are of the scores."
        )
        remarks.append(Prose(said, "remark"))
    for left in data.curves.excluded:
        said = f"{clean(left.run)} is not among the curves: {clean(left.reason)}."
        remarks.append(Prose(said, "remark"))
    charts = Group(draw_charts(data, index, shown), layout="charts")
    table = Table(caption, COLUMNS, rows, "points")
    beside = (
        _build_beside(there, number, data, index) for number, there in number_beside(data).items()
    )
    return (
        Section("operating", "Operating point", (Prose(LEAD, "lead"), charts, table, *remarks)),
        *(section for section in beside if section is not None),
    )


def _build_beside(
    there: ReportedDataset, number: int, data: ReportData, index: Index
) -> Section | None:
    """The curves of another data set, folded; None where no run has one for the target there."""
    data, index = see_from(data, there), index.see_from(there)
    counts = (index.counts(each.evaluation) for each in index.runs)
    both = any(each is not None and each.positives and each.negatives for each in counts)
    if there.curves is None or not there.curves.runs or not both:
        return None
    anchor, name, shown = f"operating-{number}", clean(there.dataset), choose_shown(data, index)
    charts = Group(
        draw_charts(data, index, shown, f"{anchor}-"), layout="charts",
        runs=tuple(index.link(each.run.name) for each in shown),
    )  # fmt: skip
    lead = (
        f"{name}, {clean(there.split)}: the curves there, with a dot at each run's evaluated "
        "threshold, which the threshold chosen above does not move."
    )
    group = Group((charts,), "The curves", "ROC, precision and recall, net benefit", state="folded")
    return Section(anchor, f"Curves on {name}", (Prose(lead, "lead"), group))


COLUMNS = (
    Column("Run", kind="name"),
    Column("Threshold", kind="figure"),
    Column("Missed", "false negatives", "missed"),
    Column("Found", "true positives", "count", room="wide"),
    Column("False alarms", "false positives", "count"),
    Column("Cleared", "true negatives", "count", room="wide"),
    Column("Sensitivity", "95 % CI", "figure"),
    Column("Specificity", "95 % CI", "figure"),
    Column("PPV", "95 % CI", "figure", room="medium"),
    Column("NPV", "95 % CI", "figure", room="wide"),
)
"""The head of the table that moves with the threshold."""


def point_cells(evaluation: Evaluation | None, label: str) -> tuple[Cell, ...]:
    """One run at the threshold that it was evaluated at: all columns but its name."""
    counts = None if evaluation is None else evaluation.counts.get(label)
    if evaluation is None or counts is None:
        return tuple(Text(DASH) for _ in COLUMNS[1:])
    note = f"as evaluated ({clean(evaluation.thresholds_from)})"
    if is_argmax(evaluation):
        note = "no threshold to move"
    return (
        Text(show_threshold(evaluation, label), note),
        Count(counts.missed, counts.positives),
        Count(counts.tp, counts.positives),
        Count(counts.false_alarms, counts.negatives),
        Count(counts.tn, counts.negatives),
        *(Rate(of_label(evaluation, label, name)) for name in RATES),
    )


def list_measured(data: ReportData, index: Index, label: str) -> list[RunCurve]:
    """Every run that was evaluated for a label, with its curve where it has one."""
    measured = []
    for each in index.runs:
        evaluation = each.evaluation
        if evaluation is None or label not in evaluation.counts:
            continue
        curves = {} if data.curves is None else data.curves.runs.get(each.run.name, {})
        at = evaluation.thresholds.get(label)
        if at is not None or is_argmax(evaluation):
            made = None if evaluation.score_metrics is None else evaluation.score_metrics.labels
            benefit = made[label].net_benefit if made and label in made else ()
            key, counts = index.key(each.run.name), evaluation.counts[label]
            measured.append(RunCurve(key, at, counts, curves.get(label), benefit))
    return measured


def draw_charts(
    data: ReportData, index: Index, shown: Sequence[ReportedRun], place: str = ""
) -> tuple[Chart, ...]:
    """The three charts, each with a drawing for every label that a reader can change to.

    place: what their names begin with.
    """
    assert data.curves is not None
    keys = tuple(index.key(each.run.name) for each in shown)
    readers = () if place else mark_readers(data, index)
    drawn: dict[str, list[tuple[str, Lines]]] = {"roc": [], "precision": [], "benefit": []}
    for label in list_labels(data):
        measured = list_measured(data, index, label)
        marks = readers if label == data.target else ()
        drawn["roc"].append((label, draw_roc(measured, keys, marks)))
        drawn["precision"].append((label, draw_precision_recall(measured, keys)))
        steps = data.curves.thresholds[label]
        drawn["benefit"].append((label, draw_net_benefit(measured, steps, keys)))

    def say_roc(label: str) -> str:
        areas = _areas(shown, label, "roc_auc", "area")
        said = describe_marks(readers) if label == data.target else ""
        return f"ROC curves for {label_name(label)}. {areas} {said}".strip()

    def say_precision(label: str) -> str:
        areas = _areas(shown, label, "average_precision", "average precision")
        return f"Precision-recall curves for {label_name(label)}. {areas}"

    def say_benefit(label: str) -> str:
        return (
            f"Net benefit for {label_name(label)} over thresholds, beside treating everybody and "
            "nobody. The figures of each run stand in its section."
        )

    return (
        Chart(
            f"{place}roc", "ROC curve", say_roc(data.target),
            f"{GREY} chance. {_explain_end(drawn['roc'])}{explain_marks(readers)}".strip(),
            tuple(TitledLines(label, say_roc(label), lines) for label, lines in drawn["roc"]),
        ),
        Chart(
            f"{place}precision-recall", "Precision and recall", say_precision(data.target),
            f"{GREY} the share of images with the label, what chance gives.",
            tuple(
                TitledLines(label, say_precision(label), one) for label, one in drawn["precision"]
            ),
        ),
        Chart(
            f"{place}net-benefit", "Net benefit", say_benefit(data.target),
            f"{GREY} treat everybody. Dark level line: treat nobody. Shaded: 95 % interval of the "
            "first run. Shown up to twice the prevalence and the evaluated thresholds."
            f"{_explain_edge(drawn['benefit'])}",
            tuple(TitledLines(label, say_benefit(label), one) for label, one in drawn["benefit"]),
        ),
    )  # fmt: skip


def _explain_end(drawn: Sequence[tuple[str, Lines]]) -> str:
    """Where an axis of false alarms ends, if one does before 1."""
    if all(lines.x.high == 1 for _, lines in drawn):
        return ""
    return "An axis that ends before 1 ends where every run has found 0.99 of the positives. "


def _explain_edge(drawn: Sequence[tuple[str, Lines]]) -> str:
    """What stands on the lower edge, if anything does."""
    below = any(
        y == lines.y.low < 0
        for _, lines in drawn
        for series in (*lines.lines, *lines.dots)
        for _, y in series.places
    )
    return " What ends on the lower edge lies below it." if below else ""


def _areas(runs: Sequence[ReportedRun], label: str, metric: str, word: str) -> str:
    parts = []
    for each in runs:
        estimate = of_label(each.evaluation, label, metric)
        value = decimal(estimate.value if estimate else None)
        parts.append(f"{clean(each.run.name)}: {word} {value}")
    return "; ".join(parts) + "."

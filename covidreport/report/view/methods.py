"""What each figure means and how it was made, in plain words: the methods section."""

from __future__ import annotations

from dataclasses import dataclass

from covidreport.metrics import ALL_METRICS
from covidreport.records import Evaluation, ReportData
from covidreport.report.view.index import Index
from covidreport.report.view.records import Cell, Column, MethodView, Row, Table
from covidreport.report.view.wording import clean, decimal, humanise, titled


@dataclass(frozen=True, slots=True)
class Definition:
    """A figure in words, as a formula, and whether it has an interval."""

    words: str
    formula: str
    interval: str = "none"


DEFINITIONS: dict[str, Definition] = {
    "sensitivity": Definition(
        "Of the images that have the label, the share that was found (recall)",
        "tp / positives", "Wilson",
    ),
    "specificity": Definition(
        "Of the images that do not have the label, the share that was cleared",
        "tn / negatives", "Wilson",
    ),
    "ppv": Definition(
        "Of the images called positive, the share that is (precision)",
        "tp / (tp + false alarms)", "Wilson",
    ),
    "npv": Definition(
        "Of the images called negative, the share that is", "tn / (tn + missed)", "Wilson"
    ),
    "f1": Definition(
        "The harmonic mean of sensitivity and PPV",
        "2 tp / (2 tp + false alarms + missed)",
    ),
    "accuracy": Definition(
        "The share of right answers for one label",
        "(tp + tn) / (positives + negatives)", "Wilson",
    ),
    "prevalence": Definition(
        "The share of images that have the label", "positives / (positives + negatives)", "Wilson"
    ),
    "roc_auc": Definition(
        "How often an image with the label scores higher than one without it; ties count half. "
        "Needs scores",
        "area under the ROC curve, trapezoidal",
    ),
    "average_precision": Definition(
        "PPV averaged over the positives, each at the threshold at which it is found. Needs scores",
        "Σ (recall gained × PPV there)",
    ),
    "micro_f1": Definition(
        "F1 of the counts of all labels taken together",
        "2 Σtp / (2 Σtp + Σfalse alarms + Σmissed)",
    ),
    "macro_f1": Definition("The plain mean of the labels’ F1", "Σ F1 / labels"),
    "label_accuracy": Definition(
        "The share of right answers over all images and labels (1 − Hamming loss)",
        "Σ(tp + tn) / Σ(positives + negatives)",
    ),
    "exact_match": Definition(
        "The share of images with the right answer for every label. Needs the answers per image",
        "images all right / images", "Wilson",
    ),
}  # fmt: skip
"""A definition for every metric of `covidreport.metrics`, in the order of its tables."""

WILSON = (
    "Intervals are two-sided 95 % Wilson score intervals of k out of n: "
    "(k + z²/2 ± z √(k (n − k) / n + z²/4)) / (n + z²) with z = 1.96, without continuity "
    "correction (Wilson 1927). A figure that is no share of n independent images, such as F1 or "
    "label accuracy, is given without one."
)


def view_methods(data: ReportData, index: Index) -> tuple[MethodView, ...]:
    """The methods of the figures that this report shows."""
    return (
        MethodView("Counts", _describe_counts(index)),
        MethodView("Ranking", _describe_ranking(data, index)),
        MethodView("Thresholds", (_THRESHOLDS,)),
        MethodView("Intervals", (WILSON, *_other_intervals(data))),
        MethodView("Figures", (), _definitions_table()),
    )


def _describe_counts(index: Index) -> tuple[str, ...]:
    return (
        "Each label is a yes or no of its own: an image may carry several labels, or none. For "
        "each label, tp and tn count the right answers yes and no, fn the images that have the "
        "label and were called negative, fp those that do not and were called positive. Tables of "
        "counts have what is actual in rows and what was predicted in columns.",
        f"Missed are {index.disease} images that were not found, false alarms those without it "
        "that were not cleared. An image that could not be scored is never dropped: with the label "
        "it counts as missed, without it as a false alarm, in every figure. So positives = tp + fn "
        "+ positives not scored, negatives = tn + fp + negatives not scored, and all runs of a "
        "table have the same denominators. An image whose truth is unknown for a label is left out "
        "of that label’s figures.",
        "A figure that is undefined, such as a share of nothing, is a dash. It is never 0.",
    )


_THRESHOLDS = (
    "A label is predicted when its score lies above the threshold, which is written as a "
    "probability; a model that gives logits is compared in logits, so 0.5 means a logit above 0. A "
    "score exactly at the threshold is a no. Thresholds are fixed beforehand or tuned on other "
    "images; each evaluation says where its own come from."
)


def _describe_ranking(data: ReportData, index: Index) -> tuple[str, ...]:
    floors = {ranking.specificity_floor for ranking in data.rankings} or {0.5}
    floor = " or ".join(decimal(value) for value in sorted(floors))
    return (
        f"Runs are ordered by the fewest missed {index.disease} images, then by the fewest false "
        "alarms. Runs equal in both share a rank, and the ranks they fill are left out. Only runs "
        "on the same images, labels and thresholds stand in one ranking; thresholds that were "
        "tuned for the same target on the same other images count as the same.",
        f"A run that would win without being of use is shown and not ranked: one that gives the "
        f"rarer of its two answers to at most 1 % of the images (less where "
        f"the label itself is rarer), and one whose specificity is under {floor}. Calling every "
        "image positive misses nobody.",
        "The order is an order of counts. A difference of a few cases is often within chance; what "
        "the data can tell apart is said under the findings.",
    )


def _other_intervals(data: ReportData) -> tuple[str, ...]:
    """The names of interval methods in the data that are not described above."""
    methods = {
        figure.method
        for reported in data.runs
        for evaluation in _evaluations(reported.evaluation, reported.others)
        for figures in evaluation.estimates.values()
        for figure in figures.values()
        if figure.method and figure.method != "wilson"
    }
    if not methods:
        return ()
    names = ", ".join(clean(name) for name in sorted(methods))
    return (f"Some intervals were made by other methods, as their evaluations state: {names}.",)


def _evaluations(
    first: Evaluation | None, others: tuple[Evaluation, ...]
) -> tuple[Evaluation, ...]:
    return others if first is None else (first, *others)


def _definitions_table() -> Table:
    head = (
        Column("Figure", kind="name"), Column("In words"), Column("Formula", kind="code"),
        Column("Interval"),
    )  # fmt: skip
    rows = []
    for key, definition in DEFINITIONS.items():
        title = ALL_METRICS[key].text if key in ALL_METRICS else titled(humanise(key))
        cells = (
            Cell(title, kind="name"), Cell(definition.words),
            Cell(definition.formula, kind="code"), Cell(definition.interval),
        )  # fmt: skip
        rows.append(Row(cells))
    return Table("What each figure says, its formula, and its interval", head, tuple(rows))


def describe_dashes(data: ReportData) -> str:
    """What a dash means in the tables of this report."""
    evaluations = [one for run in data.runs for one in _evaluations(run.evaluation, run.others)]
    if any(not one.has_scores for one in evaluations):
        return (
            "A dash stands for a figure that can’t be known. Where only counts were recorded, "
            "exact match, ROC AUC and average precision can’t: they need the scores of each image."
        )
    return "A dash stands for a figure that is undefined or that nobody recorded; never for 0."

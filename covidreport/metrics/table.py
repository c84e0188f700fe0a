"""The table of metrics: a new one is one function and one line here.

Every table, frame, file, limit and integration walks it, or what `iter_metrics` gives of an
evaluation; nothing else lists metrics. The keys of `ALL_METRICS` are those of
`Evaluation.estimates`: per label for `CountMetric` and `CurveMetric`, under `""` for `LabelsMetric`
and `AnswerMetric`, which are of all labels. Those of `SCORE_METRICS` stand in its score metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, Literal, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics import curves, matches, rates
from covidreport.records import (
    Consistency,
    Counts,
    Estimate,
    Evaluation,
    LabelScoreMetrics,
    Scores,
)

Direction = Literal["higher", "lower", "neither"]
Interval = Literal[
    "Wilson", "Wilson of F*", "MOVER", "Wilson, delta variance", "Wilson, DeLong variance",
    "Wilson, infinitesimal jackknife", "MOVER-R", "Wald", "none",
]  # fmt: skip
"""How intervals are made where an evaluation does not say otherwise. A proportion of images has
Wilson's, any other metric of counts between 0 and 1 (a correlation: -1 and 1) can have that of the
delta method."""


class Metric(Struct, frozen=True):
    """A metric: how it is computed, and all that is said of it."""

    compute: Callable[..., Any]
    title: str
    """What readers call it."""
    words: str
    """What it says, for a clinician."""
    formula: str
    direction: Direction
    """Which way it is better."""
    interval: Interval
    source: str = ""
    """A paper that has it; empty for what is common knowledge."""
    unit: str = "proportion"
    hugging_face: str | None = None
    """Its name on the Hub where that is another; MLflow and DVC have the key."""
    aliases: tuple[str, ...] = ()
    """Other names by which it can be limited."""
    resembles: tuple[str, ...] = ()
    """Names of other programs that may mean several metrics: refused, and this one is proposed."""
    at_threshold: bool = True
    """Whether it depends on the threshold."""

    @property
    def range(self) -> tuple[float, float]:
        """Between which values it lies, where its interval is that of the delta method."""
        return (-1.0, 1.0) if self.unit == "correlation" else (0.0, 1.0)


class CountMetric(Metric, frozen=True):
    """Of one label's counts. compute: of `CountArrays` of any shape."""

    def estimate(self, counts: Counts) -> Estimate:
        """The metric of these counts."""
        found = self.compute(rates.to_arrays(counts))
        return rates.estimate(found, proportion=self.interval == "Wilson")


class LabelsMetric(Metric, frozen=True):
    """Of the counts of all labels. compute: of `CountArrays` with the labels as last axis."""

    def estimate(self, counts: Collection[Counts]) -> Estimate:
        """The metric of these counts, one for each label; an image's answers are not independent,
        so that counts alone give no interval."""
        return rates.estimate(self.compute(rates.to_arrays(counts)), proportion=False)


class CurveMetric(Metric, frozen=True):
    """Of one label's scores over all thresholds; undefined from counts alone."""

    def estimate(self, curve: curves.CumulativeCounts) -> Estimate:
        """The metric of this curve."""
        found: Estimate = self.compute(curve)
        return found


class AnswerMetric(Metric, frozen=True):
    """A proportion of images by scores and answers; undefined from counts alone. compute: of
    `Scores` and answers `(N, K)`, gives which."""

    def estimate(self, scores: Scores, predicted: NDArray[np.bool_]) -> Estimate:
        """The metric of scores with their truth, and answers `(N, K)`."""
        proportion: matches.Proportion = self.compute(scores, predicted)
        counted = int(np.count_nonzero(proportion.counted & proportion.among))
        return rates.estimate_rate(counted, int(np.count_nonzero(proportion.among)))


class LabelScoreMetric(Metric, frozen=True):
    """What scores say of one label beyond its estimates. compute: of its `LabelScoreMetrics`."""


class ConsistencyMetric(Metric, frozen=True):
    """What answers say without the truth, over all labels. compute: of `Consistency`."""


ALL_METRICS: Final[dict[str, Metric]] = {
    "sensitivity": CountMetric(
        rates.sensitivity, "Sensitivity",
        "Of the images that have the label, the proportion that was found (recall)",
        "tp / positives", "higher", "Wilson",
        "Altman and Bland 1994", hugging_face="recall", aliases=("recall",),
    ),
    "specificity": CountMetric(
        rates.specificity, "Specificity",
        "Of the images that do not have the label, the proportion that was cleared",
        "tn / negatives", "higher", "Wilson", "Altman and Bland 1994",
    ),
    "ppv": CountMetric(
        rates.ppv, "PPV", "Of the images called positive, the proportion that is (precision)",
        "tp / (tp + false alarms)", "higher", "Wilson",
        "Altman and Bland 1994", hugging_face="precision", aliases=("precision",),
    ),
    "npv": CountMetric(
        rates.npv, "NPV", "Of the images called negative, the proportion that is",
        "tn / (tn + missed)", "higher", "Wilson", "Altman and Bland 1994",
    ),
    "f1": CountMetric(
        rates.f1, "F1", "The harmonic mean of sensitivity and PPV",
        "2 tp / (2 tp + false alarms + missed)", "higher", "Wilson of F*", "van Rijsbergen 1979",
    ),
    "accuracy": CountMetric(
        rates.accuracy, "Accuracy", "The proportion of right answers for one label",
        "(tp + tn) / (positives + negatives)", "higher", "Wilson",
    ),
    "balanced_accuracy": CountMetric(
        rates.balanced_accuracy, "Balanced accuracy", "The mean of sensitivity and specificity",
        "(sensitivity + specificity) / 2", "higher", "MOVER", "Brodersen et al. 2010",
    ),
    "mcc": CountMetric(
        rates.mcc, "MCC", "The correlation of answers with the truth, from −1 to 1; 0 is chance",
        "(tp tn − fp fn) / √((tp + fp) (tp + fn) (tn + fp) (tn + fn))", "higher",
        "Wilson, delta variance", "Matthews 1975", unit="correlation",
        hugging_face="matthews_correlation",
    ),
    "prevalence": CountMetric(
        rates.prevalence, "Prevalence",
        "The proportion of images that have the label; its interval (Wilson) only where the "
        "settings say that images are of consecutive patients",
        "positives / (positives + negatives)", "neither", "none", at_threshold=False,
    ),
    "roc_auc": CurveMetric(
        curves.roc_auc, "ROC AUC",
        "How often an image with the label scores higher than one without it; ties count half. "
        "Needs scores",
        "area under the ROC curve, trapezoidal", "higher", "Wilson, DeLong variance",
        "Hanley and McNeil 1982", at_threshold=False, resembles=("auc", "auroc"),
    ),
    "average_precision": CurveMetric(
        curves.average_precision, "Average precision",
        "PPV averaged over the positives, each at the threshold at which it is found. Needs scores",
        "Σ (recall gained × PPV there)", "higher", "Wilson, infinitesimal jackknife",
        at_threshold=False, resembles=("ap", "pr_auc", "auprc"),
    ),
    "micro_f1": LabelsMetric(
        rates.micro_f1, "Micro F1", "F1 of the counts of all labels taken together",
        "2 Σtp / (2 Σtp + Σfalse alarms + Σmissed)", "higher", "Wilson of F*",
        "van Rijsbergen 1979",
    ),
    "macro_f1": LabelsMetric(
        rates.macro_f1, "Macro F1", "The plain mean of the labels’ F1", "Σ F1 / labels",
        "higher", "Wilson, delta variance", "van Rijsbergen 1979",
    ),
    "label_accuracy": LabelsMetric(
        rates.label_accuracy, "Label accuracy",
        "The proportion of right answers over all images and labels (1 − Hamming loss)",
        "Σ(tp + tn) / Σ(positives + negatives)", "higher", "Wilson",
    ),
    "exact_match": AnswerMetric(
        matches.exact_match, "Exact match",
        "The proportion of images with the right answer for every label. Needs the answers per "
        "image",
        "images all right / images", "higher", "Wilson",
    ),
    "top_1_accuracy": AnswerMetric(
        matches.top_1, "Top-1 accuracy",
        "The proportion of images whose one label has the highest score of all outputs; a tie is "
        "wrong. Of a softmax, where every image carries exactly one label",
        "images whose label scores highest / images", "higher", "Wilson",
        at_threshold=False,
    ),
}  # fmt: skip
"""Every metric of `Evaluation.estimates` by its key."""

SCORE_METRICS: Final[dict[str, Metric]] = {
    "no_label": ConsistencyMetric(
        lambda found: found.nothing, "No label", "How often an image gets no label at all",
        "images without an answer yes / scored images", "lower", "Wilson",
    ),
    "contradiction": ConsistencyMetric(
        lambda found: found.contradiction, "Contradiction",
        "How often an image is called normal together with a disease",
        "contradictory images / scored images", "lower", "Wilson",
    ),
    "positive_likelihood_ratio": LabelScoreMetric(
        lambda label: label.positive_likelihood_ratio, "Positive likelihood ratio",
        "How many times an answer yes raises the odds of the label",
        "sensitivity / (1 − specificity)", "higher", "MOVER-R", "Simel 1991", "ratio",
    ),
    "negative_likelihood_ratio": LabelScoreMetric(
        lambda label: label.negative_likelihood_ratio, "Negative likelihood ratio",
        "How many times an answer no leaves of the odds of the label",
        "(1 − sensitivity) / specificity", "lower", "MOVER-R", "Simel 1991", "ratio",
    ),
    "ppv_at_prevalence": LabelScoreMetric(
        lambda label: label.ppv, "PPV at a prevalence",
        "How far a yes can be believed where a stated proportion has the label",
        "Bayes’ rule", "higher", "MOVER-R", "Mercaldo 2007",
    ),
    "npv_at_prevalence": LabelScoreMetric(
        lambda label: label.npv, "NPV at a prevalence",
        "How far a no can be believed where a stated proportion has the label",
        "Bayes’ rule", "higher", "MOVER-R", "Mercaldo 2007",
    ),
    "brier": LabelScoreMetric(
        lambda label: label.calibration.brier, "Brier score",
        "The mean squared distance of scores from the truth",
        "Σ (score − truth)² / images", "lower", "none", "Brier 1950", "squared probability",
        at_threshold=False,
    ),
    "calibration_intercept": LabelScoreMetric(
        lambda label: label.calibration.intercept, "Calibration intercept",
        "Below 0 scores are too high on the whole, above too low",
        "logistic regression of the truth on the logits", "neither", "Wald", "Cox 1958",
        "logit", at_threshold=False,
    ),
    "calibration_slope": LabelScoreMetric(
        lambda label: label.calibration.slope, "Calibration slope",
        "Below 1 scores are too extreme, above too timid",
        "logistic regression of the truth on the logits", "neither", "Wald", "Cox 1958",
        "ratio", at_threshold=False,
    ),
    "ece": LabelScoreMetric(
        lambda label: label.calibration.ece, "ECE",
        "How far mean score and observed proportion lie apart, averaged over bins of equal width",
        "Σ images in bin × |mean score − proportion| / images", "lower", "none",
        "Naeini et al. 2015", "probability", at_threshold=False,
    ),
}  # fmt: skip
"""Every metric of `Evaluation.details` that has a value for each label, or one over all."""

COUNTS: Final[dict[str, Direction]] = {
    "tn": "higher", "fp": "lower", "fn": "lower", "tp": "higher",
    "failed_positive": "lower", "failed_negative": "lower", "unknown": "neither",
    "positives": "neither", "negatives": "neither", "missed": "lower", "false_alarms": "lower",
}  # fmt: skip
"""The fields of `Counts` and what follows from them, and which way each is better. `missed` and
`false_alarms` count images that could not be scored; `fn` and `fp` do not."""

M = TypeVar("M", bound=Metric)


def list_metrics(kind: type[M]) -> dict[str, M]:
    """The metrics of one kind by their key, in the order of the table."""
    tables = (ALL_METRICS, SCORE_METRICS)
    return {
        key: each for table in tables for key, each in table.items() if isinstance(each, kind)
    }  # fmt: skip


def list_counts(counts: Counts, *, totals: bool = True) -> dict[str, int]:
    """All counts by name, in the order of `COUNTS`; those of the data alone only with `totals`."""
    excluded = () if totals else ("positives", "negatives")
    return {name: getattr(counts, name) for name in COUNTS if name not in excluded}


class Measured(Struct, frozen=True):
    """One metric of an evaluation."""

    label: str
    """Empty for a metric over all labels."""
    key: str
    estimate: Estimate
    metric: Metric | None
    """None for a metric of another version that is not known here."""


def iter_metrics(evaluation: Evaluation, *, score_metrics: bool = False) -> Iterator[Measured]:
    """Every metric of an evaluation in the order in which it is stored, undefined ones too.

    score_metrics: followed by those of `SCORE_METRICS`, where it has them.
    """
    for label, metrics in evaluation.estimates.items():
        for key, estimate in metrics.items():
            yield Measured(label, key, estimate, ALL_METRICS.get(key))
    found = evaluation.score_metrics if score_metrics else None
    if found is None:
        return
    yield from _pick("", found.consistency, ConsistencyMetric)
    for label, of_label in found.labels.items():
        yield from _pick(label, of_label, LabelScoreMetric)


def _pick(
    label: str, found: Consistency | LabelScoreMetrics, kind: type[Metric]
) -> Iterator[Measured]:
    for key, metric in list_metrics(kind).items():
        yield Measured(label, key, metric.compute(found), metric)


def interval_columns(key: str, estimate: Estimate) -> dict[str, float | None]:
    """A metric and the ends of its interval as columns: `f1`, `f1_low`, `f1_high`."""
    return {key: estimate.value, f"{key}_low": estimate.low, f"{key}_high": estimate.high}

"""The table of metrics: a new one is one function and one line here.

Grouped by what a metric needs to know. The keys are those of `Evaluation.estimates`: per label for
`METRICS` and `CURVE_METRICS`, under `""` for `OVERALL_METRICS` and `ANSWER_METRICS`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics import curves, matches, rates
from covidreport.records import Counts, Estimate

F = TypeVar("F", bound=Callable[..., Estimate])


@dataclass(frozen=True, slots=True)
class Metric(Generic[F]):
    """A figure: what readers call it, which direction is better, and how it is computed."""

    text: str
    direction: Literal["higher", "lower", "neither"]
    estimate: F


METRICS: Final[Mapping[str, Metric[Callable[[Counts], Estimate]]]] = {
    "sensitivity": Metric("Sensitivity", "higher", rates.sensitivity),
    "specificity": Metric("Specificity", "higher", rates.specificity),
    "ppv": Metric("PPV", "higher", rates.ppv),
    "npv": Metric("NPV", "higher", rates.npv),
    "f1": Metric("F1", "higher", rates.f1),
    "accuracy": Metric("Accuracy", "higher", rates.accuracy),
    "balanced_accuracy": Metric("Balanced accuracy", "higher", rates.balanced_accuracy),
    "mcc": Metric("MCC", "higher", rates.mcc),
    "prevalence": Metric("Prevalence", "neither", rates.prevalence),
}
"""Of one label's counts."""

CURVE_METRICS: Final[Mapping[str, Metric[Callable[[curves.Curve], Estimate]]]] = {
    "roc_auc": Metric("ROC AUC", "higher", curves.roc_auc),
    "average_precision": Metric("Average precision", "higher", curves.average_precision),
}
"""Of one label's scores, over all thresholds; undefined from counts alone."""

OVERALL_METRICS: Final[Mapping[str, Metric[Callable[[Collection[Counts]], Estimate]]]] = {
    "micro_f1": Metric("Micro F1", "higher", rates.micro_f1),
    "macro_f1": Metric("Macro F1", "higher", rates.macro_f1),
    "label_accuracy": Metric("Label accuracy", "higher", rates.label_accuracy),
}
"""Of the counts of all labels."""

_Answers = Callable[[NDArray[np.int8], NDArray[np.bool_], NDArray[np.bool_]], Estimate]

ANSWER_METRICS: Final[Mapping[str, Metric[_Answers]]] = {
    "exact_match": Metric("Exact match", "higher", matches.exact_match),
}
"""Of the answers per image, as (truth, predicted, failed); undefined from counts alone."""

ALL_METRICS: Final[Mapping[str, Metric[Any]]] = {
    **METRICS,
    **CURVE_METRICS,
    **OVERALL_METRICS,
    **ANSWER_METRICS,
}
"""Every metric by its key, for the texts and directions."""

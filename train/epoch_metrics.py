"""The metrics of an epoch, and by which of them it is better than another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from covidreport.compare.ranking import explain_counts
from covidreport.errors import RunError
from covidreport.metrics import (
    average_precision,
    count_curve,
    count_labels,
    estimate_counts,
    predict_labels,
    roc_auc,
)
from covidreport.records import Counts

from .losses import Loss
from .settings import EpochRule

THRESHOLD = 0.5
SPECIFICITY_FLOOR = 0.5
"""Below it an epoch is not chosen for missing few, as no run is ranked."""


@dataclass(frozen=True, slots=True)
class EpochMetrics:
    """One split after one epoch. loss: over the images that could be read.

    accuracy: right yes/no answers over all images and labels (1 - Hamming loss), a fraction.
    counts: of the target label at probability 0.5. Images that could not be read count as wrong,
    and a positive among them as missed. roc_auc, average_precision: of the target. What is
    undefined is None.
    """

    loss: float
    accuracy: float | None
    counts: Counts
    roc_auc: float | None
    average_precision: float | None

    @property
    def false_negatives(self) -> int | None:
        """Missed positives of the target; None where there is nothing to miss."""
        return self.counts.missed if self.counts.positives else None

    @property
    def false_positives(self) -> int | None:
        """False alarms of the target; None where none can be raised."""
        return self.counts.false_alarms if self.counts.negatives else None


def may_be_chosen(metrics: EpochMetrics, rule: EpochRule) -> bool:
    """Whether an epoch can be chosen by a rule: one that would have no rank misses few for
    nothing."""
    if rule.metric != "false_negatives":
        return True
    return explain_counts(metrics.counts, "the target", SPECIFICITY_FLOOR) is None


def order_by(metrics: EpochMetrics, rule: EpochRule) -> tuple[float, ...]:
    """What an epoch is chosen by: the smallest is the best.

    Raises RunError where the metric is undefined.
    """
    missed, alarms = metrics.false_negatives, metrics.false_positives
    value: float | None = getattr(metrics, str(rule.metric))
    if value is None:
        raise RunError(f"{rule.metric} of {rule.split} is undefined: no epoch can be chosen by it")
    if rule.metric == "false_negatives":
        return (missed or 0, alarms or 0, -(metrics.average_precision or 0.0))
    return (value if rule.metric == "loss" else -value,)


def measure(
    logits: NDArray[np.float32],
    truth: NDArray[np.int8],
    lost_truth: NDArray[np.int8],
    target: int,
    loss: float,
) -> EpochMetrics:
    """The metrics of logits `(N, K)` and truth `(N, K)`, with `(M, K)` of images that failed."""
    rows = np.concatenate([logits, np.zeros((len(lost_truth), logits.shape[1]), np.float32)])
    failed = np.arange(len(rows)) >= len(logits)
    thresholds = [THRESHOLD] * logits.shape[1]
    answers = predict_labels(rows, thresholds, "logit", failed)
    every = np.concatenate([truth, lost_truth])
    counts = count_labels(every, answers, failed)
    estimates = estimate_counts({str(k): table for k, table in enumerate(counts)})
    curve = count_curve(every[:, target], rows[:, target], failed)
    return EpochMetrics(
        loss, estimates[""]["label_accuracy"].value, counts[target], roc_auc(curve).value,
        average_precision(curve).value,
    )  # fmt: skip


def mean_loss(
    loss: Loss, logits: NDArray[np.float32], truth: NDArray[np.int8], batches: Sequence[slice]
) -> float:
    """The mean of the batches' losses, weighted by their sizes."""
    total = 0.0
    for batch in batches:
        value = loss(torch.from_numpy(logits[batch]), torch.from_numpy(truth[batch]).float())
        total += value.item() * len(logits[batch])
    return total / len(logits)

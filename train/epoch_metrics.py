"""The metrics of an epoch: loss, label accuracy and missed positives of the target label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from covidreport.metrics import count_labels, estimate_counts, predict_labels
from train.losses import Loss

THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class EpochMetrics:
    """One split after one epoch. loss: over the images that could be read.

    accuracy: right yes/no answers over all images and labels (1 - Hamming loss), a fraction.
    false_negatives: positives of the target label that were not found at probability 0.5.
    Images that could not be read count as wrong, and a positive among them as not found.
    """

    loss: float
    accuracy: float | None
    false_negatives: int


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
    counts = count_labels(np.concatenate([truth, lost_truth]), answers, failed)
    estimates = estimate_counts({str(k): table for k, table in enumerate(counts)})
    return EpochMetrics(loss, estimates[""]["label_accuracy"].value, counts[target].missed)


def mean_loss(
    loss: Loss, logits: NDArray[np.float32], truth: NDArray[np.int8], batches: Sequence[slice]
) -> float:
    """The mean of the batches' losses, weighted by their sizes."""
    total = 0.0
    for batch in batches:
        value = loss(torch.from_numpy(logits[batch]), torch.from_numpy(truth[batch]).float())
        total += value.item() * len(logits[batch])
    return total / len(logits)

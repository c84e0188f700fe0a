"""Metrics over all thresholds at once: the area under the ROC curve and average precision.

An image that could not be scored takes the worst place: a failed positive below every score, a
failed negative above. So a run can't gain by failing on what is hard. Images whose truth is unknown
are excluded. Neither metric has an interval here: neither is a binomial proportion.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from covidreport.records import UNKNOWN, Estimate


class CumulativeCounts(NamedTuple):
    """What is called positive as the threshold falls past each distinct score, the highest first.

    true_positives and false_positives: int64 `(D,)`, cumulative; the last entries are all positives
    and all negatives.
    """

    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]

    @property
    def positives(self) -> int:
        """How many images are positive."""
        return int(self.true_positives[-1]) if self.true_positives.size else 0

    @property
    def negatives(self) -> int:
        """How many images are negative."""
        return int(self.false_positives[-1]) if self.false_positives.size else 0


def count_curve(
    truth: NDArray[np.int8], scores: NDArray[np.floating], failed: NDArray[np.bool_]
) -> CumulativeCounts:
    """One label's curve from truth, scores and failed, each `(N,)`.

    Any strictly rising function of the scores gives the same curve, so logits serve as they are.
    Equal scores are passed together. Raises ValueError for a NaN in an image that did not fail.
    """
    worst = np.where(truth == 1, -np.inf, np.inf).astype(scores.dtype)
    values = np.where(failed, worst, scores)
    known = truth != UNKNOWN
    if not known.all():
        values, truth = values[known], truth[known]
    if np.isnan(values).any():
        raise ValueError("a score is NaN and its image did not fail")
    order = np.argsort(values)[::-1]
    values = values[order]
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]), values.size - 1)
    if not values.size:
        ends = ends[:0]
    true_positives = np.cumsum(truth[order] == 1, dtype=np.int64)[ends]
    return CumulativeCounts(true_positives, ends + 1 - true_positives)


def roc_auc(curve: CumulativeCounts) -> Estimate:
    """The area under the ROC curve: how often a positive scores above a negative, ties a half.

    The trapezoidal rule over the distinct scores, which is the Mann-Whitney statistic (Hanley and
    McNeil, Radiology 143 (1982) 29-36). Undefined where a class is absent.
    """
    pairs = curve.positives * curve.negatives
    if pairs == 0:
        return Estimate(None)
    steps = np.diff(curve.false_positives, prepend=0)
    heights = curve.true_positives + np.append(0, curve.true_positives[:-1])
    return Estimate(int(np.dot(steps, heights)) / (2 * pairs))


def average_precision(curve: CumulativeCounts) -> Estimate:
    """The mean precision over the positives, each at the threshold at which it is found.

    The sum over distinct scores of (recall gained) x (precision there), without interpolation, as
    scikit-learn's `average_precision_score`. Undefined where a class is absent: without negatives
    it would be 1 whatever the scores.
    """
    if curve.positives == 0 or curve.negatives == 0:
        return Estimate(None)
    gained = np.diff(curve.true_positives, prepend=0)
    called = curve.true_positives + curve.false_positives
    return Estimate(float(np.sum(gained * curve.true_positives / called)) / curve.positives)


def score_failed_worst(
    truth: NDArray[np.int8], scores: NDArray[np.floating[Any]], failed: NDArray[np.bool_]
) -> NDArray[np.floating[Any]]:
    """Scores `(R, N)` with failed positives below all and failed negatives above all.

    Raises ValueError for a NaN in an image of known truth that did not fail.
    """
    worst = np.where(truth == 1, -np.inf, np.inf).astype(scores.dtype)
    values = np.where(failed, worst, scores)
    if np.isnan(values[:, truth != UNKNOWN]).any():
        raise ValueError("a score is NaN and its image did not fail")
    return values

"""Several readers of the same images: their average ROC AUC, and runs beside it.

Obuchowski and Rockette, "Hypothesis testing of the diagnostic accuracy for multiple readers and
multiple tests: an ANOVA approach with dependent observations", Commun. Stat. Simul. Comput. 24
(1995) 285-308, with the degrees of freedom of Hillis, "A comparison of denominator degrees of
freedom methods for multiple observer ROC analysis", Stat. Med. 26 (2007) 596-619. Readers and cases
are both taken for a sample of others like them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.delong import RocAucs
from covidreport.records import Estimate

METHOD: Final = "Obuchowski-Rockette, df of Hillis"
RATES: Final = "Obuchowski-Rockette on the logit, df of Hillis"
_FEW = 4
"""Readers: of fewer the interval of a rate held it in 0.88 to 0.92 of simulated studies of many
images (benchmarks/README.md), and is called approximate."""


class ReaderAverage(Struct, frozen=True):
    """A mean over readers. spread: the mean square between readers. shared: the mean covariance of
    two readers' values, which come of the same cases; below 0 it counts as 0."""

    estimate: Estimate
    error: float | None
    freedom: float | None
    spread: float | None
    shared: float | None

    @property
    def p_value(self) -> float | None:
        """Of the mean being 0, by t; None where nothing spreads."""
        from scipy.special import stdtr

        value = self.estimate.value
        if value is None or not self.error or self.freedom is None:
            return None
        return float(2 * stdtr(self.freedom, -abs(value) / self.error))


def average_readers(
    values: NDArray[np.float64], covariance: NDArray[np.float64], confidence: float = 0.95
) -> ReaderAverage:
    """The mean of readers' values `(J,)`, whose covariance over cases is `(J, J)`.

    The variance is (MS(R) + J max(Cov2, 0)) / J, with (MS(R) + J max(Cov2, 0))^2 / (MS(R)^2 /
    (J - 1)) degrees of freedom: Hillis 2007, for one test alone. Without an interval for fewer than
    two readers, and where the covariance can't be estimated. Of values that are differences of two
    modalities the square of the mean by its error is Hillis' F, with the same degrees of freedom.
    """
    from scipy.special import stdtrit

    n = values.size
    if n == 0:
        return ReaderAverage(Estimate(None), None, None, None, None)
    mean = float(values.mean())
    if n < 2 or not np.isfinite(covariance).all():
        return ReaderAverage(Estimate(mean), None, None, None, None)
    spread = float(values.var(ddof=1))
    shared = float((covariance.sum() - np.trace(covariance)) / (n * (n - 1)))
    total = spread + n * max(shared, 0.0)
    if not total > 0 or not spread > 0:
        return ReaderAverage(Estimate(mean), None, None, spread, shared)
    error, freedom = math.sqrt(total / n), total**2 / (spread**2 / (n - 1))
    margin = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    estimate = Estimate(mean, mean - margin, mean + margin, method=METHOD)
    return ReaderAverage(estimate, error, freedom, spread, shared)


def average_aucs(aucs: RocAucs, readers: Sequence[int], confidence: float = 0.95) -> ReaderAverage:
    """The average ROC AUC of these of the runs; its interval ends at 0 and 1."""
    rows = list(readers)
    found = average_readers(aucs.values[rows], aucs.covariance[np.ix_(rows, rows)], confidence)
    return _cut(found, 0.0)


def average_rates(
    right: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None = None,
    confidence: float = 0.95,
) -> ReaderAverage:
    """The average over readers of the share of images that each calls right, `(J, M)`.

    Of the positives that is the sensitivity, of the negatives the specificity. Readers' shares
    covary over images or, where `groups` `(M,)` says whose these are, over patients, as the
    residuals from each reader's share summed over a patient do. Error and degrees of freedom are
    those of the average; the interval is symmetric on its logit, since rates are often near 1.
    """
    images = right.shape[1]
    if not images:
        return average_readers(np.zeros(0), np.zeros((0, 0)), confidence)
    shares = right.mean(axis=1)
    units = np.arange(images) if groups is None else np.unique(groups, return_inverse=True)[1]
    n = int(units.max()) + 1
    if n < 2:
        return average_readers(shares, np.full((shares.size, shares.size), np.nan), confidence)
    rests = np.stack([np.bincount(units, row, n) for row in right - shares[:, np.newaxis]])
    covariance = n / (n - 1) * (rests @ rests.T) / images**2
    return _bend(average_readers(shares, covariance, confidence), readers=shares.size)


def _bend(found: ReaderAverage, readers: int) -> ReaderAverage:
    """With the interval as wide on the logit as it was on the rate (the delta method)."""
    from scipy.special import expit, logit

    mean, high = found.estimate.value, found.estimate.high
    if mean is None or high is None:
        return found
    margin = (high - mean) / (mean * (1 - mean))
    low, high = (float(expit(logit(mean) + side * margin)) for side in (-1, 1))
    method = RATES if readers >= _FEW else f"{RATES}, approximate"
    return replace(found, estimate=Estimate(mean, low, high, method=method))


def compare_with_average(
    aucs: RocAucs, run: int, readers: Sequence[int], confidence: float = 0.95
) -> ReaderAverage:
    """A run's ROC AUC less the average of readers, of the same cases.

    The readers' average of the differences from the one run, which is no sample of runs:
    Obuchowski-Rockette of these differences, whose covariances follow from those of the areas.
    """
    rows = list(readers)
    joint = aucs.covariance
    cross = joint[run, rows]
    covariance = (
        joint[np.ix_(rows, rows)] + joint[run, run] - cross[:, np.newaxis] - cross[np.newaxis]
    )
    return _cut(average_readers(aucs.values[run] - aucs.values[rows], covariance, confidence), -1.0)


def _cut(found: ReaderAverage, lowest: float) -> ReaderAverage:
    estimate = found.estimate
    if estimate.low is None or estimate.high is None:
        return found
    ends = (max(lowest, estimate.low), min(1.0, estimate.high))
    return replace(found, estimate=Estimate(estimate.value, *ends, method=estimate.method))


def one_shot_variance(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float | None:
    """The variance of the readers' average ROC AUC, without a model: ratings `(J, M)` and `(J, N)`.

    Gallas, "One-shot estimate of MRMC variance: AUC", Acad. Radiol. 13 (2006) 353-362. The square
    of the average has the square of the true one and the variance for its mean; all pairs of
    successes that share neither reader nor case have the former alone. Unbiased, so it may be
    negative; it takes cases for independent. None for fewer than two readers, positives or
    negatives.
    """
    j, m, n = len(positive), positive.shape[1], negative.shape[1]
    if min(j, m, n) < 2:
        return None
    summed = np.zeros((m, n))
    squares = {"r": 0.0, "rp": 0.0, "rn": 0.0, "rpn": 0.0}
    for ours, theirs in zip(positive, negative, strict=True):
        success = (ours[:, None] > theirs).astype(np.float64) + 0.5 * (ours[:, None] == theirs)
        summed += success
        squares["r"] += float(success.sum() ** 2)
        squares["rp"] += float(np.square(success.sum(axis=1)).sum())
        squares["rn"] += float(np.square(success.sum(axis=0)).sum())
        squares["rpn"] += float(np.square(success).sum())
    squares |= {
        "": float(summed.sum() ** 2),
        "p": float(np.square(summed.sum(axis=1)).sum()),
        "n": float(np.square(summed.sum(axis=0)).sum()),
        "pn": float(np.square(summed).sum()),
    }
    # by inclusion and exclusion: the pairs that share none of reader, positive and negative
    apart = sum(
        (-1) ** sum(shared)
        * squares["".join(name for name, one in zip("rpn", shared, strict=True) if one)]
        for shared in product((0, 1), repeat=3)
    )
    pairs = j * (j - 1) * m * (m - 1) * n * (n - 1)
    return float(squares[""] / (j * m * n) ** 2 - apart / pairs)

"""ROC AUCs of several runs on the same images, with their covariance.

DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
operating characteristic curves", Biometrics 44 (1988) 837-845, by the midranks of Sun and Xu, "Fast
implementation of DeLong's algorithm", IEEE Signal Process. Lett. 21 (2014) 1389-1393; where images
belong to patients, Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53
(1997) 567-578.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.curves import score_failed_worst
from covidreport.metrics.effective import TIMES, count_freedom, effective_size, t_quantile
from covidreport.metrics.intervals import UNDEFINED, Interval, wilson_ends

NO_SPREAD = "no spread: the data show no way in which the value could have been another"


class RocAucs(Struct, frozen=True, eq=False, dict=True):
    """The runs' ROC AUCs `(R,)` and the covariance of these estimates `(R, R)`.

    covariance is NaN where it can't be estimated: fewer than two positives or negatives (with
    groups: fewer than two groups that hold some). grouped: whether it allows for groups. fewest:
    the positives, or the negatives if these are fewer (with groups: groups that hold some).
    freedom: the degrees of freedom of the covariance, of groups of unequal size fewer. variance:
    whose it is. within_folds: whether images are ranked within folds alone, `estimate_fold_aucs`.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]
    grouped: bool
    fewest: int
    freedom: float
    variance: str = "delong"
    within_folds: bool = False

    @cached_property
    def negligible(self) -> float:
        """Variances up to it are what rounding has left."""
        return 1e-16 * max(1.0, float(np.abs(self.covariance).max()))


class RocAucDifference(Struct, frozen=True):
    """The first run's ROC AUC minus the second's. z and p_value are None where undefined."""

    difference: float
    z: float | None
    p_value: float | None
    interval: Interval


def estimate_roc_aucs(
    truth: NDArray[np.int8],
    scores: NDArray[np.floating[Any]],
    failed: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None = None,
) -> RocAucs | None:
    """The ROC AUCs of all runs for one label; None where a class is absent.

    truth int8 `(N,)`, scores `(R, N)`, failed bool `(R, N)`, groups integers `(N,)`. A failed image
    takes the worst place, as in `count_curve`; images of unknown truth are excluded. Raises
    ValueError for shapes that do not fit and for a NaN in an image that did not fail.
    """
    if scores.ndim != 2 or scores.shape[1:] != truth.shape or failed.shape != scores.shape:
        raise ValueError(f"truth {truth.shape}, scores {scores.shape}, failed {failed.shape}")
    positive, negative = truth == 1, truth == 0
    m, n = int(np.count_nonzero(positive)), int(np.count_nonzero(negative))
    if m == 0 or n == 0:
        score_failed_worst(truth, scores, failed)  # refuses the same scores whatever the truth is
        return None
    values = np.empty(len(scores))
    codes_x, codes_y = np.arange(m), np.arange(n)
    if groups is not None:
        ordered = np.concatenate([groups[positive], groups[negative]])
        codes_x, codes_y = np.split(np.unique(ordered, return_inverse=True)[1], [m])
    total = 1 + max(codes_x.max(), codes_y.max())
    x, y = (np.empty((len(scores), size if groups is None else total)) for size in (m, n))
    for run in range(len(scores)):
        (filled,) = score_failed_worst(truth, scores[[run]], failed[[run]])
        below, above = _count_others(filled[positive], filled[negative])
        centred_x, centred_y = below / n, 1 - above / m
        values[run] = centred_x.mean()
        x[run] = np.bincount(codes_x, centred_x - values[run], x.shape[1])
        y[run] = np.bincount(codes_y, centred_y - values[run], y.shape[1])
    if groups is None:
        covariance = _product(x, m - 1) / m + _product(y, n - 1) / n
        return RocAucs(values, covariance, False, min(m, n), min(m, n) - 1)
    covariance = _cluster_covariance(x, y, codes_x, codes_y)
    sizes = [np.unique(each, return_counts=True)[1] for each in (codes_x, codes_y)]
    fewest = min(each.size for each in sizes)
    freedom = min(count_freedom(each) for each in sizes)
    return RocAucs(values, covariance, True, fewest, freedom, "obuchowski")


def assume_roc_auc(value: float, positives: int, negatives: int) -> RocAucs:
    """A ROC AUC of which nothing is known but how many images it is of, with the variance that it
    has on average.

    Hanley and McNeil, Radiology 143 (1982) 29-36, equation 1, with Q1 = A / (2 - A) and
    Q2 = 2 A^2 / (1 + A). Both classes are needed.
    """
    square = value * value
    q1, q2 = value / (2 - value), 2 * square / (1 + value)
    variance = (
        value * (1 - value) + (positives - 1) * (q1 - square) + (negatives - 1) * (q2 - square)
    ) / (positives * negatives)
    fewest = min(positives, negatives)
    covariance = np.array([[max(variance, 0.0)]])
    return RocAucs(np.array([value]), covariance, False, fewest, fewest - 1, "hanley-mcneil")


def average_roc_aucs(parts: Sequence[RocAucs]) -> RocAucs:
    """The mean of ROC AUCs on parts of the images that are independent of each other.

    It has the degrees of freedom of the part with the fewest.
    """
    return replace(
        parts[0],
        values=np.mean([each.values for each in parts], axis=0),
        covariance=np.mean([each.covariance for each in parts], axis=0) / len(parts),
        fewest=sum(each.fewest for each in parts),
        freedom=min(each.freedom for each in parts),
    )


def _count_others(
    x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many of `y` lie below each of `x` `(m,)`, and how many of `x` below each of `y` `(n,)`,
    equal ones as halves: differences of midranks, from one sort of all."""
    values = np.concatenate([x, y])
    order = np.argsort(values)
    values = values[order]
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]), values.size - 1)
    of_x = np.cumsum(order < x.size)[ends]
    of_y = ends + 1 - of_x
    # below a value lie those before it, and of its equals half
    times = np.diff(ends, prepend=-1)
    counted = np.empty((2, values.size))
    for one, into in zip((of_y, of_x), counted, strict=True):
        into[order] = np.repeat((one + np.append(0, one[:-1])) / 2, times)
    return counted[0, : x.size], counted[1, x.size :]


def _product(centred: NDArray[np.float64], freedom: int) -> NDArray[np.float64]:
    square = centred @ centred.T
    return square / freedom if freedom > 0 else np.full_like(square, np.nan)


def _cluster_covariance(
    x: NDArray[np.float64], y: NDArray[np.float64],
    codes_x: NDArray[np.intp], codes_y: NDArray[np.intp],
) -> NDArray[np.float64]:  # fmt: skip
    """Obuchowski 1997, section 2: sums over a group's images, `(R, groups)`, take the place of
    images, whose groups are `(m,)` and `(n,)`."""
    m, n, total = codes_x.size, codes_y.size, x.shape[1]
    with_x, with_y = np.unique(codes_x).size, np.unique(codes_y).size
    if with_x < 2 or with_y < 2:
        return np.full((len(x), len(x)), np.nan)
    s10 = with_x / (with_x - 1) / m * (x @ x.T)
    s01 = with_y / (with_y - 1) / n * (y @ y.T)
    s11 = total / (total - 1) * (x @ y.T)
    covariance: NDArray[np.float64] = s10 / m + s01 / n + (s11 + s11.T) / (m * n)
    return covariance


def roc_auc_interval(aucs: RocAucs, run: int, confidence: float = 0.95) -> Interval:
    """One run's of `roc_auc_ends`; None where the variance can't be estimated."""
    low, high = (float(end[run]) for end in roc_auc_ends(aucs, confidence))
    if math.isnan(low) or math.isnan(high):
        return Interval(None, None, None, UNDEFINED)
    method = f"wilson, {aucs.variance} variance" + " within folds" * aucs.within_folds
    return Interval(low, high, f"{method} over groups" if aucs.grouped else method)


def roc_auc_ends(
    aucs: RocAucs, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The 95 % interval of each run's ROC AUC, `(R,)` each: Wilson's on the effective sample.

    Its size is a (1 - a) / v with the variance v of DeLong or Obuchowski, at most `TIMES` the
    positives (or negatives, or groups that hold some), with a t quantile. That an area has the
    interval of a proportion is of Kottas, Kuss and Zapf, BMC Med. Res. Methodol. 14 (2014) 26, who
    fix the number of trials. An area of 1 or 0 shows no variance: its size is the largest.
    """
    variances = np.diag(aucs.covariance)
    most = TIMES * aucs.fewest
    size = effective_size(aucs.values, variances, most, most, aucs.freedom, confidence)
    return wilson_ends(aucs.values, size, confidence)


def compare_roc_aucs(
    aucs: RocAucs, first: int, second: int, confidence: float = 0.95
) -> RocAucDifference:
    """The paired difference of two runs' ROC AUCs: DeLong's Z, its two-sided p-value, interval.

    The interval has a t quantile, since the variance is estimated from few positives; the published
    test is normal: where they disagree, p decides. Runs whose scores order the images alike differ
    by 0 with p 1 and no interval.
    """
    difference = float(aucs.values[first] - aucs.values[second])
    parts = aucs.covariance
    variance = float(parts[first, first] + parts[second, second] - 2 * parts[first, second])
    if math.isnan(variance):
        return RocAucDifference(difference, None, None, Interval(None, None, None, UNDEFINED))
    if variance <= aucs.negligible:
        same = abs(difference) < 1e-12
        nothing = Interval(None, None, None, NO_SPREAD)
        return RocAucDifference(difference, None, 1.0 if same else None, nothing)
    error = math.sqrt(variance)
    z = difference / error
    margin = t_quantile(aucs.freedom, confidence) * error
    low, high = max(-1.0, difference - margin), min(1.0, difference + margin)
    p_value = math.erfc(abs(z) / math.sqrt(2))
    method = f"{name_delong(aucs.grouped)}, t quantile"
    return RocAucDifference(difference, z, p_value, Interval(low, high, method))


def name_delong(grouped: bool) -> str:
    """What the test is called."""
    return "obuchowski over groups" if grouped else "delong"

"""ROC AUCs of several runs on the same images, with their covariance.

DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
operating characteristic curves", Biometrics 44 (1988) 837-845, by the midranks of Sun and Xu, "Fast
implementation of DeLong's algorithm", IEEE Signal Process. Lett. 21 (2014) 1389-1393; where images
belong to patients, Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53
(1997) 567-578.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.bootstrap import UNDEFINED, Interval
from covidreport.metrics.curve_bootstrap import score_failed_worst

NO_SPREAD = "no spread: the data show no way in which the value could have been another"


@dataclass(frozen=True, slots=True, eq=False)
class RocAucs:
    """The runs' ROC AUCs `(R,)` and the covariance of these estimates `(R, R)`.

    covariance is NaN where it can't be estimated: fewer than two positives or negatives (with
    groups: fewer than two groups that hold some). grouped: whether it allows for groups.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]
    grouped: bool


@dataclass(frozen=True, slots=True)
class RocAucDifference:
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
    filled = score_failed_worst(truth, scores, failed)
    positive, negative = truth == 1, truth == 0
    m, n = int(np.count_nonzero(positive)), int(np.count_nonzero(negative))
    if m == 0 or n == 0:
        return None
    # A midrank among all less that among one's own class counts the other class.
    x, y = filled[:, positive], filled[:, negative]
    together = _midranks(np.concatenate([x, y], axis=1))
    beaten = (together[:, :m] - _midranks(x)) / n
    beating = 1 - (together[:, m:] - _midranks(y)) / m
    values = beaten.mean(axis=1)
    centred_x, centred_y = beaten - values[:, np.newaxis], beating - values[:, np.newaxis]
    if groups is None:
        covariance = _product(centred_x, m - 1) / m + _product(centred_y, n - 1) / n
        return RocAucs(values, covariance, grouped=False)
    covariance = _cluster_covariance(centred_x, centred_y, groups[positive], groups[negative])
    return RocAucs(values, covariance, grouped=True)


def _midranks(rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Each value's rank in its row, from 1; equal values share the mean of their ranks."""
    ranks = np.empty(rows.shape)
    for row, out in zip(rows, ranks, strict=True):
        _, inverse, counts = np.unique(row, return_inverse=True, return_counts=True)
        out[:] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def _product(centred: NDArray[np.float64], freedom: int) -> NDArray[np.float64]:
    square = centred @ centred.T
    return square / freedom if freedom > 0 else np.full_like(square, np.nan)


def _cluster_covariance(
    centred_x: NDArray[np.float64],
    centred_y: NDArray[np.float64],
    groups_x: NDArray[np.integer[Any]],
    groups_y: NDArray[np.integer[Any]],
) -> NDArray[np.float64]:
    """Obuchowski 1997, section 2: sums over a group's images take the place of images."""
    present, codes = np.unique(np.concatenate([groups_x, groups_y]), return_inverse=True)
    m, n, total = groups_x.size, groups_y.size, present.size
    codes_x, codes_y = codes[:m], codes[m:]
    x = np.stack([np.bincount(codes_x, row, total) for row in centred_x])
    y = np.stack([np.bincount(codes_y, row, total) for row in centred_y])
    with_x, with_y = np.unique(codes_x).size, np.unique(codes_y).size
    if with_x < 2 or with_y < 2:
        return np.full((len(x), len(x)), np.nan)
    s10 = with_x / (with_x - 1) / m * (x @ x.T)
    s01 = with_y / (with_y - 1) / n * (y @ y.T)
    s11 = total / (total - 1) * (x @ y.T)
    covariance: NDArray[np.float64] = s10 / m + s01 / n + (s11 + s11.T) / (m * n)
    return covariance


def roc_auc_interval(aucs: RocAucs, run: int, confidence: float = 0.95) -> Interval:
    """One run's ROC AUC plus and minus the normal quantile times its error, within 0 and 1.

    None where the variance is 0 or can't be estimated: an area of exactly 1 says nothing about how
    far below 1 it could be.
    """
    variance = float(aucs.covariance[run, run])
    if math.isnan(variance):
        return Interval(None, None, None, UNDEFINED)
    if variance <= _negligible(aucs):
        return Interval(None, None, None, NO_SPREAD)
    value = float(aucs.values[run])
    margin = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(variance)
    return Interval(max(0.0, value - margin), min(1.0, value + margin), name_delong(aucs.grouped))


def compare_roc_aucs(
    aucs: RocAucs, first: int, second: int, confidence: float = 0.95
) -> RocAucDifference:
    """The paired difference of two runs' ROC AUCs: DeLong's Z, its two-sided p-value, interval.

    Runs whose scores order the images alike differ by 0 with p 1 and no interval.
    """
    difference = float(aucs.values[first] - aucs.values[second])
    parts = aucs.covariance
    variance = float(parts[first, first] + parts[second, second] - 2 * parts[first, second])
    if math.isnan(variance):
        return RocAucDifference(difference, None, None, Interval(None, None, None, UNDEFINED))
    if variance <= _negligible(aucs):
        same = abs(difference) < 1e-12
        nothing = Interval(None, None, None, NO_SPREAD)
        return RocAucDifference(difference, None, 1.0 if same else None, nothing)
    error = math.sqrt(variance)
    z = difference / error
    margin = NormalDist().inv_cdf(0.5 + confidence / 2) * error
    low, high = max(-1.0, difference - margin), min(1.0, difference + margin)
    p_value = math.erfc(abs(z) / math.sqrt(2))
    return RocAucDifference(difference, z, p_value, Interval(low, high, name_delong(aucs.grouped)))


def name_delong(grouped: bool) -> str:
    """What an interval or test is called."""
    return "obuchowski over groups" if grouped else "delong"


def _negligible(aucs: RocAucs) -> float:
    """Variances that only rounding has left over."""
    return 1e-16 * max(1.0, float(np.abs(aucs.covariance).max()))

"""The variance of average precision, by what each image moves it.

Average precision is a function of the images' weights. Its derivative by the weight of an image is
what that image moves it by, and the sum of their squares its variance: the infinitesimal jackknife
(Jaeckel 1972; Efron 1982), which the bootstrap comes to with many resamples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.curves import score_failed_worst
from covidreport.records import UNKNOWN


def estimate_precision_variance(
    truth: NDArray[np.int8],
    scores: NDArray[np.floating[Any]],
    failed: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None = None,
) -> NDArray[np.float64]:
    """The variance of each run's average precision for one label, `(R,)`.

    truth int8 `(N,)`, scores `(R, N)`, failed bool `(R, N)`, groups integers `(N,)`: images of one
    patient move it together. A failed image takes the worst place, as in `count_curve`; images of
    unknown truth are excluded. With P images, or patients, with positives it is multiplied by
    (P / (P - 1))²: what it lacks with few of them (`benchmarks/README.md`). NaN where only one has
    any, or there are no negatives. Raises ValueError for shapes that do not fit and for a NaN in
    an image that did not fail.
    """
    if scores.ndim != 2 or scores.shape[1:] != truth.shape or failed.shape != scores.shape:
        raise ValueError(f"truth {truth.shape}, scores {scores.shape}, failed {failed.shape}")
    values = score_failed_worst(truth, scores, failed)
    known = np.flatnonzero(truth != UNKNOWN)
    units = np.arange(known.size) if groups is None else groups[known]
    positive = truth[known] == 1
    carriers = np.unique(units[positive]).size
    if carriers < 2 or positive.all():
        return np.full(len(values), np.nan)
    few = (carriers / (carriers - 1)) ** 2
    codes = np.unique(units, return_inverse=True)[1]
    moved = [np.bincount(codes, _find_influence(positive, row[known])) for row in values]
    return np.asarray([few * each @ each for each in moved])


def _find_influence(
    positive: NDArray[np.bool_], scores: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """By what each image's weight moves average precision, `(n,)`.

    PPV at a positive depends on the images that score at least as high. So an image moves that of
    the positives at its own score and at lower ones; a positive adds its own PPV, too.
    """
    distinct, at = np.unique(-scores, return_inverse=True)
    hits = np.bincount(at, positive, minlength=distinct.size)
    called = np.bincount(at, minlength=distinct.size).cumsum()
    found = hits.cumsum()
    precision = found / called
    value = hits @ precision / found[-1]
    by_hit, by_alarm = (
        (hits * part / called**2)[::-1].cumsum()[::-1] for part in (called - found, -found)
    )
    moved = np.where(positive, precision[at] - value + by_hit[at], by_alarm[at])
    return np.asarray(moved / found[-1])

"""Confidence intervals of a proportion, and what an interval is.

SciPy is loaded by the functions that need it: a report is rendered without it.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

UNDEFINED = "the metric is undefined"
ONE_UNIT = "one patient alone has these images"


class Interval(Struct, frozen=True):
    """Two ends and how they were made; or no ends, no method, and why there is none."""

    low: float | None
    high: float | None
    method: str | None
    reason: str | None = None


@cache
def two_sided_z(confidence: float) -> float:
    """The normal quantile between whose two signs the confidence lies: 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(k: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of k successes in n independent trials, as (low, high) fractions.

    Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat.
    Assoc. 22 (1927) 209-212; without continuity correction, as recommended for small n by Brown,
    Cai and DasGupta, Statist. Sci. 16 (2001) 101-133, equation 4. It contains k / n and stays
    within 0 and 1. Of an effective sample neither k nor n need be a whole number.

    Raises ValueError where n is 0 (the proportion is undefined), where k is not between 0 and n,
    or where the confidence is not strictly between 0 and 1.
    """
    _check(k, n, confidence)
    low, high = wilson_ends(k / n, n, confidence)
    return float(low), float(high)


def wilson_ends(
    proportion: ArrayLike, n: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[Any], NDArray[Any]]:
    """`wilson` of proportions of n trials, arrays of any shape; NaN where either is NaN."""
    p, size = np.asarray(proportion, np.float64), np.asarray(n, np.float64)
    z = two_sided_z(confidence)
    centre = p + z * z / (2 * size)
    margin = z * np.sqrt(p * (1 - p) / size + z * z / (4 * size * size))
    scale = 1 + z * z / size
    # At 0 and 1 one end is 0 or 1 by algebra, and only nearly so in floating point.
    known = ~np.isnan(size)
    low = np.minimum(np.maximum((centre - margin) / scale, 0.0), p)
    high = np.maximum(np.minimum((centre + margin) / scale, 1.0), p)
    return np.where(known & (p == 0), 0.0, low), np.where(known & (p == 1), 1.0, high)


def clopper_pearson(k: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of k successes in n independent trials, as (low, high) fractions.

    Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26 (1934) 404-413, by quantiles of the beta distribution. It holds its
    confidence whatever the true proportion, and so is wider than Wilson's, which holds it on
    average. Of an effective sample neither k nor n need be a whole number.

    Raises ValueError as `wilson` does.
    """
    _check(k, n, confidence)
    low, high = clopper_pearson_ends(k, n, confidence)
    return float(low), float(high)


def clopper_pearson_ends(
    k: ArrayLike, n: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[Any], NDArray[Any]]:
    """`clopper_pearson` of k of n trials, arrays of any shape; NaN where either is NaN."""
    from scipy.special import betaincinv

    right, size = np.asarray(k, np.float64), np.asarray(n, np.float64)
    tail = (1 - confidence) / 2
    low = np.where(right == 0, 0.0, betaincinv(right, size - right + 1, tail))
    high = np.where(right == size, 1.0, betaincinv(right + 1, size - right, 1 - tail))
    # The inverse is rounded: never past the proportion that the interval contains by algebra.
    return np.minimum(low, right / size), np.maximum(high, right / size)


def lower_bound(k: int, n: int, confidence: float = 0.95) -> float:
    """The one-sided exact lower bound of k successes in n independent trials.

    As `clopper_pearson`, with all that the confidence leaves on one side. Raises ValueError as
    `wilson` does.
    """
    from scipy.special import betaincinv

    _check(k, n, confidence)
    return 0.0 if k == 0 else float(betaincinv(k, n - k + 1, 1 - confidence))


def _check(k: float, n: float, confidence: float) -> None:
    if not 0 <= k <= n or n == 0:
        raise ValueError(f"{k} of {n} is not a proportion")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not {confidence}")

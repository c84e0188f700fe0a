"""Confidence intervals of a proportion.

SciPy is loaded by the functions that need it: a report is rendered without it.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist


@cache
def two_sided_z(confidence: float) -> float:
    """The normal quantile between whose two signs the confidence lies: 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of k successes in n independent trials, as (low, high) fractions.

    Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat.
    Assoc. 22 (1927) 209-212; without continuity correction, as recommended for small n by Brown,
    Cai and DasGupta, Statist. Sci. 16 (2001) 101-133, equation 4. It contains k / n and stays
    within 0 and 1.

    Raises ValueError where n is 0 (the proportion is undefined), where k is not between 0 and n,
    or where the confidence is not strictly between 0 and 1.
    """
    _check(k, n, confidence)
    z = two_sided_z(confidence)
    proportion = k / n
    centre = proportion + z * z / (2 * n)
    margin = z * math.sqrt(proportion * (1 - proportion) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At k = 0 and k = n one end is 0 or 1 by algebra, and only nearly so in floating point.
    low = 0.0 if k == 0 else min(max((centre - margin) / scale, 0.0), proportion)
    high = 1.0 if k == n else max(min((centre + margin) / scale, 1.0), proportion)
    return low, high


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of k successes in n independent trials, as (low, high) fractions.

    Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26 (1934) 404-413, by quantiles of the beta distribution. It holds its
    confidence whatever the true proportion, and so is wider than Wilson's, which holds it on
    average.

    Raises ValueError as `wilson` does.
    """
    from scipy.special import betaincinv

    _check(k, n, confidence)
    tail = (1 - confidence) / 2
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - tail))
    # The inverse is rounded: never past the proportion that the interval contains by algebra.
    return min(low, k / n), max(high, k / n)


def lower_bound(k: int, n: int, confidence: float = 0.95) -> float:
    """The one-sided exact lower bound of k successes in n independent trials.

    As `clopper_pearson`, with all that the confidence leaves on one side. Raises ValueError as
    `wilson` does.
    """
    from scipy.special import betaincinv

    _check(k, n, confidence)
    return 0.0 if k == 0 else float(betaincinv(k, n - k + 1, 1 - confidence))


def _check(k: int, n: int, confidence: float) -> None:
    if not 0 <= k <= n or n == 0:
        raise ValueError(f"{k} of {n} is not a proportion")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not {confidence}")

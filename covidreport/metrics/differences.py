"""Differences between two runs with their intervals, and non-inferiority within a margin."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.effective import count_even, count_freedom, widen
from covidreport.metrics.intervals import ONE_UNIT, UNDEFINED, Interval, two_sided_z
from covidreport.metrics.selection import design_effect

_BISECTIONS = 52
"""Each halves the distance: to the last digit of a fraction."""


def tango(
    only_first: float, only_second: float, n: float, confidence: float = 0.95
) -> tuple[float, float]:
    """The score interval of the difference of two paired proportions, (low, high) fractions.

    only_first: how many of n images have the property for the first run only, only_second for the
    second only; the difference is (only_first - only_second) / n. Tango, "Equivalence test and
    confidence interval for the difference in proportions for the paired-sample design", Statist.
    Med. 17 (1998) 891-908: the differences that a score test does not reject. It is defined without
    discordant images too, and stays within -1 and 1. It takes images for independent; an effective
    sample need not be a whole number of them.

    Raises ValueError where n is 0 or the counts do not fit into it.
    """
    _check(only_first, only_second, n)
    z = two_sided_z(confidence)
    # The two ends mirror each other to the last digit, whichever run comes first.
    return _tango_low(only_first, only_second, n, z), -_tango_low(only_second, only_first, n, z)


def _check(only_first: float, only_second: float, n: float) -> None:
    if n <= 0 or min(only_first, only_second) < 0 or only_first + only_second > n * (1 + 1e-12):
        raise ValueError(f"{only_first:g} and {only_second:g} discordant images of {n:g}")


def _tango_low(only_first: float, only_second: float, n: float, z: float) -> float:
    estimate = (only_first - only_second) / n
    if estimate <= -1:
        return -1.0
    # Just beside the estimate: at it the variance, and so the score, may be 0.
    inside, outside = estimate - (1 + estimate) * 1e-9, -1.0
    for _ in range(_BISECTIONS):
        middle = (inside + outside) / 2
        # Multiplied out so that nothing is divided by a variance of 0.
        distance, deviation = _tango_score(only_first, only_second, n, middle)
        if distance > z * deviation:
            outside = middle
        else:
            inside = middle
    return outside


def _tango_score(
    only_first: float, only_second: float, n: float, delta: float
) -> tuple[float, float]:
    """How far the difference lies from n * delta, and its standard deviation if delta were true."""
    # q: the proportion of the second run only, most likely if the difference were delta.
    linear = -only_first - only_second + (2 * n - only_first + only_second) * delta
    constant = -only_second * delta * (1 - delta)
    root = math.sqrt(max(0.0, linear * linear - 8 * n * constant))
    q = (root - linear) / (4 * n)
    variance = max(0.0, n * (2 * q + delta * (1 - delta)))
    return only_first - only_second - n * delta, math.sqrt(variance)


def estimate_difference(
    only_first: int,
    only_second: int,
    differences: NDArray[np.integer[Any]],
    sizes: NDArray[np.integer[Any]],
    confidence: float = 0.95,
) -> tuple[float | None, Interval]:
    """The first run's proportion of right answers minus the second's, with its paired interval.

    only_first, only_second: how many images only the one run got right. sizes, differences `(G,)`:
    each patient's images, and the right answers of the first run minus the second's. The interval
    is Tango's; where a patient has several images, on the effective sample: counts divided by the
    patients' `design_effect` and by (t / z)^2 with the degrees of freedom of `count_freedom`, since
    that effect is estimated from so many patients. It holds for this one difference, not for all
    pairs at once. None where there are no images.
    """
    n = int(sizes.sum())
    if n == 0:
        return None, Interval(None, None, None, UNDEFINED)
    difference = (only_first - only_second) / n
    groups = len(differences)
    if groups == n:
        return difference, Interval(*tango(only_first, only_second, n, confidence), "tango")
    if groups == 1:
        return difference, Interval(None, None, None, ONE_UNIT)
    each = design_effect(differences, only_first + only_second, n) * float(
        widen(count_freedom(sizes), confidence)
    )
    low, high = tango(only_first / each, only_second / each, n / each, confidence)
    return difference, Interval(low, high, "tango over groups")


def cases_to_exclude(
    only_first: int,
    only_second: int,
    sizes: NDArray[np.integer[Any]],
    margin: float,
    differences: NDArray[np.integer[Any]],
    confidence: float = 0.95,
) -> int | None:
    """About how many cases would show that the first run is at most `margin` worse; None for never.

    Arguments as of `estimate_difference`, of the cases at hand. If the proportions of discordant
    cases and the cases of a patient stay what they are, the score at -margin grows with the root of
    the number of cases, so the number at which the lower end reaches -margin follows at once. Never
    where the loss at hand is the margin or more.
    Raises ValueError as `tango`, and unless the margin is over 0 and under 1.
    """
    n = int(sizes.sum())
    _check(only_first, only_second, n)
    if not 0 < margin < 1:
        raise ValueError(f"a margin is a fraction between 0 and 1, not {margin:g}")
    distance, deviation = _tango_score(only_first, only_second, n, -margin)
    if distance <= 0:
        return None
    needed = n * (two_sided_z(confidence) * deviation / distance) ** 2
    if len(differences) < n:
        needed *= design_effect(differences, only_first + only_second, n)
        freedom = count_freedom(sizes) + (needed / n - 1) * float(count_even(sizes))
        needed *= float(widen(max(1, freedom), confidence))
    return math.ceil(needed)


class NonInferiority(Struct, frozen=True):
    """Whether a run is at most `margin` worse than another, and on what evidence.

    difference: the run's value minus the other's.
    """

    answer: Literal["yes", "no", "the data cannot say"]
    margin: float
    difference: float | None
    interval: Interval


def judge_non_inferiority(
    difference: float | None, interval: Interval, margin: float
) -> NonInferiority:
    """Non-inferiority from the two-sided interval of a difference (run minus reference).

    yes: the whole interval lies above -margin. no: it lies below, so the run is worse by more than
    the margin. Otherwise, or without an interval, the data cannot say. A two-sided 95 % interval
    makes it a one-sided test at 2.5 % (ICH E9, 1998, section 3.3.2). The interval is that of
    `estimate_difference`.

    Raises ValueError unless the margin is over 0 and under 1: it must be stated beforehand.
    """
    if not 0 < margin < 1:
        raise ValueError(f"a margin is a fraction between 0 and 1, not {margin:g}")
    answer: Literal["yes", "no", "the data cannot say"] = "the data cannot say"
    if interval.low is not None and interval.high is not None:
        if interval.low > -margin:
            answer = "yes"
        elif interval.high < -margin:
            answer = "no"
    return NonInferiority(answer, margin, difference, interval)

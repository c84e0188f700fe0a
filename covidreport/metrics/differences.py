"""Differences between two runs with their intervals, and non-inferiority within a margin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from covidreport.metrics.bootstrap import (
    UNDEFINED,
    Interval,
    difference_draws,
    name_bootstrap,
    percentile_interval,
)
from covidreport.metrics.resample import ResampledCounts

_BISECTIONS = 52
"""Each halves the distance: to the last digit of a fraction."""


def tango(
    only_first: int, only_second: int, n: int, confidence: float = 0.95
) -> tuple[float, float]:
    """The score interval of the difference of two paired proportions, (low, high) fractions.

    only_first: how many of n images have the property for the first run only, only_second for the
    second only; the difference is (only_first - only_second) / n. Tango, "Equivalence test and
    confidence interval for the difference in proportions for the paired-sample design", Statist.
    Med. 17 (1998) 891-908: the differences that a score test does not reject. It is defined without
    discordant images too, and stays within -1 and 1. It takes images for independent.

    Raises ValueError where n is 0 or the counts do not fit into it.
    """
    if n < 1 or min(only_first, only_second) < 0 or only_first + only_second > n:
        raise ValueError(f"{only_first} and {only_second} discordant images of {n}")
    estimate = (only_first - only_second) / n
    z = NormalDist().inv_cdf(0.5 + confidence / 2)

    def score(delta: float, level: float) -> float:
        # Multiplied out so that nothing is divided by a variance of 0.
        distance, deviation = _tango_score(only_first, only_second, n, delta)
        return distance - level * deviation

    def solve(end: float, level: float) -> float:
        if end == estimate:
            return end
        # Just beside the estimate: at it the variance, and so the score, may be 0.
        near = estimate + (end - estimate) * 1e-9
        inside, outside = near, end
        for _ in range(_BISECTIONS):
            middle = (inside + outside) / 2
            beyond = score(middle, level) * level > 0
            inside, outside = (inside, middle) if beyond else (middle, outside)
        return outside

    return solve(-1.0, z), solve(1.0, -z)


def _tango_score(only_first: int, only_second: int, n: int, delta: float) -> tuple[float, float]:
    """How far the difference lies from n * delta, and its standard deviation if delta were true."""
    # q: the share of the second run only, most likely if the difference were delta.
    linear = -only_first - only_second + (2 * n - only_first + only_second) * delta
    constant = -only_second * delta * (1 - delta)
    root = math.sqrt(max(0.0, linear * linear - 8 * n * constant))
    q = (root - linear) / (4 * n)
    variance = max(0.0, n * (2 * q + delta * (1 - delta)))
    return only_first - only_second - n * delta, math.sqrt(variance)


def cases_to_exclude(
    only_first: int, only_second: int, n: int, margin: float, confidence: float = 0.95
) -> int | None:
    """About how many cases would show that the first run is at most `margin` worse; None for never.

    Arguments as of `tango`, n cases at hand. If the shares of discordant cases stay what they are,
    the score at -margin grows with the root of the number of cases, so the number at which the
    lower end of Tango's interval reaches -margin follows at once. Never where the loss at hand is
    the margin or more. Raises ValueError as `tango`, and unless the margin is over 0 and under 1.
    """
    if n < 1 or min(only_first, only_second) < 0 or only_first + only_second > n:
        raise ValueError(f"{only_first} and {only_second} discordant images of {n}")
    if not 0 < margin < 1:
        raise ValueError(f"a margin is a fraction between 0 and 1, not {margin:g}")
    distance, deviation = _tango_score(only_first, only_second, n, -margin)
    if distance <= 0:
        return None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    return math.ceil(n * (z * deviation / distance) ** 2)


def estimate_difference(
    resampled: ResampledCounts,
    first: int,
    second: int,
    label: int,
    figure: str,
    discordant: tuple[int, int] | None = None,
    confidence: float = 0.95,
) -> tuple[float | None, Interval]:
    """The first run's figure minus the second's, with its paired (group) bootstrap interval.

    figure: one of `COUNT_FIGURES`. discordant: for sensitivity or specificity without groups, how
    many images only the first and only the second run got right; where all resamples give the same
    difference (no discordant image), Tango's interval of these stands in, and the method says so.
    The interval holds for this one difference, not for all pairs at once.
    """
    value, draws = difference_draws(resampled, first, second, label, figure)
    if math.isnan(value):
        return None, Interval(None, None, None, UNDEFINED)
    method = name_bootstrap(resampled.grouped)
    interval = percentile_interval(value, draws, method, confidence)
    if interval.low is None and discordant is not None and not resampled.grouped:
        n = int(resampled.units[figure][first, label])
        low, high = tango(*discordant, n, confidence)
        interval = Interval(low, high, "tango (degenerate bootstrap)")
    return value, interval


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """Whether a run is at most `margin` worse than another, and on what evidence.

    difference: the run's figure minus the other's.
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
    makes it a one-sided test at 2.5 % (ICH E9, 1998, section 3.3.2). For sensitivity without groups
    use `tango`, with groups `estimate_difference`.

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

"""Whether a difference is more than chance: what can be said from counts alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def fisher_exact(first: tuple[int, int], second: tuple[int, int]) -> float:
    """The two-sided p-value that two (positives, negatives) pairs come from one proportion.

    Fisher's exact test: the probability, given both margins, of all tables that are no likelier
    than the one at hand (as R's `fisher.test` and `scipy.stats.fisher_exact`). 1 where a margin
    is empty, since nothing could differ. Raises ValueError for a negative count.
    """
    if min(*first, *second) < 0:
        raise ValueError(f"counts are not negative: {first}, {second}")
    positives, size, other = first[0] + second[0], sum(first), sum(second)
    lowest, highest = max(0, positives - other), min(positives, size)
    x = np.arange(lowest, highest, dtype=np.float64)
    # P(x + 1) / P(x) of the hypergeometric distribution, summed as logs: no factorial overflows.
    ratios = (positives - x) * (size - x) / ((x + 1) * (other - positives + x + 1))
    logs = np.append(0.0, np.cumsum(np.log(ratios)))
    weights = np.exp(logs - logs.max())
    at_hand = logs[first[0] - lowest]
    # Tables exactly as likely as the one at hand belong to the sum whatever the rounding says.
    as_extreme = logs <= at_hand + 1e-7
    return min(1.0, float(weights[as_extreme].sum() / weights.sum()))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for having looked at all of them, in the order given.

    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979)
    65-70: the family-wise error is held whatever the dependence between the tests.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return tuple(adjusted)


def bound_mcnemar(gap: int) -> float:
    """The smallest p-value that two runs can have which miss `gap` more and fewer positives.

    The exact two-sided McNemar test needs to know how many positives only the one run found and
    how many only the other. Their difference is the gap; from counts alone their sum is unknown.
    The test is sharpest where nothing speaks for the other run: `gap` discordant positives, all in
    one direction, p = 2 x 0.5^gap. Any further discordant pair makes it larger, up to
    `bound_mcnemar_above`.
    """
    return min(1.0, 2 * 0.5 ** abs(gap))


def bound_mcnemar_above(missed_first: int, missed_second: int, positives: int) -> float:
    """The largest p-value that two runs can have which miss so many of these positives.

    The counterpart of `bound_mcnemar`: the test is dullest where the better run missed as many as
    it can of those that the other found, which is all that it missed or all that the other found.
    Each takes another positive that only the worse run missed along, and the gap stays. Images are
    taken for independent. Computed in logarithms, without SciPy: every audit asks for it.
    """
    fewer, more = sorted((missed_first, missed_second))
    against = min(fewer, positives - more)
    discordant = more - fewer + 2 * against
    k = np.arange(against, dtype=np.float64)
    # C(n, k + 1) / C(n, k), summed as logs: no coefficient overflows.
    logs = np.append(0.0, np.cumsum(np.log((discordant - k) / (k + 1))))
    return min(1.0, 2 * float(np.exp(logs - discordant * math.log(2)).sum()))


def detectable_difference(comparisons: int, alpha: float = 0.05) -> int:
    """The fewest cases by which two runs must differ to be significantly different at all.

    The smallest gap whose most favourable McNemar p-value (`bound_mcnemar`) is at most alpha /
    comparisons, which is what the sharpest of that many comparisons has to reach under Holm's
    (and Bonferroni's) correction. 6 for one planned comparison, 10 among 17, 13 among 153.
    Raises ValueError for no comparison.
    """
    if comparisons < 1:
        raise ValueError("a gap is between two runs: at least one comparison")
    return math.ceil(1 - math.log2(alpha / comparisons))

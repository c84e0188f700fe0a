"""What picking the best run from the data is worth: rank intervals, ties with the best, power."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.multiplicity import PairTest
from covidreport.metrics.significance import detectable_difference

_LARGE = 2_000_000


class RankUncertainty(Struct, frozen=True, eq=False):
    """How far each run's rank could have been another: all `(R,)`.

    low and high: the ends of the rank interval, whole ranks from 1. best: the probability of being
    the best; over all runs it adds up to 1.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    best: NDArray[np.float64]


def rank_resamples(
    missed: NDArray[np.integer[Any]], false_alarms: NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    """The rank of each run in each resample, `(B, R)`, from 1.

    Fewest missed, then fewest false alarms. Runs equal in both share the better rank and the next
    rank is left free (1, 2, 2, 4). What settles the order of a table beyond them settles nothing
    here.
    """
    keys = [false_alarms, missed]
    order = np.lexsort(keys, axis=-1)
    ordered = [np.take_along_axis(key, order, axis=-1) for key in keys]
    differs = np.ones(order.shape, dtype=np.bool_)
    differs[:, 1:] = np.any([key[:, 1:] != key[:, :-1] for key in ordered], axis=0)
    positions = np.arange(1, order.shape[1] + 1)
    shared = np.maximum.accumulate(np.where(differs, positions, 0), axis=1)
    ranks = np.empty(order.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, shared, axis=-1)
    return ranks


def summarise_ranks(
    ranks: NDArray[np.int64],
    confidence: float = 0.95,
    from_below: NDArray[np.int64] | None = None,
) -> RankUncertainty:
    """Rank intervals and probabilities of being the best from ranks in resamples `(B, R)`.

    from_below: the worst rank of each run that shares one; the upper ends then allow for it.

    A rank interval holds at least `confidence` of the resamples' ranks, at most half of the rest on
    either side; Goldstein and Spiegelhalter, "League tables and their limitations", J. R. Stat.
    Soc. A 159 (1996) 385-443. Runs that share first place in a resample share that resample in
    equal parts. The probability is how often the bootstrap repeats the win, not how likely the run
    is to be the best of all: a run that only won by luck wins many resamples too.
    """
    tail = (1 - confidence) / 2
    first = ranks == 1
    worst = ranks if from_below is None else from_below
    parts = first / first.sum(axis=1, keepdims=True)
    return RankUncertainty(
        low=np.quantile(ranks, tail, axis=0, method="lower").astype(np.int64),
        high=np.quantile(worst, 1 - tail, axis=0, method="higher").astype(np.int64),
        best=parts.mean(axis=0),
    )


def find_indistinguishable(
    best: int, tests: Sequence[PairTest], alpha: float = 0.05
) -> tuple[int, ...]:
    """The runs that do not differ significantly from the best, the best among them, in rising
    order.

    best: the index of the run that the ranking puts first. tests: all pairs, from `compare_pairs`
    with its correction over all pairs, because the best was picked from the same data. A run is
    significantly different if its adjusted p-value with the best is at most alpha. Runs that appear
    in no test with the best are excluded.
    """
    group = {best}
    for test in tests:
        if best in (test.first, test.second) and test.adjusted_p_value > alpha:
            group |= {test.first, test.second}
    return tuple(sorted(group))


class Resolution(Struct, frozen=True):
    """What these comparisons can show, and what the gap at hand would take.

    detectable_difference: the fewest missed positives by which two runs must differ to be told
    apart at all. positives_needed: about how many positives it would take to tell the gap at hand
    apart; None where there is no gap. gap: in missed positives, second minus first.
    """

    comparisons: int
    detectable_difference: int
    gap: int
    positives: int
    positives_needed: int | None
    power: float


def describe_resolution(
    test: PairTest,
    positives: int,
    comparisons: int,
    *,
    level: float | None = None,
    design_effect: float = 1.0,
    power: float = 0.8,
    alpha: float = 0.05,
) -> Resolution:
    """`detectable_difference` and `positives_needed` for one pair among so many comparisons.

    test: the pair on its positives. level: what the sharpest p-value must reach; alpha /
    comparisons, as Holm has it, unless `critical_p_value` says what max-T asks for in these data.
    design_effect: of its groups, see `design_effect`.
    """
    reach = alpha / comparisons if level is None else level
    needed = positives_needed(
        test.only_first,
        test.only_second,
        positives,
        1,
        design_effect=design_effect,
        power=power,
        alpha=reach,
    )
    gap = test.only_second - test.only_first
    return Resolution(comparisons, detectable_difference(1, reach), gap, positives, needed, power)


def design_effect(differences: NDArray[np.integer[Any]], discordant: int, images: int) -> float:
    """How many times the variance of a gap grows because images come in groups; 1 without.

    differences `(G,)`: wrong answers of the first run minus the second's, by group; discordant: the
    images that only one of the two got wrong, of all `images`. The sum of squares over groups, as
    the sign-flip has it, over that of images one by one. With one pseudo-patient each way, of
    average size, all of whose images are discordant, since few discordant images say little of it
    (with one such image each, a loss of 0.05 was covered in 0.85 to 0.92 of simulated sets whose
    patients are lost as a whole). At least 1, since groups add no evidence.
    """
    squares = float(np.sum(differences.astype(np.float64) ** 2))
    size = images / len(differences)
    return max(1.0, (squares + 2 * size**2) / (discordant + 2 * size))


def positives_needed(
    only_first: int,
    only_second: int,
    positives: int,
    comparisons: int,
    *,
    design_effect: float = 1.0,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int | None:
    """About how many positives would tell the gap at hand apart with this power; None without gap.

    Supposes that the proportions of positives that only the first and only the second run missed
    stay what they are here. The power is that of the exact McNemar test at alpha / comparisons
    (what the sharpest comparison must reach), summed over the number of discordant positives; the
    search starts from Connor, "Sample size for testing differences in proportions for the
    paired-sample design", Biometrics 43 (1987) 207-211. The power of an exact test rises in small
    saws, so it is the number from which on it stays near or over `power`. Beyond two million,
    Connor's formula alone. With groups it is multiplied by their design effect. The gap at hand is
    itself uncertain: if chance made it larger than it is, more are needed.
    """
    if only_first == only_second:
        return None
    more, fewer = max(only_first, only_second), min(only_first, only_second)
    discordance, level = (more + fewer) / positives, alpha / comparisons
    gap = (more - fewer) / positives
    normal = NormalDist()
    reach = normal.inv_cdf(1 - level / 2) * math.sqrt(discordance)
    reach += normal.inv_cdf(power) * math.sqrt(max(0.0, discordance - gap * gap))
    start = math.ceil((reach / gap) ** 2)
    if start > _LARGE:
        return math.ceil(start * design_effect)

    def suffices(n: int) -> bool:
        return mcnemar_power(n, discordance, more / (more + fewer), level) >= power

    low, high = 0, start
    while not suffices(high):
        low, high = high, high + high // 4 + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return math.ceil(high * design_effect)


def mcnemar_power(n: int, discordance: float, direction: float, level: float) -> float:
    """The probability that the exact two-sided McNemar test of n positives finds the difference.

    discordance: the proportion of positives that are discordant; direction: of these, the
    proportion that speaks for the
    truth. Only findings in that direction count. Power of the binomial test given the number of
    discordant positives, averaged over their binomial distribution.
    """
    from scipy.special import bdtr, bdtrik

    def at_most(k: NDArray[np.float64], p: float) -> NDArray[np.float64]:
        inside = bdtr(np.clip(k, 0, discordant), discordant, p)
        return np.where(k < 0, 0.0, inside)

    spread = math.sqrt(n * discordance * (1 - discordance))
    low = max(0, math.floor(n * discordance - 10 * spread))
    high = min(n, math.ceil(n * discordance + 10 * spread))
    discordant = np.arange(low, high + 1)
    # The largest count against that is still significant; -1 where none is.
    guess = np.nan_to_num(bdtrik(level / 2, np.maximum(discordant, 1), 0.5), nan=-1.0)
    opposing = np.floor(guess) + 1
    for _ in range(3):
        opposing = np.where(at_most(opposing, 0.5) > level / 2, opposing - 1, opposing)
    chances = np.append(0.0, np.cumsum(np.log(np.arange(1, n + 1))))
    logs = chances[n] - chances[discordant] - chances[n - discordant]
    if discordance < 1:
        logs = (
            logs + discordant * math.log(discordance) + (n - discordant) * math.log1p(-discordance)
        )
    return float(np.sum(np.exp(logs) * at_most(opposing, 1 - direction)))

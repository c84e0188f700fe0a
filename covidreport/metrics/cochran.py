"""Whether all runs miss equally many positives: one question before any pair is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.paired import sum_by_group

PERMUTATIONS = 1999
_MANY_GROUPS = 500
_MANY_CELLS = 250_000
"""From so many groups on which runs differ, and groups times runs, their sums are as good as
normal, and shuffling them takes longer than all else that is said of the runs."""


class CochranQ(Struct, frozen=True):
    """The statistic, None where no image tells the runs apart, and its p-value (1 there)."""

    q: float | None
    degrees: int
    p_value: float
    method: str


def cochran_q(
    wrong: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None = None,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> CochranQ:
    """Cochran's Q over runs: wrong bool `(R, P)`, what each run missed (`find_missed`).

    Cochran, "The comparison of percentages in matched samples", Biometrika 37 (1950) 256-266. The
    p-value is that of chi-squared with R - 1 degrees of freedom. With groups, integers `(P,)`, in
    which some hold several images, chi-squared does not hold: the runs' names are shuffled within
    each group (all its images together), which changes nothing if all runs are equal, and the
    p-value is the proportion of shuffles (Monte Carlo, itself counted in) with a Q at least as
    large. Of very many groups it is that of chi-squared again, for the covariance that the runs'
    sums have under these shuffles (Friedman's statistic, J. Am. Stat. Assoc. 32 (1937) 675-701).

    It answers whether any run differs, never which one. Raises ValueError for less than two runs.
    """
    from scipy.special import chdtrc

    runs = len(wrong)
    if runs < 2:
        raise ValueError("Cochran's Q compares at least two runs")
    by_run, by_image = wrong.sum(axis=1, dtype=np.int64), wrong.sum(axis=0, dtype=np.int64)
    total = int(by_run.sum())
    under = runs * total - int(by_image @ by_image)
    several = groups is not None and np.unique(groups).size < groups.size
    name = "permutation within groups" if several else "chi-squared"
    if under == 0:
        return CochranQ(None, runs - 1, 1.0, name)
    q = (runs - 1) * (runs * int(by_run @ by_run) - total * total) / under
    if not several:
        return CochranQ(q, runs - 1, float(chdtrc(runs - 1, q)), name)
    sums = sum_by_group(wrong, groups)
    sums = sums[(sums != sums[:, :1]).any(axis=1)]
    if len(sums) >= _MANY_GROUPS and sums.size >= _MANY_CELLS:
        # Shuffled, a row has its variance in each place, and -variance / (R - 1) between two.
        spread = float(sums.var(axis=1).sum()) * runs / (runs - 1)
        p_value = float(chdtrc(runs - 1, float(by_run.var()) * runs / spread))
        return CochranQ(q, runs - 1, p_value, "chi-squared over groups")
    rng = np.random.default_rng(seed)
    # The totals are fixed, so Q rises with the sum of squares of the runs' misses: whole numbers.
    at_hand = int(by_run @ by_run)
    shared = by_run - sums.sum(axis=0)
    extreme = 0
    for _ in range(permutations):
        shuffled = rng.permuted(sums, axis=1).sum(axis=0) + shared
        extreme += int(shuffled @ shuffled) >= at_hand
    return CochranQ(q, runs - 1, (extreme + 1) / (permutations + 1), name)

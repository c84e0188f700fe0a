"""Many pairs of runs at once: p-values adjusted for having looked at all of them.

The best run is picked from the data, so every pair was looked at: the family is all pairs, unless
the comparisons were planned (each run against a named baseline), when it is those alone.

What is exchangeable. The null hypothesis of a pair is that the two runs may trade names within
every group (patient or single image). Two ways of randomizing several runs at once suggest
themselves, and only one is used here:

- Shuffling the names of all runs within each group is exact if all runs are equal, and wrong
  otherwise: the misses of two bad runs are spread over the good ones, and the reference
  distribution becomes too narrow for the pair of bad ones (Petrondas and Gabriel, "Multiple
  comparisons by rerandomization tests", J. Am. Stat. Assoc. 78 (1983) 949-957). It does not hold
  the family-wise error when only some runs are equal, so no pair is judged by it.
- Flipping the sign of a group's differences, the same sign for all pairs, leaves every pair with
  its own data: a pair's reference distribution is that of its own exact test whatever the other
  runs do (subset pivotality), and the largest statistic among the true hypotheses never exceeds
  the largest among all. So the error is held in the strong sense, for any set of equal pairs, and
  stepping down is valid: Westfall and Young, Resampling-Based Multiple Testing, 1993;
  Romano and Wolf, "Exact and approximate stepdown methods for multiple hypothesis testing", J. Am.
  Stat. Assoc. 100 (2005) 94-108.

What is exact and what is not. Each pair's p-value is exact. How p-values of different pairs hang
together is taken from the flips, which is exact if the differences of all truly equal pairs are
jointly symmetric, and otherwise right to the second moment (flips keep the covariance) as groups
become many. `benchmarks/false_alarms.py` shows what that comes to. Holm's correction needs no such
condition, and finds less.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.paired import (
    count_discordant,
    flip_tail,
    sum_by_group,
    tabulate_flips,
    tally_differences,
)
from covidreport.metrics.significance import holm

Correction = Literal["max-t", "holm"]
_Cell = TypeVar("_Cell", bound=np.number[Any])
FLIPS = 9999
"""An adjusted p-value is then a multiple of 0.0001."""
_EXACT_GROUPS = 13
_CHUNK = 4_000_000
_BLOCK = 1 << 18
"""P-values that are looked at together: what a core's cache holds."""
_REACH = 12.0
"""Standard deviations of each law that a table is made of."""
_RAREST = 1e-15
"""No flip of some thousands is as rare: tables end there, and smaller p-values are taken for it
where flips are compared with them, which could only make an adjusted one larger."""
_CLEAR = 1e-17
"""A bound on the p-value of pairs whose difference no flip comes near to: they need no table."""


class PairTest(Struct, frozen=True):
    """Two runs, by their index, on the images of one truth.

    only_first: images that only the first got wrong; only_second: only the second.
    """

    first: int
    second: int
    only_first: int
    only_second: int
    p_value: float
    adjusted_p_value: float
    test: str
    correction: str


def all_pairs(runs: int) -> tuple[tuple[int, int], ...]:
    """Every pair of so many runs, (0, 1), (0, 2) … in order."""
    return tuple(combinations(range(runs), 2))


def planned_pairs(runs: int, baseline: int) -> tuple[tuple[int, int], ...]:
    """Every other run with the baseline second."""
    return tuple((run, baseline) for run in range(runs) if run != baseline)


def compare_pairs(
    wrong: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
    *,
    correction: Correction = "max-t",
    flips: int = FLIPS,
    seed: int = 0,
    exact_of: Collection[int] | None = None,
) -> tuple[PairTest, ...]:
    """The exact test of each pair and its p-value adjusted over these pairs, in their order.

    wrong bool `(R, P)`; groups integers `(P,)` or None; pairs of run indices, all of them unless
    stated. The test is McNemar's exact one, or the sign-flip over groups where a group holds
    several images. exact_of: runs; of pairs of others a p-value below 1e-15 may be a bound, and all
    are exact unless this is stated. See the module for what the corrections hold.
    """
    chosen = all_pairs(len(wrong)) if pairs is None else tuple(pairs)
    sums = sum_by_group(wrong, groups)
    several = len(sums) < wrong.shape[1]
    discordant = count_discordant(wrong, chosen)
    times = tally_differences(sums, chosen)
    excess = np.abs(np.subtract(*np.array(discordant, np.int64).reshape(-1, 2).T))
    clear = _bound_above(times, excess) < _CLEAR
    if correction == "holm":
        p_values = _find_p_values(chosen, times, excess, clear, exact_of)[0]
        adjusted: Sequence[float] = holm(p_values)
    else:
        flipped = _flip(sums, flips, seed, len(chosen))
        # one that a flip might come near to, which is hardly ever, has a table as the others have
        clear[clear] = _bound_below(times[clear], _find_farthest(flipped, chosen, clear)) > _RAREST
        p_values, tables = _find_p_values(chosen, times, excess, clear, exact_of)
        adjusted = step_down(flipped, chosen, p_values, tables)
    test = "sign-flip over groups" if several else "mcnemar-exact"
    named = "holm" if correction == "holm" else "max-t by sign-flips"
    return tuple(
        PairTest(i, j, b, c, p, p_adjusted, test, f"{named} over {len(chosen)}")
        for (i, j), (b, c), p, p_adjusted in zip(
            chosen, discordant, p_values, adjusted, strict=True
        )
    )


def _bound_above(times: NDArray[np.int64], excess: NDArray[np.int64]) -> NDArray[np.float64]:
    """No p-value is above it, `(pairs,)`: Hoeffding, "Probability inequalities for sums of bounded
    random variables", J. Am. Stat. Assoc. 58 (1963) 13-30, theorem 2."""
    squares = times @ np.arange(times.shape[1]) ** 2
    bound: NDArray[np.float64] = np.minimum(
        1.0, 2 * np.exp(-(excess**2) / (2 * np.maximum(squares, 1)))
    )
    return bound


def _bound_below(times: NDArray[np.int64], reached: NDArray[np.int64]) -> NDArray[np.float64]:
    """P(|T| >= reached) is not below it, `(pairs,)`: the chance that the differences of each size
    reach a part of it by themselves, in proportion to their variances."""
    from scipy.special import bdtrc

    sizes = np.arange(times.shape[1])
    variances = times * sizes**2
    parts = reached[:, np.newaxis] * variances / np.maximum(variances.sum(axis=1, keepdims=True), 1)
    bound = np.ones(len(times))
    for size in sizes[1:]:
        n = times[:, size]
        # so many heads of n coins at least; one more than rounding could ask for
        heads = np.floor((parts[:, size] / size + n) / 2) + 1
        chance = np.where(heads > n, 0.0, bdtrc(np.minimum(heads, n) - 1, np.maximum(n, 1), 0.5))
        bound *= np.where(n > 0, chance, 1.0)
    return bound


def _find_p_values(
    pairs: Sequence[tuple[int, int]],
    times: NDArray[np.int64],
    excess: NDArray[np.int64],
    clear: NDArray[np.bool_],
    exact_of: Collection[int] | None,
) -> tuple[list[float], list[NDArray[np.float64] | None]]:
    """Each pair's p-value, and the table of it; none where it is clear. exact_of: as of
    `compare_pairs`."""
    bounds = _bound_above(times, excess)
    every = zip(pairs, _tabulate(times, ~clear), excess.tolist(), strict=True)
    p_values: list[float] = []
    tables: list[NDArray[np.float64] | None] = []
    for place, (pair, table, at) in enumerate(every):
        exact = exact_of is None or not set(exact_of).isdisjoint(pair)
        if exact and (table is None or at >= table.size):
            p_values.append(flip_tail(times[place], at))
        elif table is None:
            p_values.append(float(bounds[place]))
        else:
            p_values.append(float(table[min(at, table.size - 1)]))
        tables.append(table)
    return p_values, tables


def _tabulate(
    times: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> list[NDArray[np.float64] | None]:
    """The `sign_flip_table` of each pair that is wanted as far as flips go; pairs whose differences
    have the same sizes share one."""
    known: dict[bytes, NDArray[np.float64]] = {}
    tables: list[NDArray[np.float64] | None] = []
    for each, want in zip(times, wanted.tolist(), strict=True):
        key = each[1:].tobytes()
        if want and key not in known:
            table = tabulate_flips(each, _REACH)
            # p-values fall along a table: what is kept ends with the first that no flip reaches
            known[key] = table[: 1 + int(np.count_nonzero(table > _RAREST))].copy()
        tables.append(known[key] if want else None)
    return tables


def step_down(
    flipped: _Flipped,
    pairs: Sequence[tuple[int, int]],
    p_values: Sequence[float],
    tables: Sequence[NDArray[np.float64] | None],
) -> tuple[float, ...]:
    """Max-T by sign-flips, step-down, each pair's statistic on the scale of its own exact p-value.

    tables: `sign_flip_table` of each pair; None of one that no flip brings under `_RAREST`, under
    which its own p-value is. On that scale
    ("min-p") a pair with two discordant images does not stand in the way of one with twenty.
    Westfall and Young 1993, algorithm 2.8. With at most 13 discordant groups all sign patterns are
    gone through; otherwise random ones, of which the data are one more: (b + 1) / (m + 1),
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39.
    """
    if not pairs:
        return ()
    # The clearest pair first: what is asked of a pair are the flips' smallest p-values among it
    # and those less clear than it. Which of the pairs under `_RAREST` stands before which is all
    # one: the same is asked of all, and what the first of them gets, none of them gets less.
    bare = np.array([table is None for table in tables])
    order = np.lexsort((np.array(p_values), ~bare))
    # Equal p-values computed along different ways must count as equal.
    limits = np.maximum(np.array(p_values)[order] * (1 + 1e-9), _RAREST)
    first = int(bare.sum())
    upwards = order[first:][::-1]
    rising = [pairs[i] for i in upwards]
    of_rising = [table for i in upwards if (table := tables[i]) is not None]
    # p <= limit, said of places among the limits: small whole numbers are compared sooner
    ends = np.unique(limits)
    kind: type[np.unsignedinteger[Any]] = np.uint16 if ends.size < 2**16 - 1 else np.uint32
    placed = {id(table): np.searchsorted(ends, table).astype(kind) for table in of_rising}
    bounds = (1 + np.searchsorted(ends, limits)).astype(kind)
    rest = bounds[first:][::-1, np.newaxis]
    reached = np.zeros(len(pairs), dtype=np.int64)
    if rising:
        places, spans = _join([placed[id(table)] for table in of_rising])
        for sampled in _sample(flipped, rising, places, spans):
            # From the least clear pair upwards: of each pair and those less clear the smallest.
            np.minimum.accumulate(sampled, axis=0, out=sampled)
            reached[first:] += np.count_nonzero(sampled < rest, axis=1)[::-1]
            reached[:first] += np.count_nonzero(sampled[-1] < bounds[0])
    total = flipped.sums.shape[1]
    proportions = reached / total if flipped.exact else (reached + 1) / (total + 1)
    # No pair may be clearer than one before it: what holds the error rate together.
    stepped = np.maximum.accumulate(proportions)
    adjusted = np.empty(len(pairs))
    adjusted[order] = stepped
    # An adjusted p-value under the unadjusted one could only come from the chance of the flips.
    return tuple(np.maximum(adjusted, p_values).tolist())


def critical_p_value(
    wrong: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
    *,
    alpha: float = 0.05,
    flips: int = FLIPS,
    seed: int = 0,
) -> float:
    """What the sharpest pair's own p-value must not exceed for max-T to tell it apart at alpha.

    Arguments as of `compare_pairs`. It depends on how the runs' errors hang together in these data
    and is at least about alpha / comparisons, what Holm asks for; a smallest gap that is stated
    beside max-T has to rest on it (`detectable_difference(1, level)`).
    """
    chosen = all_pairs(len(wrong)) if pairs is None else tuple(pairs)
    sums = sum_by_group(wrong, groups)
    flipped = _flip(sums, flips, seed, len(chosen))
    every = np.ones(len(chosen), np.bool_)
    tables = [
        table for table in _tabulate(tally_differences(sums, chosen), every) if table is not None
    ]
    samples = _sample(flipped, chosen, *_join(tables))
    smallest = np.sort(np.concatenate([each.min(axis=0) for each in samples]))
    # Random flips have the data themselves as one more; all patterns hold them already.
    spare = 0 if flipped.exact else 1
    allowed = math.floor(alpha * (smallest.size + spare) + 1e-9) - spare
    # So many flips may be as small; the next one is the first p-value that is too large.
    below = smallest[smallest < smallest[max(0, allowed)] * (1 - 1e-9)]
    bonferroni = alpha / max(1, len(chosen))
    return max(bonferroni, float(below[-1])) if below.size else bonferroni


class _Flipped(NamedTuple):
    """The wrong answers of each run, summed over groups whose signs were thrown, `(R, flips)`.

    exact: whether all patterns of signs are there, once each.
    """

    sums: NDArray[np.int32]
    exact: bool


def _flip(sums: NDArray[np.int64], flips: int, seed: int, width: int) -> _Flipped:
    """sums `(G, R)`: wrong answers by group; width: the pairs that are compared."""
    # Groups on which all runs agree add nothing to any difference.
    differing = sums[(sums != sums[:, :1]).any(axis=1)].astype(np.float32)
    exact = len(differing) <= _EXACT_GROUPS
    total = differing.sum(axis=0)
    parts = [
        # A sign is 1, or -1 where a bit is set; one product gives every run's flipped sum.
        np.ascontiguousarray((total - 2 * (bits @ differing)).T.astype(np.int32))
        for bits in _sample_bits(len(differing), exact, flips, seed, width)
    ]
    return _Flipped(np.concatenate([np.empty((sums.shape[1], 0), np.int32), *parts], axis=1), exact)


def _find_farthest(
    flipped: _Flipped, pairs: Sequence[tuple[int, int]], chosen: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The largest difference under any flip of each pair that is chosen."""
    farthest = []
    for place in np.flatnonzero(chosen).tolist():
        first, second = pairs[place]
        differences = flipped.sums[first] - flipped.sums[second]
        farthest.append(max(int(differences.max()), -int(differences.min())))
    return np.array(farthest, np.int64)


def _join(
    tables: Sequence[NDArray[_Cell]],
) -> tuple[NDArray[_Cell], NDArray[np.intp]]:
    """The tables one after the other, each once; where that of each pair begins, and its last place
    within itself, `(2, pairs, 1)`."""
    distinct = {id(table): table for table in tables}
    ends = np.cumsum([table.size for table in distinct.values()])
    begins = dict(zip(distinct, (0, *ends[:-1].tolist()), strict=True))
    spans = [(begins[id(table)], table.size - 1) for table in tables]
    return np.concatenate(list(distinct.values())), np.array(spans, np.intp).T[..., np.newaxis]


def _sample(
    flipped: _Flipped, pairs: Sequence[tuple[int, int]],
    joined: NDArray[_Cell], spans: NDArray[np.intp],
) -> Iterator[NDArray[_Cell]]:  # fmt: skip
    """What each pair's table has for its difference under flips of all groups' signs, `(pairs, b)`
    a block of flips after another, in the same memory. joined, spans: of `_join`."""
    first, second = np.array(pairs, np.intp).T
    starts, lasts = spans
    width = max(1, _BLOCK // len(pairs))
    room = np.empty((2, len(pairs) * width), np.intp)
    taken = np.empty(room.shape[1], joined.dtype)
    for start in range(0, flipped.sums.shape[1], width):
        block = flipped.sums[:, start : start + width].astype(np.intp)
        shape = len(pairs), block.shape[1]
        ours, theirs = room[:, : math.prod(shape)].reshape(2, *shape)
        found = taken[: math.prod(shape)].reshape(shape)
        # every index is one of the table's; `clip` spares numpy a copy for looking
        np.take(block, first, axis=0, out=ours, mode="clip")
        np.take(block, second, axis=0, out=theirs, mode="clip")
        np.abs(np.subtract(ours, theirs, out=ours), out=ours)
        np.minimum(ours, lasts, out=ours)
        ours += starts
        yield np.take(joined, ours, out=found, mode="clip")


def _sample_bits(
    groups: int, exact: bool, flips: int, seed: int, width: int
) -> Iterator[NDArray[np.float32]]:
    """Whose signs are turned, float32 `(b, groups)` of 0 and 1: all patterns once, or random
    ones."""
    if exact:
        patterns = np.arange(2**groups)[:, np.newaxis] >> np.arange(groups) & 1
        yield patterns.astype(np.float32)
        return
    rng = np.random.default_rng(seed)
    rows = max(1, _CHUNK // max(groups, width))
    for start in range(0, flips, rows):
        count = min(rows, flips - start)
        packed = rng.integers(0, 256, (count, -(-groups // 8)), dtype=np.uint8)
        yield np.unpackbits(packed, axis=1, count=groups).astype(np.float32)

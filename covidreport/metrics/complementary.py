"""Runs that together miss less: the best pair or trio, and what it costs in false alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Final, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.paired import find_false_alarms, find_missed, pack_wrong

Rule = Literal["any-positive", "majority"]
COMBINATIONS: Final[tuple[tuple[int, Rule], ...]] = (
    (2, "any-positive"),
    (3, "any-positive"),
    (3, "majority"),
)
"""How many runs and how they vote. Two runs have no majority."""
_BLOCK = 1024
"""Pairs or trios that are looked at together: what a core's cache holds."""


class Combination(Struct, frozen=True):
    """Runs by index, how they vote, and what they would have missed and raised together."""

    runs: tuple[int, ...]
    rule: Rule
    missed: int
    false_alarms: int


def find_complementary(
    truth: NDArray[np.int8],
    answers: NDArray[np.bool_],
    failed: NDArray[np.bool_],
    names: Sequence[str] | None = None,
) -> tuple[Combination, ...]:
    """The best combination of each kind in `COMBINATIONS` that there are enough runs for.

    truth int8 `(N,)`, answers and failed bool `(R, N)`. Best: fewest missed, then fewest false
    alarms, then the names (or indices). An image that one of the runs could not score counts as a
    wrong answer of that run alone. All pairs and trios are tried on these very images, so the best
    of them looks better than it is: evidence for a next study, not a result.
    """
    missed = pack_wrong(find_missed(truth, answers, failed))
    alarms = pack_wrong(find_false_alarms(truth, answers, failed))
    labels = [str(name) for name in names] if names is not None else None
    best: list[Combination] = []
    for size, rule in COMBINATIONS:
        if len(answers) < size:
            continue
        candidates = np.array(list(combinations(range(len(answers)), size)))
        figures = _combine(candidates, rule, missed, alarms)
        # of those that miss as few, and raise as few false alarms, the first by name
        least = figures[np.lexsort(figures.T[::-1])[0]]
        ties = candidates[(figures == least).all(axis=1)]
        found = (Combination(tuple(runs), rule, *least.tolist()) for runs in ties.tolist())
        best.append(min(found, key=lambda each: _order(each, labels)))
    return tuple(best)


def _order(
    each: Combination, names: Sequence[str] | None
) -> tuple[int, int, tuple[str, ...], tuple[int, ...]]:
    called = tuple(sorted(names[run] for run in each.runs)) if names else ()
    return each.missed, each.false_alarms, called, each.runs


def _combine(
    candidates: NDArray[np.intp], rule: Rule, missed: NDArray[np.uint64], alarms: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Missed and raised `(n, 2)` by each of `(n, size)` runs together; by any-positive an image is
    missed by all of them, and a false alarm of one of them."""
    together: tuple[Callable[[NDArray[np.uint64]], NDArray[np.uint64]], ...]
    if rule == "any-positive":
        together = np.bitwise_and.reduce, np.bitwise_or.reduce
    else:
        together = _two_of_three, _two_of_three
    counts = np.empty((len(candidates), 2), np.int64)
    for start in range(0, len(candidates), _BLOCK):
        block = candidates[start : start + _BLOCK].T
        for column, (words, join) in enumerate(zip((missed, alarms), together, strict=True)):
            joined = np.bitwise_count(join(words[block]))
            counts[start : start + _BLOCK, column] = joined.sum(axis=1, dtype=np.int64)
    return counts


def _two_of_three(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    a, b, c = words
    shared: NDArray[np.uint64] = (a & b) | (a & c) | (b & c)
    return shared

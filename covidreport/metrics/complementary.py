"""Runs that together miss less: the best pair or trio, and what it costs in false alarms."""

from __future__ import annotations

from collections.abc import Sequence
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
        candidates = [
            _combine(runs, rule, missed, alarms) for runs in combinations(range(len(answers)), size)
        ]
        best.append(min(candidates, key=lambda each: _order(each, labels)))
    return tuple(best)


def _order(
    each: Combination, names: Sequence[str] | None
) -> tuple[int, int, tuple[str, ...], tuple[int, ...]]:
    called = tuple(sorted(names[run] for run in each.runs)) if names else ()
    return each.missed, each.false_alarms, called, each.runs


def _combine(
    runs: tuple[int, ...], rule: Rule, missed: NDArray[np.uint64], alarms: NDArray[np.uint64]
) -> Combination:
    """Missed by any-positive: by all of them; a false alarm: by one of them."""
    ours, theirs = [missed[run] for run in runs], [alarms[run] for run in runs]
    if rule == "any-positive":
        all_missed = np.bitwise_and.reduce(ours)
        raised = np.bitwise_or.reduce(theirs)
    else:
        all_missed, raised = _two_of_three(*ours), _two_of_three(*theirs)
    return Combination(runs, rule, _count(all_missed), _count(raised))


def _two_of_three(
    a: NDArray[np.uint64], b: NDArray[np.uint64], c: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    shared: NDArray[np.uint64] = (a & b) | (a & c) | (b & c)
    return shared


def _count(words: NDArray[np.uint64]) -> int:
    return int(np.bitwise_count(words).sum(dtype=np.int64))

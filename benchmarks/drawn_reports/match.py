"""Finds which item of one list is which of another: what stayed, was lost, came, and moved."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
Trait = TypeVar("Trait")

LIKE = 0.3
"""How alike two items are at least that are taken for one that was changed."""
_MOST = 40_000
"""So many likenesses are worked out at most; beyond, items are lost and added."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Places in both lists, in the order of the first."""

    pairs: tuple[tuple[int, int], ...]
    lost: tuple[int, ...]
    added: tuple[int, ...]
    moved: frozenset[int]
    """Places in the first list; the fewest that explain the other order."""


def match(
    before: Sequence[T],
    after: Sequence[T],
    keys: Sequence[Callable[[T], Hashable]],
    trait: Callable[[T], Trait],
    likeness: Callable[[Trait, Trait], float],
) -> Matched:
    """Pairs what has the same key, by each key in turn, then what is alike.

    keys: from the strictest; None is no key. Of several with one key the first goes with the first.
    trait: of an item, by which `likeness` tells from 0 to 1 how alike two are.
    """
    here, there = list(range(len(before))), list(range(len(after)))
    pairs: list[tuple[int, int]] = []
    for key in keys:
        waiting: defaultdict[Hashable, deque[int]] = defaultdict(deque)
        for at in there:
            waiting[key(after[at])].append(at)
        found = [
            (at, waiting[name].popleft())
            for at in here
            if (name := key(before[at])) is not None and waiting.get(name)
        ]
        pairs += found
        here = _without(here, {a for a, _ in found})
        there = _without(there, {b for _, b in found})
    if len(here) * len(there) <= _MOST:
        ours, theirs = [trait(before[a]) for a in here], [trait(after[b]) for b in there]
        alike = [
            (likeness(x, y), -abs(a - b), a, b)
            for a, x in zip(here, ours, strict=True)
            for b, y in zip(there, theirs, strict=True)
        ]
        taken: set[int] = set()
        given: set[int] = set()
        for like, _, a, b in sorted(alike, reverse=True):
            if like >= LIKE and a not in taken and b not in given:
                pairs.append((a, b))
                taken.add(a)
                given.add(b)
        here, there = _without(here, taken), _without(there, given)
    pairs.sort()
    kept = _longest_rise([b for _, b in pairs])
    moved = frozenset(a for at, (a, _) in enumerate(pairs) if at not in kept)
    return Matched(tuple(pairs), tuple(here), tuple(there), moved)


def _without(places: list[int], taken: set[int]) -> list[int]:
    return [at for at in places if at not in taken]


def _longest_rise(values: Sequence[int]) -> set[int]:
    """The places of a longest rising subsequence."""
    ends: list[int] = []
    last: list[int] = []
    previous: list[int | None] = []
    for at, value in enumerate(values):
        length = bisect_left(ends, value)
        previous.append(last[length - 1] if length else None)
        if length == len(ends):
            ends.append(value)
            last.append(at)
        else:
            ends[length], last[length] = value, at
    kept: set[int] = set()
    at_end = last[-1] if last else None
    while at_end is not None:
        kept.add(at_end)
        at_end = previous[at_end]
    return kept

"""How bright the pictures of a data set are: how many have each mean grey level, 0 to 255."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

Levels = tuple[tuple[int, int], ...]
"""A grey level, and how many images have it; the darkest first."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def count_levels(greys: Iterable[int]) -> Levels:
    """How many images have each mean grey level."""
    return tuple(sorted(Counter(greys).items()))


def merge_levels(parts: Iterable[Levels]) -> Levels:
    """The levels of all parts of a data set."""
    every: Counter[int] = Counter()
    for each in parts:
        every.update(dict(each))
    return tuple(sorted(every.items()))


def find_quantile(levels: Levels, share: float) -> int | None:
    """The darkest level that at least this share (0 to 1) of the images do not exceed; None without
    images. As `numpy.quantile` by `inverted_cdf`."""
    total, seen = sum(count for _, count in levels), 0
    for level, count in levels:
        seen += count
        if seen >= share * total > 0:
            return level
    return None

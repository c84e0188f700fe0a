"""Counts put together until none speaks of fewer than a few images, and nor does any difference.

The rule of minimum frequency of statistical disclosure control, with the groups that are too small
put into one that is itself large enough, so that subtracting what is told from the whole gives no
small group back: Hundepool and others, "Statistical Disclosure Control", Wiley 2012, chapter 5.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST = 5
"""A count that is told is of so many images, or of more."""


def merge_bins(counts: Sequence[int], cut: int | None, fewest: int = FEWEST) -> tuple[int, ...]:
    """Which edges of a row of bins stay, from 0 to the number of bins, so that bins are large.

    cut: the edge that stays whatever is there, such as a threshold: bins are put together on either
    side of it, from there on outwards, and what is left at an end goes into the last one. A side
    with fewer is one bin. Without a cut they are put together from the first on; no edge where all
    together are fewer.
    """
    if cut is None:
        inner = _split(counts, fewest)
        return (0, *inner, len(counts)) if sum(counts) >= fewest else ()
    below = [cut - each for each in _split(counts[:cut][::-1], fewest)]
    above = [cut + each for each in _split(counts[cut:], fewest)]
    return tuple(sorted({0, *below, cut, *above, len(counts)}))


def _split(counts: Sequence[int], fewest: int) -> list[int]:
    """The edges within a row, from its first bin on."""
    edges, within = [], 0
    for place, count in enumerate(counts, start=1):
        within += count
        if within >= fewest:
            edges.append(place)
            within = 0
    return edges[:-1]  # the last bin reaches to the end, whatever is left there


def merge_groups(
    cells: NDArray[np.integer[Any]], joined: Collection[int] = (), fewest: int = FEWEST
) -> tuple[int, ...] | None:
    """Which groups may be told by themselves; all others are told as one.

    cells `(G, C)`: how many images each group has in each cell. Each cell of what is told, that of
    the others together too, has `fewest` images, or is one that is empty in all groups. joined:
    groups that are among the others in any case. None where that leaves less than two to tell.
    """
    needed = cells.sum(axis=0) > 0
    alone = [
        group for group, row in enumerate(cells)
        if group not in joined and (row[needed] >= fewest).all()
    ]  # fmt: skip
    alone.sort(key=lambda group: (int(cells[group].sum()), group))
    while len(alone) < len(cells):
        rest = [group for group in range(len(cells)) if group not in alone]
        if (cells[rest].sum(axis=0)[needed] >= fewest).all():
            break
        if not alone:
            return None
        alone.pop(0)
    told = len(alone) + (len(alone) < len(cells))
    return tuple(sorted(alone)) if told > 1 else None

"""Counts that speak of enough images: by hand, and over many drawn ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from covidreport.metrics.small_cells import merge_bins, merge_groups


@pytest.mark.parametrize(
    ("counts", "cut", "edges"),
    [
        ([5, 5, 5, 5], 2, (0, 1, 2, 3, 4)),
        ([1, 1, 9, 3, 3, 1], 3, (0, 3, 6)),  # 9 | 3 + 3, and what is left goes into them
        ([0, 9, 9, 0], 2, (0, 2, 4)),  # an empty bin at an end is none
        ([2, 1, 9, 9], 2, (0, 2, 3, 4)),  # three below the cut stay three
        ([0, 0, 7, 7], 2, (0, 2, 3, 4)),
        ([3, 3, 4, 1], None, (0, 2, 4)),
        ([3, 1], None, ()),
    ],
)
def test_bins_are_put_together_from_the_cut_outwards(counts, cut, edges):
    """Each holds five or more; a side with fewer is one."""
    assert merge_bins(counts, cut) == edges


@pytest.mark.parametrize(
    ("cells", "joined", "alone"),
    [
        ([[9, 9], [8, 8]], (), (0, 1)),
        ([[9, 9], [2, 3], [3, 2], [8, 8]], (), (0, 3)),  # 2 + 3 and 3 + 2 are five
        ([[9, 9], [2, 9], [8, 8]], (), (0,)),  # the rest of three is two: the smallest joins it
        ([[9, 9], [2, 9]], (), None),  # the whole less the first would be two
        ([[9, 0], [8, 0]], (), (0, 1)),  # what nobody has tells nothing
        ([[9, 1], [8, 0]], (), None),
        ([[9, 9], [8, 8], [7, 7]], (0,), (1, 2)),
        ([[30, 30]], (), None),
        ([], (), None),
    ],
)
def test_groups_that_are_too_few_are_told_as_one(cells, joined, alone):
    """And with them the smallest of the others, until the rest is large enough itself."""
    assert merge_groups(np.array(cells).reshape(-1, 2), joined) == alone


def test_no_bin_and_no_group_is_ever_below_five():
    """2,000 seeded draws each: whatever is told, and whatever it leaves of the whole."""
    random = np.random.default_rng(0)
    told = 0
    for _ in range(2_000):
        counts = random.poisson(random.uniform(0, 4), size=random.integers(2, 40))
        cut = int(random.integers(1, counts.size))
        edges = merge_bins(counts.tolist(), cut)
        assert {0, cut, counts.size} <= set(edges)
        for low, high in pairwise(edges):
            whole_side = (low, high) in ((0, cut), (cut, counts.size))
            assert counts[low:high].sum() >= 5 or whole_side
        cells = random.poisson(random.uniform(0, 12, size=(random.integers(1, 9), 4)))
        alone = merge_groups(cells)
        if alone is None:
            continue
        told += 1
        rest = np.delete(cells, alone, axis=0).sum(axis=0)
        needed = cells.sum(axis=0) > 0
        assert (cells[list(alone)][:, needed] >= 5).all()
        assert len(alone) == len(cells) or (rest[needed] >= 5).all()
    assert told > 300

"""Pairs and trios of runs: by hand, and against counting image by image."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from covidreport.metrics.complementary import Combination, find_complementary


def test_by_hand():
    """Runs 0 and 1 miss different positives; run 2 misses what 0 misses and is never alarmed.

    Four positives, four negatives. 0 and 1 together miss none and raise 1 + 1; of all three by
    majority, image 0 (missed by 0 and 2) is missed, and no negative has two votes.
    """
    truth = np.array([1] * 4 + [0] * 4, dtype=np.int8)
    answers = np.array([
        [0, 1, 1, 1, 1, 0, 0, 0],
        [1, 0, 1, 1, 0, 1, 0, 0],
        [0, 1, 1, 1, 0, 0, 0, 0],
    ], dtype=np.bool_)  # fmt: skip
    found = find_complementary(truth, answers, np.zeros_like(answers))
    assert found == (
        Combination((1, 2), "any-positive", 0, 1),
        Combination((0, 1, 2), "any-positive", 0, 2),
        Combination((0, 1, 2), "majority", 1, 0),
    )


@pytest.mark.parametrize("images", [1, 63, 64, 65, 1000])
def test_equals_counting_image_by_image(images):
    """All pairs and trios of five runs, with failed images and unknown truth."""
    rng = np.random.default_rng(images)
    truth = rng.integers(-1, 2, images).astype(np.int8)
    answers, failed = rng.random((5, images)) < 0.4, rng.random((5, images)) < 0.1
    positive, negative = truth == 1, truth == 0
    found = answers & ~failed | ~positive & failed  # the vote: a failed image votes wrongly
    for best, size, votes in zip(
        find_complementary(truth, answers, failed), (2, 3, 3), (1, 1, 2), strict=True
    ):
        counted = []
        for runs in combinations(range(5), size):
            called = found[list(runs)].sum(axis=0) >= votes
            counted.append(((~called & positive).sum(), (called & negative).sum(), runs))
        missed, alarms, runs = min(counted)
        assert (best.missed, best.false_alarms, best.runs) == (missed, alarms, runs)


def test_equal_combinations_go_by_name():
    """Three runs alike: the first two names, wherever they stand."""
    truth = np.array([1, 0], dtype=np.int8)
    answers = np.tile(np.array([True, False]), (3, 1))
    found = find_complementary(truth, answers, np.zeros_like(answers), ["zeta", "beta", "alpha"])
    assert found[0].runs == (1, 2)
    assert len(find_complementary(truth, answers[:2], np.zeros_like(answers[:2]))) == 1
    assert find_complementary(truth, answers[:1], np.zeros_like(answers[:1])) == ()

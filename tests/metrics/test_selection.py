"""What a win is worth: ranks in resamples, ties with the best, and the power of McNemar's test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from covidreport.metrics import detectable_difference
from covidreport.metrics.multiplicity import PairTest, compare_pairs
from covidreport.metrics.paired import mcnemar_exact
from covidreport.metrics.resample import resample_counts
from covidreport.metrics.selection import (
    describe_resolution,
    design_effect,
    find_indistinguishable,
    mcnemar_power,
    positives_needed,
    rank_resamples,
    summarise_ranks,
)


def test_ranks_by_hand():
    """Missed, then false alarms; equal runs share the better rank."""
    missed = np.array([[2, 1, 2, 2], [3, 3, 3, 3], [0, 1, 0, 1]])
    alarms = np.array([[5, 9, 4, 4], [1, 1, 1, 1], [7, 7, 6, 7]])
    assert rank_resamples(missed, alarms).tolist() == [[4, 1, 2, 2], [1, 1, 1, 1], [2, 3, 1, 3]]


def test_runs_that_share_first_place_share_the_resample():
    """Probabilities of being the best add up to 1, and the name is no evidence."""
    ranks = np.array([[1, 1, 3], [1, 2, 3], [1, 1, 1], [2, 1, 2]])
    found = summarise_ranks(ranks)
    assert found.best == pytest.approx(np.array([1 / 2 + 1 + 1 / 3, 1 / 2 + 1 / 3 + 1, 1 / 3]) / 4)
    assert found.best.sum() == pytest.approx(1)
    assert (found.low.tolist(), found.high.tolist()) == ([1, 1, 1], [2, 2, 3])


def test_a_rank_interval_leaves_out_at_most_one_in_forty_on_either_side():
    """Of 1,000 resamples 25 may lie below, not 26."""
    ranks = np.tile([5, 1], (1000, 1))
    ranks[:24, 0] = 1
    assert summarise_ranks(ranks).low[0] == 5
    ranks[:26, 0] = 1
    assert summarise_ranks(ranks).low[0] == 1


def test_ten_equal_runs_have_wide_rank_intervals():
    """28 positives, sensitivity 0.90: the winner's rank interval reaches far down, and no run is
    the best in more than a part of the resamples."""
    rng = np.random.default_rng(0)
    truth = (np.arange(628) < 28).astype(np.int8)
    answers = rng.random((10, 628)) < np.where(truth == 1, 0.9, 0.05)
    failed = np.zeros_like(answers)
    found = resample_counts(truth[:, None], answers[:, :, None], failed, collapse=False)
    counts = found.resampled
    ranks = rank_resamples(counts.fn[:, :, 0], counts.fp[:, :, 0])
    summary = summarise_ranks(ranks)
    winner = int(summary.best.argmax())
    assert summary.low[winner] == 1
    assert summary.high[winner] >= 4
    assert summary.best[winner] < 0.9
    assert (summary.low <= summary.high).all()


def _test(first, second, adjusted):
    return PairTest(first, second, 0, 0, adjusted, adjusted, "mcnemar-exact", "holm over 3")


def test_the_group_that_cannot_be_told_from_the_best():
    """Only comparisons with the best count, and 0.05 itself tells apart."""
    tests = [_test(0, 1, 0.05), _test(0, 2, 0.9), _test(1, 2, 0.06), _test(2, 3, 0.01)]
    assert find_indistinguishable(0, tests) == (0, 2)
    assert find_indistinguishable(2, tests) == (0, 1, 2)
    assert find_indistinguishable(5, tests) == (5,)


@pytest.mark.parametrize(
    ("n", "share", "direction", "level"),
    [(28, 0.3, 0.9, 0.05), (100, 0.1, 0.8, 0.05), (150, 0.2, 0.9, 0.05 / 153), (5, 0.5, 1.0, 0.05)],
)
def test_power_is_that_of_the_test_itself(n, share, direction, level):
    """Every pair of discordant counts, its probability, and its exact p-value; one direction."""
    expected = 0.0
    for discordant in range(n + 1):
        weight = binom.pmf(discordant, n, share)
        if weight < 1e-14:
            continue
        for against in range(discordant // 2 + 1):
            if 2 * against == discordant or mcnemar_exact(against, discordant - against) > level:
                continue
            expected += weight * binom.pmf(against, discordant, 1 - direction)
    assert mcnemar_power(n, share, direction, level) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("only_first", "only_second", "comparisons"), [(5, 0, 1), (5, 1, 153), (7, 3, 17), (2, 1, 153)]
)
def test_the_positives_needed_reach_the_power_and_no_fewer_by_much(
    only_first, only_second, comparisons
):
    """0.8 at that number, and not 5 % earlier; simulated runs agree."""
    n = positives_needed(only_first, only_second, 28, comparisons)
    assert n is not None
    discordant = only_first + only_second
    given = (discordant / 28, only_first / discordant, 0.05 / comparisons)
    assert mcnemar_power(n, *given) >= 0.8
    assert mcnemar_power(int(n * 0.95), *given) < 0.8
    rng = np.random.default_rng(n)
    first, second, _ = rng.multinomial(
        n, [only_first / 28, only_second / 28, 1 - discordant / 28], size=2000
    ).T
    found = [
        mcnemar_exact(a, b) <= 0.05 / comparisons and a > b
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


def test_the_positives_needed_are_near_connors():
    """Shares 0.25 and 0.11, level 0.05, power 0.9, by his formula with a pocket calculator:
    (1.960 x 0.6 + 1.282 x 0.5834)^2 / 0.14^2 = 188.8. The exact test, never liberal, needs more.
    """
    n = positives_needed(25, 11, 100, 1, power=0.9)
    assert n is not None
    assert 189 <= n <= 189 * 1.1


def test_no_gap_needs_nothing_and_a_tiny_one_a_closed_form():
    """Beyond two million positives the formula speaks alone."""
    assert positives_needed(3, 3, 28, 153) is None
    n = positives_needed(50_001, 50_000, 1_000_000, 1)
    assert n == pytest.approx((1.959964 + 0.841621) ** 2 * 0.100001 * 1e12, rel=1e-4)


def test_resolution_states_the_smallest_gap_and_what_the_gap_at_hand_takes():
    """Two of the study's kind: 1 and 4 of 28 missed, among the 153 pairs of 18 runs."""
    wrong = np.zeros((2, 28), dtype=np.bool_)
    wrong[0, 0] = wrong[1, 1:5] = True
    (test,) = compare_pairs(wrong)
    found = describe_resolution(test, 28, 153)
    assert (found.gap, found.detectable_difference, found.comparisons) == (3, 13, 153)
    assert found.detectable_difference == detectable_difference(153)
    needed = positives_needed(1, 4, 28, 153)
    assert needed is not None
    assert found.positives_needed == needed
    assert needed > 28
    doubled = describe_resolution(test, 28, 153, design_effect=2.0)
    assert doubled.positives_needed == pytest.approx(2 * needed, abs=1)


def test_design_effect_by_hand():
    """Patients with gaps 3, -1, 0 from 4 + 2 discordant images of 9, and a pseudo-patient of 3 each
    way: (9 + 1 + 9 + 9) / (6 + 3 + 3); single images: 1, and never less."""
    assert design_effect(np.array([3, -1, 0]), 6, 9) == pytest.approx(28 / 12)
    assert design_effect(np.array([1, 0, 0]), 5, 3) == 1
    assert design_effect(np.array([1, -1, 1]), 3, 3) == 1
    assert design_effect(np.array([0, 0]), 0, 2) == 1
    assert design_effect(np.array([0, 0]), 0, 4) == 2  # nothing is known of these patients


@pytest.mark.parametrize(("n", "power"), [(5, 0.0), (6, 1.0), (30, 1.0)])
def test_where_every_positive_is_discordant_one_way_the_power_is_0_or_1(n, power):
    """2 / 2^5 is over 0.05 and 2 / 2^6 under it: nothing is left to chance."""
    assert mcnemar_power(n, 1.0, 1.0, 0.05) == power

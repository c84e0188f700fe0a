"""Differences from counts: against SciPy, published values, and the design's own gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import fisher_exact as scipy_fisher_exact

from covidreport.metrics import (
    bound_mcnemar,
    bound_mcnemar_above,
    detectable_difference,
    fisher_exact,
    holm,
)

_side = st.integers(0, 400)


@given(st.tuples(_side, _side), st.tuples(_side, _side))
def test_fisher_equals_scipy(first, second):
    """The two-sided p-value of the same 2x2 table."""
    expected = scipy_fisher_exact(np.array([first, second])).pvalue
    assert fisher_exact(first, second) == pytest.approx(expected, rel=1e-6, abs=1e-300)


def test_fisher_gives_the_tea_tasting_lady_her_published_value():
    """Fisher, The Design of Experiments, 1935: 3 of 4 cups right, two-sided p = 34/70."""
    assert fisher_exact((3, 1), (1, 3)) == pytest.approx(34 / 70)


def test_fisher_on_the_splits_of_the_study():
    """2200 of 6200 against 28 of 628 is far below anything chance does; SciPy agrees."""
    ours = fisher_exact((2200, 4000), (28, 600))
    assert ours == pytest.approx(
        scipy_fisher_exact(np.array([[2200, 4000], [28, 600]])).pvalue, rel=1e-6
    )
    assert ours < 1e-60


def test_fisher_refuses_negative_counts():
    """A count below 0 is a slip of the caller."""
    with pytest.raises(ValueError, match="not negative"):
        fisher_exact((-1, 2), (3, 4))


def test_holm_gives_the_textbook_values_in_the_order_given():
    """0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()


_p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(_p_values, st.data())
def test_holm_rises_with_each_p_value(p_values, data):
    """What makes bounds on p-values bounds on the adjusted ones."""
    larger = [data.draw(st.floats(p, 1)) for p in p_values]
    pairs = zip(holm(p_values), holm(larger), strict=True)
    assert all(low <= high for low, high in pairs)


@pytest.mark.parametrize(("gap", "p_value"), [(0, 1.0), (1, 1.0), (5, 0.0625), (6, 0.03125)])
def test_the_most_favourable_case_has_the_published_p_value(gap, p_value):
    """Exact McNemar of (5, 0) and (6, 0)."""
    assert bound_mcnemar(gap) == p_value
    assert bound_mcnemar(-gap) == p_value


@given(st.integers(0, 30), st.integers(0, 30))
def test_no_pairs_with_a_gap_give_less_than_the_bound(gap, against):
    """The exact test of (gap + against, against) discordant pairs, by SciPy's binomial test."""
    discordant = gap + 2 * against
    exact = binomtest(against, discordant).pvalue if discordant else 1.0
    assert exact >= bound_mcnemar(gap) * (1 - 1e-9)


@given(st.integers(0, 400), st.data())
def test_no_answers_with_these_counts_give_more_than_the_upper_bound(positives, data):
    """SciPy's binomial test over all answers that the counts allow: b more missed by the worse run
    alone, c by the better alone, b - c the gap, c at most what the better missed and b at most what
    it found."""
    fewer, more = sorted(data.draw(st.tuples(*[st.integers(0, positives)] * 2)))
    gap = more - fewer
    possible = [
        c for c in {0, fewer // 2, fewer - 1, fewer, positives - more - 1, positives - more}
        if 0 <= c <= fewer and gap + c <= positives - fewer
    ]  # fmt: skip
    p_values = [binomtest(c, gap + 2 * c).pvalue if gap + c else 1.0 for c in possible]
    bound = bound_mcnemar_above(more, fewer, positives)
    assert bound == pytest.approx(max(p_values), rel=1e-9)
    assert bound == bound_mcnemar_above(fewer, more, positives)


def test_exp16_of_the_study_is_worse_than_exp15_whoever_missed_which_image():
    """8 and 26 of 28: 2 against 20 discordant, 2 (1 + 22 + 231) / 2**22 = 0.00012."""
    assert bound_mcnemar_above(8, 26, 28) == pytest.approx(508 / 2**22)


@pytest.mark.parametrize(("comparisons", "gap"), [(1, 6), (17, 10), (153, 13)])
def test_the_smallest_gaps_of_the_design(comparisons, gap):
    """6 for one planned comparison, 10 among 17, 13 among the 153 pairs of 18 runs."""
    assert detectable_difference(comparisons) == gap


@given(st.integers(1, 100_000))
def test_the_smallest_gap_is_the_first_that_suffices(comparisons):
    """One case fewer is not significant, whatever the pairs."""
    gap = detectable_difference(comparisons)
    assert bound_mcnemar(gap) <= 0.05 / comparisons < bound_mcnemar(gap - 1)


def test_a_gap_is_between_two_runs():
    """One run alone has none."""
    with pytest.raises(ValueError, match="at least one comparison"):
        detectable_difference(0)

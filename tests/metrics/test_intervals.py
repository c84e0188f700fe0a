"""Wilson and Clopper-Pearson intervals: published values, SciPy, their laws and their coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from covidreport.metrics import clopper_pearson, lower_bound, wilson

# 81/263: Newcombe, Statist. Med. 17 (1998) 857-872, table I, method 3; the other rows of that
# table's example are 15/148, 0/20 and 1/29.
PUBLISHED = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
    (26, 28, 0.7735, 0.9802),
    (28, 28, 0.8794, 1.0),
]


@pytest.mark.parametrize(("k", "n", "low", "high"), PUBLISHED)
def test_wilson_gives_the_published_values(k, n, low, high):
    """Four decimals as Newcombe's table and known worked values print them."""
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 2, 28, 600, 100_000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.93, 1.0])
def test_wilson_equals_scipy(confidence, n, share):
    """SciPy's binomtest computes the same interval by another route."""
    k = round(n * share)
    theirs = binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert wilson(k, n, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@given(st.integers(1, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_stays_in_bounds_and_contains_the_proportion(pair):
    """Whatever k and n, 0 <= low <= k/n <= high <= 1."""
    k, n = pair
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_symmetric_in_successes_and_failures(pair):
    """The interval of the failures is the mirror image of that of the successes."""
    k, n = pair
    low, high = wilson(k, n)
    mirrored_low, mirrored_high = wilson(n - k, n)
    assert (low, high) == pytest.approx((1 - mirrored_high, 1 - mirrored_low), abs=1e-12)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_what_is_no_proportion(k, n):
    """0 of 0 is undefined: the caller has to say so, and shows a dash."""
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(k, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_wilson_refuses_a_confidence_outside_0_and_1(confidence):
    """95 is not 0.95."""
    with pytest.raises(ValueError, match="confidence"):
        wilson(1, 2, confidence)


# 81/263 and 1/29: Newcombe, Statist. Med. 17 (1998) 857-872, table I, method 5.
EXACT = [(81, 263, 0.2527, 0.3676), (1, 29, 0.0009, 0.1776)]


@pytest.mark.parametrize(("k", "n", "low", "high"), EXACT)
def test_clopper_pearson_gives_the_published_values(k, n, low, high):
    """Four decimals as Newcombe's table prints them."""
    assert clopper_pearson(k, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 2, 28, 600, 100_000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.93, 1.0])
def test_clopper_pearson_equals_scipy(confidence, n, share):
    """SciPy's binomtest searches for the ends; ours are quantiles of the beta distribution."""
    k = round(n * share)
    theirs = binomtest(k, n).proportion_ci(confidence, method="exact")
    assert clopper_pearson(k, n, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("confidence", [0.4, 0.95])
@pytest.mark.parametrize(("k", "n"), [(0, 28), (1, 1), (26, 28), (28, 28), (300, 600)])
def test_the_lower_bound_is_scipys_one_sided_interval(k, n, confidence):
    """The interval of the test against "not greater", whose upper end is 1."""
    theirs = binomtest(k, n, alternative="greater").proportion_ci(confidence, method="exact")
    assert lower_bound(k, n, confidence) == pytest.approx(theirs.low, abs=1e-9)


def test_28_of_28_found_shows_no_more_than_0_90():
    """By hand: the bound solves p^28 = 0.05."""
    assert lower_bound(28, 28) == pytest.approx(0.05 ** (1 / 28))


@pytest.mark.parametrize("interval", [clopper_pearson, lower_bound])
@pytest.mark.parametrize(
    ("k", "n", "confidence"), [(0, 0, 0.95), (-1, 5, 0.95), (6, 5, 0.95), (1, 2, 95.0)]
)
def test_exact_intervals_refuse_what_wilson_refuses(interval, k, n, confidence):
    """0 of 0 is undefined, and 95 is not 0.95."""
    with pytest.raises(ValueError, match=r"not a proportion|confidence"):
        interval(k, n, confidence)


def _coverage(interval, n, shares):
    """How often the interval holds each true share: summed over all n + 1 outcomes, not drawn."""
    ends = np.array([interval(k, n) for k in range(n + 1)])
    holds = (ends[:, :1] <= shares) & (shares <= ends[:, 1:])
    return (binom.pmf(np.arange(n + 1)[:, np.newaxis], n, shares) * holds).sum(axis=0)


SHARES = np.linspace(0.0005, 0.9995, 1999)


@pytest.mark.parametrize("n", [1, 5, 28, 100, 600])
def test_clopper_pearson_covers_at_least_95_percent_everywhere(n):
    """Whatever the true share is."""
    assert _coverage(clopper_pearson, n, SHARES).min() >= 0.95


@pytest.mark.parametrize("n", [5, 28, 100, 600])
def test_wilson_covers_95_percent_on_average_and_not_everywhere(n):
    """Over all true shares the mean is at 95 %; single shares fall below."""
    coverage = _coverage(wilson, n, SHARES)
    assert coverage.mean() == pytest.approx(0.95, abs=0.006)
    assert coverage.mean() >= 0.95
    assert coverage.min() < 0.94

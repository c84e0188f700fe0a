"""The Wilson interval against published values, SciPy, and its laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from covidreport.metrics import wilson

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

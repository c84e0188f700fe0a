"""Brightness of a data set, against NumPy and by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from covidreport.metrics.brightness import count_levels, find_quantile, merge_levels


def test_levels_are_counted_from_the_darkest():
    """By hand."""
    assert count_levels([90, 12, 90, 255]) == ((12, 1), (90, 2), (255, 1))
    assert count_levels([]) == ()


@given(
    st.lists(st.integers(0, 255), min_size=1, max_size=60), st.sampled_from([0.05, 0.25, 0.5, 1])
)
def test_a_quantile_is_numpys_by_inverted_cdf(greys, share):
    """A level that some image has."""
    expected = np.quantile(greys, share, method="inverted_cdf")
    assert find_quantile(count_levels(greys), share) == expected


def test_without_images_there_is_no_quantile():
    """Nor is it 0."""
    assert find_quantile((), 0.5) is None


@given(st.lists(st.lists(st.integers(0, 255), max_size=9), max_size=4))
def test_parts_are_counted_as_the_whole(parts):
    """Folds of one data set."""
    whole = [level for part in parts for level in part]
    assert merge_levels(map(count_levels, parts)) == count_levels(whole)

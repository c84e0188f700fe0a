"""Repeats: which runs are one method, how far they spread, and methods over seeds against SciPy."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test, ttest_ind

from covidreport.metrics import compare_configurations, describe_spread, group_repeats
from covidreport.records import SeedSpread

VGG, RESNET = {"model": "vgg16", "lr": 1e-4}, {"model": "resnet18", "lr": 1e-4}


def test_runs_that_differ_in_their_seed_alone_are_one_method():
    """Two methods with two seeds each; a third with one is no group."""
    groups = group_repeats(
        {
            "b": {**VGG, "seed": 2}, "a": {**VGG, "seed": 1}, "d": {**RESNET, "seed": 2},
            "c": {**RESNET, "seed": 1}, "e": {**VGG, "lr": 1e-3, "seed": 1},
        }
    )  # fmt: skip
    assert [(group.runs, group.seeds) for group in groups] == [
        (("a", "b"), (1, 2)), (("c", "d"), (1, 2)),
    ]  # fmt: skip
    assert groups[0].settings == VGG


def test_the_order_in_which_settings_are_written_does_not_matter():
    """Nor that of nested ones."""
    one = {"seed": 1, "optimizer": {"name": "adam", "lr": 1}, "model": "x"}
    two = {"model": "x", "optimizer": {"lr": 1, "name": "adam"}, "seed": 2}
    (group,) = group_repeats({"one": one, "two": two})
    assert group.runs == ("one", "two")


def test_the_same_seed_twice_is_a_copy_and_no_repeat():
    """It is named and draws nothing new."""
    (group,) = group_repeats(
        {"a": {**VGG, "seed": 1}, "b": {**VGG, "seed": 1}, "c": {**VGG, "seed": 2}}
    )
    assert (group.runs, group.copies) == (("a", "c"), ("b",))
    assert group_repeats({"a": {**VGG, "seed": 1}, "b": {**VGG, "seed": 1}}) == ()


def test_runs_that_state_no_seed_are_in_no_group():
    """Imported runs without settings would all be one method."""
    assert group_repeats({"a": {}, "b": {}, "c": VGG, "d": {**VGG, "seed": None}}) == ()


def test_what_counts_as_a_seed_is_an_argument():
    """Two keys: runs that differ in either are repeats."""
    runs = {"a": {**VGG, "seed": 1, "fold": 1}, "b": {**VGG, "seed": 1, "fold": 2}}
    assert group_repeats(runs) == ()
    (group,) = group_repeats(runs, ("seed", "fold"))
    assert group.seeds == ((1, 1), (1, 2))


def test_spread_by_hand():
    """8, 10 and 12 missed: mean 10, standard deviation 2 over n - 1."""
    assert describe_spread([8, 10, 12]) == SeedSpread(3, 0, 10.0, 2.0, 8.0, 12.0)


def test_one_seed_has_no_spread_and_an_undefined_value_is_counted():
    """A dash for the standard deviation, not 0."""
    assert describe_spread([0.7, None]) == SeedSpread(1, 1, 0.7, None, 0.7, 0.7)
    assert describe_spread([None]) == SeedSpread(0, 1, None, None, None, None)


_values = st.lists(st.integers(0, 28).map(float), min_size=2, max_size=5)


@given(_values, _values)
def test_few_seeds_equal_scipys_exact_permutation_test(first, second):
    """Counts of missed cases, with many ties; 9,999 resamples are more than all 252 ways."""
    theirs = permutation_test(
        (first, second), lambda x, y, axis: np.abs(x.mean(axis) - y.mean(axis)),
        n_resamples=9999, alternative="greater", vectorized=True,
    )  # fmt: skip
    ours = compare_configurations(first, second)
    assert ours.method == "permutation"
    assert ours.p_value == pytest.approx(theirs.pvalue)
    assert ours.smallest_p is not None
    assert ours.p_value >= ours.smallest_p - 1e-12
    assert ours.difference == pytest.approx(statistics.fmean(first) - statistics.fmean(second))


@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")  # SciPy's, on equal values
@given(_values, _values)
def test_the_interval_is_welchs(first, second):
    """SciPy's t-test without equal variances; none where nothing varies."""
    ours = compare_configurations(first, second)
    if len(set(first)) == len(set(second)) == 1:
        assert (ours.low, ours.high) == (None, None)
        return
    theirs = ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-9)


def test_many_seeds_are_compared_by_welch():
    """9 against 9 could be shared out in 48,620 ways."""
    rng = np.random.default_rng(3)
    first, second = rng.normal(10, 1, 9), rng.normal(11, 3, 9)
    ours = compare_configurations(list(first), list(second))
    assert (ours.method, ours.smallest_p, ours.seeds) == ("welch", None, (9, 9))
    assert ours.p_value == pytest.approx(ttest_ind(first, second, equal_var=False).pvalue)


@pytest.mark.parametrize(("n", "smallest"), [(2, 1 / 3), (3, 0.1), (4, 1 / 35), (5, 1 / 126)])
def test_three_seeds_each_can_not_show_a_difference(n, smallest):
    """However far apart the methods lie, p is no smaller; from four seeds on it can show one."""
    ours = compare_configurations([float(i) for i in range(n)], [100.0 + i for i in range(n)])
    assert ours.p_value == pytest.approx(smallest)
    assert ours.smallest_p == pytest.approx(smallest)


def test_one_seed_against_many():
    """1 against 19 can reach 1/20; it has no interval."""
    ours = compare_configurations([50.0], [float(i) for i in range(19)])
    assert ours.p_value == pytest.approx(0.05)
    assert ours.smallest_p == pytest.approx(0.05)
    assert (ours.low, ours.high) == (None, None)


def test_many_seeds_without_any_spread():
    """Every run of a method gave the same figure: no split but this one lies as far apart."""
    equal, other = (
        compare_configurations([4.0] * 10, [4.0] * 10),
        compare_configurations([4.0] * 10, [5.0] * 10),
    )
    assert (equal.p_value, equal.low, equal.high) == (1.0, None, None)
    assert other.p_value == pytest.approx(2 / math.comb(20, 10))


def test_a_method_without_runs_can_not_be_compared():
    """Nothing has no mean."""
    with pytest.raises(ValueError, match="without runs"):
        compare_configurations([], [1.0])

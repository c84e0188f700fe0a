"""The effective sample: statsmodels' variance over clusters, hand counts, and what always holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.proportion import proportion_confint

from covidreport.metrics.effective import (
    correlate_units,
    count_even,
    count_freedom,
    sample_units,
    widen,
)
from covidreport.metrics.intervals import ONE_UNIT, UNDEFINED, wilson_ends
from covidreport.metrics.proportions import FORMULAS, interval_of_units, intervals_of_units

Z = stats.norm.ppf(0.975)
COUNTED = np.array([3, 0, 1, 4, 2, 0, 1, 5])
AMONG = np.array([4, 1, 1, 4, 3, 2, 1, 6])
SEVERAL = np.array([COUNTED, AMONG, 0 * AMONG, 0 * AMONG, COUNTED > 1])
OF_SEVERAL = np.array([AMONG, AMONG, 0 * AMONG, [5, 0, 0, 0, 0, 0, 0, 0], AMONG > 0])


def _statsmodels(counted, among, kind):
    """A regression on a constant, its variance over clusters; Korn and Graubard's sample of it."""
    y = np.concatenate(
        [np.repeat([1.0, 0.0], [k, n - k]) for k, n in zip(counted, among, strict=True)]
    )
    clusters = np.repeat(np.arange(among.size), among)
    fit = OLS(y, np.ones(y.size)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    p = y.mean()
    freedom = among.sum() ** 2 / np.sum(among**2) - 1
    size = p * (1 - p) / fit.bse[0] ** 2 * (Z / stats.t.ppf(0.975, freedom)) ** 2
    return size, proportion_confint(p * size, size, method=kind)


@pytest.mark.parametrize(("kind", "theirs"), [("wilson", "wilson"), ("clopper-pearson", "beta")])
def test_the_sample_is_that_of_statsmodels_variance_over_clusters(kind, theirs):
    """Sixteen of 22 images of eight patients; Wilson's (Dean and Pagano), and the exact interval
    (Korn and Graubard)."""
    size, ends = _statsmodels(COUNTED, AMONG, theirs)
    sample = sample_units(COUNTED, AMONG)
    assert sample.proportion == pytest.approx(16 / 22)
    assert sample.size == pytest.approx(size, rel=1e-9)
    found = interval_of_units(COUNTED, AMONG, kind, "groups")
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-9)
    assert found.method == f"{kind} over groups"


def test_28_of_28_of_seven_patients_is_7_of_7_with_a_t_quantile():
    """Four images of a patient may all say the same, and nothing shows whether they do."""
    n = 7 * (Z / stats.t.ppf(0.975, 6)) ** 2
    found = interval_of_units(np.full(7, 4), np.full(7, 4), "wilson", "groups")
    assert (found.low, found.high) == pytest.approx(proportion_confint(n, n, method="wilson"))
    assert found.low < proportion_confint(7, 7, method="wilson")[0]


def test_patients_with_one_image_each_are_images():
    """20 of 28, plain; patients without images add nothing."""
    counted = np.repeat([1, 0, 0], [20, 8, 5])
    found = interval_of_units(counted, np.repeat([1, 0], [28, 5]), "wilson", "groups")
    assert (found.low, found.high) == pytest.approx(proportion_confint(20, 28, method="wilson"))
    assert found.method == "wilson"


def test_one_patient_alone_shows_nothing():
    """Three of four images of the only patient; and no image at all."""
    found = interval_of_units(np.array([3, 0]), np.array([4, 0]), "wilson", "groups")
    assert (found.low, found.high, found.method) == (None, None, None)
    assert found.reason == "one patient alone has these images"
    nothing = interval_of_units(np.zeros(2, int), np.zeros(2, int), "wilson", "groups")
    assert (nothing.low, nothing.reason) == (None, "the metric is undefined")


def test_no_sample_is_larger_than_its_images():
    """Eight patients one of two, one none, one both: less variance than images alone have, and no
    more evidence; where nothing varies, one of two in each of ten, they are ten."""
    two = np.full(10, 2)
    times = (Z / stats.t.ppf(0.975, 9)) ** 2
    assert sample_units(np.array([1] * 8 + [0, 2]), two).size == pytest.approx(20 * times)
    assert sample_units(np.ones(10, int), two).size == pytest.approx(10 * times)


def test_a_patient_with_nearly_all_images_leaves_everything_possible():
    """1,000 images of one patient and one of another: 0.002 degrees of freedom."""
    found = interval_of_units(np.array([900, 1]), np.array([1000, 1]), "wilson", "groups")
    assert (found.low, found.high) == pytest.approx((0, 1), abs=1e-6)


def test_units_of_equal_size_are_counted():
    """Kish: five patients of 4 are five, one of 6 with six of 1 are 144 / 42."""
    assert count_even(np.full(5, 4)) == 5
    assert count_even(np.array([6, 1, 1, 1, 1, 1, 1])) == pytest.approx(144 / 42)


def test_degrees_of_freedom_of_units_of_unequal_size():
    """Units less one where they are alike; one large unit beside six small ones leaves few."""
    assert count_freedom(np.full(5, 4)) == 4
    assert count_freedom(np.array([6, 1, 1, 1, 1, 1, 1])) == pytest.approx(24 / 7 - 1 - 25 / 49)


@pytest.mark.parametrize("freedom", [1, 2.5, 6, 27])
def test_the_variance_is_widened_as_t_is_wider_than_normal(freedom):
    """Degrees of freedom need not be whole numbers."""
    assert widen(freedom) == pytest.approx((stats.t.ppf(0.975, freedom) / Z) ** 2)
    assert np.isnan(widen(0))


def test_patients_with_images_of_both_kinds_correlate_two_proportions():
    """NumPy's correlation of the residuals; none where no patient has both, or nothing varies."""
    other = np.array([1, 0, 1, 3, 1, 0, 0, 2]), np.array([2, 1, 1, 3, 2, 1, 1, 2])
    rests = [k - k.sum() / n.sum() * n for k, n in ((COUNTED, AMONG), other)]
    expected = rests[0] @ rests[1] / np.sqrt((rests[0] @ rests[0]) * (rests[1] @ rests[1]))
    assert correlate_units((COUNTED, AMONG), other) == pytest.approx(expected)
    assert correlate_units((AMONG, AMONG), other) == 0
    apart = np.array([1, 0, 0, 0]), np.array([2, 2, 0, 0])
    assert correlate_units(apart, (apart[0][::-1], apart[1][::-1])) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=12))
def test_an_interval_holds_its_estimate_and_is_no_point(patients):
    """Whatever the patients; within 0 and 1."""
    counted, among = np.sort(patients, axis=1).T
    found = interval_of_units(counted, among, "wilson", "groups")
    if found.low is None or found.high is None:
        assert np.count_nonzero(among) < 2
        return
    assert 0 <= found.low <= counted.sum() / among.sum() <= found.high <= 1
    assert found.low < found.high


def test_many_sets_at_once_are_those_one_by_one():
    """Arrays of any shape, with a row of no images and one of one patient."""
    low, high = wilson_ends(*sample_units(SEVERAL, OF_SEVERAL))
    for i in (0, 1):
        found = interval_of_units(SEVERAL[i], OF_SEVERAL[i], "wilson", "groups")
        assert (low[i], high[i]) == pytest.approx((found.low, found.high))
    assert np.isnan([low[2:4], high[2:4]]).all()


@pytest.mark.parametrize("kind", ["wilson", "clopper-pearson"])
def test_intervals_of_several_proportions_are_those_of_each_to_the_last_bit(kind):
    """Their sample and its formula one by one, the reason where there is none, and how it is made:
    with one image each, units are images."""
    found = intervals_of_units(SEVERAL, OF_SEVERAL, kind, "groups")
    samples = [sample_units(k, n) for k, n in zip(SEVERAL, OF_SEVERAL, strict=True)]
    for place in (0, 1, 4):
        proportion, size = map(float, samples[place])
        assert (found[place].low, found[place].high) == FORMULAS[kind](proportion * size, size)
    over = f"{kind} over groups"
    assert [each.method or each.reason for each in found] == [over, over, UNDEFINED, ONE_UNIT, kind]
    assert found[2].low is found[3].low is None

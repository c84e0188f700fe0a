"""Weighted rates, beside statsmodels' weighted means and Wilson intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from covidreport.metrics.group_differences import JudgedImages
from covidreport.metrics.weighted import count_kish, differ, weigh_rates

RNG = np.random.default_rng(5)
TRUTH = np.array([1] * 12 + [0] * 20 + [-1] * 3, np.int8)
PREDICTED = RNG.uniform(size=35) < np.where(TRUTH == 1, 0.8, 0.3)
FAILED = np.arange(35) % 11 == 0
WEIGHTS = RNG.exponential(size=35) * 7


def _read(estimate) -> tuple[Any, Any, Any]:
    """Value, low and high."""
    return estimate.value, estimate.low, estimate.high


def _judge(predicted=PREDICTED, groups=None):
    return JudgedImages(TRUTH, predicted, FAILED, groups)


def test_rates_are_weighted_means_with_wilsons_interval_of_kishs_n():
    """A failed image is a wrong answer; one of unknown truth is in none."""
    found = weigh_rates(_judge(), WEIGHTS)
    called = PREDICTED & ~FAILED
    of = {
        "sensitivity": (called, TRUTH == 1),
        "specificity": (~PREDICTED & ~FAILED, TRUTH == 0),
        "ppv": (TRUTH == 1, (called & (TRUTH == 1)) | ((PREDICTED | FAILED) & (TRUTH == 0))),
    }
    for name, (right, among) in of.items():
        own = WEIGHTS[among]
        mean = DescrStatsW(right[among].astype(float), own).mean
        n = own.sum() ** 2 / (own**2).sum()
        low, high = proportion_confint(mean * n, n, method="wilson")
        rate = found[name]
        assert rate.estimate.value == pytest.approx(mean)
        assert (rate.estimate.low, rate.estimate.high) == pytest.approx((low, high))
        assert (rate.size, rate.total) == pytest.approx((n, own.sum()))


def test_equal_weights_are_none():
    """Whatever they are: n is the number of images, and 1 is exactly 1."""
    for weight in (1.0, 0.1, 7e8):
        found = weigh_rates(_judge(), np.full(35, weight))["sensitivity"]
        assert found.size == pytest.approx(12)
    every = weigh_rates(JudgedImages(TRUTH, TRUTH == 1, np.zeros(35, bool)), WEIGHTS)
    assert every["sensitivity"].estimate.value == 1.0
    assert every["specificity"].estimate.value == 1.0
    assert count_kish(np.array([3.0, 1.0])) == 1.6


def test_images_without_weight_say_nothing():
    """And where all of a class are such, nothing is said of it."""
    heavy = np.where(TRUTH == 1, 0.0, WEIGHTS)
    found = weigh_rates(_judge(), heavy)
    assert found["sensitivity"].estimate.value is None
    assert found["specificity"] == weigh_rates(_judge(), WEIGHTS)["specificity"]
    assert differ(_judge(), _judge(~PREDICTED), heavy, "sensitivity").value is None


def test_images_of_one_patient_say_less():
    """Pairs with the same answers are as half as many images, or less; one patient shows none."""
    twice = JudgedImages(*(np.repeat(each, 2) for each in (TRUTH, PREDICTED, FAILED)))
    pairs = JudgedImages(twice.truth, twice.predicted, twice.failed, np.repeat(np.arange(35), 2))
    weights = np.repeat(WEIGHTS, 2)
    apart = weigh_rates(twice, weights)["specificity"]
    together = weigh_rates(pairs, weights)["specificity"]
    assert together.estimate.value == apart.estimate.value
    sizes: list[Any] = [together.size, apart.size]
    assert sizes[0] < sizes[1] / 1.5
    one = weigh_rates(_judge(groups=np.zeros(35, int)), WEIGHTS)["sensitivity"]
    assert (one.estimate.low, one.size) == (None, None)


def test_a_difference_is_paired():
    """Of two runs that answer alike it is narrower than of two that don't; turned, it is turned."""
    other = PREDICTED.copy()
    other[np.flatnonzero(TRUTH == 1)[:2]] = False
    alike = _read(differ(_judge(), _judge(other), WEIGHTS, "sensitivity"))
    turned = _read(differ(_judge(other), _judge(), WEIGHTS, "sensitivity"))
    first, second = (
        _read(weigh_rates(_judge(each), WEIGHTS)["sensitivity"].estimate)[0]
        for each in (PREDICTED, other)
    )
    assert alike[0] == pytest.approx(first - second)
    assert turned == pytest.approx((-alike[0], -alike[2], -alike[1]))
    unlike = _read(differ(_judge(), _judge(~PREDICTED), WEIGHTS, "sensitivity"))
    assert alike[2] - alike[1] < unlike[2] - unlike[1]
    value, low, high = _read(differ(_judge(), _judge(), WEIGHTS, "sensitivity"))
    assert value == 0
    assert low < 0 < high < 0.1
    assert _read(differ(_judge(), _judge(other), WEIGHTS, "sensitivity", 0.99))[1] < alike[1]

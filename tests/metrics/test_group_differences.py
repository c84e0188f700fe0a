"""Differences between groups: fairlearn's and AIF360's figures, Newcombe's interval, coverage."""

from __future__ import annotations

import numpy as np
import pytest

from covidreport.metrics.group_differences import (
    JudgedImages,
    compare_groups,
    cross_values,
    find_largest,
)

COUNTS = {"F": (40, 30, 60, 12), "M": (25, 22, 80, 8)}
"""Positives, found, negatives, false alarms."""


def _ends(estimate):
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def _draw(counts, groups=None):
    truth, predicted, values = [], [], []
    for value, (positives, found, negatives, alarms) in counts.items():
        truth += [1] * positives + [0] * negatives
        predicted += [i < found for i in range(positives)] + [i < alarms for i in range(negatives)]
        values += [value] * (positives + negatives)
    failed = np.zeros(len(truth), np.bool_)
    return JudgedImages(np.array(truth, np.int8), np.array(predicted), failed, groups), values


def test_two_groups_differ_as_other_tools_say():
    """F less M: AIF360 0.6.1 `equal_opportunity_difference` and `average_odds_error`; fairlearn
    0.15 `equalized_odds_difference(agg="mean")`, which has no sign; statsmodels 0.15
    `confint_proportions_2indep(22, 25, 30, 40, method="newcomb")`, other way round."""
    images, values = _draw(COUNTS)
    (found,) = compare_groups(images, "sex", ["F" if each == "M" else "M" for each in values])
    assert (found.value, found.reference) == ("F", "M")
    (found,) = compare_groups(images, "sex", values)
    assert (found.value, found.reference) == ("M", "F")  # F has most positives
    assert found.sensitivity.value == pytest.approx(0.13)
    assert found.odds.value == pytest.approx(0.115)
    assert _ends(found.sensitivity) == pytest.approx((-0.0796017, 0.3009430), abs=1e-6)


def test_the_reference_is_one_of_those_that_are_named():
    """M though F has most positives; one with too few, or none, leaves nothing to compare."""
    images, values = _draw(COUNTS)
    (found,) = compare_groups(images, "sex", values, among={"M"})
    assert (found.value, found.reference) == ("F", "M")
    assert found.sensitivity.value == pytest.approx(-0.13)
    largest = find_largest(images, {"sex": values}, among={"sex": {"M"}})
    assert largest is not None
    assert (largest.difference.value, largest.difference.reference) == ("F", "M")
    assert compare_groups(images, "sex", values, among={"X"}) == ()


def test_patients_with_images_in_both_groups_are_allowed_for():
    """Two views of each of 30 patients who are found in both or in none: their answers agree, so
    the difference is 0 without a doubt; as independent images it would be anything near it."""
    found = np.arange(30) % 3 > 0
    truth = np.ones(60, np.int8)
    images = JudgedImages(truth, np.concatenate([found, found]), np.zeros(60, np.bool_))
    views = ["PA"] * 30 + ["AP"] * 30
    (alone,) = compare_groups(images, "view", views)
    paired = JudgedImages(truth, images.predicted, images.failed, np.tile(np.arange(30), 2))
    (together,) = compare_groups(paired, "view", views)
    assert alone.sensitivity.value == together.sensitivity.value == 0
    assert alone.sensitivity.low == pytest.approx(-0.2282, abs=1e-3)
    assert _ends(together.sensitivity)[0] > -0.05
    assert together.odds.value is None  # there are no negatives


def test_few_cases_are_not_compared_and_failed_ones_are_missed():
    """Nine positives are none; an image that failed was not found, and is a false alarm."""
    images, values = _draw({"a": (20, 20, 20, 0), "b": (9, 0, 20, 0), "c": (10, 10, 20, 0)})
    assert [each.value for each in compare_groups(images, "site", values)] == ["c"]
    failed = np.array(values) == "c"
    images = JudgedImages(images.truth, images.predicted, failed, None)
    (found,) = compare_groups(images, "site", values)
    assert (found.sensitivity.value, found.odds.value) == (-1, 1)


def test_crossed_attributes_make_groups_of_both():
    """Two views by two sexes; what says the same as another attribute makes none, and neither does
    what is the same of all positives."""
    sex = ("F", "M", "F", "M", "")
    view = ("PA", "PA", "AP", "AP", "AP")
    attributes = {"sex": sex, "view": view, "gender": ("w", "m", "w", "m", "")}
    crossed = cross_values(attributes, np.ones(5, np.bool_))
    assert crossed["sex and view"] == ("F, PA", "M, PA", "F, AP", "M, AP", "")
    assert set(crossed) == {"sex and view", "view and gender"}
    assert cross_values(attributes, np.array([True, True, False, False, False])) == {}


def test_the_clearest_difference_has_an_interval_for_all_that_were_looked_at():
    """Of the differences of three groups to a fourth that of 0.5 on 40 cases is clearer than that
    of 0.6 on ten; its interval is that of 1 - 0.05 / 3."""
    images, values = _draw(
        {"a": (50, 45, 50, 5), "b": (40, 16, 50, 5), "c": (10, 3, 50, 5), "d": (12, 11, 50, 5)}
    )
    largest = find_largest(images, {"site": values})
    assert largest is not None
    assert (largest.difference.value, largest.comparisons) == ("b", 3)
    assert largest.level == pytest.approx(1 - 0.05 / 3)
    ends = _ends(largest.difference.sensitivity)
    assert ends == pytest.approx((-0.6733922, -0.2633639), abs=1e-6)
    wider = find_largest(images, {"site": values}, 30)
    assert wider is not None
    assert _ends(wider.difference.sensitivity)[0] < ends[0]
    assert find_largest(images, {"none": ["x"] * len(values)}) is None


def test_intervals_hold_the_true_differences():
    """100 sets of two groups of 30 positives and 60 negatives, of patients with two images each
    that are alike: where both differences are 0, too, half the sum of their absolute values is
    held, though it is never estimated as 0."""
    rng = np.random.default_rng(5)
    held = np.zeros(2)
    groups = np.arange(180) // 2
    values = ["a"] * 90 + ["b"] * 90
    truth = np.array(([1] * 30 + [0] * 60) * 2, np.int8)
    right = np.where(np.repeat([False, True], 90) & (truth == 1), 0.60, 0.85)
    for _ in range(100):
        latent = 0.7 * rng.normal(size=90)[groups] + np.sqrt(0.51) * rng.normal(size=180)
        good = latent < _quantile(right)
        images = JudgedImages(truth, good == (truth == 1), np.zeros(180, np.bool_), groups)
        (one,) = compare_groups(images, "site", values)
        for place, (estimate, true) in enumerate(((one.sensitivity, -0.25), (one.odds, 0.125))):
            low, high = _ends(estimate)
            held[place] += low <= true <= high
    assert (held >= 92).all()


def _quantile(share):
    from scipy.special import ndtri

    return ndtri(share)

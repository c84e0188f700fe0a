"""Calibration against published values, scikit-learn and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from covidreport.metrics import (
    bin_reliability,
    brier_score,
    expected_calibration_error,
    fit_calibration,
    to_logits,
    to_probabilities,
    wilson,
)
from covidreport.records import Activation, Estimate

P = np.array([0.22, 0.48, 0.49, 0.96, 0.55, 0.64, 0.78, 0.82, 0.34, 0.87])
Y = np.array([0, 1, 0, 0, 1, 1, 1, 1, 1, 0], dtype=np.int8)
NONE = np.zeros(10, dtype=np.bool_)


def _simulate(images=800, seed=1, slope=1.0, shift=0.0):
    """Truth drawn so that the calibration line of the logits is known."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1.5, images)
    truth = (rng.random(images) < expit(shift + slope * logits)).astype(np.int8)
    return truth, logits, np.zeros(images, dtype=np.bool_)


@pytest.mark.parametrize(("bins", "ece"), [(2, 0.109), (5, 0.315), (10, 0.359)])
def test_ece_gives_the_published_values(bins, ece):
    """Ten probabilities, in 2, 5 and 10 bins of equal width: the more bins, the larger."""
    assert expected_calibration_error(bin_reliability(Y, P, NONE, bins)).value == pytest.approx(ece)


def test_ece_by_hand_in_two_bins():
    """.22 .48 .49 .34 hold 2 positives, .96 .55 .64 .78 .82 .87 hold 4."""
    value = expected_calibration_error(bin_reliability(Y, P, NONE, 2)).value
    assert value == pytest.approx((abs(1.53 - 2) + abs(4.62 - 4)) / 10)


@pytest.mark.parametrize("bins", [1, 3, 10, 100])
def test_the_bins_equal_scikit_learns_curve(bins):
    """calibration_curve leaves empty bins out; ours are kept and empty."""
    truth, logits, none = _simulate()
    p = expit(logits)
    ours = bin_reliability(truth, p, none, bins)
    assert len(ours) == bins
    assert sum(each.count for each in ours) == len(truth)
    observed, predicted = calibration_curve(truth, p, n_bins=bins)
    filled = [each for each in ours if each.count]
    assert [each.observed.value for each in filled] == pytest.approx(observed)
    assert [each.predicted for each in filled] == pytest.approx(predicted)


def test_a_bin_has_counts_and_a_wilson_interval():
    """4 of 6 between 0.5 and 1; a bin from 0.2 on holds 0.22 and one from 0.9 on holds 0.96."""
    upper = bin_reliability(Y, P, NONE, 2)[1]
    assert (upper.low, upper.high, upper.count) == (0.5, 1.0, 6)
    assert (upper.observed.low, upper.observed.high) == wilson(4, 6)
    assert [each.count for each in bin_reliability(Y, P, NONE, 10)] == [
        0,
        0,
        1,
        1,
        2,
        1,
        1,
        1,
        2,
        1,
    ]


def test_an_edge_belongs_to_the_bin_above_and_1_to_the_last():
    """0.29 x 100 is below 29 in floating point and 0.29 stands in bin 29 all the same."""
    p = np.array([0.0, 0.5, 1.0, 0.29])
    none = np.zeros(4, dtype=np.bool_)
    truth = np.ones(4, dtype=np.int8)
    assert [each.count for each in bin_reliability(truth, p, none, 2)] == [2, 2]
    assert bin_reliability(truth, p, none, 100)[29].count == 1


def test_an_empty_bin_has_no_figures():
    """A dash, not 0."""
    empty = bin_reliability(Y, P, NONE, 10)[0]
    assert (empty.count, empty.predicted, empty.observed) == (0, None, Estimate(None))


def test_the_brier_score_equals_scikit_learn():
    """brier_score_loss on the same probabilities."""
    truth, logits, none = _simulate()
    p = expit(logits)
    assert brier_score(truth, p, none).value == pytest.approx(brier_score_loss(truth, p))


def test_a_failed_image_is_as_wrong_as_can_be_in_the_brier_score():
    """By hand: (0.1^2 + 1 + 1) / 3, and the one of unknown truth counts nowhere."""
    truth = np.array([1, 1, 0, -1], dtype=np.int8)
    p = np.array([0.9, math.nan, math.nan, 0.3])
    failed = np.array([False, True, True, False])
    assert brier_score(truth, p, failed).value == pytest.approx((0.01 + 2) / 3)


def _statsmodels(truth, logits):
    slope = sm.GLM(truth, sm.add_constant(logits), family=sm.families.Binomial()).fit(tol=1e-12)
    large = sm.GLM(truth, np.ones_like(logits), family=sm.families.Binomial(), offset=logits).fit(
        tol=1e-12
    )
    return large, slope


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.4, -1.0), (2.5, 2.0), (-0.5, 0.0)])
@pytest.mark.parametrize("images", [60, 5000])
def test_intercept_and_slope_equal_statsmodels(images, slope, shift):
    """GLM with a binomial family: coefficients and Wald intervals, slope as an offset for one."""
    truth, logits, none = _simulate(images, 3, slope, shift)
    ours = fit_calibration(truth, logits, none)
    large, line = _statsmodels(truth, logits)
    assert ours.intercept.value == pytest.approx(large.params[0], abs=1e-7)
    low, high = large.conf_int()[0]
    assert (ours.intercept.low, ours.intercept.high) == pytest.approx((low, high), abs=1e-6)
    assert ours.slope.value == pytest.approx(line.params[1], abs=1e-7)
    low, high = line.conf_int()[1]
    assert (ours.slope.low, ours.slope.high) == pytest.approx((low, high), abs=1e-6)
    assert ours.images == images


@pytest.mark.parametrize("factor", [0.001, 1000.0])
def test_logits_of_any_size_are_fitted(factor):
    """Ten times larger logits have a tenth of the slope."""
    truth, logits, none = _simulate()
    plain = fit_calibration(truth, logits, none).slope.value
    scaled = fit_calibration(truth, logits * factor, none)
    assert plain is not None
    assert scaled.slope.value == pytest.approx(plain / factor, rel=1e-6)


def test_scores_far_too_high_are_fitted_all_the_same():
    """All logits 60 too high: every fitted probability is 1 to rounding, and yet it converges."""
    truth, logits, none = _simulate()
    plain = fit_calibration(truth, logits, none).intercept.value
    shifted = fit_calibration(truth, logits + 60, none).intercept.value
    assert plain is not None
    assert shifted == pytest.approx(plain - 60, abs=1e-6)


@pytest.mark.parametrize("groups", [None, np.arange(4)])
def test_logits_beyond_all_rounding_have_no_intercept(groups):
    """One error each way at odds of e^800: the likelihood is flat around 0, and to its rounding
    nothing says how far."""
    truth, logits = np.array([1, 1, 0, 0], np.int8), np.array([800.0, -800.0, 800.0, -800.0])
    line = fit_calibration(truth, logits, np.zeros(4, bool), groups=groups)
    assert line.intercept.value is None


def test_a_perfect_division_has_no_slope():
    """The likelihood grows with the slope for ever: a dash, and the intercept stands."""
    truth = np.array([0, 0, 1, 1], dtype=np.int8)
    none = np.zeros(4, dtype=np.bool_)
    for logits in ([-2.0, -1.0, 1.0, 2.0], [2.0, 1.0, -1.0, -2.0], [0.0, 1.0, 1.0, 2.0]):
        line = fit_calibration(truth, np.array(logits), none)
        assert line.slope == Estimate(None)
        assert line.intercept.value is not None


@pytest.mark.parametrize("truth", [[], [1, 1], [0, 0, -1]])
def test_one_class_has_no_line(truth):
    """Nothing to calibrate against."""
    n = len(truth)
    line = fit_calibration(np.array(truth, np.int8), np.arange(n, dtype=float), np.zeros(n, bool))
    assert (line.intercept, line.slope) == (Estimate(None), Estimate(None))


def test_failed_and_unknown_images_are_left_out_and_the_rest_is_counted():
    """The line of 800 images stays what it is when 3 failed and 2 unknown ones are added."""
    truth, logits, none = _simulate()
    more_truth = np.append(truth, [1, 0, 1, -1, -1]).astype(np.int8)
    more_logits = np.append(logits, [math.nan] * 3 + [9.0, -9.0])
    failed = np.append(none, [True] * 3 + [False] * 2)
    assert fit_calibration(more_truth, more_logits, failed) == fit_calibration(truth, logits, none)
    p = expit(more_logits)
    assert bin_reliability(more_truth, p, failed) == bin_reliability(truth, expit(logits), none)


def test_a_well_calibrated_run_has_slope_1_and_intercept_0_within_its_intervals():
    """Drawn from its own probabilities, 20,000 images; one that is twice too sure has slope 1/2."""
    truth, logits, none = _simulate(20_000, 11)
    line = fit_calibration(truth, logits, none)
    for estimate, true in ((line.slope, 1), (line.intercept, 0)):
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < true < estimate.high
    assert fit_calibration(truth, 2 * logits, none).slope.value == pytest.approx(0.5, abs=0.03)


@given(st.floats(-15, 15), st.sampled_from(["sigmoid", "softmax"]))
def test_logits_and_probabilities_are_two_ways_to_write_a_score(value, activation):
    """Each is turned into the other."""
    logit = np.array([value])
    p = to_probabilities(logit, "logit")
    assert to_logits(p, activation) == pytest.approx(logit, abs=1e-6)
    assert to_probabilities(p, activation) == pytest.approx(p)
    assert to_logits(logit, "logit") == pytest.approx(logit)


def test_a_probability_of_exactly_0_or_1_has_a_finite_logit():
    """That of half the distance from 1 to the next float32: about -16.6 and 16.6."""
    assert to_logits(np.array([0.0, 1.0]), "sigmoid") == pytest.approx(
        [-16.6355, 16.6355], abs=1e-4
    )


def test_what_is_no_probability_is_refused():
    """A softmax-logit alone, a logit taken for a probability, no bins."""
    activation: Activation = "softmax-logit"
    with pytest.raises(ValueError, match="softmax-logit"):
        to_probabilities(P, activation)
    with pytest.raises(ValueError, match="between 0 and 1"):
        bin_reliability(Y, P * 5, NONE)
    with pytest.raises(ValueError, match="0 bins"):
        bin_reliability(Y, P, NONE, 0)


def test_without_images_nothing_is_defined():
    """All truth unknown."""
    unknown = np.full(10, -1, dtype=np.int8)
    assert brier_score(unknown, P, NONE) == Estimate(None)
    assert expected_calibration_error(bin_reliability(unknown, P, NONE)) == Estimate(None)

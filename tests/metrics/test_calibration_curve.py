"""The smooth calibration curve against statsmodels, on a basis made in another way."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.interpolate import CubicSpline
from scipy.special import expit, logit

from covidreport.metrics import smooth_calibration
from covidreport.metrics.calibration_curve import KNOTS, POINTS


def _simulate(images=800, seed=1, truth_of=lambda x: x, spread=1.5):
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, spread, images)
    truth = (rng.random(images) < expit(truth_of(logits))).astype(np.int8)
    return truth, logits, np.zeros(images, dtype=np.bool_)


def _natural(x, knots):
    """A basis of the natural cubic splines with these knots: interpolations of unit vectors, which
    go on as straight lines beyond the ends."""
    columns = []
    for unit in np.eye(len(knots)):
        spline = CubicSpline(knots, unit, bc_type="natural")
        slope = spline.derivative()
        inside = np.clip(x, knots[0], knots[-1])
        columns.append(spline(inside) + (x - inside) * slope(inside))
    return np.column_stack(columns)


def _reference(truth, logits, at, quantiles, groups=None):
    knots = np.quantile(logits, quantiles)
    columns = _natural(logits, knots)
    model = sm.Logit(truth, columns).fit(disp=0, method="newton", maxiter=200, tol=1e-12)
    covariance = model.cov_params()
    if groups is not None:
        scores = columns * (truth - model.predict())[:, None]
        sums = np.stack([scores[groups == one].sum(axis=0) for one in np.unique(groups)])
        covariance = covariance @ (sums.T @ sums) @ covariance * len(sums) / (len(sums) - 1)
    drawn = _natural(logit(at), knots)
    line = drawn @ model.params
    margin = 1.959963984540054 * np.sqrt(np.diag(drawn @ covariance @ drawn.T))
    return expit(line), expit(line - margin), expit(line + margin)


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("images", [800, 80])
def test_the_curve_and_its_band_equal_statsmodels(images, grouped):
    """Four knots with many of both classes, three with fewer; errors over patients too."""
    truth, logits, none = _simulate(images, truth_of=lambda x: 0.6 * x - 0.2)
    groups = np.arange(images) // 3 if grouped else None
    smaller = min(truth.sum(), len(truth) - truth.sum())
    quantiles = next(each for least, each in KNOTS.items() if smaller >= least)
    assert len(quantiles) == (4 if images == 800 else 3)
    curve = smooth_calibration(truth, logits, none, groups)
    assert len(curve) == POINTS
    at = np.array([one.predicted for one in curve])
    ours = np.array([(one.observed, one.low, one.high) for one in curve]).T
    theirs = _reference(truth, logits, at, quantiles, groups)
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_the_curve_ends_where_ten_images_lie_beyond():
    """Of 800; evenly between."""
    truth, logits, none = _simulate()
    at = np.array([one.predicted for one in smooth_calibration(truth, logits, none)])
    ordered = np.sort(expit(logits))
    assert ordered[9] <= at[0] <= ordered[10]
    assert ordered[-11] <= at[-1] <= ordered[-10]
    np.testing.assert_allclose(np.diff(at), np.diff(at)[0])


def test_a_piece_that_divides_the_classes_takes_a_simpler_curve():
    """No positive below a score: the spline has no maximum there, the line has one."""
    rng = np.random.default_rng(3)
    logits = np.sort(rng.normal(-1, 2, 400))
    truth = ((np.arange(400) > 250) & (rng.random(400) < 0.6)).astype(np.int8)
    none = np.zeros(400, dtype=np.bool_)
    curve = smooth_calibration(truth, logits, none)
    assert curve
    assert all(0 <= one.low <= one.observed <= one.high <= 1 for one in curve)


def test_without_evidence_there_is_no_curve():
    """Nine positives, classes that a score divides, scores that are all alike, no image at all."""
    truth, logits, none = _simulate(200)
    few = np.where(np.cumsum(truth) <= 9, truth, 0).astype(np.int8)
    assert smooth_calibration(few, logits, none) == ()
    assert smooth_calibration((logits > 0).astype(np.int8), logits, none) == ()
    assert smooth_calibration(truth, np.zeros(200), none) == ()
    assert smooth_calibration(truth, logits, np.ones(200, dtype=np.bool_)) == ()


def test_failed_and_unknown_images_are_left_out():
    """As if they were not there, whatever stands in them."""
    truth, logits, none = _simulate()
    plain = smooth_calibration(truth, logits, none)
    more = np.concatenate([truth, [1, -1]]).astype(np.int8)
    failed = np.concatenate([none, [True, False]])
    assert smooth_calibration(more, np.append(logits, [np.nan, 50.0]), failed) == plain


def test_the_band_holds_a_true_curve_about_as_often_as_it_says():
    """A straight truth on the scale of logits, at its middle: 300 sets of 400 images."""
    held = 0
    for seed in range(300):
        truth, logits, none = _simulate(400, seed, truth_of=lambda x: 0.7 * x + 0.3)
        one = smooth_calibration(truth, logits, none)[POINTS // 2]
        held += int(one.low <= expit(0.7 * logit(one.predicted) + 0.3) <= one.high)
    assert 0.91 <= held / 300 <= 0.985

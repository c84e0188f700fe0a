"""What runs come to as one, and layers behind a run: by hand, SciPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, log_softmax, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from covidreport.errors import RunError
from covidreport.metrics.combined import (
    combine_logits,
    fit_platt,
    fit_softmax_temperature,
    fit_temperature,
)


class _Scores(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier whose decision is its input, as scikit-learn calibrates it."""

    def fit(self, x, y):
        self.classes_, self.n_features_in_ = np.unique(y), x.shape[1]
        return self

    def decision_function(self, x):
        return x[:, 0] if x.shape[1] == 1 else x

    def predict(self, x):
        raise AssertionError("a layer is fitted on decisions")


def _draw(seed, n=200, k=3, sharp=2.0):
    """Truth and logits that are too sharp by this factor."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, k))
    truth = (rng.random((n, k)) < expit(logits)).astype(np.int8)
    return truth, logits * sharp


def test_the_mean_is_that_of_probabilities():
    """Also where a float can't hold the probability: 1 - 1e-30 and 0.5 come to 0.75."""
    logits = np.random.default_rng(1).normal(0, 5, (3, 20, 2))
    expected = logit(expit(logits).mean(axis=0))
    assert combine_logits(logits, "mean") == pytest.approx(expected, rel=1e-9)
    far = combine_logits(np.array([[[70.0]], [[0.0]]]), "mean")
    assert far.item() == pytest.approx(np.log(3), rel=1e-12)


def test_votes_by_hand():
    """Any of three, or two of three, above 0."""
    logits = np.array([[[2.0, -1.0, -3.0]], [[-1.0, -2.0, 0.5]], [[1.0, -3.0, -0.5]]])
    assert combine_logits(logits, "either").tolist() == [[2.0, -1.0, 0.5]]
    assert combine_logits(logits, "majority").tolist() == [[1.0, -2.0, -0.5]]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_platt_is_that_of_scikit_learn(seed):
    """Scale and offset of each label; images of unknown truth count for nothing."""
    truth, logits = _draw(seed)
    truth[:7, 1] = -1
    layer = fit_platt(truth, logits, ("a", "b", "c"))
    for k in range(3):
        known = truth[:, k] >= 0
        x, y = logits[known, k : k + 1], truth[known, k]
        calibrated = CalibratedClassifierCV(FrozenEstimator(_Scores().fit(x, y)), method="sigmoid")
        (one,) = calibrated.fit(x, y).calibrated_classifiers_
        (of_sklearn,) = one.calibrators
        expected = (-of_sklearn.a_, -of_sklearn.b_)
        assert (layer.scales[k], layer.offsets[k]) == pytest.approx(expected, abs=2e-4)


def test_platt_has_an_answer_where_scores_part_the_classes():
    """By its targets, which are no 0 and 1; and none where scores fall as the truth rises."""
    truth = np.array([[1], [1], [0], [0]], np.int8)
    logits = np.array([[4.0], [3.0], [-3.0], [-4.0]])
    (scale,) = fit_platt(truth, logits, ("a",)).scales
    assert 0 < scale < 1
    with pytest.raises(RunError, match="a: its scores do not rise with its truth"):
        fit_platt(truth, -logits, ("a",))
    with pytest.raises(RunError, match="no layer fits: a: 4 positives among 4 images"):
        fit_platt(np.ones_like(truth), logits, ("a",))
    both = fit_platt(np.hstack([truth, truth * 0]), np.hstack([logits, logits]), ("a", "b"))
    assert (both.scales, both.offsets[1]) == ((scale, 1), 0)
    assert both.left == {"b": "0 positives among 4 images"}


def test_a_temperature_undoes_what_was_done():
    """Logits three times too sharp, of 20,000 images: a third, to the noise of these."""
    truth, logits = _draw(3, n=20_000, sharp=3.0)
    layer = fit_temperature(truth, logits)
    assert len({*layer.scales}) == 1
    assert layer.scales[0] == pytest.approx(1 / 3, abs=0.01)
    assert layer.offsets == (0, 0, 0)


def test_the_temperature_of_a_softmax_is_that_of_scikit_learn():
    """Of images with one label each; others are left out."""
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 2, (400, 3))
    label = np.array([rng.choice(3, p=np.exp(log_softmax(row))) for row in logits])
    truth = np.eye(3, dtype=np.int8)[label]
    sharp = logits * 2.5
    calibrated = CalibratedClassifierCV(
        FrozenEstimator(_Scores().fit(sharp, label)), method="temperature"
    ).fit(sharp, label)
    (of_sklearn,) = calibrated.calibrated_classifiers_[0].calibrators
    found = fit_softmax_temperature(truth, sharp)
    assert found.scales[0] == pytest.approx(float(of_sklearn.beta_), rel=1e-4)
    more = np.vstack([truth, [[1, 1, 0], [0, 0, 0], [1, 0, -1]]]).astype(np.int8)
    assert fit_softmax_temperature(more, np.vstack([sharp, np.ones((3, 3))])) == found


@pytest.mark.parametrize("fit", [fit_temperature, fit_softmax_temperature])
def test_no_temperature_fits_scores_that_are_always_right_or_wrong(fit):
    """The likelihood then rises for ever."""
    truth = np.eye(2, dtype=np.int8)[[0, 1, 0, 1]]
    right = np.where(truth == 1, 2.0, -2.0)
    for logits in (right, -right):
        with pytest.raises(RunError, match="no temperature fits"):
            fit(truth, logits)

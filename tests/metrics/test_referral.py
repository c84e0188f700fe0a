"""Referral of uncertain images, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from covidreport.metrics import find_cut, measure_certainty, trace_referral


def test_certainty_is_the_distance_from_the_threshold_in_logits():
    """logit(0.9) = 2.197, logit(0.3) = -0.847; an image without a score comes last."""
    scores = np.array([0.9, 0.3, np.nan])
    found = measure_certainty(scores, "sigmoid", 0.3)
    assert found == pytest.approx([2.1972 + 0.8473, 0.0, np.inf], abs=1e-4)
    logits = measure_certainty(np.array([2.0, -1.0]), "logit", 0.5)
    assert logits.tolist() == [2.0, 1.0]
    with pytest.raises(ValueError, match="softmax-logit"):
        measure_certainty(scores, "softmax-logit", 0.5)


def test_a_cut_refers_the_share():
    certainty = np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    assert find_cut(certainty, 0.0) == -1
    assert find_cut(certainty, 0.4) == 2.0
    assert (certainty <= find_cut(certainty, 0.4)).sum() == 2
    assert (certainty <= find_cut(certainty, 1.0)).all()


def test_a_curve_goes_from_the_plain_misses_to_none():
    """Five images by certainty 1 1 2 3 inf, of which the second, the third and the last are
    missed: equal certainties are referred together."""
    certainty = np.array([1.0, 1.0, 2.0, 3.0, np.inf])
    wrong = np.array([False, True, True, False, True])
    referred, left = trace_referral(certainty, wrong)
    assert referred.tolist() == [0, 2, 3, 4, 5]
    assert left.tolist() == [3, 2, 1, 1, 0]


@pytest.mark.parametrize("seed", range(3))
def test_a_curve_is_what_is_left_by_scikit_learn(seed):
    """Missed by scikit-learn's table of the images that are kept, probability by probability."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(200) < 0.3).astype(int)
    scores = 1 / (1 + np.exp(-rng.normal(2 * truth - 1, 1.5)))
    odds = np.log(scores / (1 - scores)) - np.log(0.4 / 0.6)
    missed = (truth == 1) & (scores <= 0.4)
    certainty = measure_certainty(scores, "sigmoid", 0.4)
    for referred, left in zip(*trace_referral(certainty, missed), strict=True):
        kept = np.argsort(np.argsort(np.abs(odds))) >= referred
        if kept.any():
            assert left == confusion_matrix(truth[kept], scores[kept] > 0.4, labels=[0, 1])[1, 0]
    assert left == 0


def test_no_image_is_no_curve():
    referred, left = trace_referral(np.zeros(0), np.zeros(0, bool))
    assert (referred.tolist(), left.tolist()) == ([0], [0])


def test_images_of_equal_certainty_are_referred_together_in_any_order():
    """A hundred images of five certainties, some without a score, counted one after the other."""
    rng = np.random.default_rng(1)
    certainty = rng.choice([0.0, 0.5, 1.0, 2.0, np.inf], 100)
    wrong = rng.random(100) < 0.3
    referred, left = trace_referral(certainty, wrong)
    steps = np.unique(certainty)
    assert referred.tolist() == [0, *(int((certainty <= at).sum()) for at in steps)]
    assert left.tolist() == [wrong.sum(), *(int((wrong & (certainty > at)).sum()) for at in steps)]
    ordered = np.sort(certainty)
    for share in (0.01, 0.25, 0.5, 1.0):
        assert find_cut(certainty, share) == ordered[round(100 * share) - 1]

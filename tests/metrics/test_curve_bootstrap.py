"""Resampled ROC AUC and average precision: against scikit-learn's sample weights."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from covidreport.metrics import average_precision, count_curve, roc_auc
from covidreport.metrics.curve_bootstrap import affordable_resamples, resample_curves
from covidreport.metrics.resample import RESAMPLES, sample_weights


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("decimals", [0, 1, 8])
@pytest.mark.parametrize("images", [40, 2500])
def test_equal_to_scikit_learn_with_sample_weights(images, decimals, grouped):
    """The same resamples as weights; few decimals make many ties; 2,500 need several blocks."""
    rng = np.random.default_rng([images, decimals])
    truth = (rng.random(images) < 0.4).astype(np.int8)
    scores = np.round(rng.normal(size=(2, images)) + truth, decimals)
    groups = rng.integers(0, images // 3, images) if grouped else None
    found = resample_curves(truth, scores, np.zeros_like(scores, dtype=bool), groups, resamples=12)
    units = np.arange(images) if groups is None else np.unique(groups, return_inverse=True)[1]
    weights = np.concatenate(list(sample_weights(units.max() + 1, 12, 0)))[:, units]
    for b, weight in enumerate(weights):
        for run in range(2):
            auc = roc_auc_score(truth, scores[run], sample_weight=weight)
            assert found.roc_auc[b, run] == pytest.approx(auc, abs=1e-12)
            precision = average_precision_score(truth, scores[run], sample_weight=weight)
            assert found.average_precision[b, run] == pytest.approx(precision, abs=1e-12)


def test_failed_and_unknown_images_as_the_curve_has_them():
    """Against the house's own curve on the images of each resample."""
    rng = np.random.default_rng(1)
    truth = rng.integers(-1, 2, 120).astype(np.int8)
    scores = np.round(rng.normal(size=(1, 120)) + truth, 1).astype(np.float32)
    failed = rng.random((1, 120)) < 0.1
    scores[failed] = np.nan
    found = resample_curves(truth, scores, failed, resamples=10, seed=3)
    weights = np.concatenate(list(sample_weights(120, 10, 3))).astype(int)
    for b, weight in enumerate(weights):
        rows = np.repeat(np.arange(120), weight)
        curve = count_curve(truth[rows], scores[0, rows], failed[0, rows])
        assert found.roc_auc[b, 0] == pytest.approx(roc_auc(curve).value)
        assert found.average_precision[b, 0] == pytest.approx(average_precision(curve).value)


def test_a_resample_without_positives_leaves_both_undefined():
    """One positive among four is not drawn in (3/4)^4, about a third, of the resamples."""
    truth = np.array([1, 0, 0, 0], dtype=np.int8)
    scores = np.array([[2.0, 3, 1, 0]])
    found = resample_curves(truth, scores, np.zeros((1, 4), dtype=np.bool_), resamples=400)
    without = np.concatenate(list(sample_weights(4, 400, 0)))[:, 0] == 0
    assert 80 < without.sum() < 180
    # In 4^-4 of the resamples it is drawn four times and no negative is.
    alone = np.concatenate(list(sample_weights(4, 400, 0)))[:, 0] == 4
    for figure in (found.roc_auc, found.average_precision):
        assert (np.isnan(figure[:, 0]) == (without | alone)).all()


def test_truth_all_of_one_class_is_undefined_throughout():
    """No positives at all, and no negatives at all."""
    for value in (0, 1):
        truth = np.full(5, value, dtype=np.int8)
        scores = np.arange(5.0)[np.newaxis]
        found = resample_curves(truth, scores, np.zeros((1, 5), dtype=np.bool_), resamples=4)
        assert np.isnan(found.roc_auc).all()
        assert np.isnan(found.average_precision).all()


def test_the_rule_for_fewer_resamples():
    """All of them for a study's 628 images, 200 where even they pass the limit, some between."""
    study = np.zeros((628, 3), dtype=np.int8)
    study[:28, 0] = 1
    assert affordable_resamples(study, 18) == RESAMPLES
    large = np.zeros((100_000, 3), dtype=np.int8)
    large[:1000] = 1
    assert affordable_resamples(large, 18) == 4_000_000_000 // (18 * (300_000 + 10 * 3000))
    large[:50_000] = 1
    assert affordable_resamples(large, 18) == 200


def test_shapes_and_nan_are_refused():
    """A NaN in an image that did not fail is no score."""
    truth = np.array([1, 0], dtype=np.int8)
    with pytest.raises(ValueError, match="scores"):
        resample_curves(truth, np.zeros((1, 3)), np.zeros((1, 3), dtype=np.bool_))
    with pytest.raises(ValueError, match="NaN"):
        resample_curves(truth, np.array([[np.nan, 0]]), np.zeros((1, 2), dtype=np.bool_))


def test_what_was_resampled_is_known():
    """Images, or patients where these are given."""
    truth = np.array([1, 0, 1, 0], dtype=np.int8)
    scores = np.array([[2.0, 3, 1, 0]])
    none = np.zeros((1, 4), dtype=np.bool_)
    assert not resample_curves(truth, scores, none, resamples=4).grouped
    assert resample_curves(truth, scores, none, np.array([0, 0, 1, 1]), resamples=4).grouped

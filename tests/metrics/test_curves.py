"""ROC AUC and average precision: against scikit-learn, with ties, failures and unknown truth."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from covidreport.metrics import CumulativeCounts, average_precision, count_curve, roc_auc
from covidreport.records import Estimate


def _curve(
    truth: Iterable[int], scores: Iterable[float], failed: NDArray[np.bool_] | None = None
) -> CumulativeCounts:
    known = np.array(list(truth), dtype=np.int8)
    none = np.zeros(len(known), dtype=np.bool_)
    values = np.array(list(scores), dtype=np.float32)
    return count_curve(known, values, none if failed is None else failed)


def test_by_hand_with_a_tie():
    """3 positives, 2 negatives: of 6 pairs 4 right, one wrong, one tied: 4.5 / 6.

    Precision at the positives: 1/1, then 2 of 3 for the tied one, then 3 of 5.
    """
    curve = _curve([1, 1, 0, 0, 1], [0.9, 0.5, 0.5, 0.2, 0.1])
    assert roc_auc(curve).value == pytest.approx((2 + 1.5 + 0) / 6)
    assert average_precision(curve).value == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


@pytest.mark.parametrize("decimals", [0, 1, 6])
@pytest.mark.parametrize("prevalence", [0.02, 0.5, 0.95])
@pytest.mark.parametrize("images", [5, 100, 3000])
def test_equal_to_scikit_learn(images, prevalence, decimals):
    """Few decimals make many ties."""
    rng = np.random.default_rng([images, int(prevalence * 100), decimals])
    truth = (rng.random(images) < prevalence).astype(np.int8)
    truth[:2] = 0, 1
    scores = np.round(rng.normal(size=images) + truth, decimals).astype(np.float32)
    curve = _curve(truth, scores)
    assert roc_auc(curve).value == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    theirs = average_precision_score(truth, scores)
    assert average_precision(curve).value == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("failing", [0.05, 0.5])
def test_failed_images_take_the_worst_place(failing):
    """As scikit-learn sees it where failed positives score below all and failed negatives above."""
    rng = np.random.default_rng(7)
    truth = (rng.random(400) < 0.3).astype(np.int8)
    scores = (rng.normal(size=400) + truth).astype(np.float32)
    failed = rng.random(400) < failing
    placed = np.where(failed, np.where(truth == 1, -1e6, 1e6), scores)
    scores[failed] = np.nan
    curve = _curve(truth, scores, failed)
    assert roc_auc(curve).value == pytest.approx(roc_auc_score(truth, placed), abs=1e-12)
    theirs = average_precision_score(truth, placed)
    assert average_precision(curve).value == pytest.approx(theirs, abs=1e-12)


def test_a_run_that_fails_everywhere_has_auc_0():
    """Every positive stands below every negative."""
    failed = np.ones(4, dtype=np.bool_)
    curve = _curve([1, 1, 0, 0], [math.nan] * 4, failed)
    assert roc_auc(curve).value == 0.0


def test_images_of_unknown_truth_are_left_out():
    """Their scores change nothing, failed or not."""
    truth = np.array([1, 0, 1, 0, -1, -1])
    failed = np.array([False] * 5 + [True])
    curve = _curve(truth, [3, 2, 1, 0, 9, math.nan], failed)
    assert roc_auc(curve) == roc_auc(_curve(truth[:4], [3, 2, 1, 0]))
    assert (curve.positives, curve.negatives) == (2, 2)


@pytest.mark.parametrize("truth", [[], [1, 1], [0, 0, 0], [-1, 1], [-1, -1]])
def test_undefined_where_a_class_is_absent(truth):
    """Nothing can be ranked above or below what is not there."""
    curve = _curve(truth, range(len(truth)))
    assert roc_auc(curve) == Estimate(None)
    assert average_precision(curve) == Estimate(None)


def test_a_nan_in_an_image_that_did_not_fail_is_refused():
    """Sorted as a number it would land at one end."""
    with pytest.raises(ValueError, match="NaN"):
        _curve([1, 0], [math.nan, 0])


@given(
    st.lists(st.tuples(st.booleans(), st.integers(-20, 20)), min_size=2, max_size=60).filter(
        lambda rows: len({truth for truth, _ in rows}) == 2
    )
)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows):
    """The definition, counted pair by pair; and turning all scores around gives 1 minus it."""
    truth, scores = (np.array(column) for column in zip(*rows, strict=True))
    positive, negative = scores[truth], scores[~truth]
    above = (positive[:, np.newaxis] > negative).sum() + 0.5 * (
        positive[:, np.newaxis] == negative
    ).sum()
    share = above / (len(positive) * len(negative))
    assert roc_auc(_curve(truth, scores)).value == pytest.approx(share)
    assert roc_auc(_curve(truth, -scores)).value == pytest.approx(1 - share)


@given(st.lists(st.tuples(st.booleans(), st.floats(-10, 10, width=32)), max_size=60))
def test_a_curve_rises_to_all_positives_and_negatives(rows):
    """Cumulative counts never fall, and each step passes at least one image."""
    curve = _curve([truth for truth, _ in rows], [score for _, score in rows])
    called = curve.true_positives + curve.false_positives
    assert (np.diff(curve.true_positives, prepend=0) >= 0).all()
    assert (np.diff(curve.false_positives, prepend=0) >= 0).all()
    assert (np.diff(called, prepend=0) > 0).all()
    assert (curve.positives, curve.negatives) == (
        sum(truth for truth, _ in rows),
        sum(not truth for truth, _ in rows),
    )

"""The variance of average precision: against scikit-learn's weights and the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from covidreport.metrics.precision_variance import estimate_precision_variance


def _draw(images=80, decimals=1, seed=0):
    """Truth and scores of two runs; one decimal makes many ties."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(images) < 0.3).astype(np.int8)
    return truth, np.round(rng.normal(size=(2, images)) + 1.5 * truth, decimals)


def _none(scores):
    return np.zeros(scores.shape, np.bool_)


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_equal_to_what_scikit_learns_weights_move(decimals, grouped):
    """Each image's, or patient's, weight a little up and down: the sum of squares."""
    truth, scores = _draw(decimals=decimals)
    groups = np.arange(80) if not grouped else np.random.default_rng(1).integers(0, 30, 80)
    found = estimate_precision_variance(truth, scores, _none(scores), groups if grouped else None)
    carriers = len(set(groups[truth == 1]))
    for run in range(2):
        moved = []
        for unit in set(groups):
            up, down = (
                average_precision_score(
                    truth, scores[run], sample_weight=1 + sign * 1e-4 * (groups == unit)
                )
                for sign in (1, -1)
            )
            moved.append((up - down) / 2e-4)
        expected = np.square(moved).sum() * (carriers / (carriers - 1)) ** 2
        assert found[run] == pytest.approx(expected, rel=1e-6)


def test_near_the_variance_of_the_bootstrap():
    """Of 300 images drawn again 2,000 times, within a tenth."""
    truth, scores = _draw(300, 8, seed=3)
    found = estimate_precision_variance(truth, scores, _none(scores))
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 300, 300) for _ in range(2000)]
    for run in range(2):
        values = [average_precision_score(truth[rows], scores[run, rows]) for rows in drawn]
        assert found[run] == pytest.approx(np.var(values), rel=0.1)


def test_failed_images_take_the_worst_place_and_unknown_ones_none():
    """As if a failed positive scored lowest, and the unknown were not there."""
    truth, scores = _draw()
    failed = _none(scores)
    failed[:, np.flatnonzero(truth == 1)[:3]] = True
    failed[:, np.flatnonzero(truth == 0)[:3]] = True
    worst = np.where(failed, np.where(truth == 1, -99, 99), scores)
    plain = estimate_precision_variance(truth, worst, _none(scores))
    assert estimate_precision_variance(truth, np.where(failed, np.nan, scores), failed) == (
        pytest.approx(plain)
    )
    more = np.append(truth, np.full(5, -1, np.int8))
    padded = np.hstack([worst, np.full((2, 5), 3.0)])
    assert estimate_precision_variance(more, padded, _none(padded)) == pytest.approx(plain)


def test_where_nothing_varies_and_where_nothing_is_known():
    """0 where all positives are ahead; NaN for one positive, one patient's, or no negative."""
    truth = np.array([1, 1, 0, 0], np.int8)
    scores = np.array([[4.0, 3, 2, 1]])
    assert estimate_precision_variance(truth, scores, _none(scores)) == pytest.approx(0)
    for odd, groups in ((np.array([1, 0, 0, 0]), None), (np.ones(4), None),
                        (truth, np.array([5, 5, 6, 7]))):  # fmt: skip
        found = estimate_precision_variance(odd.astype(np.int8), scores, _none(scores), groups)
        assert np.isnan(found).all()


def test_shapes_and_nan_are_refused():
    """A NaN in an image that did not fail is no score."""
    truth = np.array([1, 0], dtype=np.int8)
    with pytest.raises(ValueError, match="scores"):
        estimate_precision_variance(truth, np.zeros((1, 3)), np.zeros((1, 3), np.bool_))
    with pytest.raises(ValueError, match="NaN"):
        estimate_precision_variance(truth, np.array([[np.nan, 0]]), np.zeros((1, 2), np.bool_))

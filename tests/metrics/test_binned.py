"""Areas of binned scores: bounds that hold, and the area itself where bins are fine."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from covidreport.metrics import estimate_roc_aucs, roc_auc_interval
from covidreport.metrics.binned import estimate_binned_auc
from covidreport.records import ScoreBins


def _bin(scores, edges) -> ScoreBins:
    return ScoreBins(tuple(edges), tuple(int(each) for each in np.histogram(scores, edges)[0]))


def test_by_hand():
    """Positives above 0.5 beat all four below; of 2 x 2 pairs in one bin half are won."""
    positives = ScoreBins((0.0, 0.5, 1.0), (1, 3))
    negatives = ScoreBins((0.0, 0.5, 1.0), (4, 1))
    # won: 3 x 4; open: 1 x 4 and 3 x 1; lost: 1 x 1
    found = estimate_binned_auc(positives, negatives)
    assert found.value == pytest.approx((12 + 3.5) / 20)
    assert estimate_binned_auc(positives, negatives, (1, 0)).value == pytest.approx(15.5 / 25)
    assert estimate_binned_auc(positives, negatives, (0, 5)).value == pytest.approx(15.5 / 40)
    assert estimate_binned_auc(ScoreBins((0, 1), (0,)), negatives).value is None


def test_bins_of_one_score_each_give_the_area_and_the_interval_of_the_scores():
    """scikit-learn's area; DeLong's interval of the house, since ties are halves in both."""
    random = np.random.default_rng(1)
    truth = np.array([1] * 30 + [0] * 70, dtype=np.int8)
    scores = (np.clip(random.normal(0.4 + 0.2 * truth, 0.2), 0, 0.999) * 10).astype(int) / 10 + 0.05
    edges = np.arange(11) / 10
    found = estimate_binned_auc(_bin(scores[:30], edges), _bin(scores[30:], edges))
    assert found.value == pytest.approx(roc_auc_score(truth, scores))
    aucs = estimate_roc_aucs(truth, scores[np.newaxis], np.zeros((1, 100), dtype=bool))
    assert aucs is not None
    own = roc_auc_interval(aucs, 0)
    half = 10 * np.sum(
        np.histogram(scores[:30], edges)[0] * np.histogram(scores[30:], edges)[0]
    ) / 10 / 30 / 70 / 2  # fmt: skip
    assert found.low == pytest.approx(max(0, own.low - half))
    assert found.high == pytest.approx(min(1, own.high + half))


def test_the_area_of_the_scores_lies_within_what_bins_leave_open():
    """100 drawn sets, with other bins for each class."""
    random = np.random.default_rng(2)
    for _ in range(100):
        truth = np.array([1] * 20 + [0] * 40)
        scores = random.beta(2, 2, size=60) * 0.5 + truth * random.uniform(0, 0.5)
        edges = [
            np.concatenate([[0], np.sort(random.uniform(size=random.integers(1, 6))), [1]])
            for _ in range(2)
        ]
        bins = _bin(scores[:20], edges[0]), _bin(scores[20:], edges[1])
        found = estimate_binned_auc(*bins)
        assert found.low <= roc_auc_score(truth, scores) <= found.high
        assert estimate_binned_auc(*bins, interval=False).low is None

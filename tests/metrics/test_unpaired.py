"""Differences of figures on separate images: as published, and against variances that add up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from covidreport.metrics import estimate_roc_aucs, roc_auc_interval, wilson
from covidreport.metrics.unpaired import subtract_unpaired
from covidreport.records import Estimate

PUBLISHED = [
    ((56, 70), (48, 80), 0.0524, 0.3339),
    ((9, 10), (3, 10), 0.1705, 0.8090),
    ((6, 7), (2, 7), 0.0582, 0.8062),
    ((5, 56), (0, 29), -0.0381, 0.1926),
    ((0, 10), (0, 20), -0.1611, 0.2775),
    ((0, 10), (0, 10), -0.2775, 0.2775),
    ((10, 10), (0, 20), 0.6791, 1.0000),
    ((10, 10), (0, 10), 0.6075, 1.0000),
]
"""Newcombe, Statist. Med. 17 (1998) 873-890, table II, method 10."""


def _proportion(count: int, total: int) -> Estimate:
    return Estimate(count / total, *wilson(count, total), count, total, "wilson")


@pytest.mark.parametrize(("first", "second", "low", "high"), PUBLISHED)
def test_proportions_have_the_published_interval(first, second, low, high):
    """All eight contrasts of the paper."""
    found = subtract_unpaired(_proportion(*first), _proportion(*second))

    assert found.value == pytest.approx(first[0] / first[1] - second[0] / second[1])
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def _draw(rng, positives: int, negatives: int, shift: float):
    truth = np.repeat(np.array([1, 0], np.int8), (positives, negatives))
    return truth, rng.normal(size=truth.size) + shift * truth


def _delong(truth, scores) -> tuple[float, float]:
    """The area and its variance, every positive beside every negative (DeLong et al. 1988)."""
    wins = (scores[truth == 1][:, None] > scores[truth == 0][None, :]).astype(float)
    v10, v01 = wins.mean(axis=1), wins.mean(axis=0)
    return wins.mean(), v10.var(ddof=1) / v10.size + v01.var(ddof=1) / v01.size


def test_variances_of_independent_areas_add_up():
    """With many images the interval is the normal one of the sum of the two variances."""
    rng = np.random.default_rng(3)
    estimates, variance, values = [], 0.0, []
    for sizes, shift in (((900, 1500), 1.2), ((700, 900), 0.8)):
        truth, scores = _draw(rng, *sizes, shift)
        aucs = estimate_roc_aucs(truth, scores[None], np.zeros((1, truth.size), bool))
        assert aucs is not None
        interval = roc_auc_interval(aucs, 0)
        estimates.append(Estimate(float(aucs.values[0]), interval.low, interval.high))
        value, own = _delong(truth, scores)
        values.append(value)
        variance += own
    found = subtract_unpaired(*estimates)
    margin = 1.959964 * math.sqrt(variance)
    difference = values[0] - values[1]

    assert found.value == pytest.approx(difference)
    assert found.low == pytest.approx(difference - margin, abs=0.02 * margin)
    assert found.high == pytest.approx(difference + margin, abs=0.02 * margin)


def test_what_is_undefined_or_has_no_interval_stays_so():
    """No positive in one of them; a threshold that was chosen on the images of one."""
    whole, bare = Estimate(0.8, 0.7, 0.9), Estimate(0.5)

    assert subtract_unpaired(whole, Estimate(None)) == Estimate(None)
    assert subtract_unpaired(Estimate(None), whole) == Estimate(None)
    assert subtract_unpaired(whole, bare) == Estimate(0.8 - 0.5)

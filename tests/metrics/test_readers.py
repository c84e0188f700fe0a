"""Averages over readers: Van Dyke's published example, a jackknife, and counting by hand."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import norm, t
from sklearn.metrics import roc_auc_score

from covidreport.metrics import estimate_roc_aucs
from covidreport.metrics.readers import (
    average_aucs,
    average_rates,
    average_readers,
    compare_with_average,
    one_shot_variance,
)
from tests.metrics import van_dyke


@pytest.fixture(scope="module")
def jackknife():
    """Areas `(2, 5)` by scikit-learn, and their jackknifed covariance `(2, 5, 2, 5)`."""
    truth, ratings = van_dyke.read_ratings()
    rows = ratings.reshape(10, -1)
    areas = np.array([roc_auc_score(truth, row) for row in rows])
    n = truth.size
    left = np.empty((n, 10))
    for case in range(n):
        keep = np.arange(n) != case
        positive, negative = rows[:, keep & (truth == 1)], rows[:, keep & (truth == 0)]
        gaps = positive[:, :, None] - negative[:, None, :]
        left[case] = ((gaps > 0) + 0.5 * (gaps == 0)).mean(axis=(1, 2))
    centred = left - left.mean(axis=0)
    covariance = (n - 1) / n * centred.T @ centred
    return areas.reshape(2, 5), covariance.reshape(2, 5, 2, 5)


def _mean_covariances(covariance):
    """Of one value, of two modalities of a reader, of two readers of a modality, of two of both."""
    modality = np.eye(2, dtype=bool)[:, None, :, None]
    reader = np.eye(5, dtype=bool)[None, :, None, :]
    wheres = {
        "variance": modality & reader, "cov1": ~modality & reader, "cov2": modality & ~reader,
        "cov3": ~modality & ~reader,
    }  # fmt: skip
    return {name: covariance[where].mean() for name, where in wheres.items()}


def test_areas_and_covariances_are_those_published(jackknife):
    """To all digits that are printed; those of DeLong are within 3 % of the jackknifed ones."""
    areas, covariance = jackknife
    assert areas == pytest.approx(np.array(van_dyke.AUCS), abs=6e-9)
    assert _mean_covariances(covariance) == pytest.approx(van_dyke.COVARIANCES, abs=6e-9)
    truth, ratings = van_dyke.read_ratings()
    rows = ratings.reshape(10, -1)
    ours = estimate_roc_aucs(truth, rows, np.zeros_like(rows, np.bool_))
    assert ours is not None
    assert ours.values == pytest.approx(areas.ravel(), abs=1e-12)
    of_delong = _mean_covariances(ours.covariance.reshape(2, 5, 2, 5))
    assert of_delong == pytest.approx(van_dyke.COVARIANCES, rel=0.03)


def test_the_test_of_two_modalities_is_the_published_one(jackknife):
    """F, its degrees of freedom and p, of the readers' differences."""
    areas, covariance = jackknife
    of_differences = sum(
        sign * covariance[one, :, other]
        for one, other, sign in ((0, 0, 1), (1, 1, 1), (0, 1, -1), (1, 0, -1))
    )
    found = average_readers(areas[1] - areas[0], of_differences)
    assert found.estimate.value is not None
    assert found.error is not None
    assert found.freedom is not None
    assert found.p_value is not None
    assert round((found.estimate.value / found.error) ** 2, 2) == van_dyke.F
    assert round(found.freedom, 2) == van_dyke.FREEDOM
    assert round(found.p_value, 4) == van_dyke.P_VALUE


@pytest.mark.parametrize("modality", [0, 1])
def test_the_average_of_one_modality_is_the_published_one(jackknife, modality):
    """Mean, standard error, degrees of freedom, interval, and what they are made of."""
    areas, covariance = jackknife
    found = average_readers(areas[modality], covariance[modality, :, modality])
    mean, error, freedom, ends, shared, spread = van_dyke.SINGLE[modality]
    estimate = found.estimate
    assert estimate.value == pytest.approx(mean, abs=6e-9)
    assert found.error == pytest.approx(error, abs=6e-9)
    assert found.freedom is not None
    assert round(found.freedom, 2) == freedom
    assert (estimate.low, estimate.high) == pytest.approx(ends, abs=6e-9)
    assert found.shared == pytest.approx(shared, abs=6e-9)
    assert found.spread == pytest.approx(spread, abs=6e-9)


def test_a_run_beside_the_average_has_the_covariances_of_differences():
    """As readers' values less the run's, jackknifed; p and interval agree at 5 %."""
    truth, ratings = van_dyke.read_ratings()
    rows = np.vstack([ratings[0], ratings[1, 3:4]])
    aucs = estimate_roc_aucs(truth, rows, np.zeros_like(rows, np.bool_))
    assert aucs is not None
    found = compare_with_average(aucs, 5, range(5))
    change = np.hstack([-np.eye(5), np.ones((5, 1))])
    by_hand = average_readers(change @ aucs.values, change @ aucs.covariance @ change.T)
    assert found.estimate.value == pytest.approx(0.99935588 - 0.89703704, abs=1e-8)
    assert found.error == pytest.approx(by_hand.error)
    assert found.freedom == pytest.approx(by_hand.freedom)
    assert found.estimate.low is not None
    assert found.p_value is not None
    assert found.estimate.low > 0
    assert found.p_value < 0.05
    average = average_aucs(aucs, range(5))
    assert average.estimate.high is not None
    assert average.estimate.high <= 1


def test_one_reader_has_no_interval():
    """Nothing is known of how others like him would do."""
    found = average_readers(np.array([0.8]), np.array([[0.01]]))
    assert (found.estimate.value, found.estimate.low, found.p_value) == (0.8, None, None)
    assert average_readers(np.array([]), np.zeros((0, 0))).estimate.value is None


def _call(ratings, truth):
    """Calls of 3 and more as scores; which positives, and which negatives, are called right."""
    calls = ratings >= 3
    return calls.astype(float), calls[:, truth == 1], ~calls[:, truth == 0]


def test_average_rates_of_calls_are_what_their_areas_are_made_of():
    """The ROC AUC of calls is half of sensitivity and specificity: so are averages of Van Dyke's
    readers, and variances and covariances by DeLong a quarter of both together."""
    truth, ratings = van_dyke.read_ratings()
    calls, found, cleared = _call(ratings[0], truth)
    aucs = estimate_roc_aucs(truth, calls, np.zeros_like(calls, np.bool_))
    assert aucs is not None
    of_found, of_cleared = average_rates(found), average_rates(cleared)
    area = average_aucs(aucs, range(5))
    assert of_found.estimate.value == pytest.approx(found.mean())
    assert of_cleared.estimate.value == pytest.approx(cleared.mean())
    assert area.estimate.value == pytest.approx((found.mean() + cleared.mean()) / 2)
    assert of_found.shared is not None
    assert of_cleared.shared is not None
    assert area.shared == pytest.approx((of_found.shared + of_cleared.shared) / 4, rel=1e-12)


def test_the_interval_of_a_rate_is_that_of_t_on_the_logit():
    """From its parts by numpy and scipy; it does not reach 1."""
    truth, ratings = van_dyke.read_ratings()
    _, found, _ = _call(ratings[0], truth)
    average = average_rates(found)
    shares, value = found.mean(axis=1), found.mean()
    assert average.estimate.value == pytest.approx(value)
    covariance = np.cov(found) / found.shape[1]
    shared = covariance[~np.eye(5, dtype=bool)].mean()
    total = shares.var(ddof=1) + 5 * shared
    assert average.error == pytest.approx((total / 5) ** 0.5)
    freedom = total**2 / (shares.var(ddof=1) ** 2 / 4)
    assert average.freedom == pytest.approx(freedom)
    margin = t.ppf(0.975, freedom) * (total / 5) ** 0.5 / (value * (1 - value))
    ends = [1 / (1 + np.exp(-(np.log(value / (1 - value)) + side * margin))) for side in (-1, 1)]
    assert (average.estimate.low, average.estimate.high) == pytest.approx(ends)
    assert ends[1] < 1


def test_images_of_one_patient_are_no_sample_of_their_own():
    """Each positive of Van Dyke's twice says no more than once; without patients it would."""
    truth, ratings = van_dyke.read_ratings()
    _, found, _ = _call(ratings[0], truth)
    twice, groups = np.repeat(found, 2, axis=1), np.repeat(np.arange(found.shape[1]), 2)
    once, paired, loose = (
        average_rates(found), average_rates(twice, groups), average_rates(twice)
    )  # fmt: skip
    assert paired.estimate == once.estimate
    assert once.shared is not None
    assert loose.shared == pytest.approx(once.shared / 2, rel=0.02)


@pytest.mark.parametrize(
    ("right", "value"),
    [
        (np.ones((1, 4), bool), 1.0),
        (np.ones((3, 4), bool), 1.0),
        (np.eye(3, 3, dtype=bool), 1 / 3),
        (np.array([[True], [False]]), 0.5),
        (np.ones((3, 0), bool), None),
    ],
)
def test_a_rate_without_spread_has_no_interval(right, value):
    """One reader, readers who are alike, one image, and none."""
    estimate = average_rates(right).estimate
    assert estimate.value == (None if value is None else pytest.approx(value))
    assert (estimate.low, estimate.high) == (None, None)


def test_the_interval_holds_the_rate_of_other_readers_and_images():
    """Of 600 drawn studies of five readers and 28 positives at a sensitivity of 0.9: 0.95 of them,
    to the noise of these; on the rate itself it was 0.91."""
    rng = np.random.default_rng(7)
    held = []
    for _ in range(600):
        latent = rng.normal(0, 0.3, (5, 1)) + rng.normal(0, 0.7, 28) + rng.normal(size=(5, 28))
        ends = average_rates(latent + norm.ppf(0.9) * 1.58**0.5 > 0).estimate
        if ends.low is not None and ends.high is not None:
            held.append(ends.low <= 0.9 <= ends.high)
    assert len(held) > 550
    assert np.mean(held) == pytest.approx(0.95, abs=0.025)


def _count_one_shot(positive, negative):
    """The same, pair by pair: all pairs of successes that share neither reader nor case."""
    j, m, n = len(positive), positive.shape[1], negative.shape[1]
    success = np.array([
        [[(p > q) + 0.5 * (p == q) for q in negative[r]] for p in positive[r]] for r in range(j)
    ])  # fmt: skip
    apart = [
        success[r, p, q] * success[s, o, k]
        for r, s in permutations(range(j), 2)
        for p, o in permutations(range(m), 2)
        for q, k in permutations(range(n), 2)
    ]
    return success.mean() ** 2 - np.mean(apart)


def test_one_shot_counts_what_it_says():
    """Against four nested loops over every pair; undefined where nothing can be apart."""
    rng = np.random.default_rng(4)
    positive, negative = rng.integers(2, 6, (3, 5)), rng.integers(1, 5, (3, 4))
    found = one_shot_variance(positive.astype(float), negative.astype(float))
    assert found == pytest.approx(_count_one_shot(positive, negative), rel=1e-9)
    assert one_shot_variance(np.ones((1, 5)), np.ones((1, 4))) is None


def test_one_shot_is_unbiased():
    """Over 2,000 drawn studies its mean is the variance of the average, to the noise of these."""
    rng = np.random.default_rng(9)
    means, found = [], []
    for _ in range(2000):
        skill = rng.normal(1.0, 0.5, 4)[:, None]
        positive = skill + rng.normal(size=12) + rng.normal(size=(4, 12))
        negative = rng.normal(size=15) + rng.normal(size=(4, 15))
        means.append(np.mean(positive[:, :, None] > negative[:, None]))
        variance = one_shot_variance(positive, negative)
        assert variance is not None
        found.append(variance)
    assert np.mean(found) == pytest.approx(np.var(means), rel=0.08)


def test_one_shot_of_van_dyke_is_near_the_model():
    """Its standard errors lie within 5 % of the published ones of Obuchowski and Rockette."""
    truth, ratings = van_dyke.read_ratings()
    for modality in (0, 1):
        rows = ratings[modality]
        variance = one_shot_variance(rows[:, truth == 1], rows[:, truth == 0])
        assert variance is not None
        assert variance**0.5 == pytest.approx(van_dyke.SINGLE[modality][1], rel=0.05)

"""Sensitivity at the same specificity in resamples: against scikit-learn, image by image."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_curve

from covidreport.metrics import (
    compare_found,
    estimate_found,
    list_points,
    resample_at_specificity,
    same_specificity,
    sensitivity_at_specificity,
)
from covidreport.metrics.same_specificity import AtLevel


def _draw(seed=0, positives=20, negatives=50, runs=3, decimals=1, failing=0.05):
    """Scores with ties, failures and unknown truths."""
    rng = np.random.default_rng(seed)
    truth = np.repeat([1, 0, -1], [positives, negatives, 5]).astype(np.int8)
    scores = (rng.normal(size=(runs, truth.size)) + (truth == 1)).round(decimals)
    failed = rng.random(scores.shape) < failing
    scores[failed] = np.nan
    return truth, scores.astype(np.float32), failed


def _by_scikit_learn(truth, scores, failed, most):
    """Positives found at the last threshold of `roc_curve` with at most so many false alarms.

    A failed negative scores above all and a failed positive below all, as no threshold helps them.
    """
    worst = np.where(truth == 1, -1e6, 1e6)
    values = np.where(failed, worst, scores)
    fpr, tpr, thresholds = roc_curve(truth, values, drop_intermediate=False)
    alarms = np.rint(fpr * np.count_nonzero(truth == 0))
    within = (alarms <= most) & (thresholds < 1e6) & (thresholds > -1e6)
    if np.count_nonzero(failed & (truth == 0)) > most:
        return None
    return int(np.rint(tpr[within].max(initial=0) * np.count_nonzero(truth == 1)))


@pytest.mark.parametrize("decimals", [0, 1, 6])
@pytest.mark.parametrize("several", [False, True])
def test_each_resample_is_what_scikit_learn_finds_in_it(monkeypatch, decimals, several):
    """Images written out as often as they were drawn; a stated specificity and a run's own."""
    truth, scores, failed = _draw(decimals=decimals)
    groups = np.arange(truth.size) // 3 if several else None
    own = (scores[0] > 0.5) & (truth == 0) | failed[0] & (truth == 0)
    drawn: list[np.ndarray] = []
    sample = same_specificity._sample

    def keep(*args):
        for weights in sample(*args):
            drawn.append(weights)
            yield weights

    monkeypatch.setattr(same_specificity, "_sample", keep)
    levels = resample_at_specificity(
        truth, scores, failed, [0.8, own], groups, resamples=40, seed=1
    )
    weights = np.concatenate(drawn).T
    assert weights.shape == (truth.size, 40)
    for b in range(40):
        rows = np.repeat(np.arange(truth.size), weights[:, b])
        rows = rows[truth[rows] >= 0]
        negatives = np.count_nonzero(truth[rows] == 0)
        limits = [int(0.2 * negatives + 1e-9), np.count_nonzero(own[rows])]
        for level, limit in zip(levels, limits, strict=True):
            for run in range(3):
                found = _by_scikit_learn(truth[rows], scores[run, rows], failed[run, rows], limit)
                share = (found or 0) / np.count_nonzero(truth[rows] == 1)
                assert level.resampled[b, run] == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_here_it_is_the_sensitivity_at_that_specificity(seed):
    """The definition that stands for one run; out of reach where too many negatives failed."""
    truth, scores, failed = _draw(seed, 7, 12, failing=0.2, decimals=seed % 3)
    for at in (0.5, 0.8, 0.9, 1.0):
        (level,) = resample_at_specificity(truth, scores, failed, [at], resamples=2)
        for run in range(3):
            expected = sensitivity_at_specificity(list_points(truth, scores[run], failed[run]), at)
            estimate = estimate_found(level, run)
            assert (estimate.value, estimate.numerator) == (expected.value, expected.numerator)
            if expected.value is None:
                (pair,) = compare_found(level, [(run, (run + 1) % 3)])
                assert (pair.difference, pair.p_value, pair.interval.low) == (None, None, None)


def test_by_hand():
    """Negatives 5 4 3 2 1, positives 6, 4 and 2.5: with one false alarm (5) only 6 is found, since
    the 4 is tied with the second negative; with two, 6 and 4; with three, 2.5 as well."""
    truth = np.array([0, 0, 0, 0, 0, 1, 1, 1], dtype=np.int8)
    scores = np.array([[5, 4, 3, 2, 1, 6, 4, 2.5]], dtype=np.float32)
    none = np.zeros_like(scores, dtype=np.bool_)
    found = [
        (level.allowed, int(level.found[0]), int(level.false_alarms[0]))
        for level in resample_at_specificity(
            truth, scores, none, [1.0, 0.8, 0.6, 0.5, 0.4], resamples=1
        )
    ]
    assert found == [(0, 1, 0), (1, 1, 1), (2, 2, 2), (2, 2, 2), (3, 3, 3)]


def test_positives_and_negatives_are_drawn_apart():
    """As many of each in every resample: a run that finds exactly one half of two kinds does not
    see its negatives change in number, and a patient's images stay together."""
    truth = np.repeat([1, 0], [6, 30]).astype(np.int8)
    scores = np.where(truth == 1, 1.0, 0.0)[np.newaxis].astype(np.float32)
    none = np.zeros_like(scores, dtype=np.bool_)
    alarms = (np.arange(36) == 20)[np.newaxis]
    (level,) = resample_at_specificity(truth, scores, none, [alarms[0]], resamples=50)
    assert (level.resampled == 1).all()
    # Three patients with two positives each and a negative of their own: drawn together.
    groups = np.array([0, 0, 1, 1, 2, 2, 0, 1, 2, *range(3, 30)])
    truth, low = np.repeat([1, 0], [6, 30]).astype(np.int8), np.zeros((1, 36), dtype=np.float32)
    low[0, :2] = 1  # of the first patient alone
    (level,) = resample_at_specificity(truth, low, none, [1.0], groups, resamples=400, seed=2)
    assert set(np.rint(level.resampled[:, 0] * 3)) == {0, 1, 2, 3}
    assert level.even == 3


def test_the_same_arguments_give_the_same_figures_and_another_seed_others():
    truth, scores, failed = _draw()
    one, two, other = (
        resample_at_specificity(truth, scores, failed, [0.9], resamples=50, seed=seed)[0].resampled
        for seed in (3, 3, 4)
    )
    assert (one == two).all()
    assert (one != other).any()


def _level(resampled, found, positives=10, freedom=9.0):
    return AtLevel(
        2, positives, 20, np.array(found), np.zeros(len(found), np.int64),
        np.array(resampled, dtype=np.float64), positives, freedom, False,
    )  # fmt: skip


def test_the_difference_is_held_against_student_s_t():
    """Differences 0.1, 0.3, 0.2, 0.4 have the standard deviation 0.129; found 0.3 by 9 degrees."""
    level = _level([[0.6, 0.5], [0.8, 0.5], [0.7, 0.5], [0.9, 0.5]], [8, 5])
    (pair,) = compare_found(level, [(0, 1)])
    error = np.std([0.1, 0.3, 0.2, 0.4], ddof=1)
    assert pair.difference == pytest.approx(0.3)
    assert pair.p_value == pytest.approx(2 * stats.t.sf(0.3 / error, 9))
    ends = stats.t.interval(0.95, 9, loc=0.3, scale=error)
    assert (pair.interval.low, pair.interval.high) == pytest.approx(ends)


def test_runs_that_never_differ_have_p_1_and_no_interval():
    """No interval of one point; where a difference never varies nobody can say how sure it is."""
    same = _level([[0.6, 0.6], [0.8, 0.8]], [7, 7])
    (pair,) = compare_found(same, [(0, 1)])
    assert (pair.difference, pair.p_value, pair.interval.low) == (0, 1, None)
    apart = _level([[1.0, 0.0], [1.0, 0.0]], [10, 0])
    (pair,) = compare_found(apart, [(0, 1)])
    assert (pair.difference, pair.p_value, pair.interval.low) == (1, None, None)


def test_no_interval_is_a_point_or_excludes_its_own_estimate():
    """Also where all are found, or none, in every resample."""
    rng = np.random.default_rng(0)
    for seed in range(40):
        truth, scores, failed = _draw(seed, 3 + seed % 9, 6 + seed, 4, failing=0.02)
        scores[3] = np.where(truth == 1, 9, rng.normal(size=truth.size))
        for level in resample_at_specificity(truth, scores, failed, [0.7, 1.0], resamples=100):
            for run in range(4):
                each = estimate_found(level, run)
                if each.value is not None and each.low is not None and each.high is not None:
                    assert 0 <= each.low <= each.value <= each.high <= 1
                    assert each.low < each.high
            for pair in compare_found(level, [(0, 1), (2, 3)]):
                low, high = pair.interval.low, pair.interval.high
                if pair.difference is not None and low is not None and high is not None:
                    assert low <= pair.difference <= high
                    assert low < high


def test_one_patient_alone_has_no_interval_and_no_p():
    truth = np.array([1, 1, 0, 0, 0], dtype=np.int8)
    scores = np.array([[1, 0, 0.5, 0.1, 0.2], [0, 1, 0.5, 0.1, 0.2]], dtype=np.float32)
    none = np.zeros_like(scores, dtype=np.bool_)
    groups = np.array([0, 0, 1, 2, 3])
    (level,) = resample_at_specificity(truth, scores, none, [0.9], groups, resamples=20)
    assert estimate_found(level, 0).low is None
    assert compare_found(level, [(0, 1)])[0].interval.low is None


def test_shapes_that_do_not_fit_and_one_class_alone_are_refused():
    truth, scores, failed = _draw()
    with pytest.raises(ValueError, match="truth"):
        resample_at_specificity(truth[1:], scores, failed, [0.9], resamples=1)
    with pytest.raises(ValueError, match="class"):
        resample_at_specificity(np.ones(truth.size, np.int8), scores, failed, [0.9], resamples=1)


def test_equal_runs_are_called_different_at_most_5_times_in_100():
    """28 positives and 100 negatives, the spread of the second run's positives twice the first's:
    of 300 sets (standard error 0.013); the benchmark has the whole grid."""
    from benchmarks.same_specificity import Design, count_false_positives

    design = Design(28, 100, spread=2.0)
    own, stated = count_false_positives(design, sets=300, resamples=200, seed=5)[:2]
    assert max(own, stated) <= 0.05 + 2 * 0.013


def test_18_runs_of_1000_images_take_seconds():
    """2,000 resamples at three specificities: about a second on one core."""
    truth, scores, failed = _draw(0, 100, 900, 18)
    began = time.perf_counter()
    resample_at_specificity(truth, scores, failed, [0.9, 0.95, 0.98], resamples=2000)
    assert time.perf_counter() - began < 10

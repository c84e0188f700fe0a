"""ROC AUC with covariance: against pROC's published data, brute force, and Obuchowski's sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.stats import norm, t
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from covidreport.metrics.delong import (
    assume_roc_auc,
    average_roc_aucs,
    compare_roc_aucs,
    estimate_roc_aucs,
    roc_auc_interval,
)
from tests.metrics.r_data import read_r_data_frame


def _kernel(x, y):
    """1 where a positive (rows) beats a negative (columns), a half where they are tied."""
    return (x[:, None] > y[None]) + 0.5 * (x[:, None] == y[None])


def _estimate(truth, scores, failed=None, groups=None):
    """Of data that hold both classes."""
    none = np.zeros(scores.shape, dtype=np.bool_)
    aucs = estimate_roc_aucs(truth, scores, none if failed is None else failed, groups)
    assert aucs is not None
    return aucs


def _brute_covariance(truth, scores, groups):
    """Obuchowski 1997 by plain loops over groups; DeLong where each image is its own group."""
    kernels = [_kernel(row[truth == 1], row[truth == 0]) for row in scores]
    gx, gy = groups[truth == 1], groups[truth == 0]
    m, n, every = gx.size, gy.size, np.unique(groups)
    in_x, in_y = np.unique(gx).size, np.unique(gy).size
    runs = len(scores)
    covariance = np.zeros((runs, runs))
    for a in range(runs):
        for b in range(runs):
            s10 = s01 = s11 = s11_turned = 0.0
            for group in every:
                x, y = [], []
                for run in (a, b):
                    auc = kernels[run].mean()
                    x.append(sum(kernels[run].mean(axis=1)[gx == group] - auc))
                    y.append(sum(kernels[run].mean(axis=0)[gy == group] - auc))
                s10 += x[0] * x[1]
                s01 += y[0] * y[1]
                s11 += x[0] * y[1]
                s11_turned += y[0] * x[1]
            covariance[a, b] = (
                in_x / ((in_x - 1) * m) * s10 / m
                + in_y / ((in_y - 1) * n) * s01 / n
                + every.size / (every.size - 1) * (s11 + s11_turned) / (m * n)
            )
    return covariance


@pytest.fixture
def sah():
    """pROC's aSAH: 41 patients with a poor outcome against 72 with a good one."""
    frame = read_r_data_frame("pROC", "aSAH")
    truth = (frame["outcome"] == "Poor").astype(np.int8)
    scores = np.stack([frame[name].astype(np.float64) for name in ("wfns", "s100b", "ndka")])
    assert (truth.sum(), (1 - truth).sum()) == (41, 72)
    return truth, scores


def test_areas_and_difference_as_proc_prints_them(sah):
    """`roc.test` of R's pROC (Robin et al., BMC Bioinformatics 12 (2011) 77) on its own data."""
    truth, scores = sah
    aucs = _estimate(truth, scores)
    assert aucs.values == pytest.approx([0.823679, 0.731369, 0.611958], abs=5e-7)
    found = compare_roc_aucs(aucs, 0, 1)
    assert found.z == pytest.approx(2.20898, abs=5e-6)
    assert found.p_value == pytest.approx(0.0271758, abs=5e-8)
    # pROC's interval is 0.010406 to 0.174214, with a normal quantile in place of t with 40 degrees
    wider = t.ppf(0.975, 40) / norm.ppf(0.975)
    ends = [0.09231 - wider * 0.081904, 0.09231 + wider * 0.081904]
    assert [found.interval.low, found.interval.high] == pytest.approx(ends, abs=2e-6)
    assert found.interval.method == "delong, t quantile"


@pytest.mark.parametrize("decimals", [0, 1, 8])
@pytest.mark.parametrize("grouped", [False, True])
def test_covariance_equals_the_sums_of_the_paper(grouped, decimals):
    """Few decimals make many ties; groups hold positives and negatives together."""
    rng = np.random.default_rng(decimals)
    truth = (rng.random(60) < 0.4).astype(np.int8)
    scores = np.round(rng.normal(size=(3, 60)) + truth, decimals)
    groups = rng.integers(0, 15, 60) if grouped else np.arange(60)
    aucs = _estimate(truth, scores, groups=groups if grouped else None)
    assert aucs.values == pytest.approx([roc_auc_score(truth, row) for row in scores])
    expected = _brute_covariance(truth, scores, groups)
    assert aucs.covariance == pytest.approx(expected, abs=1e-14)
    assert aucs.grouped == grouped


def test_groups_of_one_image_change_nothing():
    """Obuchowski's covariance is DeLong's where no two images share a patient."""
    rng = np.random.default_rng(1)
    truth = np.repeat([1, 0], 30).astype(np.int8)
    scores = rng.normal(size=(2, 60)) + truth
    plain = _estimate(truth, scores)
    single = _estimate(truth, scores, groups=rng.permutation(60) * 7)
    assert single.covariance == pytest.approx(plain.covariance, abs=1e-14)


def test_the_same_image_ten_times_is_no_more_evidence():
    """Ten copies of each patient: the variance per image falls tenfold, over patients it stays."""
    rng = np.random.default_rng(2)
    truth = np.repeat([1, 0], 50).astype(np.int8)
    scores = rng.normal(size=(1, 100)) + truth
    once = _estimate(truth, scores).covariance[0, 0]
    copies, values = np.repeat(truth, 10), np.repeat(scores, 10, axis=1)
    per_image = _estimate(copies, values).covariance[0, 0]
    patients = np.repeat(np.arange(100), 10)
    per_patient = _estimate(copies, values, groups=patients).covariance[0, 0]
    assert per_image == pytest.approx(once / 10, rel=0.03)
    assert per_patient == pytest.approx(once, rel=0.03)


@pytest.mark.parametrize("images_each", [1, 4])
def test_equal_runs_are_found_different_in_about_one_of_twenty(images_each):
    """800 pairs of equal runs; with four images a patient, Obuchowski's holds and DeLong's not."""
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(160), images_each)
    truth = (patients < 60).astype(np.int8)
    found = {"patients": 0, "images": 0}
    for _ in range(800):
        own = rng.normal(size=(2, 160))[:, patients]
        scores = truth + own + 0.5 * rng.normal(size=(2, truth.size))
        for name, groups in (("patients", patients), ("images", None)):
            aucs = _estimate(truth, scores, groups=groups)
            p_value = compare_roc_aucs(aucs, 0, 1).p_value
            found[name] += p_value is not None and p_value <= 0.05
    assert 20 <= found["patients"] <= 64  # 40 expected, standard deviation 6
    assert (found["images"] > 150) == (images_each == 4)


def test_failed_images_take_the_worst_place_and_unknown_ones_none():
    """As scikit-learn sees it with failed positives below all scores and failed negatives above."""
    rng = np.random.default_rng(4)
    truth = rng.integers(-1, 2, 200).astype(np.int8)
    scores = (rng.normal(size=(2, 200)) + truth).astype(np.float32)
    failed = rng.random((2, 200)) < 0.1
    placed = np.where(failed, np.where(truth == 1, -99, 99), scores)
    scores[failed] = np.nan
    known = truth >= 0
    expected = [roc_auc_score(truth[known], row[known]) for row in placed]
    assert _estimate(truth, scores, failed).values == pytest.approx(expected)


def test_what_cannot_be_known_is_not_given():
    """A class that is absent, one positive alone, runs that order alike."""
    scores = np.array([[4.0, 3, 2, 1], [8.0, 6, 4, 2]])
    assert estimate_roc_aucs(np.ones(4, dtype=np.int8), scores, scores > 99) is None
    alone = _estimate(np.array([0, 1, 0, 0], dtype=np.int8), scores)
    assert alone.values == pytest.approx([2 / 3, 2 / 3])
    assert roc_auc_interval(alone, 0).low is None
    mixed = _estimate(np.array([1, 0, 1, 0], dtype=np.int8), scores)
    same = compare_roc_aucs(mixed, 0, 1)
    assert (same.difference, same.z, same.p_value, same.interval.low) == (0, None, 1, None)


def test_intervals_stay_within_0_and_1():
    """One wrong pair of 12: the normal interval would pass 1."""
    truth = np.array([1, 1, 1, 0, 0, 0, 0], dtype=np.int8)
    scores = np.array([[9.0, 8, 4, 5, 3, 2, 1]])
    interval = roc_auc_interval(_estimate(truth, scores), 0)
    assert interval.low is not None
    assert interval.high is not None
    assert 0 <= interval.low < 11 / 12 < interval.high <= 1


@pytest.mark.parametrize("grouped", [False, True])
def test_an_area_has_wilsons_interval_on_the_sample_of_its_variance(grouped):
    """28 positives and 100 negatives, or patients of two of them; statsmodels' Wilson."""
    rng = np.random.default_rng(3)
    truth = np.repeat(np.array([1, 0], np.int8), [28, 100])
    scores = rng.normal(size=(1, 128)) + 1.5 * truth
    aucs = _estimate(truth, scores, groups=np.arange(128) // 2 if grouped else None)
    cases = 14 if grouped else 28
    value, variance = float(aucs.values[0]), float(aucs.covariance[0, 0])
    size = min(value * (1 - value) / variance, 3 * cases)
    size *= (stats.norm.ppf(0.975) / stats.t.ppf(0.975, cases - 1)) ** 2
    found = roc_auc_interval(aucs, 0)
    ends = proportion_confint(value * size, size, method="wilson")
    assert (found.low, found.high) == pytest.approx(ends)
    name = "wilson, obuchowski variance over groups" if grouped else "wilson, delong variance"
    assert found.method == name


def test_an_area_of_1_is_known_as_three_times_the_positives():
    """Two of each: 6 trials with one degree of freedom."""
    perfect = _estimate(np.array([1, 1, 0, 0], dtype=np.int8), np.array([[4.0, 3, 2, 1]]))
    size = 6 * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 1)) ** 2
    found = roc_auc_interval(perfect, 0)
    assert (found.low, found.high) == pytest.approx(proportion_confint(size, size, method="wilson"))


def test_shapes_and_nan_are_refused():
    """A NaN in an image that did not fail is no score."""
    truth = np.array([1, 0], dtype=np.int8)
    with pytest.raises(ValueError, match="scores"):
        estimate_roc_aucs(truth, np.zeros((1, 3)), np.zeros((1, 3), dtype=np.bool_))
    with pytest.raises(ValueError, match="NaN"):
        estimate_roc_aucs(truth, np.array([[np.nan, 0]]), np.zeros((1, 2), dtype=np.bool_))


def test_hanley_and_mcneils_variance_is_right_for_exponential_scores():
    """Their Q1 and Q2 are those of negative exponential scores: simulated.

    20,000 samples of 20 against 60; the standard deviation of the Mann-Whitney statistic.
    """
    rng = np.random.default_rng(0)
    positive = rng.exponential(size=(20_000, 20, 1)) * 4.0
    negative = rng.exponential(size=(20_000, 1, 60))
    areas = np.concatenate(
        [(positive[i : i + 500] > negative[i : i + 500]).mean(axis=(1, 2))
         for i in range(0, 20_000, 500)]
    )  # fmt: skip
    found = assume_roc_auc(0.8, 20, 60)
    assert areas.mean() == pytest.approx(0.8, abs=0.002)  # 4 / (4 + 1)
    assert found.covariance[0, 0] ** 0.5 == pytest.approx(areas.std(), rel=0.02)


def test_the_mean_of_two_halves_has_half_the_variance():
    """Of two areas with equal variance; as large a sample as both together."""
    whole = average_roc_aucs([assume_roc_auc(0.8, 20, 60), assume_roc_auc(0.9, 10, 60)])
    assert whole.values == pytest.approx([0.85])
    each = [assume_roc_auc(*one, 60).covariance[0, 0] for one in ((0.8, 20), (0.9, 10))]
    assert whole.covariance[0, 0] == pytest.approx(sum(each) / 4)
    assert (whole.fewest, whole.freedom) == (30, 9)


def test_a_difference_is_as_wide_as_t_at_the_variance_of_both():
    """By hand from the covariance: difference -/+ t at fewest - 1 degrees times its root."""
    rng = np.random.default_rng(11)
    truth = np.repeat(np.array([1, 0], np.int8), [20, 60])
    scores = rng.normal(size=(2, 80)) + truth * np.array([[1.0], [1.6]])
    aucs = _estimate(truth, scores)
    found = compare_roc_aucs(aucs, 1, 0)
    c = aucs.covariance
    error = np.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1])
    expected = t.interval(0.95, 19, found.difference, error)
    assert [found.interval.low, found.interval.high] == pytest.approx(expected)
    # between two that are hardly known no end passes -1 or 1, however wide it is
    few = _estimate(np.array([1, 1, 0, 0], np.int8), np.array([[4.0, 1, 3, 2], [1.0, 4, 2, 3]]))
    wide = compare_roc_aucs(few, 0, 1).interval
    if wide.low is not None and wide.high is not None:
        assert -1 <= wide.low <= wide.high <= 1


def test_ends_of_a_difference_do_not_pass_1():
    """0.94 against 0.06 with two positives: t at one degree reaches far beyond."""
    truth = np.array([1, 1, 0, 0, 0, 0, 0, 0], np.int8)
    first = np.array([9.0, 7.5, 8, 1, 2, 3, 4, 5])
    found = compare_roc_aucs(_estimate(truth, np.stack([first, -first])), 0, 1)
    assert found.difference > 0.8
    assert found.interval.high == 1


def test_what_is_counted_of_the_other_class_is_counted_pair_by_pair():
    """Equal scores as halves, failed images on the wrong side of all."""
    rng = np.random.default_rng(4)
    truth = np.repeat(np.array([1, 0], np.int8), [20, 30])
    scores = rng.normal(size=(5, 50)).round(1).astype(np.float32)
    failed = rng.random(scores.shape) < 0.1
    groups = rng.integers(0, 20, 50)
    worst = np.where(failed, np.where(truth == 1, -np.inf, np.inf), scores)
    ahead = [np.sign(np.subtract.outer(row[:20], row[20:])) for row in worst]
    areas = [(1 + each).mean() / 2 for each in ahead]
    np.testing.assert_allclose(_estimate(truth, scores, failed, groups).values, areas, rtol=1e-15)

"""Areas within folds, and whether misses differ between folds by more than chance."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import statsmodels.api as sm
from msgspec.structs import replace
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmarks.fold_calibration import count_held
from covidreport.metrics import (
    align_thresholds,
    calibrate_within_folds,
    compute_metrics,
    estimate_fold_aucs,
    estimate_roc_aucs,
    list_undefined,
    measure_fold_spread,
    number_folds,
    predict_labels,
    roc_auc_interval,
)
from covidreport.records import Scores


def make_scores(truth, values, folds, groups=None, activation="logit"):
    """One label."""
    n = len(truth)
    return Scores(
        sample_ids=tuple(map(str, range(n))), labels=("covid-19",),
        truth=np.array(truth, np.int8)[:, np.newaxis],
        scores=np.array(values, np.float32)[:, np.newaxis], activation=activation,
        reasons=(None,) * n, groups=groups, folds=None if folds is None else tuple(folds),
    )  # fmt: skip


def draw(seed, n=120, k=4):
    """Scores of models whose scales differ from fold to fold."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.3).astype(np.int8)
    folds = np.arange(n) % k
    values = (rng.normal(truth, 1) + 5 * folds).astype(np.float32)
    return truth, values, folds


def delong_by_pairs(truth, values):
    """Area and variance by DeLong's definition, every pair looked at."""
    x, y = values[truth == 1], values[truth == 0]
    psi = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    return psi.mean(), psi.mean(1).var(ddof=1) / len(x) + psi.mean(0).var(ddof=1) / len(y)


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_the_mean_of_folds_by_their_positives(seed):
    """As scikit-learn gives each fold's; the variance is the weighted sum of DeLong's."""
    truth, values, folds = draw(seed)
    parts = [(truth[folds == f], values[folds == f]) for f in range(4)]
    weights = np.array([t.sum() for t, _ in parts]) / truth.sum()
    area = sum(w * roc_auc_score(t, v) for w, (t, v) in zip(weights, parts, strict=True))
    variance = sum(
        w**2 * delong_by_pairs(t, v)[1] for w, (t, v) in zip(weights, parts, strict=True)
    )
    none = np.zeros((1, len(truth)), bool)
    found = estimate_fold_aucs(truth, values[np.newaxis], none, folds)
    assert found is not None
    assert found.values[0] == pytest.approx(area, abs=1e-12)
    assert found.covariance[0, 0] == pytest.approx(variance, rel=1e-9)
    assert found.freedom == truth.sum() - 4
    size = area * (1 - area) / variance
    quantile = stats.t.ppf(0.975, found.freedom)
    size /= (quantile / stats.norm.ppf(0.975)) ** 2
    z = stats.norm.ppf(0.975)
    centre = (area + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z * math.sqrt(area * (1 - area) / size + z**2 / (4 * size**2)) / (1 + z**2 / size)
    interval = roc_auc_interval(found, 0)
    assert interval.low is not None
    assert (interval.low, interval.high) == pytest.approx((centre - half, centre + half), abs=1e-9)
    computed = compute_metrics(make_scores(truth, values, map(str, folds)), [0.5])
    assert computed.estimates["covid-19"]["roc_auc"].value == pytest.approx(area, abs=1e-12)
    assert computed.estimates["covid-19"]["roc_auc"].low == pytest.approx(interval.low)
    assert (
        computed.estimates["covid-19"]["roc_auc"].method == "wilson, delong variance within folds"
    )


def test_one_fold_is_the_usual_area():
    """Value, covariance and degrees of freedom."""
    truth, values, _ = draw(5)
    rows = np.stack([values, -values])
    none = np.zeros(rows.shape, bool)
    whole = estimate_roc_aucs(truth, rows, none)
    found = estimate_fold_aucs(truth, rows, none, np.zeros(len(truth), np.intp))
    np.testing.assert_allclose(found.values, whole.values)
    np.testing.assert_allclose(found.covariance, whole.covariance)
    assert found.freedom == whole.freedom


def test_a_fold_without_both_classes_is_left_out_and_named():
    """Fold 2 has no positives, fold 3 no negatives: the mean is fold 1's."""
    truth = [1, 1, 1, 0, 0, 0, 0, 1]
    values = [3, 2, 0, 1, 0, -1, 9, 9]
    folds = "11111123"
    scores = make_scores(truth, values, folds)
    assert list_undefined(scores, 0) == ("2", "3")
    area = compute_metrics(scores, [0.5]).estimates["covid-19"]["roc_auc"]
    assert area.value == pytest.approx((3 + 3 + 1.5) / 9)
    nowhere = make_scores([1, 1, 0, 0], [1, 2, 3, 4], "1122")
    assert compute_metrics(nowhere, [0.5]).estimates["covid-19"]["roc_auc"].value is None


def test_counts_and_rates_do_not_know_of_folds():
    """All that is no area and no calibration within folds is the same with and without them."""
    truth, values, folds = draw(2)
    scores = make_scores(truth, values, map(str, folds))
    one, other = (compute_metrics(each, [0.5]) for each in (scores, replace(scores, folds=None)))
    assert one.counts == other.counts
    whole, within = (each.score_metrics.labels["covid-19"] for each in (other, one))
    assert within.pooled == {
        "roc_auc": other.estimates["covid-19"]["roc_auc"].value,
        "calibration_intercept": whole.calibration.intercept.value,
        "calibration_slope": whole.calibration.slope.value,
        "ece": whole.calibration.ece.value,
    }
    assert whole.pooled == {}
    found = within.calibration
    same = replace(whole.calibration, intercept=found.intercept, slope=found.slope, ece=found.ece)
    assert replace(within, calibration=same, pooled={}) == replace(whole, calibration=same)
    for label, estimates in one.estimates.items():
        for name, estimate in estimates.items():
            assert name == "roc_auc" or estimate == other.estimates[label][name]


def width(estimate):
    """Of its interval."""
    return estimate.high - estimate.low


def fit_by_statsmodels(truth, logits):
    """Intercept and slope, each with its standard error: two binomial GLMs."""
    family = sm.families.Binomial()
    large = sm.GLM(truth, np.ones_like(logits), family=family, offset=logits).fit(tol=1e-12)
    line = sm.GLM(truth, sm.add_constant(logits), family=family).fit(tol=1e-12)
    return (large.params[0], large.bse[0]), (line.params[1], line.bse[1])


@pytest.mark.parametrize("seed", range(3))
def test_calibration_is_the_mean_of_folds_by_their_positives(seed):
    """Each fold's line as statsmodels has it; errors by squared weight; ECE by hand."""
    truth, values, folds = draw(seed, n=400)
    values = ((values - 5 * folds) * (1 + 0.3 * folds) - 1).astype(np.float32).astype(np.float64)
    found = calibrate_within_folds(make_scores(truth, values, map(str, folds)), 0)
    wide = values
    parts = [fit_by_statsmodels(truth[folds == f], wide[folds == f]) for f in range(4)]
    positives = np.array([truth[folds == f].sum() for f in range(4)])
    weights = positives / truth.sum()
    quantile = stats.t.ppf(0.975, truth.sum() - 4)
    for at, name in enumerate(("calibration_intercept", "calibration_slope")):
        mean = sum(w * each[at][0] for w, each in zip(weights, parts, strict=True))
        error = math.sqrt(
            sum((w * each[at][1]) ** 2 for w, each in zip(weights, parts, strict=True))
        )
        assert found[name].value == pytest.approx(mean, abs=1e-6)
        ends = (found[name].low, found[name].high)
        assert ends == pytest.approx((mean - quantile * error, mean + quantile * error), abs=1e-5)
        assert found[name].method == "wald within folds"
    errors = []
    for fold in range(4):
        y, p = truth[folds == fold], 1 / (1 + np.exp(-wide[folds == fold]))
        bins = np.minimum((p * 10).astype(int), 9)
        gaps = [abs(np.sum(y[bins == b] - p[bins == b])) for b in range(10)]
        errors.append(sum(gaps) / len(y))
    assert found["ece"].value == pytest.approx(weights @ errors, abs=1e-9)
    assert found["ece"].low is None


def test_models_that_err_in_opposite_directions_are_not_too_extreme():
    """Two models, two log odds too high and too low: each has a slope of 1, all images at once less
    than half of that; the intercepts cancel either way."""
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 1, 4000)
    truth = (rng.random(4000) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    folds = np.repeat(["1", "2"], 2000)
    values = odds + np.where(folds == "1", 2, -2)
    computed = compute_metrics(make_scores(truth, values, folds), [0.5]).score_metrics
    one = computed.labels["covid-19"]
    assert one.calibration.intercept.value == pytest.approx(0, abs=0.1)
    assert one.calibration.slope.value == pytest.approx(1, abs=0.1)
    assert one.pooled["calibration_slope"] == pytest.approx(0.2, abs=0.1)
    assert one.pooled["calibration_intercept"] == pytest.approx(0, abs=0.1)


def test_a_fold_whose_scores_part_the_classes_has_no_slope_and_so_has_none_the_mean():
    """To leave it out would leave the poorer model alone; the intercept stands."""
    truth = np.array([1, 1, 0, 0, 1, 0, 1, 0], np.int8)
    scores = make_scores(truth, [2, 1, -1, -2, 1, 2, -1, -2], "11112222")
    found = calibrate_within_folds(scores, 0)
    assert found["calibration_slope"].value is None
    assert found["calibration_intercept"].value is not None


def test_intervals_of_calibration_hold_the_models_own():
    """95 % of 150 studies of 60 positives, but for what chance allows; more in the benchmark."""
    for held, studies in count_held((60, 0.1, False), 150, np.random.default_rng(1)).values():
        assert 0.90 <= held / studies <= 0.99


def test_calibration_over_patients_has_their_errors():
    """Every image twice: the interval of the intercept is as wide as with each once, and not
    narrower; the slope has none, which would fall short with few patients."""
    truth, values, folds = draw(4, n=200)
    values = values - 5 * folds
    once = calibrate_within_folds(make_scores(truth, values, map(str, folds)), 0)
    twice = calibrate_within_folds(
        make_scores(np.tile(truth, 2), np.tile(values, 2), map(str, np.tile(folds, 2))), 0,
        np.tile(np.arange(200), 2),
    )  # fmt: skip
    for name in ("calibration_intercept", "calibration_slope"):
        assert twice[name].value == pytest.approx(once[name].value, abs=1e-6)
    assert twice["calibration_slope"].low is None
    intercepts = twice["calibration_intercept"], once["calibration_intercept"]
    assert width(intercepts[0]) == pytest.approx(width(intercepts[1]), rel=0.15)
    assert intercepts[0].method == "wald over groups within folds"


def test_the_spread_of_few_positives_is_exact():
    """Six positives in two folds, three missed: all 20 ways to place the misses, by hand.

    All three in one fold is 2 of 20.
    """
    missed = np.array([1, 1, 1, 0, 0, 0], bool)
    folds = np.array([0, 0, 0, 1, 1, 1])
    ways = list(itertools.combinations(range(6), 3))
    exact = sum(len({i // 3 for i in way}) == 1 for way in ways) / len(ways)
    spread = measure_fold_spread(missed, folds)
    assert (spread.missed, spread.positives) == ((3, 0), (3, 3))
    assert spread.p_value == pytest.approx(exact, abs=0.02)


def test_the_spread_of_many_positives_is_that_of_chi_square():
    """As SciPy's test of the table."""
    rng = np.random.default_rng(3)
    folds = np.arange(1000) % 5
    missed = rng.random(1000) < np.array([0.2, 0.2, 0.25, 0.2, 0.27])[folds]
    table = [[np.sum(missed[folds == f]), np.sum(~missed[folds == f])] for f in range(5)]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert measure_fold_spread(missed, folds).p_value == pytest.approx(expected, abs=0.03)


def test_images_of_a_patient_stay_together():
    """Ten images each of ten patients, whose answers are alike: ten things happened, not 100."""
    patients = np.repeat(np.arange(10), 10)
    folds = patients % 2
    missed = np.isin(patients, [0, 2, 4, 6, 1])
    alone = measure_fold_spread(missed, folds).p_value
    together = measure_fold_spread(missed, folds, patients).p_value
    assert alone is not None
    assert alone < 0.001
    # 4 or more of 5 misses in one of the two folds: 2 (C(5,4) C(5,1) + C(5,5)) / C(10,5)
    assert together == pytest.approx(2 * (25 + 1) / 252, abs=0.03)


def test_no_spread_where_nothing_could_differ():
    """None missed, all missed, one fold."""
    folds = np.array([0, 0, 1, 1])
    for missed in ([False] * 4, [True] * 4):
        assert measure_fold_spread(np.array(missed), folds).p_value is None
    assert measure_fold_spread(np.array([True, False]), np.array([0, 0])).p_value is None


@pytest.mark.parametrize("activation", ["logit", "sigmoid"])
def test_moved_thresholds_change_no_answer_and_no_order(activation):
    """Scores at the very threshold, next to it, at 0 and at 1."""
    own = 0.3
    exact = np.float32(own if activation == "sigmoid" else math.log(own / (1 - own)))
    near = [exact, np.nextafter(exact, np.float32(9)), np.nextafter(exact, np.float32(-9))]
    ends = [0, 1] if activation == "sigmoid" else [-100, 100]
    values = np.array([*near, *ends, *np.linspace(0.01, 0.99, 50)], np.float32)
    scores = make_scores([1] * len(values), values, None, activation=activation)
    moved = align_thresholds(scores, [own], [0.5])
    before = predict_labels(scores.scores, [own], activation)
    np.testing.assert_array_equal(predict_labels(moved.scores, [0.5], "logit"), before)
    order = np.argsort(values, kind="stable")
    assert np.all(np.diff(moved.scores[order, 0]) >= 0)


def test_folds_are_numbered():
    """By their names."""
    assert number_folds(["b", "a", "b"]).tolist() == [1, 0, 1]

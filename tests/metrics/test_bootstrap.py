"""Figures and intervals of the bootstrap: scikit-learn, degenerate cases, coverage as it is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import binom
from sklearn import metrics as sk

from covidreport.metrics import wilson
from covidreport.metrics.bootstrap import (
    ALL_EQUAL,
    OFTEN_UNDEFINED,
    UNDEFINED,
    compute_from_counts,
    estimate_intervals,
    percentile_interval,
)
from covidreport.metrics.rates import CountArrays
from covidreport.metrics.resample import resample_counts, sample_weights
from covidreport.metrics.table import list_answered, list_proportions

SKLEARN = {
    "sensitivity": lambda y, p, w: sk.recall_score(y, p, sample_weight=w),
    "specificity": lambda y, p, w: sk.recall_score(y, p, pos_label=0, sample_weight=w),
    "ppv": lambda y, p, w: sk.precision_score(y, p, sample_weight=w),
    "npv": lambda y, p, w: sk.precision_score(y, p, pos_label=0, sample_weight=w),
    "accuracy": lambda y, p, w: sk.accuracy_score(y, p, sample_weight=w),
    "f1": lambda y, p, w: sk.f1_score(y, p, sample_weight=w),
    "balanced_accuracy": lambda y, p, w: sk.balanced_accuracy_score(y, p, sample_weight=w),
    "mcc": lambda y, p, w: sk.matthews_corrcoef(y, p, sample_weight=w),
}


def _resample(truth, answers, groups=None, **options):
    """One run, one label, nothing failed."""
    truth = np.asarray(truth, dtype=np.int8)[:, np.newaxis]
    answers = np.asarray(answers, dtype=np.bool_)[np.newaxis, :, np.newaxis]
    failed = np.zeros(answers.shape[:2], dtype=np.bool_)
    return resample_counts(truth, answers, failed, groups, **options)


def test_every_figure_equals_scikit_learn_on_the_same_resamples():
    """A plain loop over resamples with the weights as sample weights; then its own quantiles."""
    rng = np.random.default_rng(0)
    truth = rng.random(150) < 0.4
    answers = rng.random(150) < 0.2 + 0.5 * truth
    found = _resample(truth, answers, resamples=80, seed=2, collapse=False)
    drawn = compute_from_counts(CountArrays(*(each[:, 0, 0] for each in found.resampled)))
    weights = np.concatenate(list(sample_weights(150, 80, 2)))
    intervals = estimate_intervals(found, 0, 0)
    assert set(drawn) == set(SKLEARN) == set(list_answered())
    for name, call in SKLEARN.items():
        expected = np.array([call(truth, answers, weight) for weight in weights])
        assert drawn[name] == pytest.approx(expected, abs=1e-12)
        # At most 2.5 % of 80 resamples, 2, may lie outside: the second from either end stands.
        low, high = np.sort(expected)[[1, -2]]
        assert (intervals[name].low, intervals[name].high) == pytest.approx((low, high))
        assert intervals[name].method == "bootstrap"


@pytest.mark.parametrize(
    ("counts", "undefined"),
    [
        ((0, 3, 0, 5), {"sensitivity", "balanced_accuracy", "mcc"}),
        ((3, 0, 2, 0), {"specificity", "balanced_accuracy", "mcc"}),
        ((0, 0, 2, 5), {"ppv", "mcc"}),
        ((2, 5, 0, 0), {"npv", "mcc"}),
        ((0, 0, 0, 0), set(list_answered())),
        ((0, 0, 0, 5), {"sensitivity", "ppv", "f1", "balanced_accuracy", "mcc"}),
    ],
)
def test_a_figure_without_denominator_is_undefined(counts, undefined):
    """(tp, fp, fn, tn) by hand."""
    figures = compute_from_counts(CountArrays(*(np.array(each) for each in counts)))
    assert {name for name, value in figures.items() if np.isnan(value)} == undefined


def test_28_of_28_falls_back_to_wilson():
    """Every resample finds all: 0.8794 to 1, and the method says whose interval it is."""
    truth = np.arange(628) < 28
    intervals = estimate_intervals(_resample(truth, truth), 0, 0)
    found = intervals["sensitivity"]
    assert (found.low, found.high) == pytest.approx((0.8794, 1), abs=5e-5)
    assert found.method == "wilson (degenerate bootstrap)"
    assert (intervals["specificity"].low, 1.0) == wilson(600, 600)
    assert (intervals["f1"].low, intervals["f1"].method) == (None, None)
    assert intervals["f1"].reason == ALL_EQUAL


def test_28_of_28_of_seven_patients_is_7_of_7():
    """Four images of a patient may all say the same, and no resample can show otherwise."""
    truth = np.arange(128) < 28
    found = estimate_intervals(_resample(truth, truth, np.arange(128) // 4), 0, 0)["sensitivity"]
    assert (found.low, found.high) == wilson(7, 7)
    assert found.method == "wilson over groups (degenerate bootstrap)"


def test_two_patients_half_found_round_outwards():
    """Each patient 1 of 3: all resamples say a third; Wilson's ends of 0 of 2 and 1 of 2."""
    truth, answers = [1] * 6 + [0] * 6, [1, 0, 0, 1, 0, 0] + [0] * 6
    groups = np.array([0] * 3 + [1] * 3 + [2] * 3 + [3] * 3)
    found = estimate_intervals(_resample(truth, answers, groups), 0, 0)["sensitivity"]
    assert (found.low, found.high) == (wilson(0, 2)[0], wilson(1, 2)[1])


def test_one_positive_is_too_often_not_drawn():
    """In 37 % of resamples there is none: sensitivity 1 of 1 by Wilson, F1 without interval."""
    truth = np.arange(50) < 1
    intervals = estimate_intervals(_resample(truth, np.arange(50) < 3), 0, 0)
    assert (intervals["sensitivity"].low, intervals["sensitivity"].high) == wilson(1, 1)
    assert intervals["balanced_accuracy"].reason == OFTEN_UNDEFINED


def test_no_positive_leaves_sensitivity_undefined():
    """Nothing to fall back to."""
    found = estimate_intervals(_resample([0] * 9, [0, 1] * 4 + [1]), 0, 0)["sensitivity"]
    assert (found.low, found.method, found.reason) == (None, None, UNDEFINED)


def test_undefined_resamples_count_at_both_ends():
    """2 of 100 undefined: the ends are further out than without them; 3 of 100: no ends."""
    draws = np.arange(100) / 100
    draws[:2] = np.nan
    found = percentile_interval(0.5, draws)
    assert (found.low, found.high) == (0.02, 0.99)
    draws[2] = np.nan
    assert percentile_interval(0.5, draws).reason == OFTEN_UNDEFINED


def test_no_warning_where_nothing_is_defined():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = percentile_interval(0.5, np.full(10, np.nan))
    assert found.reason == OFTEN_UNDEFINED


def test_correlated_images_make_the_interval_over_groups_wider():
    """100 patients whose ten images agree: about the width of 100 images, not of 1,000."""
    rng = np.random.default_rng(3)
    right = np.repeat(rng.random(100) < 0.7, 10)
    truth, groups = np.ones(1000), np.repeat(np.arange(100), 10)
    widths = {}
    for name, given in (("images", None), ("patients", groups)):
        found = estimate_intervals(_resample(truth, right, given), 0, 0)["sensitivity"]
        assert found.low is not None
        assert found.high is not None
        widths[name] = found.high - found.low
        assert found.method == ("bootstrap" if given is None else "bootstrap over groups")
    assert widths["patients"] / widths["images"] == pytest.approx(np.sqrt(10), rel=0.1)
    assert set(list_proportions()) < set(list_answered())


@pytest.mark.parametrize(
    ("n", "mean", "worst", "at"),
    [(28, 0.9429, 0.8588, 0.89), (100, 0.9593, 0.9060, 0.96), (1000, 0.9542, 0.9497, 0.98)],
)
def test_coverage_of_a_proportion_as_it_is(n, mean, worst, at):
    """How often the 95 % interval of a sensitivity among n positives holds the true one.

    Over true sensitivities 0.50, 0.51 … 0.99: the mean, the worst, and where. Resampling k of n
    gives Binomial(n, k / n), so the ends (as infinitely many resamples give them) and the coverage
    are computed exactly, not simulated; k = 0 and n fall back to Wilson.
    """
    ks, rates = np.arange(n + 1), np.arange(50, 100) / 100
    low, high = (binom.ppf(tail, n, ks / n) / n for tail in (0.025, 0.975))
    for k in (0, n):
        low[k], high[k] = wilson(k, n)
    holds = (low <= rates[:, None] + 1e-12) & (rates[:, None] - 1e-12 <= high)
    coverage = (binom.pmf(ks, n, rates[:, None]) * holds).sum(axis=1)
    assert coverage.mean() == pytest.approx(mean, abs=5e-5)
    assert coverage.min() == pytest.approx(worst, abs=5e-5)
    assert rates[coverage.argmin()] == at


def test_coverage_rests_on_the_ends_that_are_computed_here():
    """The exact ends of 25 of 28 are those of many resamples."""
    found = _resample([1] * 28, [1] * 25 + [0] * 3, resamples=20_000)
    interval = estimate_intervals(found, 0, 0)["sensitivity"]
    expected = [float(binom.ppf(tail, 28, 25 / 28)) / 28 for tail in (0.025, 0.975)]
    assert [interval.low, interval.high] == pytest.approx(expected)

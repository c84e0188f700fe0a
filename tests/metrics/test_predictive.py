"""Predictive values and likelihood ratios: by hand, by another route, and their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats.contingency import relative_risk
from statsmodels.stats.proportion import confint_proportions_2indep

from covidreport.metrics import (
    negative_likelihood_ratio,
    npv_at_prevalence,
    positive_likelihood_ratio,
    ppv_at_prevalence,
)
from covidreport.records import Counts, Estimate

# Mercaldo, Lau and Zhou, Statist. Med. 26 (2007) 2170-2183, table VIII: ApoE e4 in 418 people with
# Alzheimer's disease (240 carry it) and 375 without (87 carry it)
APOE = Counts(tn=288, fp=87, fn=178, tp=240)


def test_bayes_by_hand():
    """Sensitivity 0.8, specificity 0.9, prevalence 0.1: 0.08 / (0.08 + 0.09), 0.81 / 0.83."""
    counts = Counts(tn=90, fp=10, fn=2, tp=8)
    assert ppv_at_prevalence(counts, 0.1).value == pytest.approx(0.08 / 0.17)
    assert npv_at_prevalence(counts, 0.1).value == pytest.approx(0.81 / 0.83)


def test_at_the_prevalence_of_the_data_the_values_are_those_of_the_counts():
    """tp / (tp + fp) and tn / (tn + fn)."""
    prevalence = APOE.positives / (APOE.positives + APOE.negatives)
    assert ppv_at_prevalence(APOE, prevalence).value == pytest.approx(240 / 327)
    assert npv_at_prevalence(APOE, prevalence).value == pytest.approx(288 / 466)


def _delta(counts, prevalence, value):
    """The logit interval by numbers: slopes by differences, binomial variances, no formula."""

    def logit_of(sensitivity, specificity):
        share = value(sensitivity, specificity, prevalence)
        return math.log(share / (1 - share))

    se, sp, step = counts.tp / counts.positives, counts.tn / counts.negatives, 1e-6
    slopes = (
        (logit_of(se + step, sp) - logit_of(se - step, sp)) / (2 * step),
        (logit_of(se, sp + step) - logit_of(se, sp - step)) / (2 * step),
    )
    variances = se * (1 - se) / counts.positives, sp * (1 - sp) / counts.negatives
    error = math.sqrt(sum(s * s * v for s, v in zip(slopes, variances, strict=True)))
    ends = [logit_of(se, sp) + sign * 1.959963984540054 * error for sign in (-1, 1)]
    return tuple(1 / (1 + math.exp(-end)) for end in ends)


def _ppv(se, sp, p):
    return p * se / (p * se + (1 - p) * (1 - sp))


def _npv(se, sp, p):
    return (1 - p) * sp / ((1 - p) * sp + p * (1 - se))


@pytest.mark.parametrize("prevalence", [0.03, 0.5])
@pytest.mark.parametrize(
    "counts", [APOE, Counts(tn=500, fp=100, fn=8, tp=20), Counts(50, 1, 1, 27)]
)
def test_the_intervals_are_the_delta_method_on_the_logit(counts, prevalence):
    """On the paper's own example at its prevalences, and on small counts."""
    ppv, npv = ppv_at_prevalence(counts, prevalence), npv_at_prevalence(counts, prevalence)
    assert (ppv.low, ppv.high) == pytest.approx(_delta(counts, prevalence, _ppv), rel=1e-6)
    assert (npv.low, npv.high) == pytest.approx(_delta(counts, prevalence, _npv), rel=1e-6)
    assert ppv.method == npv.method == "logit"


def test_a_count_of_0_has_a_half_added_and_says_so():
    """No false alarm: PPV 1; the interval is that of 1/2 more in each count, by hand."""
    counts = Counts(tn=600, fp=0, fn=8, tp=20)
    ppv = ppv_at_prevalence(counts, 0.1)
    adjusted = Counts(tn=600.5, fp=0.5, fn=8.5, tp=20.5)  # type: ignore[arg-type] # counts that are no whole numbers, for the formula alone
    low, _ = _delta(adjusted, 0.1, _ppv)
    assert (ppv.value, ppv.high) == (1.0, 1.0)
    assert ppv.low == pytest.approx(low, rel=1e-6)
    assert ppv.method == "logit, 1/2 added to every count"


def _coverage(figure, prevalence, true, se, sp, n1=28, n0=60):
    """How often the interval holds the true value, summed over all tables."""
    total = 0.0
    for tp in range(n1 + 1):
        for tn in range(n0 + 1):
            chance = binom.pmf(tp, n1, se) * binom.pmf(tn, n0, sp)
            if chance < 1e-9:
                continue
            estimate = figure(Counts(tn=tn, fp=n0 - tn, fn=n1 - tp, tp=tp), prevalence)
            total += chance * (estimate.low is not None and estimate.low <= true <= estimate.high)
    return total


@pytest.mark.parametrize(("se", "sp"), [(0.7, 0.8), (0.9, 0.6)])
def test_on_28_positives_the_intervals_cover_about_95_percent(se, sp):
    """All 29 x 61 tables, none drawn; the logit interval is no exact one."""
    ppv = _coverage(ppv_at_prevalence, 0.1, _ppv(se, sp, 0.1), se, sp)
    npv = _coverage(npv_at_prevalence, 0.1, _npv(se, sp, 0.1), se, sp)
    assert 0.93 <= ppv <= 0.99
    assert 0.93 <= npv <= 0.99


@pytest.mark.parametrize(
    "counts", [Counts(0, 0, 2, 8), Counts(90, 10, 0, 0), Counts(90, 0, 8, 0, unknown=3)]
)
def test_a_ppv_of_nothing_is_undefined(counts):
    """No negatives, no positives, nothing called positive."""
    assert ppv_at_prevalence(counts, 0.1) == Estimate(None)


@pytest.mark.parametrize("prevalence", [0.0, 1.0, 3.0, math.nan])
@pytest.mark.parametrize("figure", [ppv_at_prevalence, npv_at_prevalence])
def test_a_prevalence_is_stated_as_a_fraction(figure, prevalence):
    """3 is not 3 %."""
    with pytest.raises(ValueError, match="prevalence"):
        figure(APOE, prevalence)


def test_images_that_failed_are_wrong_answers():
    """As in every rate: a failed positive is missed, a failed negative a false alarm."""
    failing = Counts(tn=288, fp=80, fn=170, tp=240, failed_positive=8, failed_negative=7)
    for figure in (positive_likelihood_ratio, negative_likelihood_ratio):
        assert figure(failing) == figure(APOE)
    assert ppv_at_prevalence(failing, 0.03) == ppv_at_prevalence(APOE, 0.03)


@given(st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 400), st.integers(1, 400)))
def test_likelihood_ratios_equal_scipy_and_statsmodels(table):
    """Their interval of a ratio of two proportions is Simel's: Katz's logarithm."""
    tp, fn, fp, tn = table
    counts = Counts(tn=tn, fp=fp, fn=fn, tp=tp)
    positive, negative = positive_likelihood_ratio(counts), negative_likelihood_ratio(counts)
    theirs = relative_risk(tp, tp + fn, fp, fp + tn)
    assert positive.value == pytest.approx(theirs.relative_risk)
    ends = theirs.confidence_interval(0.95)
    assert (positive.low, positive.high) == pytest.approx((ends.low, ends.high), rel=1e-9)
    ends = confint_proportions_2indep(fn, tp + fn, tn, fp + tn, compare="ratio", method="log")
    assert (negative.low, negative.high) == pytest.approx(tuple(ends), rel=1e-9)
    assert positive.method == negative.method == "log"


def test_without_a_false_alarm_the_positive_ratio_has_a_lower_end_alone():
    """Infinite: no value to show; by hand the interval of 20.5/29 over 0.5/601."""
    ratio = positive_likelihood_ratio(Counts(tn=600, fp=0, fn=8, tp=20))
    error = math.sqrt(1 / 20.5 - 1 / 29 + 1 / 0.5 - 1 / 601)
    low = math.exp(math.log((20.5 / 29) / (0.5 / 601)) - 1.959963984540054 * error)
    assert (ratio.value, ratio.high) == (None, None)
    assert ratio.low == pytest.approx(low)
    assert ratio.method == "log, 1/2 added to every count"


def test_nobody_missed_is_a_negative_ratio_of_0_with_an_upper_end():
    """28 of 28 found: the ratio is 0, and the interval says how far from certain that is."""
    ratio = negative_likelihood_ratio(Counts(tn=500, fp=100, fn=0, tp=28))
    assert (ratio.value, ratio.low) == (0.0, 0.0)
    assert ratio.high is not None
    assert 0.1 < ratio.high < 0.5


@pytest.mark.parametrize("counts", [Counts(0, 0, 2, 8), Counts(90, 10, 0, 0), Counts(90, 0, 8, 0)])
def test_a_ratio_of_nothing_is_undefined(counts):
    """No negatives, no positives, nothing called positive: no ratio of positive answers."""
    assert positive_likelihood_ratio(counts) == Estimate(None)


def test_values_stay_finite_at_the_edges():
    """Every table of up to 3 and 3: what is not None is finite and in order."""
    for tn, fp, fn, tp in np.ndindex(4, 4, 4, 4):
        counts = Counts(tn, fp, fn, tp)
        for estimate in (
            ppv_at_prevalence(counts, 0.2), npv_at_prevalence(counts, 0.2),
            positive_likelihood_ratio(counts), negative_likelihood_ratio(counts),
        ):  # fmt: skip
            given_ends = [x for x in (estimate.low, estimate.value, estimate.high) if x is not None]
            assert given_ends == sorted(given_ends)
            assert all(math.isfinite(x) for x in given_ends)


def test_over_patients_the_formulas_are_given_their_effective_samples():
    """Half as many positives and negatives with the same rates, by the formula for counts."""
    counts, half = Counts(tn=90, fp=10, fn=8, tp=20), Counts(tn=45, fp=5, fn=4, tp=10)
    for compute in (positive_likelihood_ratio, negative_likelihood_ratio):
        found, plain = compute(counts, (14.0, 50.0)), compute(half)
        assert (found.low, found.high) == pytest.approx((plain.low, plain.high))
        assert found.method == "log over groups"
    for predict in (ppv_at_prevalence, npv_at_prevalence):
        found, plain = predict(counts, 0.1, (14.0, 50.0)), predict(half, 0.1)
        assert (found.low, found.high) == pytest.approx((plain.low, plain.high))
        assert found.method == "logit over groups"


@pytest.mark.parametrize("sizes", [(math.nan, 50.0), (14.0, 0.3)])
def test_without_evidence_there_is_no_interval(sizes):
    """One patient alone, and one who has nearly all images."""
    counts = Counts(tn=90, fp=10, fn=8, tp=20)
    for found in (positive_likelihood_ratio(counts, sizes), ppv_at_prevalence(counts, 0.1, sizes)):
        assert found.value is not None
        assert (found.low, found.high, found.method) == (None, None, None)

"""Predictive values and likelihood ratios: by hand, by another route, and their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats.contingency import relative_risk
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

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


def _ppv(se, sp, p):
    return p * se / (p * se + (1 - p) * (1 - sp))


def _npv(se, sp, p):
    return (1 - p) * sp / ((1 - p) * sp + p * (1 - se))


@pytest.mark.parametrize("prevalence", [0.03, 0.5])
@pytest.mark.parametrize(
    "counts", [APOE, Counts(tn=500, fp=100, fn=8, tp=20), Counts(50, 0, 1, 27)]
)
def test_predictive_values_have_the_interval_of_the_likelihood_ratio(counts, prevalence):
    """Bayes' rule by odds, at each end; without a false alarm PPV is 1, and so is its end."""
    odds = prevalence / (1 - prevalence)
    ppv, npv = ppv_at_prevalence(counts, prevalence), npv_at_prevalence(counts, prevalence)
    positive, negative = positive_likelihood_ratio(counts), negative_likelihood_ratio(counts)
    assert ppv.low == pytest.approx(1 - 1 / (1 + odds * positive.low))
    high = 1 if positive.high is None else 1 - 1 / (1 + odds * positive.high)
    assert ppv.high == pytest.approx(high)
    ends = [1 / (1 + odds * end) for end in (negative.high, negative.low)]
    assert [npv.low, npv.high] == pytest.approx(ends)
    assert ppv.method == npv.method == "mover-r of the likelihood ratio"


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
    """All 29 x 61 tables, none drawn; the interval is no exact one."""
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


def test_the_ratio_of_a_published_trial():
    """7 of 34 against 1 of 34 (Perondi et al. 2004), as the R package contingencytables of
    Fagerland, Lydersen and Laake has it by MOVER-R: 7.0000 (1.1537 to 41.9763)."""
    ratio = positive_likelihood_ratio(Counts(tn=33, fp=1, fn=27, tp=7))
    assert ratio.value == pytest.approx(7)
    assert (ratio.low, ratio.high) == pytest.approx((1.1537, 41.9763), abs=5e-5)
    assert ratio.method == "mover-r"


@given(st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 400), st.integers(1, 400)))
def test_likelihood_ratios_are_those_of_scipy_with_moverrs_ends(table):
    """An end is the ratio r at which the interval of p - r q, by square-and-add, ends in 0."""
    tp, fn, fp, tn = table
    counts = Counts(tn=tn, fp=fp, fn=fn, tp=tp)
    positive, negative = positive_likelihood_ratio(counts), negative_likelihood_ratio(counts)
    theirs = relative_risk(tp, tp + fn, fp, fp + tn)
    assert positive.value == pytest.approx(theirs.relative_risk)
    for found, over, under in (
        (positive, (tp, tp + fn), (fp, fp + tn)), (negative, (fn, tp + fn), (tn, fp + tn)),
    ):  # fmt: skip
        (p, q) = over[0] / over[1], under[0] / under[1]
        (a, b), (c, d) = (proportion_confint(*each, method="wilson") for each in (over, under))
        low, high = found.low, found.high
        assert p - low * q == pytest.approx(math.hypot(p - a, low * (d - q)), abs=1e-9)
        assert high * q - p == pytest.approx(math.hypot(b - p, high * (q - c)), rel=1e-9)


@pytest.mark.parametrize("table", [(20, 8, 60, 540), (8, 2, 3, 47), (60, 3, 5, 300)])
def test_the_ratio_is_close_to_that_of_a_score_test(table):
    """statsmodels' score interval of a ratio of two proportions, Koopman's but for a factor."""
    tp, fn, fp, tn = table
    found = positive_likelihood_ratio(Counts(tn=tn, fp=fp, fn=fn, tp=tp))
    ends = confint_proportions_2indep(
        tp, tp + fn, fp, fp + tn, compare="ratio", method="score", correction=False
    )
    assert (found.low, found.high) == pytest.approx(tuple(ends), rel=0.06)


def test_without_a_false_alarm_the_positive_ratio_has_a_lower_end_alone():
    """Infinite: no value to show. By hand: square-and-add of 20 of 28 and 0 of 600 ends in 0."""
    ratio = positive_likelihood_ratio(Counts(tn=600, fp=0, fn=8, tp=20))
    assert (ratio.value, ratio.high) == (None, None)
    (a, _), (_, d) = (proportion_confint(*each, method="wilson") for each in ((20, 28), (0, 600)))
    assert ratio.low == pytest.approx(math.sqrt((20 / 28) ** 2 - (20 / 28 - a) ** 2) / d)


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
        assert found.method == "mover-r over groups"
    for predict in (ppv_at_prevalence, npv_at_prevalence):
        found, plain = predict(counts, 0.1, (14.0, 50.0)), predict(half, 0.1)
        assert (found.low, found.high) == pytest.approx((plain.low, plain.high))
        assert found.method == "mover-r of the likelihood ratio over groups"


def test_without_evidence_there_is_no_interval():
    """One patient alone has all positives."""
    counts, sizes = Counts(tn=90, fp=10, fn=8, tp=20), (math.nan, 50.0)
    for found in (positive_likelihood_ratio(counts, sizes), ppv_at_prevalence(counts, 0.1, sizes)):
        assert found.value is not None
        assert (found.low, found.high, found.method) == (None, None, None)

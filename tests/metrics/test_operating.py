"""Operating points and tuned thresholds: by hand, against scikit-learn, and what bounds promise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest
from sklearn.metrics import roc_curve

from covidreport.errors import RunError
from covidreport.metrics import (
    Points,
    Target,
    count_cases_needed,
    count_labels,
    fit_threshold,
    list_points,
    predict_labels,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from covidreport.records import Activation, Counts, Estimate, ThresholdFit


def _points(truth: Any, scores: Any, failed: Any = None) -> Points:
    known = np.array(truth, dtype=np.int8)
    none = np.zeros(len(known), dtype=np.bool_)
    return list_points(
        known, np.array(scores, dtype=np.float32), none if failed is None else np.array(failed)
    )


def _fit(truth: Any, scores: Any, target: Target, activation: Activation = "sigmoid",
         failed: Any = None) -> ThresholdFit:  # fmt: skip
    known = np.array(truth, dtype=np.int8)
    none = np.zeros(len(known), dtype=np.bool_)
    return fit_threshold(
        known, np.array(scores, dtype=np.float32), none if failed is None else np.array(failed),
        activation, target,
    )  # fmt: skip


def _count(
    truth: Any, scores: Any, threshold: float, activation: Activation, failed: Any
) -> Counts:
    """What covidreport counts at a threshold: the way by which every evaluation goes."""
    values = np.array(scores, dtype=np.float32)[:, np.newaxis]
    lost = np.array(failed, dtype=np.bool_)
    answers = predict_labels(values, [threshold], activation, lost)
    return count_labels(np.array(truth, dtype=np.int8)[:, np.newaxis], answers, lost)[0]


# 3 positives and 4 negatives; a positive and a negative share the score 0.6
TRUTH = [1, 0, 1, 0, 0, 1, 0]
SCORES = [0.9, 0.8, 0.6, 0.6, 0.4, 0.3, 0.1]


@pytest.mark.parametrize(
    ("specificity", "found"), [(1.0, 1), (0.76, 1), (0.75, 1), (0.5, 2), (0.26, 2), (0.25, 3)]
)
def test_sensitivity_at_a_specificity_by_hand(specificity, found):
    """Found at 0, 1, 2, 3, 4 false alarms: 1, 1, 2, 3, 3; the tied pair is called together."""
    expected = Estimate(found / 3, None, None, found, 3)
    assert sensitivity_at_specificity(_points(TRUTH, SCORES), specificity) == expected


@pytest.mark.parametrize(("sensitivity", "cleared"), [(1.0, 1), (0.67, 1), (2 / 3, 2), (0.3, 4)])
def test_specificity_at_a_sensitivity_by_hand(sensitivity, cleared):
    """The other way round: all 3 found leaves 1 of 4 cleared, 2 found leaves 2, 1 found all 4."""
    expected = Estimate(cleared / 4, None, None, cleared, 4)
    assert specificity_at_sensitivity(_points(TRUTH, SCORES), sensitivity) == expected


@pytest.mark.parametrize("decimals", [0, 1, 6])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95, 1.0])
def test_both_equal_the_best_point_of_scikit_learns_curve(share, decimals):
    """All points of roc_curve, without interpolation; few decimals make many ties."""
    rng = np.random.default_rng(decimals)
    truth = (rng.random(500) < 0.2).astype(np.int8)
    scores = np.round(rng.normal(size=500) + truth, decimals).astype(np.float32)
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    points = _points(truth, scores)
    best = tpr[1 - fpr >= share - 1e-12].max()
    assert sensitivity_at_specificity(points, share).value == pytest.approx(best)
    best = (1 - fpr)[tpr >= share - 1e-12].max()
    assert specificity_at_sensitivity(points, share).value == pytest.approx(best)


def test_a_failed_positive_is_missed_at_every_threshold():
    """2 of 3 found is all there is: no threshold finds the third."""
    points = _points([1, 1, 1, 0], [0.9, 0.8, math.nan, 0.1], [False, False, True, False])
    assert sensitivity_at_specificity(points, 1.0).value == pytest.approx(2 / 3)
    assert specificity_at_sensitivity(points, 0.9) == Estimate(None)


def test_a_failed_negative_is_a_false_alarm_at_every_threshold():
    """1 of 2 negatives failed: a specificity of 0.6 can't be had at any threshold."""
    points = _points([1, 0, 0], [0.9, 0.1, math.nan], [False, False, True])
    assert sensitivity_at_specificity(points, 0.6) == Estimate(None)
    assert specificity_at_sensitivity(points, 1.0) == Estimate(0.5, None, None, 1, 2)


def test_images_of_unknown_truth_are_left_out():
    """Their scores change nothing, whether they failed or not."""
    unknown = _points([*TRUTH, -1, -1], [*SCORES, 0.95, math.nan], [False] * 8 + [True])
    known = _points(TRUTH, SCORES)
    assert (unknown.positives, unknown.negatives) == (3, 4)
    assert unknown.found.tolist() == known.found.tolist()
    assert unknown.false_alarms.tolist() == known.false_alarms.tolist()


@pytest.mark.parametrize("truth", [[], [1, 1], [0, 0], [-1, -1]])
def test_undefined_where_a_class_is_absent(truth):
    """There is nothing to find, or nothing to clear."""
    points = _points(truth, [0.5] * len(truth))
    assert sensitivity_at_specificity(points, 0.9) == Estimate(None)
    assert specificity_at_sensitivity(points, 0.9) == Estimate(None)


@pytest.mark.parametrize("share", [0.0, 1.5, 95, math.nan])
def test_a_share_outside_0_and_1_is_refused(share):
    """95 is not 0.95, and 0 is reached by doing nothing."""
    with pytest.raises(ValueError, match="fraction above 0 and up to 1"):
        sensitivity_at_specificity(_points(TRUTH, SCORES), share)


def test_a_nan_in_an_image_that_did_not_fail_is_refused():
    """It has no place in the order."""
    with pytest.raises(ValueError, match="not finite"):
        _points([1, 0], [math.nan, 0.5])


def test_a_threshold_for_a_sensitivity_by_hand():
    """2 of 3 found lets one be missed: half way between 0.6 and 0.4, which clears 2 of 4."""
    fit = _fit(TRUTH, SCORES, Target("sensitivity", 0.6))
    assert fit.threshold == pytest.approx(0.5)
    assert fit.sensitivity == Estimate(2 / 3, None, None, 2, 3)
    assert (fit.specificity.numerator, fit.specificity.denominator) == (2, 4)
    assert fit.specificity.method == "wilson"
    assert (fit.cases, fit.method, fit.guaranteed_threshold) == (3, "plain", None)


def test_a_threshold_for_a_specificity_by_hand():
    """3 of 4 cleared lets one be called: half way between 0.6 and 0.8, which finds 1 of 3."""
    fit = _fit(TRUTH, SCORES, Target("specificity", 0.75))
    assert fit.threshold == pytest.approx(0.7)
    assert fit.specificity == Estimate(0.75, None, None, 3, 4)
    assert (fit.sensitivity.numerator, fit.cases) == (1, 4)


def test_beyond_the_last_score_the_threshold_lies_half_way_to_0_or_1():
    """About: all found and nothing below, 0.15 is 0.2; nobody called, (0.898 + 1) / 2 is 0.95."""
    every = _fit([1, 1, 0], [0.9, 0.3, 0.8], Target("sensitivity", 1.0))
    assert every.threshold == 0.2
    nobody = _fit([1, 0, 0], [0.3, 0.2, 0.898], Target("specificity", 1.0))
    assert nobody.threshold == 0.95


@pytest.mark.parametrize(
    ("scores", "threshold"),
    [([0.313, 0.291], 0.3), ([0.3019, 0.3011], 0.3015), ([0.30002, 0.29998], 0.3)],
)
def test_a_threshold_has_few_digits(scores, threshold):
    """As few as leave it in the middle half of the gap: nobody has to read 0.3014999926."""
    fit = _fit([1, 0], scores, Target("sensitivity", 1.0))
    assert str(fit.threshold) == str(threshold)


def test_28_positives_say_that_little():
    """27 of 28 found reaches 0.95; the bound is SciPy's one-sided exact interval: 0.841."""
    scores = np.linspace(0.9, 0.1, 28)
    fit = _fit([1] * 28 + [0], [*scores, 0.05], Target("sensitivity", 0.95))
    assert fit.sensitivity.numerator == 27
    exact = binomtest(27, 28, alternative="greater").proportion_ci(0.95, method="exact")
    assert fit.bound == pytest.approx(exact.low)
    assert fit.bound == pytest.approx(0.8412, abs=5e-4)
    assert fit.guaranteed_threshold is None
    assert fit.cases_needed == 59


@pytest.mark.parametrize(("value", "needed"), [(0.9, 29), (0.95, 59), (0.99, 299), (1.0, None)])
def test_the_cases_needed_are_those_of_the_tolerance_tables(value, needed):
    """Wilks's smallest samples at 95 % confidence: 29, 59, 299."""
    assert count_cases_needed(Target("sensitivity", value)) == needed


@pytest.mark.parametrize(
    ("cases", "missed"), [(58, None), (59, 0), (92, 0), (93, 1), (123, 1), (124, 2)]
)
def test_a_guarantee_allows_the_misses_of_the_tolerance_tables(cases, missed):
    """For 95 % of the positives at 95 % confidence: none from 59 on, one from 93, two from 124."""
    scores = np.linspace(0.1, 0.9, cases)
    target = Target("sensitivity", 0.95, guaranteed=True)
    if missed is None:
        with pytest.raises(RunError, match=r"with 58 positives no threshold .* 59 are needed"):
            _fit([1] * cases, scores, target)
        return
    fit = _fit([1] * cases, scores, target)
    assert fit.sensitivity.numerator == cases - missed
    assert (fit.bound or 0) >= 0.95
    assert fit.guaranteed_threshold == fit.threshold


def _draw(rng, n, decimals):
    """Scores whose true sensitivity at a threshold t is known: uniform between 0.1 and 0.9."""
    return np.round(rng.uniform(0.1, 0.9, n), decimals)


def _sensitivity(threshold, decimals):
    """Of the scores of `_draw`, the share above the threshold."""
    step = 10.0**-decimals
    edge = math.floor(threshold / step) * step + step / 2 if decimals < 4 else threshold
    return min(1.0, max(0.0, (0.9 - edge) / 0.8))


@pytest.mark.parametrize("decimals", [2, 9])
@pytest.mark.parametrize("n", [28, 100])
def test_the_bound_holds_on_new_images_19_times_out_of_20(n, decimals):
    """Tuned again and again on new images of a known kind, with and without ties."""
    rng = np.random.default_rng([n, decimals])
    target = Target("sensitivity", 0.9)
    fits = [_fit([1] * n, _draw(rng, n, decimals), target) for _ in range(1500)]
    true = np.array([_sensitivity(fit.threshold, decimals) for fit in fits])
    held = np.mean(true >= np.array([fit.bound for fit in fits]) - 1e-9)
    assert held >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / 1500)
    # What the bound is for: the plain threshold itself often misses its target on new images.
    assert 0.2 < np.mean(true < 0.9) < 0.7


def test_a_guaranteed_threshold_reaches_its_target_19_times_out_of_20():
    """On new images, not on those at hand."""
    rng = np.random.default_rng(5)
    target = Target("sensitivity", 0.9, guaranteed=True)
    fits = [_fit([1] * 100, _draw(rng, 100, 9), target) for _ in range(1500)]
    reached = np.mean([_sensitivity(fit.threshold, 9) >= 0.9 for fit in fits])
    assert reached >= 0.95


@st.composite
def _labels(draw):
    n = draw(st.integers(2, 60))
    truth = draw(arrays(np.int8, n, elements=st.integers(-1, 1)))
    failed = draw(arrays(np.bool_, n, elements=st.sampled_from([False] * 9 + [True])))
    activation = draw(st.sampled_from(["logit", "sigmoid"]))
    elements = st.floats(-30, 30, width=32) if activation == "logit" else st.floats(0, 1, width=32)
    few = draw(st.lists(elements, min_size=1, max_size=8))
    scores = draw(arrays(np.float32, n, elements=st.sampled_from(few) | elements))
    scores[failed] = np.nan
    return truth, scores, failed, activation


@given(_labels(), st.sampled_from(["sensitivity", "specificity"]), st.floats(0.05, 1))
def test_a_tuned_threshold_gives_what_it_was_chosen_for(label, metric, value):
    """Counted by `predict_labels` and `count_labels`: the stated rates, and the target is
    reached."""
    truth, scores, failed, activation = label
    try:
        fit = _fit(truth, scores, Target(metric, value), activation, failed)
    except RunError:
        assume(False)
        return
    counts = _count(truth, scores, fit.threshold, activation, failed)
    assert fit.sensitivity.value == (counts.tp / counts.positives if counts.positives else None)
    assert fit.specificity.value == (counts.tn / counts.negatives if counts.negatives else None)
    achieved = getattr(fit, metric)
    assert achieved.value >= value - 1e-9
    assert fit.bound <= achieved.value


@given(_labels(), st.floats(0.05, 1))
def test_no_other_threshold_that_reaches_the_target_clears_more(label, value):
    """Tried at every score and between all of them."""
    truth, scores, failed, _ = label
    scores = np.where(np.isnan(scores), scores, np.clip(scores, 0.001, 0.999))
    try:
        fit = _fit(truth, scores, Target("sensitivity", value), "sigmoid", failed)
    except RunError:
        assume(False)
        return
    known = np.unique(scores[~failed]).astype(float)
    tried = [*known, *(known[1:] / 2 + known[:-1] / 2), 0.0001, 0.9999]
    for threshold in tried:
        counts = _count(truth, scores, float(threshold), "sigmoid", failed)
        if counts.positives and counts.tp / counts.positives >= value - 1e-9:
            assert counts.tn <= (fit.specificity.numerator or 0)


def test_logits_too_large_to_be_told_apart_as_probabilities_are_passed_together():
    """Between 50 and 60 lies no probability: the next threshold that there is finds both."""
    fit = _fit([1, 1, 0], [60.0, 50.0, 1.0], Target("sensitivity", 0.5), "logit")
    assert fit.sensitivity.numerator == 2
    assert fit.threshold == pytest.approx(1 / (1 + math.exp(-25.5)))


@pytest.mark.parametrize(
    ("metric", "truth", "scores"),
    [("sensitivity", [1, 0], [0.0, 0.5]), ("specificity", [1, 0], [0.5, 1.0])],
)
def test_a_score_of_exactly_0_or_1_can_be_out_of_reach(metric, truth, scores):
    """No threshold lies below 0 or above 1."""
    with pytest.raises(RunError, match="exactly 0 or 1"):
        _fit(truth, scores, Target(metric, 1.0))


def test_failed_images_can_put_a_target_out_of_reach():
    """1 of 2 positives failed."""
    lost = [False, True, False]
    with pytest.raises(RunError, match="more than 0 of 2 positives could not be scored"):
        _fit([1, 1, 0], [0.9, math.nan, 0.1], Target("sensitivity", 0.95), failed=lost)


@pytest.mark.parametrize(("metric", "truth"), [("sensitivity", [0, -1]), ("specificity", [1, -1])])
def test_there_must_be_cases_to_tune_on(metric, truth):
    """Images of unknown truth are none."""
    with pytest.raises(RunError, match="to tune a threshold on"):
        _fit(truth, [0.5, 0.6], Target(metric, 0.9))


def test_nothing_can_guarantee_a_sensitivity_of_1():
    """However many positives there are."""
    with pytest.raises(RunError, match="no number of positives"):
        _fit([1] * 500, np.linspace(0.1, 0.9, 500), Target("sensitivity", 1.0, guaranteed=True))


def test_logits_too_small_to_be_told_apart_leave_the_one_before_them():
    """Between -800 and -801 lies no probability: the threshold above both finds one of two."""
    fit = _fit([1, 1, 0], [2.0, -800.0, -801.0], Target("specificity", 1.0), "logit")
    assert (fit.sensitivity.numerator, fit.specificity.numerator) == (1, 1)
    assert 0 < fit.threshold < 0.9


def test_a_guarantee_holds_where_the_chance_is_exactly_what_is_left():
    """Two cases at 0.5 and 75 %: both found has a chance of 0.25 at the target itself."""
    truth, scores = [1, 1, 0], [0.9, 0.6, 0.1]
    fit = _fit(truth, scores, Target("sensitivity", 0.5, guaranteed=True, confidence=0.75))
    assert fit.sensitivity.numerator == 2
    assert fit.bound == pytest.approx(0.5)


def test_as_many_cases_as_are_needed_are_not_called_too_few():
    """59 positives could guarantee 0.95; that one of them failed is what stands against it."""
    scores = np.linspace(0.1, 0.9, 60)
    failed = np.arange(60) == 0
    with pytest.raises(RunError, match="too many of 59 positives could not be scored"):
        _fit([1] * 59 + [0], scores, Target("sensitivity", 0.95, guaranteed=True), failed=failed)


def test_scores_that_need_a_softmax_first_are_refused():
    """A softmax-logit has no meaning by itself."""
    with pytest.raises(ValueError, match="softmax-logit"):
        _fit([1, 0], [0.5, 0.6], Target("sensitivity", 0.9), "softmax-logit")


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("activation", "start"),
    [("sigmoid", 0.3), ("softmax", 1e-30), ("sigmoid", 0.99), ("logit", 2.5), ("logit", -9)],
)
def test_scores_that_are_neighbours_in_their_type_are_told_apart(kind, activation, start):
    """Of two numbers with none between them, a threshold finds the upper one and not the lower."""
    low = kind(start)
    for _ in range(20):
        high = np.nextafter(low, kind(np.inf))
        truth, scores = np.array([1, 0], np.int8), np.array([high, low], kind)
        none = np.zeros(2, np.bool_)
        fit = fit_threshold(truth, scores, none, activation, Target("sensitivity", 1.0))
        called = predict_labels(scores[:, np.newaxis], [fit.threshold], activation, none)[
            :, 0
        ].tolist()
        if activation == "logit" and kind is np.float64:
            assert called[0]  # their probabilities may be one number: then both are called
        else:
            assert called == [True, False]
        low = high


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, 95.0])
def test_a_share_outside_of_0_and_1_is_refused(share):
    """A percentage, such as 95, is no fraction."""
    for figure in (sensitivity_at_specificity, specificity_at_sensitivity):
        with pytest.raises(ValueError, match=f"{share:g}"):
            figure(_points(TRUTH, SCORES), share)

"""Net benefit: by hand, against counts at each threshold, and its known landmarks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from covidreport.errors import UsageError
from covidreport.metrics import compute_decision_curve, count_labels, net_benefit, predict_labels
from covidreport.records import Counts, Estimate


def test_by_hand():
    """20 found and 60 false alarms of 200 at 0.2: 20/200 - 60/200 x 0.25 = 0.025."""
    assert net_benefit(Counts(tn=110, fp=60, fn=10, tp=20), 0.2).value == pytest.approx(0.025)


def test_at_one_half_a_false_alarm_weighs_as_much_as_a_case():
    """(20 - 60) / 200: harm; images that failed are no case found and a false alarm."""
    counts = Counts(tn=110, fp=50, fn=5, tp=20, failed_positive=5, failed_negative=10)
    assert net_benefit(counts, 0.5).value == pytest.approx(-0.2)


def test_images_of_unknown_truth_are_not_among_the_images():
    """Only those whose truth is known are divided by."""
    known = net_benefit(Counts(110, 60, 10, 20), 0.2)
    assert net_benefit(Counts(110, 60, 10, 20, unknown=999), 0.2) == known
    assert net_benefit(Counts(0, 0, 0, 0, unknown=5), 0.2) == Estimate(None)


def test_the_interval_is_newcombes_difference_of_two_proportions():
    """With as many positives as negatives and t of 1/2 it is half the difference: 9 of 10 less 3 of
    10, for which Newcombe 1998, table II, method 10, has 0.1705 to 0.8090."""
    found = net_benefit(Counts(tn=7, fp=3, fn=1, tp=9), 0.5)
    assert (found.low, found.high) == pytest.approx((0.1705 / 2, 0.8090 / 2), abs=5e-5)
    assert found.method == "mover"


def test_without_one_class_there_is_no_interval():
    """No sensitivity, or no specificity, whose interval it could be made of."""
    for counts in (Counts(5, 3, 0, 0), Counts(0, 0, 2, 9)):
        found = net_benefit(counts, 0.2)
        assert found.value is not None
        assert (found.low, found.high, found.method) == (None, None, None)


def test_copies_of_a_patient_s_image_add_nothing():
    """Each image three times, of one patient: about the interval of the images alone, but for t."""
    truth, p, failed = _images()
    p = np.where(failed, 0.0, p)
    plain = compute_decision_curve(truth, p, failed, [0.2, 0.5])
    groups = np.repeat(np.arange(truth.size), 3)
    truth, p, failed = np.repeat(truth, 3), np.repeat(p, 3), np.repeat(failed, 3)
    tripled = compute_decision_curve(truth, p, failed, [0.2, 0.5], groups)
    assert plain is not None
    assert tripled is not None
    assert tripled.run == pytest.approx(plain.run)
    assert tripled.high - tripled.low == pytest.approx(plain.high - plain.low, rel=0.05)
    assert (plain.method, tripled.method) == ("mover", "mover over groups")


def _images(seed=2, n=400):
    rng = np.random.default_rng(seed)
    truth = rng.choice(np.array([0, 1, -1], dtype=np.int8), n, p=[0.7, 0.2, 0.1])
    p = np.round(rng.random(n), 2)
    failed = rng.random(n) < 0.05
    p[failed] = math.nan
    return truth, p, failed


def test_the_curve_equals_the_counts_at_each_threshold():
    """`predict_labels` and `count_labels` at each threshold, with ties at the thresholds
    themselves."""
    truth, p, failed = _images()
    thresholds = np.arange(1, 100) / 100
    curve = compute_decision_curve(truth, p, failed, list(thresholds))
    assert curve is not None
    assert curve.images == np.count_nonzero(truth != -1)
    for i, threshold in enumerate(thresholds):
        answers = predict_labels(p[:, np.newaxis], [float(threshold)], "sigmoid", failed)
        (counts,) = count_labels(truth[:, np.newaxis], answers, failed)
        assert curve.run[i] == pytest.approx(net_benefit(counts, float(threshold)).value)


def test_to_treat_everybody_is_what_a_run_of_ones_does():
    """And it is worth nothing where the threshold is the prevalence."""
    truth, _, _ = _images()
    prevalence = float(np.count_nonzero(truth == 1) / np.count_nonzero(truth != -1))
    none = np.zeros(truth.size, dtype=np.bool_)
    curve = compute_decision_curve(truth, np.ones(truth.size), none, [0.05, prevalence, 0.9])
    assert curve is not None
    assert curve.run == pytest.approx(curve.treat_all)
    assert curve.treat_all[1] == pytest.approx(0, abs=1e-12)


def test_a_perfect_run_is_worth_the_prevalence_at_every_threshold():
    """No false alarm has to be paid for."""
    truth, _, _ = _images()
    none = np.zeros(truth.size, dtype=np.bool_)
    curve = compute_decision_curve(truth, (truth == 1).astype(float), none, [0.1, 0.5, 0.9])
    assert curve is not None
    share = np.count_nonzero(truth == 1) / np.count_nonzero(truth != -1)
    assert curve.run == pytest.approx([share] * 3)


def test_a_threshold_of_1_is_refused():
    """Its odds are infinite."""
    truth, p, failed = _images()
    with pytest.raises(UsageError, match="strictly between 0 and 1"):
        compute_decision_curve(truth, p, failed, [0.5, 1.0])
    with pytest.raises(UsageError, match="strictly between 0 and 1"):
        net_benefit(Counts(1, 1, 1, 1), 1.0)


def test_without_truth_there_is_no_curve():
    """Nothing is known."""
    unknown = np.full(3, -1, dtype=np.int8)
    assert compute_decision_curve(unknown, np.full(3, 0.5), np.zeros(3, bool), [0.5]) is None

"""A run against the wrong cases of a baseline: over patients, and what excludes a loss."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import t

from covidreport.compare.answers import AlignedAnswers
from covidreport.compare.pairs import Plan, compare_answers_of
from covidreport.gate.paired import exclude_loss, find_wrong_cases, pair_runs
from covidreport.metrics import sign_flip, tango
from covidreport.records import Scores

SALT = "salt"


def _answers(missed, groups=None, positives=12, negatives=6):
    """A run on so many images that misses these positives and clears every negative."""
    n = positives + negatives
    truth = (np.arange(n) < positives).astype(np.int8)
    said = truth == 1
    said[list(missed)] = False
    ids = tuple(f"{place}.png" for place in range(n))
    images = Scores(
        ids, ("covid-19",), truth[:, np.newaxis], said[:, np.newaxis].astype(np.float32),
        "sigmoid", (None,) * n,
    )  # fmt: skip
    codes = None if groups is None else np.array(groups)
    return AlignedAnswers(
        ("run",), truth, said[np.newaxis].astype(np.float32), said[np.newaxis],
        np.zeros((1, n), dtype=np.bool_), codes, images=images,
    )  # fmt: skip


PATIENTS = [0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, *range(8, 14)]
"""Four positives of one patient, two of another, one each of six."""


def test_images_of_a_patient_are_kept_together():
    """All of patient 0 and one of another lost: two units that differ, so p is 1/2, not 1/16."""
    run, base = _answers([0, 1, 2, 3, 6], PATIENTS), _answers([], PATIENTS)
    paired = pair_runs(run, find_wrong_cases(base, SALT), SALT)
    sensitivity = paired.comparisons[0]
    assert sensitivity.test == "sign-flip over groups"
    assert sensitivity.p_value == pytest.approx(0.5)
    assert sensitivity.p_value == pytest.approx(sign_flip(np.array([4, 1])))
    assert paired.newly_missed == ("0.png", "1.png", "2.png", "3.png", "6.png")
    assert paired.newly_found == ()


def test_equal_answers_of_few_patients_exclude_no_loss():
    """12 positives of 8 patients, worth 144 / 26 = 5.54 of equal size: Tango's interval of 0 in
    12 / 1.5 (1.960 / t)^2, t of 5.54 - 2 + 5.54 / 8 degrees of freedom."""
    run = _answers([0], PATIENTS)
    paired = pair_runs(run, find_wrong_cases(run, SALT), SALT)
    judged, needed = exclude_loss(paired, "sensitivity", 0.05)
    assert judged.answer == "the data cannot say"
    assert judged.interval.method == "tango over groups"
    worth = 12 / 1.5 * (1.959964 / t.ppf(0.975, 144 / 26 - 2 + 144 / 26 / 8)) ** 2
    assert judged.interval.low == pytest.approx(-(1.959964**2) / (worth + 1.959964**2), abs=1e-6)
    # 73 x 1.5 (2.0094 / 1.960)^2: 110 positives are of patients worth 51, 49.2 degrees of freedom
    assert needed == 116


def test_one_case_newly_found_excludes_nothing():
    """18 positives of 11 patients, one newly found: no resample shows a loss, and that is none."""
    groups = [*range(11), *range(7), *range(11, 17)]
    base, run = _answers([0], groups, positives=18), _answers([], groups, positives=18)
    paired = pair_runs(run, find_wrong_cases(base, SALT), SALT)
    judged, needed = exclude_loss(paired, "sensitivity", 0.001)
    assert judged.answer == "the data cannot say"
    # 1 and 18 times (1.960 / t)^2, of 18^2 / 32 - 2 + 18^2 / 32 / 11 degrees of freedom, over
    # (1 + 2 (18 / 11)^2) / (1 + 2 (18 / 11)) = 1.4874
    scale = (1.959964 / t.ppf(0.975, 324 / 32 - 2 + 324 / 32 / 11)) ** 2 / 1.4874
    low, high = tango(1 * scale, 0, 18 * scale)
    assert (judged.interval.low, judged.interval.high) == pytest.approx((low, high), abs=1e-4)
    assert needed is not None


def test_the_gate_and_the_report_have_one_interval():
    """The same pair in either order, however many runs stand beside: the ends mirror each other."""
    base, run = _answers([0, 4], PATIENTS), _answers([0, 1, 2, 3, 6], PATIENTS)
    paired = pair_runs(run, find_wrong_cases(base, SALT), SALT)
    both = replace(
        base, names=("base", "run"), scores=np.concatenate([base.scores, run.scores]),
        answers=np.concatenate([base.answers, run.answers]),
        failed=np.concatenate([base.failed, run.failed]), activations=("sigmoid", "sigmoid"),
    )  # fmt: skip
    told = compare_answers_of(both, ["base"], Plan(margin=0.05))
    gate, report, judged = paired.comparisons[0], told.sensitivity[0], told.non_inferiority[0]
    assert gate.low is not None
    assert gate.high is not None
    assert (report.low, report.high) == (-gate.high, -gate.low)
    assert (judged.low, judged.high) == (gate.low, gate.high)


def test_the_false_alarms_of_a_baseline_are_paired_too():
    """The baseline raised two that the run cleared: the run's specificity is 2/6 higher."""
    run = _answers([])
    wrong = find_wrong_cases(run, SALT)
    assert wrong.missed == wrong.false_alarms == ()
    worse = AlignedAnswers(
        run.names, run.truth, run.scores, run.answers | (np.arange(18) >= 16), run.failed, None,
        images=run.images,
    )  # fmt: skip
    paired = pair_runs(run, find_wrong_cases(worse, SALT), SALT)
    assert paired.comparisons[1].difference == pytest.approx(2 / 6)
    assert paired.comparisons[1].only_second == 2
    judged, _ = exclude_loss(paired, "specificity", 0.05)
    assert judged.difference == pytest.approx(2 / 6)

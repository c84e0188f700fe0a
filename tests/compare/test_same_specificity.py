"""A lead that hangs on thresholds is said; one that does not is not."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.compare import Plan
from covidreport.compare.same_specificity import (
    count_missed,
    describe_lead,
    describe_own_level,
    find_dependent_lead,
)
from covidreport.metrics import holm, list_points, sensitivity_at_specificity
from tests.compare.cases import compare, comparisons, draw_scores, write_all, write_scored


def _sigmoid(latent):
    return 1 / (1 + np.exp(-latent))


@pytest.fixture
def curve():
    """40 positives and 120 negatives, and one model's logits for them."""
    rng = np.random.default_rng(3)
    truth = (np.arange(160) < 40).astype(np.int8)
    return truth, np.where(truth == 1, 1.0, -1.0) + rng.normal(size=160)


def _level(ranking, run=None, specificity=None):
    levels = comparisons(ranking).same_specificity
    return next(
        each for each in levels if each.run == run and specificity in (None, each.specificity)
    )


def test_runs_that_differ_by_a_shift_of_the_logit_are_told_from_better_ones(tmp_path, curve):
    """One ROC curve, three thresholds on it: the lead is that of the threshold, and p says so."""
    truth, logits = curve
    ranking = compare(write_all(tmp_path, truth, _sigmoid(np.add.outer((-0.8, 0.0, 0.8), logits))))
    assert [row.run for row in ranking.rows if row.rank] == ["run-02", "run-01", "run-00"]
    lead = find_dependent_lead(ranking)
    assert lead is not None
    assert (lead.severity, lead.code) == ("warning", "lead-depends-on-threshold")
    assert set(lead.subjects) == {"run-00", "run-01", "run-02"}
    alarms = ranking.rows[0].false_alarms
    own = count_missed(_level(ranking, "run-02"), "run-02")
    assert lead.what == (
        f"With at most {alarms} false alarms each, as many as run-02 has, run-01 and run-00 miss "
        f"as few cases as run-02: {own}"
    )
    assert "adjusted p = 1.00" in lead.evidence
    apart = [e.run for e in comparisons(ranking).rank_evidence if e.significantly_different]
    assert apart == ["run-00"]  # though it orders the images as run-02 does
    assert describe_own_level(ranking) == f"{lead.what}."


def test_the_same_three_at_thresholds_tuned_for_one_specificity_do_not_raise_it(tmp_path, curve):
    """A threshold of its own for each, which clears 0.9 of the negatives: they are equal."""
    truth, logits = curve
    cut = float(np.sort(logits[truth == 0])[-13:-11].mean())  # 12 of 120 lie above
    evaluated = [
        write_scored(
            tmp_path, f"run-{shift}", truth, _sigmoid(logits + shift),
            tuned=float(_sigmoid(cut + shift)),
        )
        for shift in (-0.8, 0.0, 0.8)
    ]  # fmt: skip
    ranking = compare(evaluated)
    assert {(row.missed, row.false_alarms) for row in ranking.rows} == {
        (ranking.rows[0].missed, 12)
    }
    assert find_dependent_lead(ranking) is None


def test_a_run_that_is_ahead_at_every_specificity_does_not_raise_it(tmp_path, curve):
    """It finds every positive above all negatives; the other finds half of them nowhere."""
    truth, logits = curve
    good = np.where(truth == 1, 3.0 + 0.1 * logits, logits - 3.0)
    poor = np.where((truth == 1) & (np.arange(160) % 2 == 0), -9.0, good)
    ranking = compare(write_all(tmp_path, truth, _sigmoid(np.stack([good, poor]))))
    assert ranking.rows[0].run == "run-00"
    assert find_dependent_lead(ranking) is None
    assert describe_lead(ranking) == ""
    alarms = ranking.rows[0].false_alarms
    assert describe_own_level(ranking) == (
        f"With at most {alarms} false alarms each, as many as run-00 has, run-01 misses 20 against "
        "0, which is not significant."  # where no false alarm is allowed, one negative decides
    )


@pytest.mark.parametrize(
    ("step", "shy_by", "severity"), [(1, 3.0, "warning"), (8, 3.0, "warning"), (8, 0.2, "note")]
)
def test_a_run_that_misses_fewer_at_the_best_one_s_false_alarms_is_named(
    tmp_path, step, shy_by, severity
):
    """`keen` calls everything a little positive and leads; `shy` orders the images far better, or
    only eight cases so: significantly, or not, and then it may be significantly behind or not."""
    rng = np.random.default_rng(1)
    truth = (np.arange(260) < 60).astype(np.int8)
    noise = rng.normal(size=260)
    keen = np.where(truth == 1, 0.9, -0.6) + noise
    better = (truth == 1) & (np.arange(260) % step == 0)
    shy = np.where(better, keen + 2, keen) - shy_by
    evaluated = [
        write_scored(tmp_path, name, truth, _sigmoid(row))
        for name, row in (("keen", keen), ("shy", shy))
    ]
    ranking = compare(evaluated)
    assert ranking.rows[0].run == "keen"
    at = _level(ranking, "keen")
    own, other = count_missed(at, "keen"), count_missed(at, "shy")
    assert own is not None
    assert other is not None
    assert other < own
    lead = find_dependent_lead(ranking)
    assert lead is not None
    assert lead.severity == severity
    assert lead.what.endswith(f"shy misses fewer cases than keen: {other} against {own}")
    pair = at.compare("shy")
    assert pair is not None
    assert (pair.adjusted_p_value <= 0.05) == (step == 1)
    assert f"shy {other} (adjusted p" in lead.evidence
    assert describe_own_level(ranking).startswith(f"{lead.what}.")


def test_levels_are_the_best_run_s_own_then_the_stated_ones(tmp_path):
    """As the definition for one run has it; each other run against the best, over all pairs."""
    truth, scores = draw_scores(4)
    ranking = compare(write_all(tmp_path, truth, scores), Plan(specificities=(0.8,)))
    made = comparisons(ranking)
    best = ranking.rows[0]
    assert [(each.run, each.reference) for each in made.same_specificity] == [
        (best.run, best.run), (None, best.run),
    ]  # fmt: skip
    own, stated = made.same_specificity
    assert own.false_alarms == best.false_alarms
    assert (stated.specificity, stated.false_alarms) == (0.8, 24)
    none = np.zeros(truth.size, dtype=np.bool_)
    for at in made.same_specificity:
        assert [each.run for each in at.runs] == [row.run for row in ranking.rows]
        assert [pair.second for pair in at.comparisons] == [row.run for row in ranking.rows[1:]]
        for each in at.runs:
            row = scores[int(each.run[-2:])].astype(np.float32)
            expected = sensitivity_at_specificity(
                list_points(truth, row, none), 1 - at.false_alarms / 120
            )
            assert each.sensitivity.numerator == expected.numerator
            assert each.specificity.denominator == 120
            assert each.specificity.value >= at.specificity - 1e-9  # type: ignore[operator]
        for pair in at.comparisons:
            assert pair.correction == "holm over 6"
            assert pair.adjusted_p_value >= pair.p_value  # type: ignore[operator]


def test_with_a_baseline_its_own_specificity_is_one_and_its_pairs_are_planned(tmp_path):
    """Others minus the baseline, adjusted for these alone; the best run's own stays the first."""
    truth, scores = draw_scores(4)
    ranking = compare(write_all(tmp_path, truth, scores), Plan("run-02", specificities=(0.9,)))
    best = ranking.rows[0].run
    first, second, third = comparisons(ranking).same_specificity
    assert (first.run, first.reference) == (best, best)
    assert (second.run, second.reference) == ("run-02", "run-02")
    assert (third.run, third.reference) == (None, "run-02")
    for at in (second, third):
        assert [pair.second for pair in at.comparisons] == ["run-02"] * 3
        adjusted = holm([pair.p_value for pair in at.comparisons])  # type: ignore[misc]
        assert [pair.adjusted_p_value for pair in at.comparisons] == pytest.approx(adjusted)
        assert at.compare("run-02") is None


def test_failed_images_put_a_specificity_out_of_reach(tmp_path):
    """Thirteen of 120 negatives failed: 0.9 allows twelve false alarms. The other run has its."""
    truth, scores = draw_scores(2)
    evaluated = [
        write_scored(tmp_path, "whole", truth, scores[0]),
        write_scored(tmp_path, "holes", truth, scores[1], failed=list(range(40, 53))),
    ]
    at = _level(compare(evaluated), specificity=0.9)
    assert count_missed(at, "holes") is None
    assert count_missed(at, "whole") is not None
    (pair,) = at.comparisons
    assert (pair.difference, pair.p_value, pair.low) == (None, None, None)


def test_from_counts_alone_nothing_is_known(tmp_path):
    truth, scores = draw_scores(2)
    evaluated = [
        (run, replace(evaluation, has_scores=False))
        for run, evaluation in write_all(tmp_path, truth, scores)
    ]
    ranking = compare(evaluated)
    assert comparisons(ranking).same_specificity == ()
    assert find_dependent_lead(ranking) is None


def test_other_specificities_are_another_question(tmp_path):
    """They are part of what a cached comparison is known by."""
    truth, scores = draw_scores(2)
    evaluated = write_all(tmp_path, truth, scores)
    for stated in ((0.9,), (0.8, 0.95)):
        made = comparisons(compare(evaluated, Plan(specificities=stated)))
        assert tuple(each.specificity for each in made.same_specificity[1:]) == stated

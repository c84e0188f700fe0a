"""Comparisons in words: whether a first place is in doubt, and what these data can show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.compare import Plan, find_doubt
from covidreport.compare.finding import (
    describe_detectable,
    describe_disagreement,
    describe_non_inferiority,
    describe_planned,
    describe_verdict,
    excludes_zero,
)
from covidreport.metrics import plan_study
from covidreport.records import Counts, PlanGoal, Run
from tests.compare.cases import compare, comparisons, draw_scores, write_all
from tests.metrics.study import make_evaluation


def test_eighteen_runs_of_the_study_s_size(tmp_path):
    """153 pairs, every one in order; the finding names the group and what it rests on."""
    truth, scores = draw_scores(18, positives=28, negatives=600, seed=7)
    ranking = compare(write_all(tmp_path, truth, scores))
    made = comparisons(ranking)
    assert len(made.sensitivity) == len(made.specificity) == len(made.roc_auc) == 153
    doubt = find_doubt(ranking)
    assert doubt is not None
    assert doubt.code == "best-run-not-distinguishable"
    group = {each.run for each in made.rank_evidence if each.significantly_different is False}
    assert set(doubt.subjects) == group
    assert "153 comparisons" in doubt.evidence
    assert f"fewer than {made.detectable_difference.cases} of 28 images" in doubt.evidence


def test_a_first_place_told_from_all_others_has_no_doubt(tmp_path):
    """The verdict says so, with the closest run."""
    truth, scores = draw_scores(2, positives=200)
    ranking = compare(write_all(tmp_path, truth, scores))
    assert find_doubt(ranking) is None
    assert describe_verdict(ranking).startswith(
        "run-00 misses significantly fewer COVID-19 images than run-01"
    )


def test_an_interval_beside_a_p_value_that_says_less_is_explained(tmp_path):
    """5 of 28 found by the one alone: p = 0.0625, and Tango's interval excludes 0; 2 leave both."""
    truth = (np.arange(100) < 28).astype(np.int8)
    for missed, said in ((5, "1 interval of a difference"), (2, "")):
        scores = np.where(truth == 1, 0.9, 0.1) * np.ones((2, 1))
        scores[1, :missed] = 0.2
        made = comparisons(compare(write_all(tmp_path / str(missed), truth, scores)))
        (pair,) = made.sensitivity
        assert (pair.low > 0) == bool(said)  # type: ignore[operator]
        assert pair.adjusted_p_value > 0.05  # type: ignore[operator]
        told = describe_disagreement(made)
        assert told.startswith(said)
        assert bool(told) == bool(said)


def test_few_positives_can_show_no_gap_at_all(tmp_path):
    """With four positives no pair reaches 0.05, whatever the answers."""
    truth, scores = draw_scores(3, positives=4, seed=1)
    made = comparisons(compare(write_all(tmp_path, truth, scores)))
    assert made.detectable_difference.cases > 4
    assert describe_detectable(made).startswith(
        "With 4 positives no two runs could differ significantly"
    )


@pytest.mark.parametrize(
    ("missed", "different", "verdict"),
    [
        ((2, 22), True, "Whoever missed which image, a misses significantly fewer COVID-19 images "
         "than b (22 missed), after 1 comparison: adjusted p < 0.001, with images taken for "
         "independent."),
        ((8, 16), None, "Counts alone can't say whether a differs significantly from b (16 missed) "
         "after 1 comparison. That takes the answers to each image."),
        ((8, 10), False, "Whoever missed which image, a is not significantly different from b "
         "(10 missed), after 1 comparison."),
    ],
)  # fmt: skip
def test_counts_say_what_holds_whoever_missed_which_image(missed, different, verdict):
    """Of 28 positives. 2 and 22 missed: 0 against 20 at best, p = 2 / 2**20 = 0.0000019; 2 against
    22 at worst, p = 2 (1 + 24 + 276) / 2**24 = 0.0000359. 8 and 16: 0.0078 at best, 8 against 16 at
    worst, p = 0.15. 8 and 10: 0.5 at best."""
    evaluated = []
    for name, each in zip("ab", missed, strict=True):
        evaluation = make_evaluation(name, Counts(590, 10, each, 28 - each), fingerprint=None)
        evaluation = replace(evaluation, has_scores=False)
        evaluated.append((Run(name, Path(name), None), evaluation))
    ranking = compare(evaluated)
    evidence = comparisons(ranking).rank_evidence
    assert [each.significantly_different for each in evidence] == [False, different]
    assert describe_verdict(ranking) == verdict


def test_of_a_named_baseline_only_significant_differences_are_said(tmp_path):
    """100 positives, of which the baseline misses 20: one run finds twelve of these and loses
    none, another loses twelve others, and a third finds one more, which chance does."""
    truth = (np.arange(300) < 100).astype(np.int8)
    scores = np.where(truth == 1, 0.9, 0.1)[np.newaxis].repeat(4, axis=0)
    scores[:, :20] = 0.2
    scores[1, :12] = 0.8
    scores[2, 20:32] = 0.2
    scores[3, 0] = 0.8
    ranking = compare(write_all(tmp_path, truth, scores), Plan("run-00"))
    said = describe_planned(ranking)
    assert "run-01 misses fewer images" in said
    assert "run-02 misses more" in said
    assert "the other 1 does not differ significantly" in said
    assert "run-03" not in said


@pytest.mark.parametrize(
    ("low", "high", "excludes"),
    [(0.01, 0.2, True), (-0.2, -0.01, True), (0.0, 0.2, False), (-0.2, 0.0, False),
     (-0.1, 0.1, False), (None, None, False)],
)  # fmt: skip
def test_an_interval_that_ends_at_0_does_not_exclude_it(tmp_path, low, high, excludes):
    truth, scores = draw_scores(2)
    (pair,) = comparisons(compare(write_all(tmp_path, truth, scores))).sensitivity
    assert excludes_zero(replace(pair, low=low, high=high)) is excludes


def test_without_a_margin_nothing_is_said_of_it(tmp_path):
    truth, scores = draw_scores(2)
    ranking = compare(write_all(tmp_path, truth, scores))
    assert describe_non_inferiority(comparisons(ranking)) == ""
    assert describe_planned(ranking) == ""


def test_where_a_margin_is_left_open_the_positives_that_it_takes_are_planned(tmp_path):
    """28 positives can't exclude a loss of 0.1; what does is what `plan` says at the sensitivity of
    the best run and the agreement of these."""
    truth, scores = draw_scores(3, positives=28, seed=7)
    ranking = compare(write_all(tmp_path, truth, scores), Plan(margin=0.1))
    made = comparisons(ranking)
    assert {each.answer for each in made.non_inferiority} >= {"the data cannot say"}
    plan = made.margin_plan
    assert plan is not None
    needed = plan.goals[0].needed
    assert needed is not None
    assert needed.positives > 28
    again = plan_study(plan.assumptions, [PlanGoal("non_inferiority", 0.1)]).goals[0].needed
    assert again == needed
    said = describe_non_inferiority(made)
    assert f"takes {needed.positives} positive images, to be shown in 8 of 10 studies" in said
    unasked = comparisons(compare(write_all(tmp_path / "again", truth, scores)))
    assert unasked.margin_plan is None

"""Which runs and images are compared, and what is said of the rest."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import binomtest

from covidreport.compare import Plan, find_doubt, rank_and_compare
from covidreport.compare.finding import describe_verdict
from covidreport.errors import UsageError
from covidreport.metrics import bound_mcnemar, holm
from covidreport.records import Counts, Run
from covidreport.storage import cache_folder as cache
from covidreport.store import (
    SCORES_FILE,
    evaluation_folder,
)
from tests.compare.cases import compare, comparisons, draw_scores, write_all, write_scored
from tests.metrics.study import STUDY, make_evaluation, read_study


def test_one_run_alone_is_compared_with_nobody(tmp_path):
    """Nothing is said where there is nothing to say."""
    truth, scores = draw_scores(1)
    ranking = compare(write_all(tmp_path, truth, scores))
    assert ranking.comparisons is None
    assert describe_verdict(ranking) == ""
    assert find_doubt(ranking) is None


def test_unknown_truth_is_left_out_and_failed_images_count_as_wrong(tmp_path):
    """Image 0, a positive, fails in one run; the truth of image 1 is unknown to all."""
    truth, scores = draw_scores(2)
    scores[:, 0] = 0.9
    truth[1] = -1
    evaluated = [
        write_scored(tmp_path, "run-00", truth, scores[0]),
        write_scored(tmp_path, "run-01", truth, scores[0], failed=[0]),
    ]
    made = comparisons(compare(evaluated))
    assert made.positives == 39
    (pair,) = made.sensitivity
    assert (pair.first, pair.only_first, pair.only_second) == ("run-00", 0, 1)
    assert pair.difference == pytest.approx(1 / 39)


def test_images_are_matched_by_their_names(tmp_path):
    """The same scores in another order of rows change nothing."""
    truth, scores = draw_scores(3)
    shuffled = np.random.default_rng(5).permutation(truth.size)
    straight = write_all(tmp_path / "a", truth, scores)
    turned = [
        write_scored(tmp_path / "b", f"run-{i:02}", truth, row, order=shuffled if i == 1 else None)
        for i, row in enumerate(scores)
    ]
    assert compare(turned).comparisons == compare(straight).comparisons


def test_runs_whose_scores_do_not_fit_are_named(tmp_path):
    """Other images, another truth, other counts, no file: left out, with the reason."""
    truth, scores = draw_scores(6)
    evaluated = write_all(tmp_path, truth, scores[:2])
    evaluated.append(write_scored(tmp_path, "run-02", truth, scores[2], prefix="other"))
    other = truth.copy()
    other[[0, -1]] = other[[-1, 0]]
    evaluated.append(write_scored(tmp_path, "run-03", other, scores[3]))
    run, evaluation = write_scored(tmp_path, "run-04", truth, scores[4])
    moved = replace(evaluation, thresholds={"covid-19": 0.5}, counts={
        "covid-19": replace(evaluation.counts["covid-19"], tp=0, fn=40)
    })  # fmt: skip
    evaluated.append((run, moved))
    run, evaluation = write_scored(tmp_path, "run-05", truth, scores[5])
    (evaluation_folder(run.folder, evaluation.key) / SCORES_FILE).unlink()
    evaluated.append((run, evaluation))
    made = comparisons(compare(evaluated))
    assert {each.run for each in made.rank_evidence} == {"run-00", "run-01"}
    reasons = {each.run: each.reason for each in made.excluded}
    assert "of other images" in reasons["run-02"]
    assert "another truth" in reasons["run-03"]
    assert "other counts" in reasons["run-04"]
    assert "are gone" in reasons["run-05"]


def test_without_the_best_run_s_scores_only_counts_speak(tmp_path):
    """Who can't be told from the best can't be known from the others' scores."""
    truth, scores = draw_scores(3)
    evaluated = write_all(tmp_path, truth, scores)
    run, evaluation = evaluated[0]
    (evaluation_folder(run.folder, evaluation.key) / SCORES_FILE).unlink()
    made = comparisons(compare(evaluated))
    assert made.basis == "counts"
    assert "are gone" in made.excluded[0].reason


def test_runs_on_other_patients_are_never_compared(tmp_path):
    """Another fingerprint is another ranking."""
    truth, scores = draw_scores(4)
    evaluated = write_all(tmp_path, truth, scores)
    evaluated[3] = (evaluated[3][0], replace(evaluated[3][1], fingerprint="f2"))
    first, second = rank_and_compare(evaluated, "covid-19", 0.5)
    assert {each.run for each in comparisons(first.ranking).rank_evidence} == {
        "run-00", "run-01", "run-02",
    }  # fmt: skip
    assert second.ranking.comparisons is None


def test_unranked_runs_are_listed_and_not_compared(tmp_path):
    """One that says yes to everything misses nobody, and stands in no pair."""
    truth, scores = draw_scores(3)
    scores[2] = 0.9
    made = comparisons(compare(write_all(tmp_path, truth, scores)))
    assert len(made.sensitivity) == 1
    (left,) = made.excluded
    assert left.run == "run-02"
    assert left.reason == "is not ranked: calls 160 of 160 images positive"


def test_the_published_counts_give_bounds_and_nothing_else():
    """120 pairs of 16 ranked runs: Holm over the p-values at either end, as the audit has it.

    By SciPy's binomial test: in the least favourable case the better run missed as many of those
    that the other found as there are. Exp16 misses 26 of 28 and exp15 8: 2 against 20 at worst,
    p = 0.00012, times 120 = 0.0145: worse whoever missed which image. Exp8 misses 24: 4 against
    20, p = 0.0015, which Holm's correction makes 0.18: open.
    """
    study = read_study()
    evaluated = [(one.run, one.evaluation) for one in study.values() if one.evaluation]
    made = comparisons(compare(evaluated))
    missed = [8, 10, 11, 12, 12, 12, 13, 13, 14, 14, 14, 15, 15, 19, 24, 26]
    pairs = list(combinations(missed, 2))
    low = [bound_mcnemar(b - a) for a, b in pairs]
    high = [_least_favourable(a, b, 28) for a, b in pairs]
    evidence = made.rank_evidence
    assert [each.p_value for each in evidence] == [None, *low[:15]]
    assert [each.adjusted_p_value for each in evidence] == [None, *holm(low)[:15]]
    assert [each.p_value_high for each in evidence[1:]] == pytest.approx(high[:15])
    assert [each.adjusted_p_value_high for each in evidence[1:]] == pytest.approx(holm(high)[:15])
    exp8, exp16 = evidence[14:]
    assert exp16.p_value_high == pytest.approx(508 / 2**22)
    assert exp16.adjusted_p_value_high == pytest.approx(0.0145, abs=5e-5)
    assert exp8.adjusted_p_value_high == pytest.approx(0.18, abs=0.005)
    assert [each.significantly_different for each in evidence] == [False] * 14 + [None, True]
    assert made.independence_assumed
    assert describe_verdict(compare(evaluated), "COVID-19") == (
        "Whoever missed which image, exp15-vgg16-bce-frozen is not significantly different from 13 "
        "of the 15 other ranked runs (10 to 19 missed). It misses significantly fewer COVID-19 "
        "images than exp16-resnet18-bce (26 missed), after Holm's correction for 120 comparisons: "
        "adjusted p at most 0.015, with images taken for independent. Counts "
        "alone can't say whether exp15-vgg16-bce-frozen differs significantly from "
        "exp8-resnet18-focal (24 missed). That takes the answers to each image."
    )
    assert (made.basis, made.sensitivity, made.overall) == ("counts", (), None)
    assert {each.best_probability for each in made.rank_evidence} == {None}
    assert (made.detectable_difference.cases, made.detectable_difference.comparisons) == (13, 120)
    assert cache.list_entries() == ()
    assert STUDY.is_dir()


def _least_favourable(fewer: int, more: int, positives: int) -> float:
    """SciPy's p-value of the most discordant answers: the largest of all that are possible."""
    possible = range(min(fewer, positives - more) + 1)
    return max(
        float(binomtest(alone, 2 * alone + more - fewer).pvalue) if alone + more - fewer else 1.0
        for alone in possible
    )


def test_patients_with_several_images_leave_the_upper_bound_open():
    """Images of one patient are no independent evidence: as far as counts know, p may be 1.

    2 and 22 of 28 missed: 2 against 22 at worst, p = 0.00004 for 628 images of 628 patients, and
    open where they are of 300.
    """
    evaluated = []
    for name, missed in (("a", 2), ("b", 22)):
        evaluation = make_evaluation(name, Counts(590, 10, missed, 28 - missed), fingerprint=None)
        evaluated.append((Run(name, Path(name), None), replace(evaluation, has_scores=False)))
    found = {}
    for groups in (None, 628, 300):
        each = [(run, replace(one, n_groups=groups)) for run, one in evaluated]
        found[groups] = comparisons(compare(each))
    differs = {n: made.rank_evidence[1].significantly_different for n, made in found.items()}
    assert differs == {None: True, 628: True, 300: None}
    assert {n: made.independence_assumed for n, made in found.items()} == {
        None: True, 628: False, 300: False,
    }  # fmt: skip
    assert (found[300].n_groups, found[628].n_groups) == (300, None)


def test_an_unknown_baseline_is_wrong_usage(tmp_path):
    """The names that there are stand in the message."""
    from covidreport.compare import check_baseline

    truth, scores = draw_scores(2)
    runs = [run for run, _ in write_all(tmp_path, truth, scores)]
    check_baseline(Plan("run-01"), runs)
    with pytest.raises(UsageError, match="there are: run-00, run-01"):
        check_baseline(Plan("run-1"), runs)


@pytest.mark.made_anew
def test_of_very_many_runs_the_pairs_with_the_best_are_stated(tmp_path, monkeypatch):
    """Of sensitivity, specificity and ROC AUC alike: five runs where four are few."""
    monkeypatch.setattr("covidreport.compare.pairs.MOST_IN_PAIRS", 4)
    truth, scores = draw_scores(5)
    ranking = compare(write_all(tmp_path, truth, scores))
    found = comparisons(ranking)
    best = ranking.rows[0].run
    for pairs in (found.sensitivity, found.specificity, found.roc_auc):
        assert len(pairs) == 4
        assert all(best in (each.first, each.second) for each in pairs)

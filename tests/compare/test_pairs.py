"""Runs of a ranking against each other, from their stored scores: the figures of every pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q, mcnemar

from covidreport.compare import Plan
from covidreport.compare.finding import describe_detectable, describe_verdict
from covidreport.metrics import bound_mcnemar, tango
from covidreport.records import Ranking
from tests.compare.cases import compare, comparisons, draw_scores, write_all


def _missed(ranking: Ranking, truth, scores) -> dict[str, np.ndarray]:
    return {
        row.run: scores[int(row.run.removeprefix("run-"))][truth == 1] <= 0.5
        for row in ranking.rows
    }


def test_every_pair_has_the_p_value_of_statsmodels(tmp_path):
    """Exact McNemar and Cochran's Q from the missed cases themselves."""
    truth, scores = draw_scores(5)
    ranking = compare(write_all(tmp_path, truth, scores))
    made = comparisons(ranking)
    missed = _missed(ranking, truth, scores)
    assert [(c.first, c.second) for c in made.sensitivity] == list(
        combinations([row.run for row in ranking.rows], 2)
    )
    for pair in made.sensitivity:
        first, second = missed[pair.first], missed[pair.second]
        b, c = int((first & ~second).sum()), int((second & ~first).sum())
        expected = mcnemar([[0, b], [c, 0]], exact=True).pvalue
        assert pair.p_value == pytest.approx(expected)
        assert (pair.only_first, pair.only_second, pair.test) == (b, c, "mcnemar-exact")
        assert pair.difference == pytest.approx(second.mean() - first.mean())
        assert pair.correction == "max-t by sign-flips over 10"
        assert pair.p_value <= pair.adjusted_p_value <= 1  # type: ignore[operator]
    expected_q = cochrans_q(np.stack(list(missed.values())).T.astype(int))
    assert made.overall is not None
    assert made.overall.statistic == pytest.approx(expected_q.statistic)
    assert made.overall.p_value == pytest.approx(expected_q.pvalue)


def test_ranks_agree_with_a_plain_loop(tmp_path):
    """2,000 resamples drawn image by image with another generator: within the Monte Carlo error;
    an interval that is not resampled lies near theirs."""
    truth, scores = draw_scores(4, seed=2)
    ranking = compare(write_all(tmp_path, truth, scores))
    made = comparisons(ranking)
    names = [row.run for row in ranking.rows]
    answers = np.stack([scores[int(name.removeprefix("run-"))] > 0.5 for name in names])
    rng = np.random.default_rng(99)
    differences, firsts, ranks = [], np.zeros(4), []
    for _ in range(2000):
        drawn = rng.integers(0, truth.size, truth.size)
        t, a = truth[drawn], answers[:, drawn]
        missed, alarms = (~a[:, t == 1]).sum(axis=1), a[:, t == 0].sum(axis=1)
        differences.append((missed[1] - missed[0]) / (t == 1).sum())
        keys = list(zip(missed.tolist(), alarms.tolist(), strict=True))
        first = [key == min(keys) for key in keys]
        firsts += np.array(first) / sum(first)
        ranks.append([1 + sum(other < key for other in keys) for key in keys])
    low, high = np.quantile(differences, [0.025, 0.975])
    pair = made.sensitivity[0]
    assert pair.low == pytest.approx(low, abs=0.03)
    assert pair.high == pytest.approx(high, abs=0.03)
    found = [each.best_probability for each in made.rank_evidence]
    assert found == pytest.approx(firsts / 2000, abs=0.05)
    assert sum(found) == pytest.approx(1)  # type: ignore[arg-type]
    for each, column in zip(made.rank_evidence, np.array(ranks).T, strict=True):
        assert each.rank_low is not None
        assert each.rank_high is not None
        assert abs(each.rank_low - np.quantile(column, 0.025)) <= 1
        assert abs(each.rank_high - np.quantile(column, 0.975)) <= 1


def test_auroc_differences_are_delongs(tmp_path):
    """The covariance from placements, written out, with a t quantile."""
    truth, scores = draw_scores(3, seed=4)
    ranking = compare(write_all(tmp_path, truth, scores))
    pair = comparisons(ranking).roc_auc[0]
    parts = []
    for name in (pair.first, pair.second):
        row = scores[int(name.removeprefix("run-"))].astype(np.float32)
        x, y = row[truth == 1], row[truth == 0]
        wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
        parts.append((wins.mean(), wins.mean(axis=1), wins.mean(axis=0)))
    difference = parts[0][0] - parts[1][0]
    variance = np.var(parts[0][1] - parts[1][1], ddof=1) / (truth == 1).sum()
    variance += np.var(parts[0][2] - parts[1][2], ddof=1) / (truth == 0).sum()
    assert pair.difference == pytest.approx(difference)
    quantile = stats.t.ppf(0.975, min((truth == 1).sum(), (truth == 0).sum()) - 1)
    assert pair.high == pytest.approx(difference + quantile * np.sqrt(variance))
    assert pair.correction == "holm over 3"


def test_the_group_is_what_adjusted_p_values_leave_together(tmp_path):
    """Told apart from the best at 0.05; the detectable difference never contradicts a pair."""
    truth, scores = draw_scores(8)
    made = comparisons(compare(write_all(tmp_path, truth, scores)))
    with_best = {c.second: c for c in made.sensitivity if c.first == made.rank_evidence[0].run}
    assert made.rank_evidence[0].significantly_different is False
    for each in made.rank_evidence[1:]:
        assert each.adjusted_p_value == with_best[each.run].adjusted_p_value
        assert each.significantly_different is (each.adjusted_p_value <= 0.05)  # type: ignore[operator]
    told = [c for c in made.sensitivity if c.adjusted_p_value <= 0.05]  # type: ignore[operator]
    assert told
    for pair in told:
        gap = abs(pair.only_first - pair.only_second)  # type: ignore[operator]
        assert gap >= made.detectable_difference.cases
    assert {each.significantly_different for each in made.rank_evidence} == {True, False}


@pytest.mark.parametrize("seed", range(6))
def test_no_pair_that_is_told_apart_has_less_than_the_smallest_gap(tmp_path, seed):
    """Also where the step-down asks less of later pairs than of the first."""
    truth, scores = draw_scores(7, positives=28, seed=seed)
    made = comparisons(compare(write_all(tmp_path, truth, scores)))
    gaps = [
        abs(c.only_first - c.only_second)  # type: ignore[operator]
        for c in made.sensitivity
        if c.adjusted_p_value <= 0.05  # type: ignore[operator]
    ]
    assert gaps
    assert min(gaps) >= made.detectable_difference.cases
    assert bound_mcnemar(made.detectable_difference.cases) <= made.detectable_difference.level


def test_images_of_one_patient_are_kept_together(tmp_path):
    """Sign-flips and resamples over patients; with one image each, images are independent."""
    truth, scores = draw_scores(3, positives=40)
    patients = [f"p{i // 4}" for i in range(truth.size)]
    grouped = comparisons(compare(write_all(tmp_path / "a", truth, scores, groups=patients)))
    assert grouped.n_groups == 40
    assert {c.test for c in grouped.sensitivity} == {"sign-flip over groups"}
    assert {c.interval for c in grouped.sensitivity} == {"tango over groups"}
    assert {c.test for c in grouped.roc_auc} == {"obuchowski over groups"}
    assert grouped.overall is not None
    assert grouped.overall.method == "permutation within groups"
    single = [f"p{i}" for i in range(truth.size)]
    alone = comparisons(compare(write_all(tmp_path / "b", truth, scores, groups=single)))
    assert alone.n_groups is None
    assert {c.test for c in alone.sensitivity} == {"mcnemar-exact"}
    assert {c.interval for c in alone.sensitivity} == {"tango"}


def test_a_baseline_has_its_comparisons_alone(tmp_path):
    """Three planned comparisons, corrected over three; the group still rests on all six pairs."""
    truth, scores = draw_scores(4)
    evaluated = write_all(tmp_path, truth, scores)
    free, planned = (comparisons(compare(evaluated, Plan(name))) for name in (None, "run-02"))
    assert planned.planned
    assert {c.second for c in planned.sensitivity} == {"run-02"}
    assert {c.correction for c in planned.sensitivity} == {"max-t by sign-flips over 3"}
    assert {c.correction for c in planned.roc_auc} == {"holm over 3"}
    assert planned.rank_evidence == free.rank_evidence
    assert planned.detectable_difference == free.detectable_difference


def test_a_baseline_that_is_not_ranked_is_not_made_up(tmp_path):
    """All pairs are compared; the record says that the plan could not be followed."""
    truth, scores = draw_scores(3)
    made = comparisons(compare(write_all(tmp_path, truth, scores), Plan("elsewhere")))
    assert (made.baseline, made.planned, len(made.sensitivity)) == ("elsewhere", False, 3)


def test_non_inferiority_has_tangos_interval_at_one_level_for_all(tmp_path):
    """Four answers: each interval leaves out 0.05 / 4."""
    truth, scores = draw_scores(5, positives=200, negatives=300)
    ranking = compare(write_all(tmp_path, truth, scores), Plan(margin=0.12))
    made = comparisons(ranking)
    missed = _missed(ranking, truth, scores)
    best = made.rank_evidence[0].run
    assert {each.reference for each in made.non_inferiority} == {best}
    for each in made.non_inferiority:
        only_run = int((missed[best] & ~missed[each.run]).sum())
        only_best = int((missed[each.run] & ~missed[best]).sum())
        low, high = tango(only_run, only_best, 200, 1 - 0.05 / 4)
        assert (each.low, each.high) == pytest.approx((low, high))
        expected = "yes" if low > -0.12 else "no" if high < -0.12 else "the data cannot say"
        assert each.answer == expected
    assert {each.answer for each in made.non_inferiority} >= {"no"}


def test_complementary_runs_are_counted(tmp_path):
    """By hand over all pairs: a case is missed if both missed it."""
    truth, scores = draw_scores(5)
    made = comparisons(compare(write_all(tmp_path, truth, scores)))
    fewest = min(
        int(((scores[i] <= 0.5) & (scores[j] <= 0.5))[truth == 1].sum())
        for i, j in combinations(range(5), 2)
    )
    pair, trio, majority = made.combinations
    assert (len(pair.runs), pair.rule, pair.missed) == (2, "any-positive", fewest)
    assert (len(trio.runs), majority.rule) == (3, "majority")


def test_two_runs_that_answer_alike_are_not_told_apart(tmp_path):
    """p 1 everywhere, half of the first places each, ranks 1 to 2, and a shared first rank."""
    truth, scores = draw_scores(1)
    ranking = compare(write_all(tmp_path, truth, np.stack([scores[0], scores[0]])))
    made = comparisons(ranking)
    assert [row.rank for row in ranking.rows] == [1, 1]
    (pair,) = made.sensitivity
    assert (pair.p_value, pair.adjusted_p_value, pair.difference) == (1, 1, 0)
    assert pair.interval == "tango"
    assert [each.best_probability for each in made.rank_evidence] == [0.5, 0.5]
    assert {(each.rank_low, each.rank_high) for each in made.rank_evidence} == {(1, 2)}
    assert made.overall is not None
    assert (made.overall.statistic, made.overall.p_value) == (None, 1)
    assert made.detectable_difference.gap is None
    assert describe_verdict(ranking) == (
        "Both ranked runs share rank 1: they are equal by every criterion of it."
    )


@pytest.mark.parametrize(("lost", "told"), [(10, True), (4, False)])
def test_the_observed_difference_is_said_to_be_significant_or_not(tmp_path, lost, told):
    """10 more of 40, all one way, have p = 0.002; 4 have 0.125. From the gap at hand nobody
    says how many positives would show it: a gap that is picked for being there is too large."""
    truth = (np.arange(100) < 40).astype(np.int8)
    best = np.where(truth == 1, 0.9, 0.1)
    worse = np.where(np.arange(100) < lost, 0.2, best)
    made = comparisons(compare(write_all(tmp_path, truth, np.stack([best, worse]))))
    (pair,) = made.sensitivity
    assert pair.p_value == pytest.approx(2 * 0.5**lost)
    assert made.detectable_difference.gap == lost
    what = "is significant" if told else "is not significant"
    assert describe_detectable(made).endswith(f"That to run-01, {lost}, {what}.")
    second = made.rank_evidence[1]
    assert (second.p_value, second.adjusted_p_value) == (pair.p_value, pair.adjusted_p_value)
    assert (second.p_value_high, second.adjusted_p_value_high) == (None, None)


def test_runs_that_miss_nothing_leave_nothing_to_show(tmp_path):
    """No gap, no p-value under 1; false alarms still order the runs."""
    truth, scores = draw_scores(3)
    perfect = np.where(truth == 1, 0.9, np.clip(scores, 0, 0.9))
    ranking = compare(write_all(tmp_path, truth, perfect))
    made = comparisons(ranking)
    assert [row.missed for row in ranking.rows] == [0, 0, 0]
    assert {c.adjusted_p_value for c in made.sensitivity} == {1.0}
    assert made.detectable_difference.gap is None
    assert "No run misses more" in describe_detectable(made)

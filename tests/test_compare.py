"""Runs of a ranking against each other, from their stored scores: figures, doubts, remembering."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import cochrans_q, mcnemar

from covidreport import cache
from covidreport.compare import Plan, find_doubt, rank_and_compare
from covidreport.compare.finding import describe_gap, describe_verdict
from covidreport.errors import UsageError
from covidreport.metrics import bound_mcnemar, estimate_scores, holm, tango
from covidreport.records import Counts, Evaluation, Ranking, Run, RunComparisons, Scores
from covidreport.runs import read_evaluations, read_run
from covidreport.store import (
    SCORES_FILE,
    evaluation_folder,
    write_evaluation,
    write_run,
    write_scores,
)
from tests.metrics.study import STUDY, make_evaluation, read_study


def _write(
    folder: Path,
    name: str,
    truth: np.ndarray,
    scores: np.ndarray,
    *,
    groups: list[str] | None = None,
    failed: list[int] | None = None,
    order: np.ndarray | None = None,
    prefix: str = "image",
) -> tuple[Run, Evaluation]:
    """A run folder with these scores (probabilities of covid-19), images in this order."""
    order = np.arange(len(truth)) if order is None else order
    reasons = tuple("broken" if i in (failed or ()) else None for i in order)
    values = scores[order].astype(np.float32)
    values[[reason is not None for reason in reasons]] = np.nan
    stored = Scores(
        sample_ids=tuple(f"{prefix}-{i}" for i in order),
        labels=("covid-19",),
        truth=truth[order][:, np.newaxis].astype(np.int8),
        scores=values[:, np.newaxis],
        activation="sigmoid",
        reasons=reasons,
        groups=None if groups is None else tuple(groups[i] for i in order),
    )
    counts, figures = estimate_scores(stored, [0.5])
    evaluation = replace(
        make_evaluation(name, dict(counts), n_groups=None if groups is None else len(set(groups))),
        estimates=figures,
    )
    write_run(folder / name, {"name": name})
    write_scores(evaluation_folder(folder / name, evaluation.key) / SCORES_FILE, stored)
    write_evaluation(folder / name, evaluation)
    return read_run(folder / name), evaluation


def _draw(runs: int, positives: int = 40, negatives: int = 120, seed: int = 0):
    """Truth `(N,)` and scores `(R, N)`; the first runs are better."""
    rng = np.random.default_rng(seed)
    truth = (np.arange(positives + negatives) < positives).astype(np.int8)
    shared = rng.normal(size=truth.size)
    shift = np.where(truth == 1, np.linspace(2.0, -0.6, runs)[:, np.newaxis], -1.6)
    latent = shift + shared + 0.8 * rng.normal(size=(runs, truth.size))
    return truth, 1 / (1 + np.exp(-latent))


def _write_all(folder: Path, truth, scores, **facts):
    return [_write(folder, f"run-{i:02}", truth, row, **facts) for i, row in enumerate(scores)]


def _compare(evaluated, plan: Plan | None = None) -> Ranking:
    (each,) = rank_and_compare(evaluated, "covid-19", 0.5, plan)
    return each.ranking


def _comparisons(ranking: Ranking) -> RunComparisons:
    assert ranking.comparisons is not None
    return ranking.comparisons


def _missed(ranking: Ranking, truth, scores) -> dict[str, np.ndarray]:
    return {
        row.run: scores[int(row.run.removeprefix("run-"))][truth == 1] <= 0.5
        for row in ranking.rows
    }


def test_every_pair_has_the_p_value_of_statsmodels(tmp_path):
    """Exact McNemar and Cochran's Q from the missed cases themselves."""
    truth, scores = _draw(5)
    ranking = _compare(_write_all(tmp_path, truth, scores))
    made = _comparisons(ranking)
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


def test_intervals_and_ranks_agree_with_a_plain_loop(tmp_path):
    """2,000 resamples drawn image by image with another generator: within the Monte Carlo error."""
    truth, scores = _draw(4, seed=2)
    ranking = _compare(_write_all(tmp_path, truth, scores))
    made = _comparisons(ranking)
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
    found = [each.best_probability for each in made.standings]
    assert found == pytest.approx(firsts / 2000, abs=0.05)
    assert sum(found) == pytest.approx(1)  # type: ignore[arg-type]
    for each, column in zip(made.standings, np.array(ranks).T, strict=True):
        assert each.rank_low is not None
        assert each.rank_high is not None
        assert abs(each.rank_low - np.quantile(column, 0.025)) <= 1
        assert abs(each.rank_high - np.quantile(column, 0.975)) <= 1


def test_auroc_differences_are_delongs(tmp_path):
    """The covariance from placements, written out."""
    truth, scores = _draw(3, seed=4)
    ranking = _compare(_write_all(tmp_path, truth, scores))
    pair = _comparisons(ranking).roc_auc[0]
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
    assert pair.high == pytest.approx(difference + 1.959964 * np.sqrt(variance))
    assert pair.correction == "holm over 3"


def test_the_group_is_what_adjusted_p_values_leave_together(tmp_path):
    """Told apart from the best at 0.05; the smallest gap never contradicts a pair."""
    truth, scores = _draw(8)
    made = _comparisons(_compare(_write_all(tmp_path, truth, scores)))
    with_best = {c.second: c for c in made.sensitivity if c.first == made.standings[0].run}
    assert made.standings[0].told_apart is False
    for each in made.standings[1:]:
        assert each.adjusted_p_value == with_best[each.run].adjusted_p_value
        assert each.told_apart is (each.adjusted_p_value <= 0.05)  # type: ignore[operator]
    told = [c for c in made.sensitivity if c.adjusted_p_value <= 0.05]  # type: ignore[operator]
    assert told
    for pair in told:
        gap = abs(pair.only_first - pair.only_second)  # type: ignore[operator]
        assert gap >= made.smallest_gap.cases
    assert {each.told_apart for each in made.standings} == {True, False}


@pytest.mark.parametrize("seed", range(6))
def test_no_pair_that_is_told_apart_has_less_than_the_smallest_gap(tmp_path, seed):
    """Also where the step-down asks less of later pairs than of the first."""
    truth, scores = _draw(7, positives=28, seed=seed)
    made = _comparisons(_compare(_write_all(tmp_path, truth, scores)))
    gaps = [
        abs(c.only_first - c.only_second)  # type: ignore[operator]
        for c in made.sensitivity
        if c.adjusted_p_value <= 0.05  # type: ignore[operator]
    ]
    assert gaps
    assert min(gaps) >= made.smallest_gap.cases
    assert bound_mcnemar(made.smallest_gap.cases) <= made.smallest_gap.level


def test_images_of_one_patient_are_kept_together(tmp_path):
    """Sign-flips and resamples over patients; with one image each, images are independent."""
    truth, scores = _draw(3, positives=40)
    patients = [f"p{i // 4}" for i in range(truth.size)]
    grouped = _comparisons(_compare(_write_all(tmp_path / "a", truth, scores, groups=patients)))
    assert grouped.n_groups == 40
    assert {c.test for c in grouped.sensitivity} == {"sign-flip over groups"}
    assert {c.interval for c in grouped.sensitivity} == {"bootstrap over groups"}
    assert {c.test for c in grouped.roc_auc} == {"obuchowski over groups"}
    assert grouped.overall is not None
    assert grouped.overall.method == "permutation within groups"
    single = [f"p{i}" for i in range(truth.size)]
    alone = _comparisons(_compare(_write_all(tmp_path / "b", truth, scores, groups=single)))
    assert alone.n_groups is None
    assert {c.test for c in alone.sensitivity} == {"mcnemar-exact"}
    assert {c.interval for c in alone.sensitivity} == {"bootstrap"}


def test_a_baseline_has_its_comparisons_alone(tmp_path):
    """Three planned comparisons, corrected over three; the group still rests on all six pairs."""
    truth, scores = _draw(4)
    evaluated = _write_all(tmp_path, truth, scores)
    free, planned = (_comparisons(_compare(evaluated, Plan(name))) for name in (None, "run-02"))
    assert planned.planned
    assert {c.second for c in planned.sensitivity} == {"run-02"}
    assert {c.correction for c in planned.sensitivity} == {"max-t by sign-flips over 3"}
    assert {c.correction for c in planned.roc_auc} == {"holm over 3"}
    assert planned.standings == free.standings
    assert planned.smallest_gap == free.smallest_gap


def test_a_baseline_that_is_not_ranked_is_not_made_up(tmp_path):
    """All pairs are compared; the record says that the plan could not be followed."""
    truth, scores = _draw(3)
    made = _comparisons(_compare(_write_all(tmp_path, truth, scores), Plan("elsewhere")))
    assert (made.baseline, made.planned, len(made.sensitivity)) == ("elsewhere", False, 3)


def test_non_inferiority_has_tangos_interval_at_one_level_for_all(tmp_path):
    """Four answers: each interval leaves out 0.05 / 4."""
    truth, scores = _draw(5, positives=200, negatives=300)
    ranking = _compare(_write_all(tmp_path, truth, scores), Plan(margin=0.12))
    made = _comparisons(ranking)
    missed = _missed(ranking, truth, scores)
    best = made.standings[0].run
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
    truth, scores = _draw(5)
    made = _comparisons(_compare(_write_all(tmp_path, truth, scores)))
    fewest = min(
        int(((scores[i] <= 0.5) & (scores[j] <= 0.5))[truth == 1].sum())
        for i, j in combinations(range(5), 2)
    )
    pair, trio, majority = made.combinations
    assert (len(pair.runs), pair.rule, pair.missed) == (2, "any-positive", fewest)
    assert (len(trio.runs), majority.rule) == (3, "majority")


def test_two_runs_that_answer_alike_are_not_told_apart(tmp_path):
    """p 1 everywhere, half of the first places each, ranks 1 to 2, and a shared first rank."""
    truth, scores = _draw(1)
    ranking = _compare(_write_all(tmp_path, truth, np.stack([scores[0], scores[0]])))
    made = _comparisons(ranking)
    assert [row.rank for row in ranking.rows] == [1, 1]
    (pair,) = made.sensitivity
    assert (pair.p_value, pair.adjusted_p_value, pair.difference) == (1, 1, 0)
    assert pair.interval == "tango (degenerate bootstrap)"
    assert [each.best_probability for each in made.standings] == [0.5, 0.5]
    assert {(each.rank_low, each.rank_high) for each in made.standings} == {(1, 2)}
    assert made.overall is not None
    assert (made.overall.statistic, made.overall.p_value) == (None, 1)
    assert (made.smallest_gap.gap, made.smallest_gap.positives_needed) == (None, None)
    assert describe_verdict(ranking) == (
        "All 2 ranked runs share the first place: nothing tells them apart."
    )


def test_runs_that_miss_nothing_leave_nothing_to_show(tmp_path):
    """No gap, no p-value under 1; false alarms still order the runs."""
    truth, scores = _draw(3)
    perfect = np.where(truth == 1, 0.9, np.clip(scores, 0, 0.9))
    ranking = _compare(_write_all(tmp_path, truth, perfect))
    made = _comparisons(ranking)
    assert [row.missed for row in ranking.rows] == [0, 0, 0]
    assert {c.adjusted_p_value for c in made.sensitivity} == {1.0}
    assert made.smallest_gap.gap is None
    assert "No run misses more" in describe_gap(made)


def test_one_run_alone_is_compared_with_nobody(tmp_path):
    """Nothing is said where there is nothing to say."""
    truth, scores = _draw(1)
    ranking = _compare(_write_all(tmp_path, truth, scores))
    assert ranking.comparisons is None
    assert describe_verdict(ranking) == ""
    assert find_doubt(ranking) is None


def test_unknown_truth_is_left_out_and_failed_images_count_as_wrong(tmp_path):
    """Image 0, a positive, fails in one run; the truth of image 1 is unknown to all."""
    truth, scores = _draw(2)
    scores[:, 0] = 0.9
    truth[1] = -1
    evaluated = [
        _write(tmp_path, "run-00", truth, scores[0]),
        _write(tmp_path, "run-01", truth, scores[0], failed=[0]),
    ]
    made = _comparisons(_compare(evaluated))
    assert made.positives == 39
    (pair,) = made.sensitivity
    assert (pair.first, pair.only_first, pair.only_second) == ("run-00", 0, 1)
    assert pair.difference == pytest.approx(1 / 39)


def test_images_are_matched_by_their_names(tmp_path):
    """The same scores in another order of rows change nothing."""
    truth, scores = _draw(3)
    shuffled = np.random.default_rng(5).permutation(truth.size)
    straight = _write_all(tmp_path / "a", truth, scores)
    turned = [
        _write(tmp_path / "b", f"run-{i:02}", truth, row, order=shuffled if i == 1 else None)
        for i, row in enumerate(scores)
    ]
    assert _compare(turned).comparisons == _compare(straight).comparisons


def test_runs_whose_scores_do_not_fit_are_named(tmp_path):
    """Other images, another truth, other counts, no file: left out, with the reason."""
    truth, scores = _draw(6)
    evaluated = _write_all(tmp_path, truth, scores[:2])
    evaluated.append(_write(tmp_path, "run-02", truth, scores[2], prefix="other"))
    other = truth.copy()
    other[[0, -1]] = other[[-1, 0]]
    evaluated.append(_write(tmp_path, "run-03", other, scores[3]))
    run, evaluation = _write(tmp_path, "run-04", truth, scores[4])
    moved = replace(evaluation, thresholds={"covid-19": 0.5}, counts={
        "covid-19": replace(evaluation.counts["covid-19"], tp=0, fn=40)
    })  # fmt: skip
    evaluated.append((run, moved))
    run, evaluation = _write(tmp_path, "run-05", truth, scores[5])
    (evaluation_folder(run.folder, evaluation.key) / SCORES_FILE).unlink()
    evaluated.append((run, evaluation))
    made = _comparisons(_compare(evaluated))
    assert {each.run for each in made.standings} == {"run-00", "run-01"}
    reasons = {each.run: each.reason for each in made.left_out}
    assert "of other images" in reasons["run-02"]
    assert "another truth" in reasons["run-03"]
    assert "other counts" in reasons["run-04"]
    assert "are gone" in reasons["run-05"]


def test_without_the_best_run_s_scores_only_counts_speak(tmp_path):
    """Who can't be told from the best can't be known from the others' scores."""
    truth, scores = _draw(3)
    evaluated = _write_all(tmp_path, truth, scores)
    run, evaluation = evaluated[0]
    (evaluation_folder(run.folder, evaluation.key) / SCORES_FILE).unlink()
    made = _comparisons(_compare(evaluated))
    assert made.basis == "counts"
    assert "are gone" in made.left_out[0].reason


def test_runs_on_other_patients_are_never_compared(tmp_path):
    """Another fingerprint is another ranking."""
    truth, scores = _draw(4)
    evaluated = _write_all(tmp_path, truth, scores)
    evaluated[3] = (evaluated[3][0], replace(evaluated[3][1], fingerprint="f2"))
    first, second = rank_and_compare(evaluated, "covid-19", 0.5)
    assert {each.run for each in _comparisons(first.ranking).standings} == {
        "run-00", "run-01", "run-02",
    }  # fmt: skip
    assert second.ranking.comparisons is None


def test_unranked_runs_are_listed_and_not_compared(tmp_path):
    """One that says yes to everything misses nobody, and stands in no pair."""
    truth, scores = _draw(3)
    scores[2] = 0.9
    made = _comparisons(_compare(_write_all(tmp_path, truth, scores)))
    assert len(made.sensitivity) == 1
    (left,) = made.left_out
    assert left.run == "run-02"
    assert left.reason == "is not ranked: calls 160 of 160 images positive"


def test_the_published_counts_give_bounds_and_nothing_else():
    """120 pairs of 16 ranked runs: Holm over the most favourable p-values, as the audit has it."""
    study = read_study()
    evaluated = [(one.run, one.evaluation) for one in study.values() if one.evaluation]
    made = _comparisons(_compare(evaluated))
    missed = [8, 10, 11, 12, 12, 12, 13, 13, 14, 14, 14, 15, 15, 19, 24, 26]
    pairs = list(combinations(missed, 2))
    bounds = holm([bound_mcnemar(b - a) for a, b in pairs])[:15]
    assert [each.adjusted_p_value for each in made.standings] == [None, *bounds]
    assert [each.told_apart for each in made.standings] == [False] * 14 + [None] * 2
    assert (made.basis, made.sensitivity, made.overall) == ("counts", (), None)
    assert {each.best_probability for each in made.standings} == {None}
    assert (made.smallest_gap.cases, made.smallest_gap.comparisons) == (13, 120)
    assert cache.list_entries() == ()
    assert STUDY.is_dir()


def test_the_same_scores_are_compared_once(tmp_path, monkeypatch):
    """The second time comes from the cache, and is equal to the last digit."""
    truth, scores = _draw(4)
    evaluated = _write_all(tmp_path, truth, scores)
    first = _compare(evaluated, Plan("run-01", 0.1))
    assert [entry.kind for entry in cache.list_entries()] == ["comparisons"]
    monkeypatch.setattr("covidreport.compare.compare_answers_of", lambda *_: pytest.fail("again"))
    assert _compare(evaluated, Plan("run-01", 0.1)) == first


@pytest.mark.parametrize("change", ["scores", "threshold", "baseline", "margin", "version"])
def test_whatever_matters_is_part_of_the_key(tmp_path, monkeypatch, change):
    """Other scores, thresholds, questions or another version are another entry."""
    truth, scores = _draw(3)
    evaluated = _write_all(tmp_path, truth, scores)
    _compare(evaluated)
    plan = Plan()
    if change == "scores":
        evaluated[1] = _write(tmp_path, "run-01", truth, scores[1] * 0.999)
    elif change == "threshold":
        evaluated = [(run, replace(e, thresholds={"covid-19": 0.5000001})) for run, e in evaluated]
    elif change == "version":
        monkeypatch.setattr("covidreport.compare.remember.METHOD", "another")
    else:
        plan = Plan("run-01") if change == "baseline" else Plan(margin=0.1)
    _compare(evaluated, plan)
    assert len(cache.list_entries()) == 2


def test_a_broken_memory_is_computed_again(tmp_path):
    """Half a file is no answer."""
    truth, scores = _draw(3)
    evaluated = _write_all(tmp_path, truth, scores)
    first = _compare(evaluated)
    (entry,) = cache.list_entries()
    file = entry.path / "comparisons.json"
    file.write_text(json.dumps({"schema": "covidreport.comparisons/1", "basis": "scores"}))
    assert _compare(evaluated) == first


def test_without_a_cache_it_is_compared_all_the_same(tmp_path, monkeypatch):
    """COVIDREPORT_CACHE_BYTES=0 switches remembering off, and equal runs give equal records."""
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "0")
    truth, scores = _draw(3)
    evaluated = _write_all(tmp_path, truth, scores)
    assert _compare(evaluated) == _compare(evaluated)
    assert cache.list_entries() == ()


def test_remembered_comparisons_load_nothing_heavy(tmp_path):
    """Rendering again is instant: neither SciPy nor pyarrow nor pandas is imported for it."""
    truth, scores = _draw(3)
    evaluated = _write_all(tmp_path, truth, scores)
    for run, evaluation in evaluated:
        assert read_evaluations(run)[0] == (evaluation,)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from covidreport.report import FORMATS\n"
        "from covidreport.report.collect import collect_report\n"
        "from covidreport.runs import discover_runs\n"
        f"runs = discover_runs([Path({str(tmp_path)!r})])\n"
        "data = collect_report(runs, target='covid-19', specificity_floor=0.5)\n"
        "assert data.rankings[0].comparisons.basis == 'scores'\n"
        "for entry in FORMATS.values(): entry.render(data)\n"
        "heavy = ('onnxruntime', 'pandas', 'scipy', 'pyarrow', 'torch')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    outcomes = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert outcomes[1].stdout.strip() == "[]"
    assert "scipy" in outcomes[0].stdout


def test_eighteen_runs_of_the_study_s_size(tmp_path):
    """153 pairs, every one in order; the finding names the group and what it rests on."""
    truth, scores = _draw(18, positives=28, negatives=600, seed=7)
    ranking = _compare(_write_all(tmp_path, truth, scores))
    made = _comparisons(ranking)
    assert len(made.sensitivity) == len(made.specificity) == len(made.roc_auc) == 153
    doubt = find_doubt(ranking)
    assert doubt is not None
    assert doubt.code == "best-run-not-distinguishable"
    group = {each.run for each in made.standings if each.told_apart is False}
    assert set(doubt.subjects) == group
    assert "153 comparisons" in doubt.evidence
    assert f"{made.smallest_gap.cases} cases of 28" in doubt.evidence


def test_a_first_place_told_from_all_others_has_no_doubt(tmp_path):
    """The verdict says so, with the closest run."""
    truth, scores = _draw(2, positives=200)
    ranking = _compare(_write_all(tmp_path, truth, scores))
    assert find_doubt(ranking) is None
    assert describe_verdict(ranking).startswith("run-00 misses fewer covid-19 cases than run-01")


def test_few_positives_can_show_no_gap_at_all(tmp_path):
    """With four positives no pair reaches 0.05, whatever the answers."""
    truth, scores = _draw(3, positives=4, seed=1)
    made = _comparisons(_compare(_write_all(tmp_path, truth, scores)))
    assert made.smallest_gap.cases > 4
    assert describe_gap(made).startswith("With 4 positives no two runs could have been told apart")


def test_an_unknown_baseline_is_wrong_usage(tmp_path):
    """The names that there are stand in the message."""
    from covidreport.compare import check_baseline

    truth, scores = _draw(2)
    runs = [run for run, _ in _write_all(tmp_path, truth, scores)]
    check_baseline(Plan("run-01"), runs)
    with pytest.raises(UsageError, match="there are: run-00, run-01"):
        check_baseline(Plan("run-1"), runs)


def test_counts_where_nothing_can_be_excluded():
    """A gap that counts alone can't judge is neither told apart nor not."""
    evaluated = []
    for name, missed in (("a", 2), ("b", 22)):
        evaluation = make_evaluation(name, Counts(590, 10, missed, 28 - missed), fingerprint=None)
        evaluation = replace(evaluation, has_scores=False)
        evaluated.append((Run(name, Path(name), None), evaluation))
    ranking = _compare(evaluated)
    assert [each.told_apart for each in _comparisons(ranking).standings] == [False, None]
    assert describe_verdict(ranking).startswith("Counts alone can't say")

"""What verdicts say of their own worth, the policies on missed cases, and how many were tried."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.errors import GateError, UsageError
from covidreport.gate.baseline import BaselineRequest, compare_at_hand, find_baseline, find_picked
from covidreport.gate.evidence import read_baseline, write_baseline
from covidreport.gate.gating import GateRequest, gate_runs
from covidreport.gate.judge import GateCriteria
from covidreport.gate.limit_wording import describe_bound
from covidreport.gate.limits import choose_limits, read_limit, read_policy, require_evidence
from covidreport.gate.odds import count_tries, model_odds
from covidreport.gate.wording import describe_odds, list_odds, say_odds
from covidreport.metrics import LatentPair, MissRule, compute_odds
from covidreport.records import ReferenceDiscordance
from covidreport.storage.chosen import ImageQuery
from covidreport.storage.runs import read_run
from tests.damage import change_json
from tests.gate.runs import TARGET, judge, write_run_missing


def _judge(run, baseline, *limits, policy=None, margin=0.05, share=0.05):
    chosen = choose_limits(limits, TARGET, 0.5, has_baseline=True, policy=policy, margin=margin)
    criteria = GateCriteria(TARGET, chosen, margin=margin, false_failure_share=share)
    (verdict,) = gate_runs([run], GateRequest(criteria, ImageQuery(), baseline, 0.5))
    return verdict


def _find(folder):
    return find_baseline(BaselineRequest(folder, TARGET, ImageQuery(), 0.5))


@pytest.fixture
def base(tmp_path):
    """A run that misses the first 4 of 28."""
    return write_run_missing(tmp_path / "base", 4, positives=28).folder


def _run(tmp_path, name, missed, **facts):
    return write_run_missing(tmp_path / name, missed, positives=28, model=name, **facts)


def test_a_verdict_states_how_often_chance_alone_decides(tmp_path, base):
    """By the model's odds at 24.5 of 29 found; 41 and 35 % at 0.85, so about 4 and 3 in 10."""
    verdict = _judge(_run(tmp_path, "run", 4), base)
    odds = verdict.odds
    assert (odds.policy, odds.allowance, odds.evidence, odds.margin) == ("strict", 0, False, 0.05)
    assert (odds.positives, odds.patients, odds.within) == (28, None, None)
    assert (odds.sensitivity, odds.between, odds.reference_runs) == (24.5 / 29, 0.6, 0)
    pair = LatentPair((28,), 24.5 / 29, 0.6)
    assert odds.equal_fails == compute_odds(pair, MissRule(0))[0]
    assert odds.worse_passes == compute_odds(pair, MissRule(0), 0.05)[1]
    assert describe_odds(odds) == (
        "By chance alone, with 28 positives, a run as sensitive as the baseline fails about 4 in "
        "10 times, and one 0.05 less sensitive passes about 3 in 10 times (reference: a "
        "correlation of runs of 0.6, which is assumed)."
    )


def test_the_judged_run_has_no_part_in_its_odds(tmp_path, base):
    """One that misses other cases than the baseline gets no other allowance than one like it."""
    like = _judge(_run(tmp_path, "like", 4), base, policy="tolerant")
    unlike = _judge(_run(tmp_path, "unlike", range(10, 20)), base, policy="tolerant")
    assert like.odds == unlike.odds
    assert like.results[0].allowed_max == unlike.results[0].allowed_max == 8


@pytest.mark.parametrize(("missed", "outcome"), [(8, "pass"), (9, "fail")])
def test_a_tolerant_limit_says_how_many_cases_it_allows(tmp_path, base, missed, outcome):
    """Four more than the baseline's 4, as at 28 positives for 5 % of false failures."""
    verdict = _judge(_run(tmp_path, "run", missed), base, policy="tolerant", margin=0.1)
    result = verdict.results[0]
    assert (verdict.outcome, result.outcome) == (outcome, outcome)
    assert "at most 8 is allowed (the baseline's 4, 4 of slack)" in result.sentence
    assert describe_bound(result) == "≤ 8"
    assert (verdict.odds.policy, verdict.odds.allowance) == ("tolerant", 4)
    assert verdict.odds.equal_fails <= 0.05
    assert verdict.odds.worse_passes == pytest.approx(0.741, abs=0.01)
    assert "4 images more than the baseline may be missed" in describe_odds(verdict.odds)
    assert _judge(_run(tmp_path, "x", 4), base, policy="tolerant", share=0.5).odds.allowance == 0


@pytest.mark.parametrize(
    ("theirs", "ours", "positives", "outcome", "said"),
    [
        (range(0), range(6), 400, "fail", "is significantly less than base's (p = 0.031)"),
        (range(0), range(5), 400, "pass", "The data exclude a loss of more than 0.05"),
        (range(0), range(5), 60, "inconclusive", "60 positives can't exclude a loss"),
        (range(0), range(30), 60, "fail", "is significantly less than base's (p < 0.001)"),
        (range(6), range(0), 100, "pass", "The data exclude a loss of more than 0.05"),
    ],
)
def test_evidence_decides_by_the_paired_test_and_the_interval(
    tmp_path, theirs, ours, positives, outcome, said
):
    """2 · 2^−6 = 0.031 fails though 6 of 400 lie within the margin; 5 (0.0625) do not."""
    base = write_run_missing(tmp_path / "base", theirs, positives=positives).folder
    run = write_run_missing(tmp_path / "run", ours, positives=positives)
    verdict = _judge(run, base, policy="evidence")
    assert (verdict.outcome, verdict.results[0].outcome) == (outcome, outcome)
    assert said in verdict.results[0].sentence
    assert [each.limit.metric for each in verdict.results] == ["sensitivity", "specificity"]
    odds = verdict.odds
    assert (odds.policy, odds.allowance, odds.evidence) == ("evidence", None, True)
    rule = MissRule(None, significant=True, margin=0.05)
    pair = LatentPair((positives,), odds.sensitivity, 0.6)
    assert odds.equal_fails == compute_odds(pair, rule)[0]


def test_evidence_of_other_limits_is_asked_as_before(tmp_path):
    """A significant loss within the margin does not break a limit that asks whether it is over."""
    base = write_run_missing(tmp_path / "base", 0, positives=400).folder
    run = write_run_missing(tmp_path / "run", 6, positives=400)
    asked = require_evidence(TARGET, 0.05, "--require-evidence")
    verdict = _judge(run, base, asked)
    assert [each.outcome for each in verdict.results] == ["fail", "pass", "pass"]
    odds = verdict.odds
    assert (odds.policy, odds.allowance, odds.evidence) == ("strict", 0, True)
    pair = LatentPair((400,), odds.sensitivity, 0.6)
    assert odds.worse_passes == compute_odds(pair, MissRule(0, margin=0.05), 0.05)[1]


@pytest.mark.parametrize(
    ("text", "allowance"),
    [("missed<=baseline+2", 2), ("missed<=baseline+60%", 2), ("missed<=baseline-1", -1)],
)
def test_a_stated_limit_on_the_baseline_has_odds_too(tmp_path, base, text, allowance):
    """60 % of 4 are 2.4 cases."""
    odds = _judge(_run(tmp_path, "run", 4), base, read_limit(text, TARGET)).odds
    assert (odds.policy, odds.allowance) == (None, allowance)
    pair = LatentPair((28,), 24.5 / 29, 0.6)
    assert odds.equal_fails == compute_odds(pair, MissRule(allowance))[0]


def test_where_nothing_compares_missed_cases_there_are_no_odds(tmp_path, base):
    """A fixed number of missed cases, and a verdict without a baseline."""
    run = _run(tmp_path, "run", 4)
    assert _judge(run, base, read_limit("missed<=5", TARGET)).odds is None
    alone = judge(run, None, read_limit("missed<=5", TARGET))
    assert (alone.odds, alone.judged, list_odds([alone])) == (None, ("run",), ())


def test_a_worse_run_that_can_not_be_is_not_spoken_of(tmp_path, base):
    """Nobody is 0.9 less sensitive than 0.84."""
    odds = _judge(_run(tmp_path, "run", 4), base, margin=0.9).odds
    assert (odds.worse_passes, odds.tries_pass) == (None, None)
    assert "less sensitive" not in describe_odds(odds)


def test_a_policy_and_a_stated_limit_on_missed_cases_contradict_each_other():
    """Nobody could say which of them holds."""
    stated = read_limit("missed<=baseline+2", TARGET)
    with pytest.raises(UsageError, match=r"the policy tolerant and the limit .* leave one out"):
        choose_limits([stated], TARGET, 0.5, has_baseline=True, policy="tolerant")
    with pytest.raises(UsageError, match="strict, evidence, tolerant are the policies"):
        read_policy("lenient")


def test_runs_at_hand_say_how_far_runs_differ(tmp_path, base):
    """The baseline misses 4 of 28; others 4, 6 and 5, of which 3, 4 and 2 are the same.

    At this correlation the model expects these 9. Fewer than three runs say too little.
    """
    missed = {"a": range(1, 5), "b": range(6), "d": range(2, 7)}
    others = [_run(tmp_path, name, cases) for name, cases in missed.items()]
    same = write_run_missing(tmp_path / "same", range(10, 12), positives=28)  # the baseline's model
    floor = _run(tmp_path, "floor", 0, alarms=20)
    elsewhere = write_run_missing(tmp_path / "elsewhere", 5, positives=30, model="c")
    baseline = _find(base)
    found = compare_at_hand(baseline, [*others, same, floor, elsewhere], 0.5)
    assert (found.runs, found.within) == (3, None)
    assert found == compare_at_hand(baseline, others, 0.5)
    common = 0.0
    for cases in (4, 6, 5):
        pair = LatentPair((1,), 1 - 4 / 28, found.between)
        only_run = compute_odds(pair, MissRule(0), (cases - 4) / 28)[0]
        common += cases - 28 * only_run
    assert common == pytest.approx(9, abs=1e-6)
    assert compare_at_hand(baseline, [*others[:2], same], 0.5) is None

    file = tmp_path / "baseline.json"
    write_baseline(file, replace(baseline.evidence, reference=found, judged=("x",)))
    stored = read_baseline(file, "baseline.json").evidence
    assert (stored.reference, stored.judged) == (found, ("x",))
    odds = _judge(_run(tmp_path, "run", 4), file).odds
    assert (odds.between, odds.reference_runs) == (found.between, 3)
    assert "(reference: how far 3 known runs and it differ)" in describe_odds(odds)


def test_a_baseline_that_was_picked_as_the_best_is_flattered(tmp_path, base):
    """It misses 4 of 28; four others 5 to 7, each other cases: the best of such misses more."""
    missed = {"a": range(3, 8), "b": range(8, 14), "d": range(14, 20), "e": range(20, 27)}
    others = [_run(tmp_path, name, cases) for name, cases in missed.items()]
    baseline = _find(base)
    there = [read_run(base), *others]
    picked = find_picked(baseline, [*there, read_run(base)], 0.5)
    assert picked is not None
    assert picked.runs == 5
    assert 4.5 < picked.missed < 8
    assert find_picked(_find(others[0].folder), there, 0.5) is None
    assert find_picked(baseline, there[:1], 0.5) is None

    file = tmp_path / "baseline.json"
    write_baseline(file, replace(baseline.evidence, picked=picked))
    odds = _judge(_run(tmp_path, "run", 4), file).odds
    assert odds.picked == picked
    said = f"misses about {round(picked.missed)} of 28 on others, so equal runs fail more often"
    assert said in describe_odds(odds)
    for missed_by_picked in (3.9, 4.0):  # no more than it misses here: nothing flatters it
        write_baseline(
            file, replace(baseline.evidence, picked=replace(picked, missed=missed_by_picked))
        )
        assert _judge(_run(tmp_path, "run2", 4), file).odds.picked is None


def test_the_best_of_a_folder_knows_that_it_was_picked(tmp_path, base):
    """`--baseline FOLDER` takes the best of the runs that are not judged."""
    for name, cases in {"a": range(3, 8), "b": range(8, 14)}.items():
        _run(tmp_path, name, cases)
    run = _run(tmp_path, "run", 4)
    assert _judge(run, tmp_path).odds.picked.runs == 3


@pytest.mark.parametrize("value", [-0.1, 1.0, 5])
def test_a_correlation_that_is_none_is_refused(tmp_path, base, value):
    """A baseline.json that was edited is no whole one."""
    file = tmp_path / "baseline.json"
    reference = ReferenceDiscordance(0.5, None, 3)
    write_baseline(file, replace(_find(base).evidence, reference=reference))
    change_json(file, "reference.between", value)
    with pytest.raises(GateError, match=r"reference\.between"):
        read_baseline(file, str(file))


def test_patients_count_where_they_have_several_positives(tmp_path, base):
    """28 positives of 14 patients; the correlation within them is assumed, or the reference's."""
    run = _find(_run(tmp_path, "run", 4).folder)
    groups = np.concatenate([np.repeat(np.arange(14), 2), np.arange(14, 34)])
    answers = replace(run.stored.answers, groups=groups)
    side = replace(run, stored=replace(run.stored, answers=answers))
    baseline = _find(base)
    assert model_odds(side, baseline).pair == LatentPair((0, 14), 24.5 / 29, 0.6, 0.4)
    evidence = replace(baseline.evidence, reference=ReferenceDiscordance(0.7, 0.2, 5))
    model = model_odds(side, replace(baseline, evidence=evidence))
    assert (model.pair, model.reference_runs) == (LatentPair((0, 14), 24.5 / 29, 0.7, 0.2), 5)


def test_each_model_that_was_judged_counts_once(tmp_path, base):
    """Two that the baseline notes, three of this call of which it knows one: four, and not itself.

    If each were 0.05 worse, at least one of four passes in at most 1 − (1 − p)^4.
    """
    evidence = replace(_find(base).evidence, judged=("a", "old"))
    write_baseline(tmp_path / "baseline.json", evidence)
    runs = [_run(tmp_path, name, 4) for name in ("a", "b", "c")]
    own = write_run_missing(tmp_path / "again", 4, positives=28)
    single = [_judge(run, tmp_path / "baseline.json") for run in (*runs, own)]
    assert [each.odds.tries for each in single] == [1, 1, 1, 1]
    verdicts = count_tries(single)
    assert {each.judged for each in verdicts} == {("a", "b", "c", "old")}
    odds = verdicts[0].odds
    assert odds is not None
    assert odds.worse_passes is not None
    assert odds.tries == 4
    assert odds.tries_pass == pytest.approx(1 - (1 - odds.worse_passes) ** 4)
    (line,) = list_odds(verdicts)
    assert "4 models were judged on these images: if each were 0.05 less sensitive" in line
    assert "in up to 9 in 10 such series" in line


def test_a_run_without_a_model_is_counted_by_its_answers(tmp_path, base):
    """The same answers are the same try, others another."""
    one, same = (write_run_missing(tmp_path / name, 5, positives=28, model=None) for name in "xy")
    other = write_run_missing(tmp_path / "z", 6, positives=28, model=None)
    verdicts = count_tries([_judge(run, base) for run in (one, same, other)])
    assert len(verdicts[0].judged) == 2


@pytest.mark.parametrize(
    ("chance", "said"),
    [
        (0.0, "less than 1 in 100 times"), (0.0099, "less than 1 in 100 times"),
        (0.0237, "about 1 in 40 times"), (0.05, "about 1 in 20 times"),
        (0.09, "about 1 in 12 times"), (0.1, "about 1 in 10 times"), (0.41, "about 4 in 10 times"),
        (0.949, "about 9 in 10 times"), (0.96, "more than 9 in 10 times"),
        (1.0, "more than 99 in 100 times"),
    ],
)  # fmt: skip
def test_odds_are_said_without_a_decimal(chance, said):
    """One drawn baseline says no more of them."""
    assert say_odds(chance) == said

"""No group loses more than its noise allows: what is allowed, what fails, what can't be asked."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from covidreport.api.gating import resolve_gate
from covidreport.errors import UsageError
from covidreport.gate.baseline import read_run_baseline
from covidreport.gate.evidence import write_baseline
from covidreport.gate.gating import GateRequest, gate_runs
from covidreport.gate.judge import GateCriteria
from covidreport.gate.limits import choose_limits, read_limit
from covidreport.gate.options import GateOptions
from covidreport.gate.wording import describe_noise, list_odds
from covidreport.integrations import render_verdict_json
from covidreport.integrations.code_quality import render_code_quality
from covidreport.integrations.comment import render_comment
from covidreport.integrations.junit import render_junit
from covidreport.metrics import LatentPair
from covidreport.metrics.group_noise import choose_allowances
from covidreport.settings import Settings
from covidreport.storage.chosen import ImageQuery
from tests.gate.runs import TARGET, outcomes, write_run_missing

SEX = "F" * 20 + "M" * 20 + "FM" * 10
VIEW = "AP," * 15 + "PA," * 21 + "L," * 4 + "AP,PA," * 10


def _run(folder, missed, attributes=None, **facts):
    """Women are the first 20 of 40 cases, AP views the first 15; four are lateral."""
    stated = {"sex": SEX, "view": VIEW.split(",")[:-1]} if attributes is None else attributes
    return write_run_missing(
        folder, missed, positives=40, model=folder.name, attributes=stated, **facts
    )


def _judge(run, baseline, *names, limits=("missed<=baseline+40",), margin=0.05):
    stated = [read_limit(each, TARGET) for each in limits]
    chosen = choose_limits(stated, TARGET, 0.5, has_baseline=True)
    criteria = GateCriteria(TARGET, chosen, margin=margin, no_group_loses=names)
    (verdict,) = gate_runs([run], GateRequest(criteria, ImageQuery(), baseline, 0.5))
    return verdict


@pytest.fixture
def base(tmp_path):
    """Misses one woman and one man of 20 each."""
    return _run(tmp_path / "base", [0, 39])


@pytest.mark.parametrize(("more", "outcome"), [(0, "pass"), (1, "fail")])
def test_a_group_may_lose_what_its_noise_allows_and_no_case_more(tmp_path, base, more, outcome):
    """Women lose 4 + more, and of the men one is found that was missed: the whole loses few."""
    verdict = _judge(_run(tmp_path / "run", range(1 + 4 + more)), base.folder, "sex")
    women, men = verdict.groups.bands
    assert (women.metric, women.positives, women.allowance) == ("missed[sex=F]", 20, 4)
    assert choose_allowances([LatentPair((20,), women.sensitivity, 0.3)] * 2, 0.05) == (4, 4)
    assert men.allowance == 4
    assert verdict.groups.equal_fails == pytest.approx(women.equal_fails + men.equal_fails)
    assert verdict.groups.equal_fails <= 0.05
    found = outcomes(verdict)
    assert found["covid-19 missed[sex=F]"] == verdict.outcome == outcome
    assert found["covid-19 missed[sex=M]"] == "pass"
    result = next(each for each in verdict.results if each.limit.metric == "missed[sex=F]")
    assert (result.value, result.baseline, result.allowed_max) == (5 + more, 1, 5)
    assert "at most 5 is allowed (the baseline's 1, 4 of slack)" in result.sentence


def test_the_judged_run_has_no_part_in_what_is_allowed(tmp_path, base):
    """One that answers more at random gets no wider band."""
    like = _judge(_run(tmp_path / "like", [0, 39]), base.folder, "all")
    unlike = _judge(_run(tmp_path / "unlike", range(0, 40, 2)), base.folder, "all")
    assert like.groups == unlike.groups
    assert [each.outcome for each in like.results] == ["pass"] * 6


def test_small_groups_are_named_and_same_ones_counted_once(tmp_path, base):
    """Four lateral views are too few. An attribute that says the same makes nothing stricter."""
    verdict = _judge(_run(tmp_path / "run", [0]), base.folder, "all")
    metrics = [each.metric for each in verdict.groups.bands]
    assert metrics == ["missed[sex=F]", "missed[sex=M]", "missed[view=AP]", "missed[view=PA]"]
    assert verdict.groups.not_judged == {"missed[view=L]": 4}
    assert (
        "Not judged, with fewer than 10 positives: missed[view=L] (4)." in list_odds([verdict])[1]
    )
    twice = {"sex": SEX, "again": SEX.replace("F", "f")}
    other = _run(tmp_path / "other", [0], twice)
    doubled = _judge(other, base.folder, "sex", "again")
    alone = _judge(other, base.folder, "sex")
    assert len(doubled.groups.bands) == 2 * len(alone.groups.bands)
    assert doubled.groups.equal_fails == alone.groups.equal_fails


def test_two_attributes_can_be_crossed(tmp_path, base):
    """15 women in AP views and 16 men in PA views; five women in PA views are too few."""
    verdict = _judge(_run(tmp_path / "run", range(7)), base.folder, "sex and view")
    assert {each.metric: each.positives for each in verdict.groups.bands} == {
        "missed[sex and view=F, AP]": 15, "missed[sex and view=M, PA]": 16,
    }  # fmt: skip
    assert verdict.groups.not_judged == {
        "missed[sex and view=F, PA]": 5, "missed[sex and view=M, L]": 4,
    }  # fmt: skip
    assert outcomes(verdict)["covid-19 missed[sex and view=F, AP]"] == "fail"


@pytest.mark.parametrize(
    ("attributes", "name", "said"),
    [
        (None, "age", "age is no attribute of these images, whose attributes are sex, view"),
        ({}, "all", "state them in the manifest, and evaluate the run again"),
        ({"ward": "abcdefghij" * 6}, "ward", "no group of ward has 10 positives"),
        ({"a": SEX, "b": SEX}, "a and b", "name that one"),
    ],
)
def test_what_can_t_be_asked_is_no_pass(tmp_path, base, attributes, name, said):
    """Exit code 4, and whatever else is asked is judged."""
    verdict = _judge(_run(tmp_path / "run", [0], attributes), base.folder, name)
    assert verdict.outcome == "inconclusive"
    assert outcomes(verdict)["covid-19 missed"] == "pass"
    (refused,) = (each for each in verdict.results if each.limit.group)
    assert said in refused.sentence


def test_a_baseline_s_file_will_do_and_one_of_counts_alone_says_what_to_do(tmp_path, base):
    """Its missed cases are put into the groups of the run: no file has to be made again."""
    run = _run(tmp_path / "run", range(6))
    side = read_run_baseline(base, TARGET, ImageQuery())
    file = tmp_path / "baseline.json"
    ungrouped = {**side.evidence.metrics, TARGET: {}}
    write_baseline(file, replace(side.evidence, metrics=ungrouped))
    by_file, by_folder = _judge(run, file, "sex"), _judge(run, base.folder, "sex")
    assert by_file.groups == by_folder.groups
    assert outcomes(by_file)["covid-19 missed[sex=F]"] == "fail"
    write_baseline(file, replace(side.evidence, wrong=None))
    verdict = _judge(run, file, "sex")
    assert verdict.outcome == "inconclusive"
    assert "set the baseline again with `covidreport baseline set`" in verdict.results[-1].sentence
    with pytest.raises(UsageError, match="no group of sex loses is judged against a baseline"):
        resolve_gate(GateOptions(no_group_loses=("sex",)), Settings(), [run])


def test_each_output_has_the_groups(tmp_path, base):
    """A row, a test and a complaint for each, as of any limit, and the odds in a sentence."""
    verdict = _judge(_run(tmp_path / "run", range(6)), base.folder, "sex", margin=0.2)
    comment = render_comment([verdict])
    assert "missed\\[sex=F\\] | 6 | 1 | ≤ 5 |" in comment
    said = describe_noise(verdict.groups)
    assert said.startswith(
        "By chance alone, a run as sensitive as the baseline in each group fails by one of 2 "
        "groups at most about 1 in 70 times. One that is 0.2 less sensitive in one group fails by "
        "it about "
    )
    assert "It takes a loss of 0.328 there" in said
    assert "there to fail in 4 of 5 times (reference: a correlation of runs of 0.3" in said
    assert 'name="covid-19 missed[sex=F] against the baseline, within noise"' in render_junit(
        [verdict]
    )
    (complaint,) = json.loads(render_code_quality([verdict]))[:1]
    assert "missed[sex=F] is 6" in complaint["description"]
    (stored,) = json.loads(render_verdict_json([verdict]))["verdicts"]
    assert stored["groups"]["bands"][0]["metric"] == "missed[sex=F]"
    assert stored["results"][-1]["limit"]["group"] is True

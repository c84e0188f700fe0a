"""All shapes of one verdict say the same: each is read back and compared with the record."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from covidreport.gate.outcomes import EXIT_CODES, combine_outcomes
from covidreport.gate.wording import describe_origin
from covidreport.integrations import OUTPUTS
from covidreport.integrations.github import list_annotations, list_outputs
from covidreport.records import Beside, Finding, NotJudged
from covidreport.report.markdown import COMMENT_LIMIT
from tests.integrations.reading import read_metrics
from tests.integrations.verdicts import days
from tests.integrations.verdicts import verdict as make_verdict

DAYS = days()


@pytest.fixture(params=DAYS, name="day")
def _day(request):
    verdicts = DAYS[request.param]
    return verdicts, {
        name: output.render(verdicts) for name, output in OUTPUTS.items() if not output.each_run
    }


def test_outcomes_agree(day):
    """JSON, JUnit, metrics, Code Quality, comment and GitHub's outputs name one outcome."""
    verdicts, texts = day
    overall = combine_outcomes([verdict.outcome for verdict in verdicts])
    document = json.loads(texts["json"])
    assert document["outcome"] == overall
    outputs = list_outputs(verdicts)
    assert (outputs["outcome"], int(outputs["exit-code"])) == (overall, document["exit_code"])
    assert EXIT_CODES[overall] == document["exit_code"]
    suites = ET.fromstring(texts["junit"])
    assert (suites.get("failures") != "0") == any(v.outcome == "fail" for v in verdicts)
    assert (suites.get("errors") != "0") == any(
        v.outcome in ("error", "inconclusive") for v in verdicts
    )
    said = {
        labels["run"]: labels["outcome"]
        for name, labels, value in read_metrics(texts["open-metrics"])
        if name == "covidreport_outcome" and value == 1
    }
    assert list(said.values()) == [verdict.outcome for verdict in verdicts]
    grave = {"blocker", "critical", "major"} & {
        each["severity"] for each in json.loads(texts["code-quality"])
    }
    assert bool(grave) == (overall != "pass")
    words = {"pass": "pass", "fail": "fail", "error": "not judged", "inconclusive": "inconclusive"}
    title = texts["comment"].splitlines()[1]
    assert words[overall] in title or (not verdicts and "no run had to be judged" in title)


def test_figures_agree(day):
    """Missed cases and sensitivity are the same numbers wherever they stand."""
    verdicts, texts = day
    suites = ET.fromstring(texts["junit"]).findall("testsuite")
    metrics = read_metrics(texts["open-metrics"])
    stated = json.loads(texts["json"])["verdicts"]
    for place, (verdict, suite, spelt) in enumerate(zip(verdicts, suites, stated, strict=True)):
        properties = {p.get("name", ""): p.get("value", "") for p in suite.findall(".//property")}
        if verdict.counts is None:
            assert "missed" not in properties
            assert spelt["counts"] is None
            continue
        assert int(properties["missed"]) == verdict.counts.missed == spelt["counts"]["fn"]
        assert float(properties["sensitivity"]) == spelt["estimates"]["sensitivity"]["value"]
        assert "roc_auc" not in properties
        of_run = [each for each in metrics if each[1]["run"] == suite.get("name")]
        found = {labels.get("of"): v for name, labels, v in of_run if name == "covidreport_count"}
        assert found["missed"] == verdict.counts.missed, place
        assert found["false_alarms"] == verdict.counts.false_alarms
        ends = {
            labels["end"]: value
            for name, labels, value in of_run
            if name == "covidreport_metric" and labels["metric"] == "sensitivity"
        }
        assert ends == {"value": 20 / 28, "low": 0.529, "high": 0.847}
        if len(verdicts) == 1:
            assert list_outputs(verdicts)["missed"] == str(verdict.counts.missed)
            assert "8 of 28" in texts["comment"]


def test_limits_agree(day):
    """Each limit is one test case, one metric and, where it is not kept, one complaint."""
    verdicts, texts = day
    suites = ET.fromstring(texts["junit"]).findall("testsuite")
    complaints = json.loads(texts["code-quality"])
    metrics = read_metrics(texts["open-metrics"])
    for verdict, suite in zip(verdicts, suites, strict=True):
        cases = suite.findall("testcase")
        assert len(cases) == len(verdict.results) + (verdict.error is not None)
        assert len({case.get("name") for case in cases}) == len(cases)
        failures = [case for case in cases if case.find("failure") is not None]
        wanted = [result for result in verdict.results if result.outcome == "fail"]
        assert len(failures) == len(wanted)
        for case, result in zip(failures, wanted, strict=True):
            assert case.find("failure").get("message") == result.sentence
        kept = [
            value
            for name, labels, value in metrics
            if name == "covidreport_limit_kept" and labels["run"] == suite.get("name")
        ]
        assert kept == [float(result.outcome == "pass") for result in verdict.results]
    held = sum(r.outcome != "pass" for v in verdicts for r in v.results)
    assert sum(each["check_name"] == "covidreport-limit" for each in complaints) == held


def test_newly_missed_cases_agree(day):
    """The comment names the cases that verdict.json names, and GitHub's output counts them."""
    verdicts, texts = day
    if len(verdicts) != 1:
        return
    (verdict,) = verdicts
    found = re.search(r"\*\*Newly missed\*\* .*: (.*)", texts["comment"])
    assert (found[1].split(", ") if found else []) == list(verdict.newly_missed)
    wanted = str(len(verdict.newly_missed)) if verdict.comparisons else ""
    assert list_outputs(verdicts)["newly-missed"] == wanted


def test_every_output_is_small_enough_and_of_printable_text(day):
    """No control character, nothing that turns the direction of reading, no NaN; the comment
    fits."""
    verdicts, texts = day
    assert len(texts["comment"]) <= COMMENT_LIMIT
    for name, text in {**texts, "annotations": "\n".join(list_annotations(verdicts))}.items():
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text) or name == "json", name
        assert "NaN" not in text
        text.encode()  # no half of a pair


def test_the_same_verdicts_give_the_same_bytes(day):
    """Nothing depends on the clock or on chance."""
    verdicts, texts = day
    for name, text in texts.items():
        assert OUTPUTS[name].render(verdicts) == text


def test_file_names_are_those_that_the_examples_name():
    """GitLab's job and the action read the files that are written."""
    root = Path(__file__).resolve().parents[2]
    job = (root / "examples" / "ci" / "gitlab-ci.yml").read_text()
    for name in ("junit", "open-metrics", "code-quality"):
        assert f"verdict/{OUTPUTS[name].file_name}" in job
    assert (
        f"covidreport-verdict/{OUTPUTS['comment'].file_name}" in (root / "action.yml").read_text()
    )


@pytest.mark.parametrize("origin", ["computed here", "as stored"])
@pytest.mark.parametrize("tuned", [None, True, False])
def test_whose_scores_a_verdict_rests_on_agrees(origin, tuned):
    """Every shape says it; the sentence is the gate's own."""
    told = describe_origin(origin, None, tuned)
    one = make_verdict(
        scores_from=origin, thresholds_written_here=tuned, sentence=f"exp15 misses 8; {told}."
    )
    texts = {name: output.render([one]) for name, output in OUTPUTS.items()}
    (spelt,) = json.loads(texts["json"])["verdicts"]
    assert (spelt["scores_from"], spelt["thresholds_written_here"]) == (origin, tuned)
    properties = {
        p.get("name"): p.get("value") for p in ET.fromstring(texts["junit"]).iter("property")
    }
    assert properties["scores_from"] == origin
    assert properties.get("thresholds_written_here") == (
        None if tuned is None else str(tuned).lower()
    )
    assert told in texts["junit"]
    assert told in texts["comment"]
    assert told in list_outputs([one])["sentence"]
    found = {name: value for name, _, value in read_metrics(texts["open-metrics"])}
    assert found["covidreport_scores_computed_here"] == (origin == "computed here")
    assert json.loads(texts["dvc"])["scores_from"] == origin
    assert json.loads(texts["dvc"]).get("thresholds_written_here") == tuned
    complaints = [each["description"] for each in json.loads(texts["code-quality"])]
    assert any(told in each for each in complaints) == (origin == "as stored" or tuned is False)


def test_of_many_runs_a_line_says_whose_scores_they_are():
    """Beneath the table, in which those that pass have a row alone."""
    here = make_verdict("a", scores_from="computed here")
    stored = make_verdict("b", scores_from="as stored")
    assert "Scores computed here" in OUTPUTS["comment"].render([here, here])
    mixed = OUTPUTS["comment"].render([here, stored])
    assert "Scores as stored, not computed here, of b; those of the others computed here" in mixed


def test_what_must_be_known_before_any_verdict_agrees(day):
    """A notice is first in the comment; every shape has it, and the runs that were not judged."""
    verdicts, _ = day
    notice = Finding("warning", "differs-from-base", "It differs", "so", "Look", ("a.json",))
    beside = Beside((notice,), (NotJudged("old", "runs/old", "is the baseline"),))
    texts = {
        name: output.render(verdicts, beside)
        for name, output in OUTPUTS.items()
        if not output.each_run
    }
    assert texts["comment"].splitlines()[1].startswith("> ")
    assert "It differs" in texts["comment"].splitlines()[1]
    assert "old is the baseline" in texts["comment"]
    document = json.loads(texts["json"])
    assert [each["code"] for each in document["notices"]] == ["differs-from-base"]
    assert [each["run"] for each in document["not_judged"]] == ["old"]
    assert "It differs" in texts["junit"]
    assert "old is the baseline" in texts["junit"]
    assert json.loads(texts["code-quality"])[0]["location"]["path"] == "a.json"
    assert ("covidreport_notices", {}, 1) in list(read_metrics(texts["open-metrics"]))
    assert any("It differs" in line for line in list_annotations(verdicts, beside))

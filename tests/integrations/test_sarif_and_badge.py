"""SARIF for code scanning, which lists what Code Quality does, and the badge."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from covidreport.integrations.badge import render_badge
from covidreport.integrations.code_quality import render_code_quality
from covidreport.integrations.sarif import render_sarif
from covidreport.records import Counts
from tests.integrations.verdicts import HOSTILE, broken, days, failed, inconclusive, verdict

LEVELS = {"blocker": "error", "critical": "error", "major": "error", "minor": "warning",
          "info": "note"}  # fmt: skip
MANY = Counts(tn=1, fp=0, fn=2, tp=1200)


@pytest.mark.parametrize("day", days())
def test_code_scanning_lists_what_code_quality_does(day):
    """Each complaint once, with its place and a fingerprint that stays; each rule is described."""
    document = json.loads(render_sarif(days()[day]))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    issues = json.loads(render_code_quality(days()[day]))
    rules = run["tool"]["driver"]["rules"]
    assert [
        (
            each["ruleId"],
            each["level"],
            each["message"]["text"],
            each["partialFingerprints"]["covidreport/v1"],
        )
        for each in run["results"]
    ] == [
        (each["check_name"], LEVELS[each["severity"]], each["description"], each["fingerprint"])
        for each in issues
    ]
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
        (place,) = each["locations"]
        assert place["physicalLocation"]["region"] == {"startLine": 1}
    assert all(rule["shortDescription"]["text"] for rule in rules)
    assert len({rule["id"] for rule in rules}) == len(rules)


def test_a_place_with_a_space_is_an_address(tmp_path, monkeypatch):
    """SARIF's places are addresses, relative to the repository."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my runs").mkdir()
    (tmp_path / "my runs" / "run.json").write_text("{}")
    document = json.loads(render_sarif([replace(failed(), folder="my runs")]))
    (place,) = document["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "my%20runs/run.json"}


@pytest.mark.parametrize(
    ("day", "message", "colour"),
    [
        (verdict(), "8 of 28, pass", "brightgreen"),
        (failed(), "8 of 28, fail", "red"),
        (inconclusive(), "8 of 28, inconclusive", "yellow"),
        (broken(), "not judged", "lightgrey"),
        (replace(verdict(), counts=MANY), "2 of 1,202, pass", "brightgreen"),
    ],
)  # fmt: skip
def test_the_badge_has_missed_cases_and_the_verdict(day, message, colour):
    """As shields.io reads it: these four entries, of its version 1."""
    assert json.loads(render_badge([day])) == {
        "schemaVersion": 1,
        "label": "COVID-19 missed",
        "message": message,
        "color": colour,
    }


def test_a_hostile_name_stays_text():
    """No sign in it that can't be seen, or that turns the direction of reading."""
    (run,) = json.loads(render_sarif([failed(HOSTILE)]))["runs"]
    text = "".join(each["message"]["text"] for each in run["results"])
    assert "<script>" in text
    assert text.isprintable()
    assert "\u202e" not in text

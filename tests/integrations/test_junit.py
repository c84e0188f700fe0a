"""JUnit XML: valid, with failures and errors apart, whatever a name holds."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from covidreport.integrations.code_quality import render_code_quality
from covidreport.integrations.junit import render_junit
from covidreport.records import Limit
from tests.integrations.verdicts import (
    HOSTILE,
    broken,
    days,
    failed,
    inconclusive,
    limit_result,
    verdict,
)

SCHEMA = Path(__file__).with_name("junit.xsd")


@pytest.mark.parametrize("day", days())
def test_it_is_valid(day, tmp_path):
    """Against the schema of what Jenkins and GitLab read."""
    xmlschema = pytest.importorskip("xmlschema", reason="xmlschema is not installed here")
    file = tmp_path / "junit.xml"
    file.write_text(render_junit(days()[day]))
    xmlschema.XMLSchema(SCHEMA).validate(file)


def test_failures_and_errors_are_apart():
    """A worse model is one failure, a broken one an error of its stage, too few cases another."""
    root = ET.fromstring(render_junit([failed(), broken(), inconclusive()]))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("6", "1", "2")
    kinds = [(e.tag, e.get("type")) for e in root.iter() if e.tag in ("failure", "error")]
    assert kinds == [("failure", "limit"), ("error", "load"), ("error", "inconclusive")]


def test_a_warning_is_no_failure():
    """It passes, and says so in the case's output."""
    (_, case, _) = ET.fromstring(render_junit([failed()])).findall(".//testcase")
    assert case.find("failure") is None
    assert case.find("system-out").text.startswith("Warning: covid-19 false_alarms is 30")


@pytest.mark.parametrize(
    ("limit", "name"),
    [
        (Limit("missed", "covid-19", max_regression=0.0), "missed against the baseline"),
        (
            Limit("false_alarms", "covid-19", max_regression=0.05, relative=True),
            "false_alarms against the baseline, 5 % of slack",
        ),
        (
            Limit("missed", "covid-19", max=12.0, max_regression=0.0),
            "missed ≤ 12, against the baseline",
        ),
        (Limit("sensitivity.low", "covid-19", min=0.7), "sensitivity.low ≥ 0.700"),
    ],
)
def test_names_stay_where_the_baseline_moves(limit, name):
    """What the baseline has stands in the message alone, or a test's history would break."""
    for baseline in (8.0, 5.0):
        result = replace(
            limit_result("fail" if baseline == 5 else "pass"), limit=limit, baseline=baseline,
            allowed_min=limit.min, allowed_max=baseline, sentence=f"at most {baseline:g}",
        )  # fmt: skip
        (case,) = ET.fromstring(render_junit([verdict(results=(result,))])).iter("testcase")
        assert case.get("name") == f"covid-19 {name}"
        assert "".join(case.itertext()).strip() == f"at most {baseline:g}"


@pytest.mark.parametrize("kind", [{"policy": "tolerant"}, {"group": True}])
def test_names_stay_where_noise_allows_more(kind):
    """An allowance in cases follows from the data: neither name nor fingerprint has it."""
    told = set()
    for allowance in (2.0, 3.0):
        limit = Limit("missed", "covid-19", max_regression=allowance, **kind)
        one = verdict(results=(replace(limit_result("fail"), limit=limit),))
        (case,) = ET.fromstring(render_junit([one])).iter("testcase")
        (issue,) = json.loads(render_code_quality([one]))
        told.add((case.get("name"), issue["fingerprint"]))
    assert [name for name, _ in told] == ["covid-19 missed against the baseline, within noise"]


def test_control_characters_are_stripped():
    """XML can't hold them in any spelling; quotes, markup and ]]> come through as they are."""
    text = render_junit([failed(HOSTILE)])
    name = ET.fromstring(text).find("testsuite").get("name", "")
    assert not set(text) & {chr(code) for code in range(32) if chr(code) not in "\t\n"}
    assert "<script>f</script> ]]>" in name
    assert "\"c\" 'd'" in name
    assert "\x1b" not in name

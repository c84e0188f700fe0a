"""JUnit XML: valid, with failures and errors apart, whatever a name holds."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from covidreport.integrations.junit import render_junit
from tests.integrations.verdicts import HOSTILE, broken, days, failed, inconclusive

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


def test_control_characters_are_stripped():
    """XML can't hold them in any spelling; quotes, markup and ]]> come through as they are."""
    text = render_junit([failed(HOSTILE)])
    name = ET.fromstring(text).find("testsuite").get("name", "")
    assert not set(text) & {chr(code) for code in range(32) if chr(code) not in "\t\n"}
    assert "<script>f</script> ]]>" in name
    assert "\"c\" 'd'" in name
    assert "\x1b" not in name

"""GitLab's two reports: OpenMetrics text and Code Quality JSON."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from covidreport.integrations.code_quality import render_code_quality
from covidreport.integrations.open_metrics import render_open_metrics
from covidreport.records import Counts
from tests.integrations.reading import read_metrics
from tests.integrations.verdicts import (
    HOSTILE,
    broken,
    days,
    failed,
    inconclusive,
    limit_result,
    many_limits,
    verdict,
)

SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


@pytest.mark.parametrize("day", days())
def test_metrics_are_read_by_prometheus_own_parser(day):
    """Every family and sample, as the reference reader of the format has it."""
    parser = pytest.importorskip(
        "prometheus_client.openmetrics.parser", reason="prometheus-client is not installed here"
    )
    text = render_open_metrics(days()[day])
    families = list(parser.text_string_to_metric_families(text))
    read = [(s.name, dict(s.labels), s.value) for each in families for s in each.samples]
    assert read == read_metrics(text)


def test_a_hostile_name_is_one_label():
    """Quotes and backslashes are escaped, line breaks are gone: one name, read back whole."""
    names = {labels["run"] for _, labels, _ in read_metrics(render_open_metrics([failed(HOSTILE)]))}
    (name,) = names
    assert '"c"' in name
    assert "\n" not in name


def test_what_is_undefined_is_left_out():
    """No NaN: a metric that can't be computed is not there."""
    told = {labels.get("metric") for _, labels, _ in read_metrics(render_open_metrics([verdict()]))}
    assert told == {None, "sensitivity", "specificity"}


@pytest.mark.parametrize("day", days())
def test_code_quality_is_what_gitlab_asks_for(day):
    """An array; each entry with its five fields, a known severity, and a fingerprint of its own."""
    issues = json.loads(render_code_quality(days()[day]))
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in SEVERITIES
        assert issue["location"]["lines"] == {"begin": 1}
        assert not issue["location"]["path"].startswith(("/", "./"))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def test_bad_and_broken_are_told_apart():
    """A broken limit is critical, a run that can't be judged a blocker, a warning minor."""
    found = {
        issue["check_name"]: issue["severity"]
        for issue in json.loads(render_code_quality([broken(), inconclusive()]))
    }
    assert found == {"covidreport-not-judged": "blocker", "covidreport-limit": "major"}
    severities = [each["severity"] for each in json.loads(render_code_quality([failed()]))]
    assert severities == ["critical", "minor", "minor"]
    assert json.loads(render_code_quality([verdict()])) == []


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        (("run.json", "model.onnx", "history.csv"), "run.json"),
        (("model.onnx", "a.csv"), "model.onnx"),
        (("evaluations/a-b/evaluation.json",), "evaluations/a-b/evaluation.json"),
    ],
)
@pytest.mark.parametrize("absolute", [False, True])
def test_a_place_is_a_file_that_there_is(files, shown, absolute, tmp_path, monkeypatch):
    """GitLab links it: a path in the repository, however the run's folder was given."""
    monkeypatch.chdir(tmp_path)
    for name in files:
        file = tmp_path / "runs" / "exp15" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    folder = tmp_path / "runs" / "exp15" if absolute else "runs/exp15"
    one = replace(failed(), folder=str(folder))
    paths = {each["location"]["path"] for each in json.loads(render_code_quality([one]))}
    assert paths == {f"runs/exp15/{shown}"}


def test_fingerprints_are_stable_while_figures_move():
    """The same limit with another figure, another reason or in another order is the same."""
    first = failed()
    moved = replace(
        first,
        counts=Counts(80, 40, 9, 19),
        results=(replace(first.results[0], value=9.0, sentence="now 9"), *first.results[1:]),
    )
    assert _fingerprints(first) == _fingerprints(moved)
    assert set(_fingerprints(replace(first, results=first.results[::-1]))) == set(
        _fingerprints(first)
    )
    assert not set(_fingerprints(replace(first, run="other"))) & set(_fingerprints(first))
    other = replace(first, results=(limit_result("fail", most=4.0),), findings=())
    assert not set(_fingerprints(other)) & set(_fingerprints(first))
    assert len(set(_fingerprints(many_limits()))) == len(_fingerprints(many_limits()))


def _fingerprints(one):
    return [issue["fingerprint"] for issue in json.loads(render_code_quality([one]))]

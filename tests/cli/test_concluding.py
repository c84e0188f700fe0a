"""How `evaluate` ends: the answer, whether it is luck, what is wrong, and a command to paste."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.cli.command import write_project

HEADS = ["misses fewest", "more than luck", "what is wrong", "go on with"]


@pytest.fixture
def project(tmp_path):
    """Of three positives new misses none and base one."""
    return write_project(tmp_path, base=100, new=85)


def _end(done):
    """The lines that matter by their heads, which are the last of stdout."""
    lines = done.out.splitlines()
    found = {head: line.removeprefix(head).strip() for line in lines for head in HEADS
             if line.startswith(head)}  # fmt: skip
    assert [*found] == HEADS
    assert lines[-1].startswith(HEADS[-1])
    assert lines[-5] == ""  # nothing stands among them
    return found


def test_three_lines_and_the_command_to_go_on_with(covidreport, project):
    """Missed and how many of how many; a gap of one case is luck; nothing else was found."""
    done = covidreport("evaluate")
    end = _end(done)
    assert end["misses fewest"] == "new: 0 of 3 COVID-19 images, with 1 false alarm of 4"
    assert end["more than luck"] == (
        "new is not significantly different from base (1 missed), after 1 comparison."
    )
    assert end["what is wrong"] == "nothing was found"
    assert done.out.count("new is not significantly different") == 1  # said once


def test_the_command_can_be_pasted(covidreport, tmp_path):
    """Options of this evaluation and folders with blanks: it reports on what was evaluated."""
    write_project(tmp_path, base=100, new=85)
    (tmp_path / "runs").rename(tmp_path / "my runs")
    assert covidreport("evaluate", "my runs").code == 0
    done = covidreport("evaluate", "my runs/new", "my runs/base", "--split", "train")
    words = shlex.split(_end(done)["go on with"])
    assert words[:2] == ["covidreport", "render"]
    rendered = covidreport(*words[1:], "--format", "json")
    assert rendered.code == 0, rendered.err
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["dataset"], report["split"]) == ("data", "train")
    assert {each["run"]["name"] for each in report["runs"]} == {"new", "base"}


def test_what_failed_is_named(covidreport, project):
    """By name, in the line of what is wrong; the others are ranked."""
    (project / "runs" / "odd").mkdir()
    (project / "runs" / "odd" / "model.onnx").write_bytes(b"no model")
    done = covidreport("evaluate")
    assert done.code == 3
    end = _end(done)
    assert end["what is wrong"] == "odd was not evaluated"
    assert end["misses fewest"].startswith("new: 0 of 3")


def test_nothing_to_report_on_has_no_command(covidreport, project):
    """Where every run failed there is only what is wrong."""
    for name in ("base", "new"):
        (project / "runs" / name / "model.onnx").write_bytes(b"no model")
    done = covidreport("evaluate")
    assert done.code == 3
    assert done.out.split("\n") == ["", "what is wrong   base, new were not evaluated", ""]


def test_one_run_has_nothing_to_be_compared_with(covidreport, project):
    """And is no best of several."""
    end = _end(covidreport("evaluate", "runs/new"))
    assert end["more than luck"] == "there is no other ranked run to compare it with"


def test_json_is_all_of_stdout(covidreport, project):
    """One document, and none of these lines."""
    done = covidreport("evaluate", "--json")
    assert set(json.loads(done.out)) >= {"schema", "rankings"}
    assert not [head for head in HEADS if head in done.out + done.err]

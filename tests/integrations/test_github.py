"""What a GitHub job shows: summary, annotations, outputs; read as GitHub reads them."""

from __future__ import annotations

import re

import pytest

from covidreport.integrations.github import (
    SUMMARY_LIMIT_BYTES,
    format_outputs,
    list_annotations,
    post_github,
)
from tests.integrations.verdicts import HOSTILE, broken, days, failed, inconclusive, many_limits

COMMAND = re.compile(r"::(error|warning) title=([^:,]*)::(.*)")


def _read_outputs(text: str) -> dict[str, str]:
    """As GitHub's runner: `name<<delimiter`, lines, the delimiter alone."""
    lines = text.split("\n")
    found = {}
    while lines and lines[0]:
        name, _, delimiter = lines.pop(0).partition("<<")
        end = lines.index(delimiter)
        found[name], lines = "\n".join(lines[:end]), lines[end + 1 :]
    return found


def test_outputs_hold_several_lines_and_can_t_be_forged():
    """A value that looks like an output of its own stays a value."""
    values = {"sentence": "one\ntwo<<EOF\nEOF\noutcome=pass", "outcome": "fail"}
    assert _read_outputs(format_outputs(values)) == values


def test_a_job_gets_summary_outputs_and_annotations(tmp_path, capsys):
    """Where the environment says; annotations on stderr, so that JSON on stdout stays whole."""
    summary, outputs = tmp_path / "summary", tmp_path / "outputs"
    summary.write_text("Of an earlier command.\n")
    environment = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_OUTPUT": str(outputs),
    }
    post_github([failed()], environment)
    assert summary.read_text().startswith(
        "Of an earlier command.\n<!-- covidreport:verdict -->\n## "
    )
    assert _read_outputs(outputs.read_text()) == {
        "outcome": "fail",
        "exit-code": "1",
        "sentence": "worse misses 8 of 28 COVID-19 images, the baseline 5; 1 of 2 limits not kept.",
        "runs": "worse",
        "missed": "8",
        "false-alarms": "30",
        "newly-missed": "3",
    }
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("::error title=worse%3A covid-19 missed::")


def test_outside_a_job_nothing_is_written(tmp_path, capsys):
    """Although the variables are there."""
    post_github([failed()], {"GITHUB_OUTPUT": str(tmp_path / "outputs")})
    assert not (tmp_path / "outputs").exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("day", days())
def test_annotations_are_commands_within_the_ten_that_are_shown(day):
    """One line each, title and text escaped; the last of too many says how many more there are."""
    lines = list_annotations(days()[day])
    for line in lines:
        assert COMMAND.fullmatch(line), line
        assert not re.search(r"%(?!25|0A|0D|3A|2C)", line)
    for level in ("error", "warning"):
        assert sum(line.startswith(f"::{level} ") for line in lines) <= 10


def test_many_annotations_end_in_a_count():
    """100 of 500 limits are not kept: nine are shown, and 91 more are told of."""
    errors = [line for line in list_annotations([many_limits()]) if line.startswith("::error")]
    assert len(errors) == 10
    assert errors[-1].endswith("::91 more: the summary and verdict.json have them.")


def test_a_run_that_is_broken_or_unclear_is_an_error():
    """Neither is a pass, and each says which it is."""
    one, other = list_annotations([broken(), inconclusive()])
    assert one.startswith("::error title=broken could not be judged::broken could not be judged")
    assert "is inconclusive::" in other


@pytest.mark.parametrize("taken", [0, 1_000_000, SUMMARY_LIMIT_BYTES - 500])
def test_the_summary_stays_under_its_mebibyte(tmp_path, taken):
    """With what stands there already: parts that do not fit are left out, and that is said."""
    summary = tmp_path / "summary"
    summary.write_text("x" * taken)
    hostile = [failed(HOSTILE + str(i)) for i in range(2000)]
    post_github(hostile, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert taken < summary.stat().st_size <= SUMMARY_LIMIT_BYTES
    assert "left out here for its length" in summary.read_text()

"""The pre-commit hook: which commits it looks at, and what it then calls."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.integrations.run_folders import GOOD, POOR, write_scored_run

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed here")
ROOT = Path(__file__).resolve().parents[2]
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
EXAMPLE = yaml.safe_load((ROOT / "examples" / "ci" / "pre-commit-config.yaml").read_text())


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("runs/new/run.json", True),
        ("runs/new/evaluations/cxr-validation/evaluation.json", True),
        ("runs/new/evaluations/cxr-validation/scores.parquet", True),
        ("baseline.json", True),
        ("covidreport.toml", True),
        ("src/baseline.json.py", False),
        ("README.md", False),
        ("runs/new/history.csv", False),
    ],
)
def test_it_looks_at_what_a_verdict_depends_on(path, wanted):
    """Evaluations, thresholds, the baseline and the configuration; nothing else."""
    assert bool(re.search(HOOK["files"], path)) == wanted


def test_the_example_s_call_stops_a_commit_that_misses_more(covidreport, tmp_path):
    """The hook's command with the example's arguments: 0 for the better run, 1 for the worse."""
    (hook,) = EXAMPLE["repos"][0]["hooks"]
    assert hook["id"] == HOOK["id"]
    assert HOOK["pass_filenames"] is False
    words = [*shlex.split(HOOK["entry"])[1:], *hook["args"]]
    write_scored_run(tmp_path / "first", covid=GOOD)
    done = covidreport("baseline", "set", "first")
    assert done.code == 0, done.err
    write_scored_run(tmp_path / "runs" / "new", covid=GOOD)
    assert covidreport(*words).code == 0
    write_scored_run(tmp_path / "runs" / "new", covid=POOR)
    assert covidreport(*words).code == 1


def test_an_old_worse_run_stops_no_commit_for_ever(covidreport, tmp_path):
    """One that stood there when the baseline was set is known; a new one like it is not."""
    (hook,) = EXAMPLE["repos"][0]["hooks"]
    words = [*shlex.split(HOOK["entry"])[1:], *hook["args"]]
    write_scored_run(tmp_path / "runs" / "first", covid=GOOD)
    write_scored_run(tmp_path / "runs" / "old", covid=POOR)
    assert covidreport("baseline", "set", "runs/first", "--known", "runs").code == 0
    write_scored_run(tmp_path / "runs" / "new", covid=GOOD)
    assert covidreport(*words).code == 0
    write_scored_run(tmp_path / "runs" / "newer", covid=POOR)
    assert covidreport(*words).code == 1

"""The composite action: its steps, run as a runner would run them, and its names."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from release.names import find_owner
from tests.forking import find_forks
from tests.integrations.comment_api import serve_comments
from tests.integrations.run_folders import GOOD, POOR, write_scored_run

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed here")
ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step.get("name") or step["uses"]: step for step in ACTION["runs"]["steps"]}
COMMAND = "import sys; from covidreport.cli import main; main()"


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A checkout with a baseline, a worse run and the environment of a job; gives a step runner.

    `covidreport ci` would evaluate, and these runs have no model: `gate` takes its place, with the
    same arguments.
    """
    monkeypatch.chdir(tmp_path)
    for folder in ("bin", "baseline"):
        (tmp_path / folder).mkdir()
    program = tmp_path / "bin" / "covidreport"
    python = find_forks().python("covidreport")
    program.write_text(
        f'#!/bin/sh\n[ "$1" = ci ] && shift && exec "{python}" -c "{COMMAND}" gate "$@"\nexit 99\n'
    )
    program.chmod(0o755)
    (tmp_path / "bin" / "python").symlink_to(python)
    write_scored_run(tmp_path / "baseline" / "good")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    with serve_comments() as api:
        environment = {
            **os.environ,
            "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": "owner/name",
            "GITHUB_API_URL": api.address,
        }

        def run(name, **values):
            words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]]
            return subprocess.run(
                words, env={**environment, **values}, capture_output=True, text=True, check=False
            )

        yield run, api, tmp_path


COMMENT = {"GITHUB_TOKEN": "token", "KEY": ""}
GATE = {"RUNS": "runs", "BASELINE": "baseline/good", "DATA": "", "LIMITS": "", "ARGUMENTS": ""}


def test_a_worse_run_fails_the_job_after_report_and_comment(job):
    """The gate's step succeeds, the comment is posted, and the last step ends with its code."""
    run, api, here = job
    write_scored_run(here / "runs" / "poor", covid=POOR)
    done = run("Gate", **GATE)
    assert done.returncode == 0, done.stderr
    output = (here / "output").read_text()
    assert output.endswith("status=1\n")
    assert "outcome<<" in output
    assert "::error title=poor" in done.stderr
    assert (here / "covidreport-verdict" / "junit.xml").is_file()
    assert "misses 2 of 4" in (here / "summary").read_text()
    for _ in range(2):
        posted = run("Comment on the pull request", **COMMENT)
        assert posted.returncode == 0, posted.stderr
    (comment,) = api.comments
    assert "❌ covidreport: fail, poor" in comment["body"]
    assert "**Newly missed** (2 images" in comment["body"]
    assert run("Verdict", STATUS="1").returncode == 1
    assert run("Verdict", STATUS="0").returncode == 0


def test_words_of_inputs_are_arguments_and_never_shell(job):
    """Limits a line each; quotes and dollars in them do nothing."""
    run, _, here = job
    write_scored_run(here / "runs" / "good2", covid=GOOD)
    limits = "sensitivity.low>=0.5\n\nnormal:missed<=5"
    done = run("Gate", **{**GATE, "LIMITS": limits})
    assert (here / "output").read_text().endswith("status=0\n"), done.stderr
    verdict = json.loads((here / "covidreport-verdict" / "verdict.json").read_text())
    assert len(verdict["verdicts"][0]["results"]) == 4
    run("Gate", **{**GATE, "LIMITS": '"; touch forged; $(touch forged) `touch forged`'})
    assert (here / "output").read_text().endswith("status=2\n")
    assert not (here / "forged").exists()


def test_without_a_verdict_the_comment_says_so(job):
    """Wrong usage leaves no verdict: the one of an earlier push must not stay as today's."""
    run, api, here = job
    write_scored_run(here / "runs" / "good2", covid=GOOD)
    run("Gate", **GATE)
    run("Comment on the pull request", **COMMENT)
    assert "pass, good2" in api.comments[0]["body"]
    run("Gate", **{**GATE, "LIMITS": "nonsense"})
    assert run("Comment on the pull request", **COMMENT).returncode == 0
    (comment,) = api.comments
    assert "covidreport: not judged" in comment["body"]


def test_what_a_fork_s_job_may_not_is_said_and_no_failure(job):
    """The comment's step passes; the summary has the verdict and why there is no comment."""
    run, api, here = job
    api.refuse = 403
    write_scored_run(here / "runs" / "poor", covid=POOR)
    run("Gate", **GATE)
    assert run("Comment on the pull request", **COMMENT).returncode == 0
    assert "Jobs of forks read only" in (here / "summary").read_text()


def test_the_base_branch_is_fetched_where_the_checkout_has_it_not(job, tmp_path):
    """Of a shallow clone; a branch that is not there is no failure of the job."""
    run, _, _ = job
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")

    def git(*words):
        return subprocess.run(["git", *identity, *words], check=True, capture_output=True)

    git("init", "-qb", "main", "origin")
    git("-C", "origin", "commit", "-qm", "first", "--allow-empty")
    git("-C", "origin", "checkout", "-qb", "change")
    git("-C", "origin", "commit", "-qm", "second", "--allow-empty")
    git("clone", "-q", "--depth=1", "--branch=change", f"file://{tmp_path}/origin", "clone")
    os.chdir("clone")
    for branch, words in (("main", ""), ("main", ""), ("absent", "could not be fetched")):
        done = run("Fetch the base branch", BASE=branch)
        assert done.returncode == 0, done.stderr
        assert words in done.stdout
    git("rev-parse", "--verify", "refs/remotes/origin/main^{commit}")


def test_no_input_stands_in_a_script():
    """Inputs reach the shell through the environment alone, where they can't be code."""
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_actions_of_others_are_those_of_the_one_list():
    """By digest with the tag behind it, as docs/ci.md lists them; each that is listed is used."""
    row = re.compile(r"^\| `([\w-]+/[\w-]+)` \| (v[\d.]+) \| `([0-9a-f]{40})` \|$", re.MULTILINE)
    listed = {row[0]: row[1:] for row in row.findall((ROOT / "docs" / "ci.md").read_text())}
    folders = [ROOT / name for name in (".github", "docs", "examples")]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    files += [*ROOT.glob("*.yml"), *ROOT.glob("*.md")]
    used = {}
    for file in files:
        if file.suffix in (".yml", ".yaml", ".md"):
            for name, rest in re.findall(r"uses: ([^@\s]+)(@.*)", file.read_text("utf-8")):
                if name != f"{find_owner()}/covidreport":
                    assert name in listed, f"{file}: docs/ci.md does not list {name}"
                    tag, digest = listed[name]
                    assert rest == f"@{digest} # {tag}", f"{file}: {name} is not as in docs/ci.md"
                    used[name] = file
    assert used.keys() == listed.keys()


def test_every_input_is_used_and_every_output_exists():
    """What a step reads is declared; what is declared is read."""
    text = (ROOT / "action.yml").read_text()
    assert set(re.findall(r"inputs\.([a-z-]+)", text)) == set(ACTION["inputs"])
    from covidreport.integrations.github import list_outputs

    used = set(re.findall(r"steps\.gate\.outputs\.([a-z-]+)", text)) - {"status"}
    assert used <= set(list_outputs([]))


def test_the_example_workflow_uses_inputs_that_there_are():
    """Each `with` of the example is an input of the action, each output read is one of its own."""
    text = (ROOT / "examples" / "ci" / "github-workflow.yml").read_text()
    steps = yaml.safe_load(text)["jobs"]["gate"]["steps"]
    (ours,) = [step for step in steps if "covidreport" in step.get("uses", "")]
    assert set(ours["with"]) <= set(ACTION["inputs"])
    assert set(re.findall(r"steps\.covidreport\.outputs\.([a-z-]+)", text)) <= set(
        ACTION["outputs"]
    )

"""Scores that are described by other processes: the evaluations are those of one process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from covidreport import EvaluateOptions, evaluate_runs
from covidreport.evaluate import describe, group, record
from covidreport.evaluate.group import count_workers
from covidreport.evaluate.record import evaluate_runs as evaluate_request
from covidreport.records import MetricPlan
from covidreport.records.events import StepsDone
from covidreport.storage.runs import discover_runs
from tests.cli.command import ROOT, read_evaluations, start_command, write_model, write_project
from tests.cli.test_bad_days import SLOW
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import make_request
from tests.processes import find_workers, is_gone

TWO = "import covidreport.evaluate.record as record; record.count_workers = lambda *_: 2\n"
needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Five runs, one of a softmax, and 200 images of 100 patients, of which one is broken; the runs
    once more in `others`, for two processes."""
    write_project(tmp_path, a=85, b=100, c=130, d=95)
    write_model(tmp_path / "runs" / "e", 90, tail=("Softmax",))
    labels = ("covid-19", "normal", "pneumonia")
    rows = [(i * 7 % 251, labels[i % 3], ("tuning", "validation")[i % 2]) for i in range(400)]
    write_flat_dataset(tmp_path / "data", rows, patients=[f"p{i // 4}" for i in range(400)])
    (tmp_path / "data" / "007.png").write_bytes(b"no picture")
    shutil.copytree(tmp_path / "runs", tmp_path / "others")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def two(monkeypatch):
    """From when it is called on two processes describe scores, and this one never does."""

    def begin(here=False):
        monkeypatch.setattr(record, "count_workers", lambda *_: 2)
        if not here:
            monkeypatch.setattr(describe, "compute_metrics", lambda *_: pytest.fail("done here"))

    return begin


def test_evaluations_are_those_of_one_process(covidreport, study, two):
    """Byte for byte: with patients, a failed image, a softmax and tuned thresholds."""

    def evaluate(folder):
        words = ("--max-failed-share", "0.1", "--jobs", "2")
        return covidreport("evaluate", folder, "--split", "validation", *words,
                           "--thresholds", "tuned")  # fmt: skip

    for folder in ("runs", "others"):
        assert covidreport("evaluate", folder, "--split", "tuning").code == 0
        tune = ("--split", "tuning", "--label", "covid-19", "--target-sensitivity", "0.9")
        assert covidreport("tune", folder, *tune).code == 0
    assert evaluate("runs").code == 0
    two()
    done = evaluate("others")
    assert done.code == 0, done.err
    assert read_evaluations(study / "others") == read_evaluations(study / "runs")
    assert len(read_evaluations(study / "runs")) == 20


@needs_proc
def test_so_are_they_where_processes_are_killed(study, two):
    """Both, while images are scored: what they had to do is done here."""
    killed = []

    def kill(event):
        if isinstance(event, StepsDone) and not killed:
            killed.extend(find_workers(os.getpid()))
            for each in killed:
                os.kill(each, signal.SIGKILL)

    options = EvaluateOptions(provider="cpu", max_failed_share=0.1)
    evaluate_runs("runs", options=options)
    two(here=True)
    done = evaluate_runs("others", options=options, on_event=kill)
    assert len(killed) == 2
    assert done.failures == ()
    assert read_evaluations(study / "others") == read_evaluations(study / "runs")


def test_what_fails_there_is_the_failure_that_it_is_here(study, two):
    """The same stage, reason with its place, and remedy."""
    request = make_request(study / "data" / "manifest.csv")
    broken = replace(request, metrics=replace(MetricPlan(), specificities=("none",)))
    here = evaluate_request(broken, discover_runs([study / "runs"]))
    two(here=True)
    there = evaluate_request(broken, discover_runs([study / "others"]))
    assert [each.failure for each in there] == [each.failure for each in here]
    assert here[0].failure.reason.startswith("a defect of covidreport: ")


def test_few_runs_or_one_job_need_none(study, monkeypatch):
    """A thousand runs have enough for each core to do, 18 on 200 images do not; they fit into half
    of the free memory."""
    request = make_request(study / "data" / "manifest.csv")
    monkeypatch.setattr(group, "available_bytes", lambda: 16e9)
    counted = {jobs: count_workers(replace(request, jobs=jobs), 1000) for jobs in (1, 2, 16)}
    assert counted == {1: 0, 2: 2, 16: 16}
    assert count_workers(replace(request, jobs=16), 18) == 0
    monkeypatch.setattr(group, "available_bytes", lambda: 5e8)
    assert count_workers(replace(request, jobs=16), 1000) == 2


def test_a_script_needs_no_guard(study):
    """It runs once, whatever processes are begun."""
    script = study / "script.py"
    script.write_text(
        f"{TWO}import covidreport\nprint('once')\n"
        "options = covidreport.EvaluateOptions(provider='cpu', max_failed_share=0.1)\n"
        "print(len(covidreport.evaluate_runs('others', options=options).outcomes))\n"
    )
    done = subprocess.run(
        [sys.executable, script], env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "once\n5\n"), done.stderr


@needs_proc
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_leaves_none(study, stop):
    """Within two seconds, and nothing else is said."""
    process = start_command(study, "evaluate", "runs", before=TWO + SLOW, fresh=True)
    assert process.stdout.readline() == "scoring\n"
    workers = find_workers(process.pid)
    assert len(workers) == 2
    process.send_signal(stop)
    began = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 4
    assert process.returncode == 128 + stop
    assert "Traceback" not in said
    assert all(is_gone(each, 0.5) for each in workers)

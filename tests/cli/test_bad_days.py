"""The bad days of a pipeline.

What they have in common: a bad model fails with 1, what could not be judged ends with 3 and says
why, and nothing ever passes because something broke. Where the process itself is what breaks, the
command has one of its own.
"""

from __future__ import annotations

import json
import re
import resource
import shutil
import signal
from contextlib import contextmanager
from functools import partial

import pytest

from covidreport.evaluate import units
from covidreport.store import read_evaluation, write_run
from tests.cli.command import (
    ROWS,
    read_verdict,
    run_command,
    start_command,
    write_model,
    write_project,
)
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

KEY = "data-validation"


@pytest.fixture
def project(tmp_path, covidreport, monkeypatch):
    """Data, a baseline that misses one of three, its baseline.json and a configuration."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write_project(tmp_path, base=100)
    assert covidreport("evaluate", "runs").code == 0
    assert covidreport("baseline", "set", "runs/base").code == 0
    return tmp_path


@pytest.fixture
def judge(project, covidreport):
    """Call `covidreport ci runs/new` in the project, inside this process."""
    return partial(covidreport, "ci", "runs/new")


def _refused(project, done, stage):
    """The reason of a verdict that is none, at this stage."""
    assert done.code == 3, done.err
    document, verdict = read_verdict(project / "verdict")
    assert (document["outcome"], verdict["outcome"]) == ("error", "error")
    assert verdict["error"]["stage"] == stage, verdict["error"]
    assert "Traceback" not in done.err
    return verdict["error"]["reason"]


def test_a_model_file_half_written_is_told_apart_from_a_bad_model(project, judge):
    """An upload that stopped can't be loaded: 3, with the name of the file."""
    path = write_model(project / "runs" / "new", 85)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reason = _refused(project, judge(), "load")
    assert "model.onnx" in reason


def test_a_model_with_other_labels_is_told_by_them(project, judge):
    """What it lacks and what it states instead; no label is guessed."""
    write_model(project / "runs" / "new", 85, labels=("flu", "normal", "pneumonia"))
    reason = _refused(project, judge(), "load")
    assert "no output for covid-19; it states flu, normal, pneumonia" in reason


def test_a_model_that_answers_nan_is_invalid_and_not_negative(project, judge):
    """Log of a negative number: not finite, so the run is no run."""
    write_brightness_model(
        project / "runs" / "new" / "model.onnx", offsets=(-200.0, 10.0, -1.0), tail=("Log",)
    )
    reason = _refused(project, judge(), "infer")
    assert "not finite" in reason


def test_a_model_that_says_covid_19_for_all_fails(project, judge):
    """It misses nobody, and the floor of the specificity fails it."""
    write_model(project / "runs" / "new", -1000)
    done = judge()
    assert done.code == 1, done.err
    _, verdict = read_verdict(project / "verdict")
    assert [each["outcome"] for each in verdict["results"]] == ["pass", "fail"]
    assert verdict["counts"]["tn"] == 0


def test_a_truncated_positive_counts_as_missed(project, judge):
    """The same file for baseline and run: it is missed by both, and shown as failed."""
    image = project / "data" / "000.png"
    image.write_bytes(image.read_bytes()[:40])
    write_model(project / "runs" / "new", 85)
    allowed = ("--max-failed-share", "0.2")  # one of seven, which are more than usually may fail
    assert "not one" not in _refused(project, judge(), "data")
    assert "data" in _refused(project, judge(*allowed), "baseline")
    done = judge("--baseline", "runs/base", "--limit", "missed<=0", *allowed)
    assert done.code == 1, done.err
    _, verdict = read_verdict(project / "verdict")
    assert verdict["counts"]["failed_positive"] == 1
    assert verdict["results"][-1]["value"] == 1
    assert "1 of 7 images could not be scored" in {each["what"] for each in verdict["findings"]}


def test_a_manifest_that_changed_since_the_baseline_is_refused(project, judge):
    """One positive more than the baseline had: no comparison, the difference is shown."""
    write_flat_dataset(project / "data", [*ROWS, (60, "covid-19", "validation")])
    write_model(project / "runs" / "new", 85)
    reason = _refused(project, judge(), "baseline")
    assert "images: 8; the baseline's: 7" in reason
    assert "covid-19: 4 positive, 4 negative; the baseline's: 3 positive, 4 negative" in reason


def test_missing_data_is_no_verdict(project, judge):
    """A folder that was not mounted."""
    shutil.rmtree(project / "data")
    write_model(project / "runs" / "new", 85)
    assert "no such file or folder" in _refused(project, judge(), "data")


@pytest.mark.parametrize("schema", ["covidreport.baseline/0", "covidreport.baseline/2"])
def test_a_baseline_of_another_covidreport_says_what_to_do(project, judge, schema):
    """Its schema is named, and that it is to be set again."""
    file = project / "baseline.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": schema}))
    write_model(project / "runs" / "new", 85)
    reason = _refused(project, judge(), "baseline")
    assert f"its schema is '{schema}'" in reason
    assert "covidreport baseline set" in reason


def test_no_gpu_where_one_was_promised_is_an_error(project):
    """Never a quiet run on the CPU."""
    write_model(project / "runs" / "new", 85)
    words = ("ci", "runs/new", "--provider", "cuda")
    done = run_command(project, *words, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 3, done.stderr
    _, verdict = read_verdict(project / "verdict")
    assert (verdict["outcome"], verdict["error"]["stage"]) == ("error", "provider")
    assert not (project / "runs" / "new" / "evaluations").exists()


@contextmanager
def _files_up_to(size):
    """No file of this process grows beyond so many bytes meanwhile."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_a_full_disk_is_no_verdict_and_leaves_none(project, judge):
    """Whatever could not be written, the exit code is 3, the file is named, old files stay."""
    write_model(project / "runs" / "new", 85)
    assert judge().code == 0
    stands = project / "runs" / "new" / "evaluations" / KEY / "evaluation.json"
    write_model(project / "runs" / "new", 84)
    for size in (100, 2_000, 8_000, 60_000):  # cache; scores; evaluation; report
        with _files_up_to(size):
            done = judge()
        assert done.code == 3, (size, done.err)
        assert "File too large" in done.err + done.out, size
        assert "Traceback" not in done.err, size
        assert read_evaluation(stands).run == "new"
        assert not list(project.rglob("*.part")), size
    assert judge().code == 0


def test_evaluate_on_a_full_disk_ends_with_3_and_the_name_of_the_file(project, covidreport):
    """No traceback and no half written evaluation."""
    write_model(project / "runs" / "new", 85)
    with _files_up_to(1_000):
        done = covidreport("evaluate", "runs/new")
    assert done.code == 3, done.err
    assert "File too large" in done.err
    assert "Traceback" not in done.err
    assert not list((project / "runs" / "new").rglob("evaluation.json"))


SLOW = (
    "import os, signal, time, covidreport.evaluate.units as units\n"
    # a test run in the background of a shell inherits that SIGINT is ignored
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "score = units.score_chunk\n"
    "def slowly(*words):\n"
    "    os.write(1, b'scoring\\n')\n"  # in one piece, as several threads say it
    "    time.sleep(float(os.environ.get('SLOWLY', '60')))\n"
    "    return score(*words)\n"
    "units.score_chunk = slowly"
)
"""Python that makes a model slow, and says when it is at work."""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_job_that_was_cancelled_is_no_pass_and_can_be_started_again(project, judge, stop):
    """No exit code 0, no verdict; the next one judges as if nothing had been."""
    write_model(project / "runs" / "new", 85)
    assert judge().code == 0
    write_model(project / "runs" / "new", 115)
    process = start_command(project, "ci", "runs/new", before=SLOW, SLOWLY="3")
    assert process.stdout.readline() == "scoring\n"
    process.send_signal(stop)
    process.communicate(timeout=60)
    assert process.returncode not in (0, 1, 3, 4)
    assert not (project / "verdict" / "verdict.json").exists()
    done = judge()
    assert done.code == 1, done.err
    assert read_verdict(project / "verdict")[1]["counts"]["fn"] == 2


def test_two_jobs_on_one_folder_wait_for_each_other(project, judge, monkeypatch):
    """The second says so, keeps what the first computed, and both come to the same verdict."""
    write_model(project / "runs" / "new", 85)
    first = start_command(project, "ci", "runs/new", "--output-dir", "one", before=SLOW, SLOWLY="3")
    assert first.stdout.readline() == "scoring\n"
    monkeypatch.setattr(units, "score_chunk", lambda *_: pytest.fail("the second scored as well"))
    second = judge("--output-dir", "two")
    first.communicate(timeout=60)
    assert (first.returncode, second.code) == (0, 0), second.err
    assert "another process evaluates new on these images; waiting" in second.err
    one, two = (read_verdict(project / name)[1] for name in ("one", "two"))
    assert {**one, "timing": None} == {**two, "timing": None}


HOSTILE = 'new "run" | <b>&amp;</b>\n::error::\x1b[31m`rm` $(x) %0A\u202e'


def test_a_hostile_name_commands_nothing(project, judge):
    """Quotes, pipes, newlines, markup and escapes: one line on the terminal, whole in the file."""
    write_model(project / "runs" / "new", 115)
    write_run(project / "runs" / "new", {"name": HOSTILE})
    done = judge()
    assert done.code == 1, done.err
    assert read_verdict(project / "verdict")[1]["run"] == HOSTILE
    for text in (done.out, done.err):
        assert "\x1b" not in text
        assert not any(line.startswith("::error::") for line in text.splitlines())
    page = (project / "verdict" / "report.html").read_text()
    assert "<b>&amp;</b>" not in page


def test_500_runs_are_judged_in_one_call(tmp_path, covidreport):
    """Counts of 500 runs against the best of them: one row each, and the overview says which."""
    header = "run,split,label,tn,fp,fn,tp"
    rows = [
        f"run{place:03},validation,covid-19,{190 - place % 7},{10 + place % 7},{place % 29},"
        f"{28 - place % 29}"
        for place in range(500)
    ]
    (tmp_path / "counts.csv").write_text("\n".join([header, *rows]) + "\n")
    done = covidreport("import-counts", "counts.csv")
    assert done.code == 0, done.err
    done = covidreport("gate", "runs", "--limit", "missed<=14", "--output-dir", "out")
    assert done.code == 1, done.err
    document, _ = read_verdict(tmp_path / "out")
    outcomes = [each["outcome"] for each in document["verdicts"]]
    assert len(outcomes) == 500
    assert outcomes.count("pass") == sum(place % 29 <= 14 for place in range(500))
    assert len(re.findall(r"^(?:PASS|FAIL) +run\d{3} ", done.out, flags=re.MULTILINE)) >= 500


def test_a_broken_evaluation_is_no_verdict(project, judge, covidreport):
    """evaluation.json that is no JSON: gate alone refuses, ci computes it again."""
    write_model(project / "runs" / "new", 85)
    assert judge().code == 0
    file = project / "runs" / "new" / "evaluations" / KEY / "evaluation.json"
    file.write_text(file.read_text()[:100])
    done = covidreport("gate", "runs/new", "--output-dir", "verdict")
    assert "is not valid JSON" in _refused(project, done, "read")
    assert judge().code == 0
    assert read_evaluation(file).run == "new"


def test_an_output_that_can_not_be_written_is_no_pass(project, judge):
    """A folder that is a file: the verdict is shown, and the exit code is 3."""
    write_model(project / "runs" / "new", 85)
    (project / "taken").write_text("")
    done = judge("--output-dir", "taken")
    assert done.code == 3
    assert "Traceback" not in done.err

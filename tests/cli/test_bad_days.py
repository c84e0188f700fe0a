"""The bad days of a pipeline, each with the real command in a process of its own.

What they have in common: a bad model fails with 1, what could not be judged ends with 3 and says
why, and nothing ever passes because something broke.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import time

import pytest

from covidreport.store import read_evaluation, write_run
from tests.cli.command import (
    ROWS,
    read_verdict,
    run_command,
    start_command,
    write_model,
    write_study,
)
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

KEY = "data-validation"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Data, a baseline that misses one of three, its baseline.json and a configuration."""
    folder = write_study(tmp_path_factory.mktemp("prepared"), base=100)
    (folder / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    cache = {"COVIDREPORT_CACHE": str(folder / "cache")}
    assert run_command(folder, "evaluate", "runs", **cache).returncode == 0
    assert run_command(folder, "baseline", "set", "runs/base", **cache).returncode == 0
    return folder


@pytest.fixture
def project(prepared, tmp_path):
    """A copy of it, of this test alone."""
    return shutil.copytree(prepared, tmp_path / "project")


def _ci(project, *words, **options):
    return run_command(project, "ci", "runs/new", *words, **options)


def _refused(project, done, stage):
    """The reason of a verdict that is none, at this stage."""
    assert done.returncode == 3, done.stderr
    document, verdict = read_verdict(project / "verdict")
    assert (document["outcome"], verdict["outcome"]) == ("error", "error")
    assert verdict["error"]["stage"] == stage, verdict["error"]
    assert "Traceback" not in done.stderr
    return verdict["error"]["reason"]


def test_a_model_file_half_written_is_told_apart_from_a_bad_model(project):
    """An upload that stopped can't be loaded: 3, with the name of the file."""
    path = write_model(project / "runs" / "new", 85)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reason = _refused(project, _ci(project), "load")
    assert "model.onnx" in reason


def test_a_model_with_other_labels_is_told_by_them(project):
    """What it lacks and what it states instead; no label is guessed."""
    write_model(project / "runs" / "new", 85, labels=("flu", "normal", "pneumonia"))
    reason = _refused(project, _ci(project), "load")
    assert "no output for covid-19; it states flu, normal, pneumonia" in reason


def test_a_model_that_answers_nan_is_invalid_and_not_negative(project):
    """Log of a negative number: not finite, so the run is no run."""
    write_brightness_model(
        project / "runs" / "new" / "model.onnx", offsets=(-200.0, 10.0, -1.0), tail=("Log",)
    )
    reason = _refused(project, _ci(project), "infer")
    assert "not finite" in reason


def test_a_model_that_says_covid_19_for_all_fails(project):
    """It misses nobody, and the floor of the specificity fails it."""
    write_model(project / "runs" / "new", -1000)
    done = _ci(project)
    assert done.returncode == 1, done.stderr
    _, verdict = read_verdict(project / "verdict")
    assert [each["outcome"] for each in verdict["results"]] == ["pass", "fail"]
    assert verdict["counts"]["tn"] == 0


def test_a_truncated_positive_counts_as_missed(project):
    """The same file for baseline and run: it is missed by both, and shown as failed."""
    image = project / "data" / "000.png"
    image.write_bytes(image.read_bytes()[:40])
    write_model(project / "runs" / "new", 85)
    assert "data" in _refused(project, _ci(project), "baseline")
    done = _ci(project, "--baseline", "runs/base", "--limit", "missed<=0")
    assert done.returncode == 1, done.stderr
    _, verdict = read_verdict(project / "verdict")
    assert verdict["counts"]["failed_positive"] == 1
    assert verdict["results"][-1]["value"] == 1
    assert "1 of 7 images could not be scored" in {each["what"] for each in verdict["findings"]}


def test_a_manifest_that_changed_since_the_baseline_is_refused(project):
    """One positive more than the baseline had: no comparison, the difference is shown."""
    write_flat_dataset(project / "data", [*ROWS, (60, "covid-19", "validation")])
    write_model(project / "runs" / "new", 85)
    reason = _refused(project, _ci(project), "baseline")
    assert "images: 8; the baseline's: 7" in reason
    assert "covid-19: 4 positive, 4 negative; the baseline's: 3 positive, 4 negative" in reason


def test_missing_data_is_no_verdict(project):
    """A folder that was not mounted."""
    shutil.rmtree(project / "data")
    write_model(project / "runs" / "new", 85)
    assert "no such file or folder" in _refused(project, _ci(project), "data")


@pytest.mark.parametrize("schema", ["covidreport.baseline/0", "covidreport.baseline/2"])
def test_a_baseline_of_another_covidreport_says_what_to_do(project, schema):
    """Its schema is named, and that it is to be set again."""
    file = project / "baseline.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": schema}))
    write_model(project / "runs" / "new", 85)
    reason = _refused(project, _ci(project), "baseline")
    assert f"its schema is '{schema}'" in reason
    assert "covidreport baseline set" in reason


def test_no_gpu_where_one_was_promised_is_an_error(project):
    """Never a quiet run on the CPU."""
    write_model(project / "runs" / "new", 85)
    done = _ci(project, "--provider", "cuda", CUDA_VISIBLE_DEVICES="")
    if done.returncode == 0:
        pytest.skip("there is a card here")
    _refused(project, done, "provider")
    assert not (project / "runs" / "new" / "evaluations").exists()


def _limited(size):
    """Python that lets no file of the process grow beyond so many bytes."""
    return f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"


def test_a_full_disk_is_no_verdict_and_leaves_none(project):
    """Whatever could not be written, the exit code is 3, the file is named, old files stay."""
    write_model(project / "runs" / "new", 85)
    assert _ci(project).returncode == 0
    stands = project / "runs" / "new" / "evaluations" / KEY / "evaluation.json"
    write_model(project / "runs" / "new", 84)
    for size in (100, 2_000, 8_000, 60_000):  # cache; scores; evaluation; report
        done = _ci(project, before=_limited(size))
        assert done.returncode == 3, (size, done.stderr)
        assert "File too large" in done.stderr + done.stdout, size
        assert "Traceback" not in done.stderr, size
        assert read_evaluation(stands).run == "new"
        assert not list(project.rglob("*.part")), size
    assert _ci(project).returncode == 0


def test_evaluate_on_a_full_disk_ends_with_3_and_the_name_of_the_file(project):
    """No traceback and no half written evaluation."""
    write_model(project / "runs" / "new", 85)
    done = run_command(project, "evaluate", "runs/new", before=_limited(1_000))
    assert done.returncode == 3, done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((project / "runs" / "new").rglob("evaluation.json"))


SLOW = (
    "import os, signal, time, covidreport.evaluate.loop as loop\n"
    # a test run in the background of a shell inherits that SIGINT is ignored
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "score = loop.score_chunk\n"
    "def slowly(*words):\n"
    "    print('scoring', flush=True)\n"
    "    time.sleep(float(os.environ.get('SLOWLY', '60')))\n"
    "    return score(*words)\n"
    "loop.score_chunk = slowly"
)
"""Python that makes a model slow, and says when it is at work."""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_job_that_was_cancelled_is_no_pass_and_can_be_started_again(project, stop):
    """No exit code 0, no verdict; the next one judges as if nothing had been."""
    write_model(project / "runs" / "new", 85)
    assert _ci(project).returncode == 0
    write_model(project / "runs" / "new", 115)
    process = start_command(project, "ci", "runs/new", before=SLOW, SLOWLY="3")
    assert process.stdout.readline() == "scoring\n"
    process.send_signal(stop)
    process.communicate(timeout=60)
    assert process.returncode not in (0, 1, 3, 4)
    assert not (project / "verdict" / "verdict.json").exists()
    done = _ci(project)
    assert done.returncode == 1, done.stderr
    assert read_verdict(project / "verdict")[1]["counts"]["fn"] == 2


def test_two_jobs_on_one_folder_wait_for_each_other(project):
    """The second says so, keeps what the first computed, and both come to the same verdict."""
    write_model(project / "runs" / "new", 85)
    first = start_command(project, "ci", "runs/new", "--output-dir", "one", before=SLOW, SLOWLY="3")
    assert first.stdout.readline() == "scoring\n"
    began = time.monotonic()
    second = run_command(project, "ci", "runs/new", "--output-dir", "two", before=SLOW)
    waited = time.monotonic() - began
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert "another process evaluates new on these images; waiting" in second.stderr
    assert "scoring" not in second.stdout
    assert waited < 50  # it did not score: that would have slept for a minute
    one, two = (read_verdict(project / name)[1] for name in ("one", "two"))
    assert {**one, "timing": None} == {**two, "timing": None}


HOSTILE = 'new "run" | <b>&amp;</b>\n::error::\x1b[31m`rm` $(x) %0A\u202e'


def test_a_hostile_name_commands_nothing(project):
    """Quotes, pipes, newlines, markup and escapes: one line on the terminal, whole in the file."""
    write_model(project / "runs" / "new", 115)
    write_run(project / "runs" / "new", {"name": HOSTILE})
    done = _ci(project)
    assert done.returncode == 1, done.stderr
    assert read_verdict(project / "verdict")[1]["run"] == HOSTILE
    for text in (done.stdout, done.stderr):
        assert "\x1b" not in text
        assert not any(line.startswith("::error::") for line in text.splitlines())
    page = (project / "verdict" / "report.html").read_text()
    assert "<b>&amp;</b>" not in page


def test_500_runs_are_judged_in_one_call(tmp_path):
    """Counts of 500 runs against the best of them: one row each, and the overview says which."""
    header = "run,split,label,tn,fp,fn,tp"
    rows = [
        f"run{place:03},validation,covid-19,{190 - place % 7},{10 + place % 7},{place % 29},"
        f"{28 - place % 29}"
        for place in range(500)
    ]
    (tmp_path / "counts.csv").write_text("\n".join([header, *rows]) + "\n")
    done = run_command(tmp_path, "import-counts", "counts.csv")
    assert done.returncode == 0, done.stderr
    done = run_command(tmp_path, "gate", "runs", "--limit", "missed<=14", "--output-dir", "out")
    assert done.returncode == 1, done.stderr
    document, _ = read_verdict(tmp_path / "out")
    outcomes = [each["outcome"] for each in document["verdicts"]]
    assert len(outcomes) == 500
    assert outcomes.count("pass") == sum(place % 29 <= 14 for place in range(500))
    assert len(re.findall(r"^(?:PASS|FAIL) +run\d{3} ", done.stdout, flags=re.MULTILINE)) >= 500


def test_a_broken_evaluation_is_no_verdict(project):
    """evaluation.json that is no JSON: gate alone refuses, ci computes it again."""
    write_model(project / "runs" / "new", 85)
    assert _ci(project).returncode == 0
    file = project / "runs" / "new" / "evaluations" / KEY / "evaluation.json"
    file.write_text(file.read_text()[:100])
    done = run_command(project, "gate", "runs/new", "--output-dir", "verdict")
    assert "is not valid JSON" in _refused(project, done, "read")
    assert _ci(project).returncode == 0
    assert read_evaluation(file).run == "new"


def test_an_output_that_can_not_be_written_is_no_pass(project):
    """A folder that is a file: the verdict is shown, and the exit code is 3."""
    write_model(project / "runs" / "new", 85)
    (project / "taken").write_text("")
    done = _ci(project, "--output-dir", "taken")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr

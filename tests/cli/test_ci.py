"""`covidreport ci`: evaluate, gate and render in one call, for what is new."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from covidreport.evaluate import hardware
from covidreport.inference.execution import Execution
from covidreport.store import read_evaluation
from tests.cli.command import write_model, write_project
from tests.pretended import PRETEND


@pytest.fixture
def study(tmp_path, covidreport, monkeypatch):
    """A baseline that misses one of three, and a better and a worse run beside it."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write_project(tmp_path, base=100, better=85, worse=115)
    assert covidreport("evaluate", "runs/base").code == 0
    assert covidreport("baseline", "set", "runs/base").code == 0
    return tmp_path


def _verdicts(done):
    return {each["run"]: each["outcome"] for each in json.loads(done.out)["verdicts"]}


def test_new_runs_are_evaluated_judged_and_reported(covidreport, study):
    """The better one passes, the worse one fails; report and verdict stand in the folder, without
    the sections that the settings leave out."""
    with (study / "covidreport.toml").open("a") as file:
        file.write('[report]\nhide = ["methods"]\n')
    done = covidreport("ci", "runs", "--json")
    assert done.code == 1, done.err
    assert _verdicts(done) == {"better": "pass", "worse": "fail"}
    page = (study / "verdict" / "report.html").read_text()
    assert 'id="methods"' not in page
    assert all(name in page for name in ("base", "better", "worse"))
    evaluation = read_evaluation(study / "runs" / "worse" / "evaluations" / "data-validation")
    assert evaluation.counts["covid-19"].missed == 2


def test_what_the_baseline_knows_is_not_judged_until_it_changes(covidreport, study):
    """With --known nothing is new; a model that is exported again is."""
    covidreport("baseline", "set", "runs/base", "--known", "runs")
    shutil.rmtree(study / "runs" / "worse" / "evaluations", ignore_errors=True)
    done = covidreport("ci", "runs", "--json")
    assert (done.code, _verdicts(done)) == (0, {})
    assert "3 of 3 runs are the baseline, or as they were" in done.err
    assert not (study / "runs" / "worse" / "evaluations").exists()
    write_model(study / "runs" / "better", 115)
    done = covidreport("ci", "runs", "--json")
    assert (done.code, _verdicts(done)) == (1, {"better": "fail"})


def test_gate_and_ci_pass_over_the_same_runs(covidreport, study):
    """Of a folder those that the baseline knows, though one is worse; named, it is judged."""
    assert covidreport("evaluate", "runs").code == 0
    assert covidreport("baseline", "set", "runs/base", "--known", "runs").code == 0
    for command in ("gate", "ci"):
        done = covidreport(command, "runs", "--json")
        assert (done.code, _verdicts(done)) == (0, {})
        document = json.loads(done.out)
        assert [each["run"] for each in document["not_judged"]] == ["base", "better", "worse"]
        done = covidreport(command, "runs/worse", "--json")
        assert (done.code, _verdicts(done)) == (1, {"worse": "fail"})
        done = covidreport(command, "runs", "runs/worse", "--json")
        assert (done.code, _verdicts(done)) == (1, {"worse": "fail"})


def test_a_report_that_fails_is_told_as_a_report(covidreport, study, monkeypatch):
    """The verdict's files stand, and nobody is told that they do not."""

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("covidreport.report.html.render_html", fail)
    done = covidreport("ci", "runs/better")
    assert done.code == 3
    assert "error: the report could not be written: [Errno 5] Input/output error" in done.err
    assert "the verdict could not be written" not in done.err
    assert json.loads((study / "verdict" / "verdict.json").read_text())["outcome"] == "pass"


def test_a_failing_run_fails_again(covidreport, study):
    """A job that is started again does not pass because its evaluation stands already."""
    assert covidreport("ci", "runs/worse").code == 1
    again = covidreport("ci", "runs/worse", "--json")
    assert (again.code, _verdicts(again)) == (1, {"worse": "fail"})


def test_a_run_folder_as_baseline_is_evaluated_too(covidreport, study):
    """In a fresh checkout nothing is evaluated yet."""
    shutil.rmtree(study / "runs" / "base" / "evaluations")
    done = covidreport("ci", "runs/better", "--baseline", "runs/base", "--json")
    assert (done.code, _verdicts(done)) == (0, {"better": "pass"})


def test_precision_card_and_batch_are_those_of_evaluate(covidreport, study, monkeypatch):
    """In fp16 on card 3, two images at a time: the run and the folder that it is judged against."""
    asked = []

    def choose(*words):
        asked.append(words)
        return Execution(PRETEND, *words[1:]), None

    monkeypatch.setattr(hardware, "choose_execution", choose)
    done = covidreport(
        "ci", "runs/better", "--baseline", "runs/base", "--json",
        "--precision", "fp16", "--device-id", "3", "--batch-size", "2",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert set(asked) == {("cpu", "fp16", 3)}
    (verdict,) = json.loads(done.out)["verdicts"]
    assert verdict["variant"] == "fp16"
    for name in ("base", "better"):
        folder = study / "runs" / name / "evaluations" / "data-validation-fp16"
        assert read_evaluation(folder / "evaluation.json").provenance["batch"] == 2


def test_a_precision_that_the_provider_lacks_is_wrong_usage(covidreport, study):
    """Exit code 2, as of `evaluate`: nothing was judged."""
    done = covidreport("ci", "runs/better", "--precision", "fp16")
    assert done.code == 2
    assert "provider cpu computes in fp32, not in fp16" in done.err


@pytest.fixture
def occluded(covidreport, study):
    """Of the baseline an occluded evaluation was made last: without the middle all three cases are
    missed."""
    words = ("--provider", "cpu", "--occlude", "centre:0.9")
    assert covidreport("evaluate", "runs/base", "--data", "data/manifest.csv", *words).code == 0
    return study


def test_a_baseline_is_not_taken_from_an_occluded_evaluation(covidreport, occluded):
    """It misses one case as ever, with the run folder as baseline and with a file made of it."""
    assert covidreport("baseline", "set", "runs/base").code == 0
    for place in ("runs/base", "baseline.json"):
        done = covidreport("ci", "runs/worse", "--baseline", place, "--json")
        assert (done.code, _verdicts(done)) == (1, {"worse": "fail"})
        (verdict,) = json.loads(done.out)["verdicts"]
        assert verdict["baseline"]["counts"]["fn"] == 1


def test_an_occluded_evaluation_is_judged_where_it_is_asked_for(covidreport, occluded):
    """`gate` alone looks at the usual one."""
    for words, missed in (((), 1), (("--variant", "occlude-centre-0.9"), 3)):
        (occluded / "baseline.json").unlink(missing_ok=True)
        done = covidreport("gate", "runs/base", "--limit", "missed<=1", "--json", *words)
        (verdict,) = json.loads(done.out)["verdicts"]
        assert verdict["counts"]["fn"] == missed, done.err
        assert verdict["variant"] == (words[1] if words else None)


def test_where_no_run_can_be_evaluated_there_is_a_verdict_and_no_report(covidreport, study):
    """Nor one of an earlier call; the verdict says what is wrong with each run."""
    words = ("ci", "runs/better", "--baseline", "runs/base", "--json")
    assert covidreport(*words).code == 0
    for name in ("base", "better"):
        shutil.rmtree(study / "runs" / name / "evaluations")
        (study / "runs" / name / "model.onnx").rename(study / "runs" / name / "model.onnx.dvc")
        (study / "runs" / name / "run.json").write_text('{"schema": "covidreport.run/1"}')
    done = covidreport(*words)
    assert done.code == 3
    assert "could not be written" not in done.err
    assert "no report was written: none of these runs could be evaluated" in done.err
    assert not (study / "verdict" / "report.html").exists()
    (verdict,) = json.loads(done.out)["verdicts"]
    assert verdict["error"]["reason"].count("`dvc pull` brings it")


def test_images_are_compared_by_their_bytes(covidreport, study):
    """A file that changed behind its size and time is noticed: the baseline is of other images."""
    with (study / "covidreport.toml").open("a") as config:
        config.write("max_failed_share = 0.5\n")
    covidreport("ci", "runs/better")
    first, second = (study / "data" / name for name in ("004.png", "005.png"))
    facts = second.stat()
    data = bytearray(second.read_bytes())
    data[-1] ^= 1  # the last byte of the checksum of the end
    second.write_bytes(data)
    os.utime(second, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert first.exists()
    done = covidreport("ci", "runs/better", "--json")
    assert done.code == 3
    (verdict,) = json.loads(done.out)["verdicts"]
    assert verdict["error"]["stage"] == "baseline"
    assert (
        "the bytes of files differ, though images and positives are as many"
        in (verdict["error"]["reason"])
    )


def test_imported_figures_stand_as_they_are(covidreport, study):
    """A run without a model can't be computed again: it is judged where stored scores are trusted,
    and nothing hides its evaluation."""
    rows = [f"00{i}.png,{score},0.1,0.1" for i, score in enumerate([0.9, 0.9, 0.9, 0.1, 0.1, 0.1])]
    text = "\n".join(["id,covid-19,normal,pneumonia", *rows, "006.png,0.1,0.1,0.1"])
    (study / "keras.csv").write_text(f"{text}\n")
    done = covidreport("import-scores", "keras.csv", "--run", "keras", "--activation", "sigmoid")
    assert done.code == 0, done.err
    done = covidreport("ci", "runs/keras", "--json")
    assert (done.code, _verdicts(done)) == (3, {"keras": "error"})
    done = covidreport("ci", "runs/keras", "--trust-stored", "--json")
    assert (done.code, _verdicts(done)) == (0, {"keras": "pass"})

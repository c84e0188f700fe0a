"""ONNX files stand for runs: `runs/exp1.onnx` is evaluated into `runs/exp1/` and found there."""

from __future__ import annotations

import json
import shutil

import pytest

from covidreport.store import read_evaluation, write_run
from tests.cli.command import write_project
from tests.onnx_models import move_weights_out, write_brightness_model

KEY = "data-validation"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Data; `exp1.onnx` misses one of three, `exp2.onnx` misses none."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write_project(tmp_path)
    for name, limit in (("exp1", 100), ("exp2", 85)):
        write_brightness_model(
            tmp_path / "runs" / f"{name}.onnx", offsets=(-limit / 10, 10.0, -1.0)
        )
    return tmp_path


def _missed(project, name):
    return read_evaluation(project / "runs" / name / "evaluations" / KEY).counts["covid-19"].fn


def test_files_are_evaluated_into_folders_beside_them(project, covidreport):
    """Each by its stem; a second call keeps what stands."""
    done = covidreport("evaluate", "runs/exp1.onnx", "runs/exp2.onnx")
    assert (done.code, done.err.count("of no run")) == (0, 0), done.err
    assert (_missed(project, "exp1"), _missed(project, "exp2")) == (1, 0)
    assert not (project / "runs" / "evaluations").exists()
    again = covidreport("evaluate", "runs/exp1.onnx")
    assert (again.code, again.out.count("exp2")) == (0, 0)
    assert "1 of 1 run is unchanged" in again.err + again.out


def test_what_was_evaluated_so_is_found_in_its_folder(project, covidreport):
    """list, render, gate and ci know it by the folder of all runs, and by its file."""
    covidreport("evaluate", "runs/exp1.onnx", "runs/exp2.onnx")
    for words in (("runs/",), ("runs/exp1.onnx", "runs/exp2.onnx"), ("runs/exp1", "runs/exp2")):
        listed = covidreport("list", *words)
        assert (listed.code, listed.err) == (0, ""), listed.err
        assert all(name in listed.out for name in ("exp1", "exp2"))
    assert covidreport("evaluate", "runs/").code == 0  # the models are found as well
    gated = covidreport("gate", "runs/exp1.onnx", "--baseline", "runs/exp2.onnx", "--json")
    assert gated.code in (1, 4), gated.err
    assert json.loads(gated.out)["verdicts"][0]["baseline"]["run"] == "exp2"
    assert covidreport("render", "runs/exp1.onnx", "--output", "one.html").code == 0
    assert covidreport("baseline", "set", "runs/exp1.onnx").code == 0
    assert covidreport("export", "runs/exp1.onnx", "--dvc", "dvc").code == 0


def test_ci_evaluates_a_file_and_its_baseline_file(project, covidreport):
    """Neither was evaluated before."""
    done = covidreport("ci", "runs/exp2.onnx", "--baseline", "runs/exp1.onnx")
    assert done.code in (0, 1, 4), done.err
    assert (_missed(project, "exp1"), _missed(project, "exp2")) == (1, 0)


def test_its_folder_describes_it_and_files_lie_beside_it(project, covidreport):
    """`runs/exp1/run.json` is its description, `runs/exp1.onnx.data` its weights."""
    move_weights_out(project / "runs" / "exp1.onnx", "exp1.onnx.data")
    (project / "runs" / "exp1").mkdir()
    write_run(project / "runs" / "exp1", {"name": "first", "description": "as exported"})
    assert covidreport("evaluate", "runs/exp1.onnx").code == 0
    evaluation = read_evaluation(project / "runs" / "exp1" / "evaluations" / KEY)
    assert (evaluation.run, evaluation.counts["covid-19"].fn) == ("first", 1)
    assert "exp1.onnx.data" in json.dumps(evaluation.provenance["model"])
    predicted = covidreport("predict", "runs/exp1.onnx", "data/000.png")
    assert predicted.code == 0, predicted.err


@pytest.mark.parametrize("named", ["runs/exp1.onnx", "runs/exp1", "runs/"])
def test_a_model_in_the_folder_and_beside_it_is_none(project, covidreport, named):
    """Nobody knows of which the evaluations are."""
    covidreport("evaluate", "runs/exp1.onnx", "runs/exp2.onnx")
    shutil.copy(project / "runs" / "exp2.onnx", project / "runs" / "exp1" / "model.onnx")
    done = covidreport("evaluate", named)
    assert done.code == 3
    assert (
        "runs/exp1/model.onnx and runs/exp1.onnx are both the model of this run; rename or move one"
        in done.err
    )


def test_the_model_of_a_run_folder_stands_for_that_run(project, covidreport):
    """By its file as by its folder; another file in it is no run of its own."""
    (project / "runs" / "exp3").mkdir()
    for name in ("model.onnx", "half.onnx"):
        shutil.copy(project / "runs" / "exp1.onnx", project / "runs" / "exp3" / name)
    assert covidreport("evaluate", "runs/exp3/model.onnx").code == 0
    assert _missed(project, "exp3") == 1
    done = covidreport("evaluate", "runs/exp3/half.onnx")
    assert done.code == 2
    assert "is in the run folder runs/exp3, whose model is model.onnx" in done.err


def test_files_that_nobody_named_are_no_runs(project, covidreport):
    """A forgotten copy beside the runs would stand in the ranking twice: a note says what to do."""
    covidreport("evaluate", "runs/exp1.onnx")
    done = covidreport("evaluate", "runs/")
    assert done.code == 0
    assert "runs/exp2.onnx: of no run; name what is to be one, such as `covidreport evaluate " in (
        done.err
    )
    assert "runs/exp1.onnx" not in done.err


@pytest.mark.parametrize("name", ["none.onnx", "notes.txt"])
def test_what_is_no_model_is_refused(project, covidreport, name):
    """It is said what may stand there."""
    (project / "notes.txt").write_text("x")
    done = covidreport("evaluate", name)
    assert done.code == 2
    assert "give run folders, a folder of them such as runs/, or ONNX files" in done.err

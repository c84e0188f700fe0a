"""One run's fault stays with that run: each kind beside a good run, in every command."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from covidreport.store import write_run
from tests.cli.bad_runs import (
    add_input,
    cast_to,
    edit_model,
    end_with,
    state,
    write_bad_runs,
)
from tests.cli.command import ROWS, write_model, write_study
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

GOOD = {"good", "keen"}
OPENED = {"int64", "string", "bool", "bfloat16", "hungry", "again", "breaks", "another"}
"""Those whose fault is in their model, which only `evaluate` opens."""


def _failures(done):
    return {each["run"]: each["reason"] for each in json.loads(done.out)["failures"]}


def test_each_bad_run_is_refused_by_name_and_the_good_ones_are_evaluated(covidreport, tmp_path):
    """Exit code 3, the reasons of all, and the others' figures."""
    write_study(tmp_path, good=85, keen=100)
    said = write_bad_runs(tmp_path / "runs")
    done = covidreport("evaluate", "--data", "data", "--json")
    assert done.code == 3, done.err
    assert set(json.loads(done.out)["evaluations"]) == GOOD
    reasons = _failures(done)
    assert set(reasons) == set(said)
    for name, words in said.items():
        assert words in reasons[name], name


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Two good runs, evaluated, and all the bad ones beside them."""
    folder = tmp_path_factory.mktemp("bad")
    write_study(folder, good=85, keen=100)
    return folder, write_bad_runs(folder / "runs")


@pytest.fixture
def beside(evaluated, covidreport, tmp_path):
    """Call a command there, after the good runs were evaluated."""
    folder, said = evaluated
    os.chdir(folder)
    if not (folder / "runs" / "good" / "evaluations").exists():
        assert covidreport("evaluate", "--data", "data").code == 3
    yield covidreport, said
    for place in folder.iterdir():
        if place.name not in ("data", "runs"):
            shutil.rmtree(place) if place.is_dir() else place.unlink()


@pytest.mark.parametrize(
    ("words", "code", "shows"),
    [
        (["list"], 0, "all"),
        (["render", "--output", "report.html"], 0, None),
        (["render", "--format", "markdown", "--output", "-"], 0, None),
        (["render", "--format", "json", "--output", "-"], 0, "all"),
        (["render", "--format", "csv", "--output", "tables"], 0, None),
        (["gate", "runs", "--limit", "missed<=5", "--output-dir", "out"], 3, "all"),
        (["gate", "runs", "--limit", "missed<=0", "--output-dir", "out"], 1, None),
        (["gate", "runs/good", "--baseline", "runs", "--output-dir", "out"], 0, None),
        (["gate", "runs/forged", "--baseline", "runs/good"], 3, None),
        (["ci", "runs", "--data", "data", "--limit", "missed<=5"], 3, "all"),
        (["score"], 3, "folders"),
        (["tune", "--split", "validation", "--target-sensitivity", "0.9"], 3, "folders"),
        (["evaluate", "runs", "--data", "data", "--occlude", "centre", "--json"], 3, "all"),
        (["audit", "data", "runs"], None, None),
        (["export", "runs/good", "--dvc", "dvc"], 0, None),
        (["export", "runs/forged", "--dvc", "dvc"], 3, None),
        (["baseline", "set", "runs/good", "--known", "runs"], 0, None),
        (["baseline", "set", "runs/forged"], 3, None),
        (["predict", "runs/forged", "data"], 3, None),
        (["predict", "runs/hungry", "data"], 3, None),
        (["predict", "runs/int64", "data"], 3, None),
    ],
)  # fmt: skip
def test_every_command_survives_them(beside, words, code, shows):
    """No traceback; who is asked for a bad run alone says why, and ends with 3."""
    covidreport, said = beside
    done = covidreport(*words)
    text = done.out + done.err
    assert "Traceback" not in text
    assert "defect" not in text
    assert code in (None, done.code), text
    for name in said if shows == "all" else {*said} - OPENED if shows else ():
        assert name in text


def test_labels_that_the_data_do_not_have_decide_nothing(covidreport, tmp_path):
    """The first of two runs states other labels: one against one, and the data decide."""
    write_study(tmp_path, good=85)
    edit_model(write_model(tmp_path / "runs" / "a", 85), state("labels", '["flu", "x", "y"]'))
    done = covidreport("evaluate", "--data", "data", "--json")
    assert done.code == 3, done.err
    assert set(json.loads(done.out)["evaluations"]) == {"good"}
    assert set(_failures(done)) == {"a"}


def test_data_that_one_run_names_and_that_are_gone_stop_nobody(covidreport, tmp_path):
    """The data that are there are taken, by the other run's word."""
    write_study(tmp_path, a=85, b=85)
    for name, source in (("a", "../../gone"), ("b", "../../data")):
        write_run(tmp_path / "runs" / name, {"name": name, "data": {"source": source}})
    done = covidreport("evaluate", "--json")
    assert done.code == 0, done.err
    assert set(json.loads(done.out)["evaluations"]) == {"a", "b"}


@pytest.mark.parametrize(
    "change",
    [
        cast_to(TensorProto.DOUBLE),
        cast_to(TensorProto.FLOAT16),
        end_with(
            "Unsqueeze", numpy_helper.from_array(np.array([2, 3]), "behind"),
            shape=["n", 3, 1, 1],
        ),
        lambda model: add_input(model, default=True),
    ],
    ids=["double", "half", "two axes more", "a default"],
)  # fmt: skip
def test_the_same_scores_in_another_dress_are_taken(covidreport, tmp_path, change):
    """Counts as those of the plain model: 0 of 3 missed, 1 false alarm."""
    write_study(tmp_path, plain=85)
    edit_model(write_model(tmp_path / "runs" / "dressed", 85), change)
    write_run(tmp_path / "runs" / "dressed", {"input": {"output_name": "logits"}})
    done = covidreport("evaluate", "--data", "data", "--json")
    assert done.code == 0, done.out + done.err
    (ranking,) = json.loads(done.out)["rankings"]
    assert Counter((row["missed"], row["false_alarms"]) for row in ranking["rows"]) == {(0, 1): 2}


@pytest.mark.parametrize("axes", [[1], None])
def test_one_label_may_come_without_its_axis(covidreport, tmp_path, axes):
    """`squeeze(1)`, and `squeeze()`, which drops the axis of a single image too."""
    write_flat_dataset(tmp_path / "data", [(v, t, s) for v, t, s in ROWS if t == "covid-19"])
    for name in ("plain", "squeezed"):
        write_brightness_model(
            tmp_path / "runs" / name / "model.onnx", (0.1,), (-8.5,), labels=["covid-19"]
        )
    extra = () if axes is None else (numpy_helper.from_array(np.array(axes), "behind"),)
    edit_model(tmp_path / "runs" / "squeezed" / "model.onnx", end_with("Squeeze", *extra))
    done = covidreport("evaluate", "--data", "data", "--split", "validation", "--json")
    assert done.code == 0, done.out + done.err
    (ranking,) = json.loads(done.out)["rankings"]
    assert [row["missed"] for row in ranking["rows"]] == [0, 0]

"""`covidreport combine`: docs/combine.md runs, and the new runs are runs like any other."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from covidreport.store import read_evaluation, read_scores, read_thresholds
from tests.cli.command import TUNING_ROWS, write_model
from tests.datasets import write_flat_dataset

PAGE = (Path(__file__).parents[2] / "docs" / "combine.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in block.splitlines()
]  # fmt: skip


@pytest.fixture
def project(tmp_path):
    """Two runs, of which one calls covid-19 what is above 100, the other what is above 88."""
    more = [
        (value + 1, label, "tuning") for value, label, split in TUNING_ROWS if split == "tuning"
    ]
    write_flat_dataset(tmp_path / "data", [*TUNING_ROWS, *more, (99, "normal", "tuning")])
    for name, limit in (("a", 100), ("b", 88)):
        write_model(tmp_path / "runs" / name, limit)
    (tmp_path / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    return tmp_path


def _scores(project, run, split="validation"):
    return read_scores(project / "runs" / run / "evaluations" / f"data-{split}" / "scores.parquet")


def test_the_page_runs(project, covidreport):
    """From two runs to a ranking of both, their vote and their mean, and of two with a layer."""
    for line in COMMANDS:
        done = covidreport(*shlex.split(line)[1:])
        assert done.code == 0, (line, done.err)
    done = covidreport("evaluate", "runs")
    assert done.code == 0, done.err
    for name in ("either-a-b", "mean", "a-platt", "a-temperature"):
        assert f" {name}" in done.out
    a, b = (_scores(project, name).scores.astype(float) for name in "ab")
    mean = _scores(project, "mean").scores
    assert mean == pytest.approx(logit((expit(a) + expit(b)) / 2), abs=1e-5)
    tuned = [read_thresholds(project / "runs" / name).fits for name in "ab"]
    moved = [
        each - [logit(fits[label].threshold) for label in ("covid-19", "normal", "pneumonia")]
        for each, fits in zip((a, b), tuned, strict=True)
    ]
    assert _scores(project, "either-a-b").scores == pytest.approx(np.maximum(*moved), abs=1e-5)


def test_a_layer_keeps_the_order_and_says_where_it_is_from(project, covidreport):
    """ROC AUC stays; no threshold is carried over; on its own split the run counts as trained."""
    covidreport("evaluate", "runs", "--split", "tuning")
    covidreport("tune", "runs/a", "--split", "tuning", "--target-sensitivity", "0.6")
    done = covidreport("combine", "runs/a", "--recalibrate", "platt", "--json")
    assert done.code == 0, done.err
    folder = project / "runs" / "a-platt"
    assert not (folder / "thresholds.json").exists()
    made = json.loads(done.out)["made_of"]
    assert made == json.loads((folder / "run.json").read_text())["made_of"]
    assert (made["by"], made["fitted_on"]) == ("platt", ["tuning"])
    (part,) = made["runs"]
    before = read_evaluation(project / "runs" / "a" / "evaluations" / "data-tuning")
    assert part == {"name": "a", "sha256": before.facts.model_sha256}
    covidreport("evaluate", "runs", "--split", "tuning")
    old, new = _scores(project, "a", "tuning").scores, _scores(project, "a-platt", "tuning").scores
    scale, offset = (made["layer"][word]["covid-19"] for word in ("scales", "offsets"))
    assert new[:, 0] == pytest.approx(old[:, 0] * scale + offset, abs=1e-5)
    done = covidreport("tune", "runs/a-platt", "--split", "tuning", "--target-sensitivity", "0.6")
    assert "a-platt was trained on tuning" in done.err
    done = covidreport("combine", "runs/a-platt", "--recalibrate", "temperature")
    assert done.code == 3
    assert "a-platt was fitted on tuning" in done.err


def test_the_reported_split_fits_no_layer(project, covidreport):
    """And neither do scores of a model that was exported again since."""
    covidreport("evaluate", "runs", "--split", "tuning")
    done = covidreport("combine", "runs/a", "--recalibrate", "platt", "--split", "Validation")
    assert done.code == 2
    assert "--split Validation: is the split that is reported here" in done.err
    write_model(project / "runs" / "a", 95)
    done = covidreport("combine", "runs/a", "--recalibrate", "platt")
    assert done.code == 3
    assert "its scores on tuning are of another model file" in done.err
    covidreport("tune", "runs", "--split", "tuning", "--target-sensitivity", "0.6")
    done = covidreport("combine", "runs", "--thresholds", "tuned", "--how", "either")
    assert done.code == 3
    assert "a: its thresholds were tuned for another model file" in done.err
    assert sorted(path.name for path in (project / "runs").iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("combine runs/a runs/b --how best", "--how best: one of mean, either, majority"),
        ("combine runs/a --recalibrate isotonic", "one of temperature, platt"),
        ("combine runs --recalibrate platt", "takes one run, and 2 are given"),
        ("combine runs/a runs/b --threshold 0.3", "thresholds are those of a vote"),
        ("combine runs/a runs/b --how either --threshold tb=0.3", "a threshold is set for 'tb'"),
        ("combine runs/a runs/b --name a", "runs/a is there already"),
    ],
)
def test_wrong_usage_is_said_and_leaves_nothing(project, covidreport, words, said):
    """Exit code 2."""
    done = covidreport(*words.split())
    assert done.code == 2
    assert said in done.err
    assert sorted(path.name for path in (project / "runs").iterdir()) == ["a", "b"]

"""`covidreport predict` answers as `evaluate` does: the same contract, the same thresholds."""

from __future__ import annotations

import csv
import json

import pytest

from covidreport.inference.contract import contract_metadata
from covidreport.records import PixelSpec
from covidreport.store import read_evaluation, read_scores
from tests.cli.command import TUNING_ROWS
from tests.datasets import write_flat_dataset
from tests.onnx_models import LABELS, write_brightness_model

WORDS = ("--target-sensitivity", "0.9", "--label", "covid-19")


@pytest.fixture
def study(tmp_path):
    """A run whose file does not say what its answers mean: its run.json does."""
    write_flat_dataset(tmp_path / "data", TUNING_ROWS)
    folder = tmp_path / "runs" / "a"
    stated = dict(contract_metadata(PixelSpec(8, 8), LABELS))
    activation = json.loads(stated.pop("covidreport.activation"))
    write_brightness_model(folder / "model.onnx", metadata=stated)
    described = {"schema": "covidreport.run/1", "input": {"activation": activation}}
    (folder / "run.json").write_text(json.dumps(described))
    return tmp_path


def _read(study, name="predictions.csv"):
    with (study / name).open(newline="") as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def _evaluate(covidreport, split, *words):
    done = covidreport("evaluate", "runs", "--data", "data", "--split", split, *words)
    assert done.code == 0, done.err


def _tune(covidreport):
    _evaluate(covidreport, "tuning")
    assert covidreport("tune", "runs", *WORDS).code == 0


def test_a_model_file_is_fed_as_the_run_json_beside_it_says(covidreport, study):
    """The run folder and its model give the same table; a file elsewhere has no such contract."""
    assert covidreport("predict", "runs/a", "data").code == 0
    whole = _read(study)
    done = covidreport("predict", "runs/a/model.onnx", "data")
    assert done.code == 0, done.err
    assert _read(study) == whole
    (study / "alone.onnx").write_bytes((study / "runs" / "a" / "model.onnx").read_bytes())
    done = covidreport("predict", "alone.onnx", "data")
    assert done.code == 3
    assert "activation" in done.err


@pytest.mark.parametrize("configured", [False, True])
def test_tuned_thresholds_decide_as_in_evaluate(covidreport, study, configured):
    """By option or configuration; the counts are those of the evaluation."""
    _tune(covidreport)
    words = () if configured else ("--thresholds", "tuned")
    if configured:
        (study / "covidreport.toml").write_text('thresholds = "tuned"\n')
    _evaluate(covidreport, "validation", *words)
    place = study / "runs" / "a" / "evaluations" / "data-validation"
    evaluation, scores = read_evaluation(place), read_scores(place / "scores.parquet")
    done = covidreport("predict", "runs/a", "data/manifest.csv", *words)
    assert done.code == 0, done.err
    found = _read(study)
    for row, image in enumerate(scores.sample_ids):
        assert float(found[image]["score.covid-19"]) == pytest.approx(scores.scores[row, 0])
    yes = sum(found[image]["covid-19"] == "1" for image in scores.sample_ids)
    counts = evaluation.counts["covid-19"]
    assert yes == counts.tp + counts.fp == 2
    threshold = f"{evaluation.thresholds['covid-19']:g}"
    line = next(line for line in done.out.splitlines() if line.startswith("covid-19 "))
    assert line.split() == ["covid-19", threshold, "4", "4", "0", "tuned", "on", "tuning"]
    assert "normal " in done.out
    assert "not tuned" in done.out


def test_a_run_without_tuned_thresholds_says_so(covidreport, study):
    """Exit code 3 and no table: 0.5 does not take their place."""
    done = covidreport("predict", "runs/a", "data", "--thresholds", "tuned")
    assert done.code == 3
    assert "has no tuned thresholds" in done.err
    assert not (study / "predictions.csv").exists()


def test_images_are_files_folders_or_a_manifest(covidreport, study):
    """A file by its name; several by their paths below what they share; each once."""
    images = sorted(path.name for path in (study / "data").glob("**/*.png"))
    places = sorted((study / "data").glob("**/*.png"))
    assert covidreport("predict", "runs/a", places[0]).code == 0
    assert list(_read(study)) == [images[0]]
    assert covidreport("predict", "runs/a", places[0], places[1], places[0]).code == 0
    assert [name.split("/")[-1] for name in _read(study)] == images[:2]
    (study / "more").mkdir()
    (study / "more" / "new.png").write_bytes(places[0].read_bytes())
    assert covidreport("predict", "runs/a", "more", places[1]).code == 0
    assert list(_read(study)) == ["more/new.png", places[1].relative_to(study).as_posix()]
    done = covidreport("predict", "runs/a", "data/manifest.csv", "--batch-size", "3")
    assert done.code == 0, done.err
    assert len(_read(study)) == len(TUNING_ROWS)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (["nowhere"], "nowhere: 1 fault\n  no such file or folder"),
        (["data/nothing.png"], "no such file or folder"),
        (["data/manifest.csv", "data"], "a manifest names all images by itself: give it alone"),
    ],
)
def test_what_is_not_there_is_wrong_usage(covidreport, study, places, message):
    """Exit code 2 and one clear message."""
    done = covidreport("predict", "runs/a", *places)
    assert done.code == 2
    assert message in done.err
    assert not (study / "predictions.csv").exists()


def test_a_manifest_without_labels_will_do(covidreport, study):
    """Nobody knows the truth of these images; a file that is not there is named with its line."""
    place = next((study / "data").glob("**/*.png")).relative_to(study / "data").as_posix()
    (study / "data" / "new.csv").write_text(f"path,id\n{place},first\n")
    assert covidreport("predict", "runs/a", "data/new.csv").code == 0
    assert list(_read(study)) == ["first"]
    (study / "data" / "new.csv").write_text("path,id\ngone.png,first\n")
    done = covidreport("predict", "runs/a", "data/new.csv")
    assert done.code == 2
    assert "line 2: no such file: gone.png" in done.err

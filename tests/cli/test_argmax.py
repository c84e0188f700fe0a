"""Runs that predict the label which scores highest, beside others: every command, every face."""

from __future__ import annotations

import csv
import json
import re
import shutil

import pytest

from covidreport.store import SCORES_FILE, read_evaluation, read_scores
from tests.cli.command import ROWS, TUNING_ROWS, write_model
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

LABELS = ("covid-19", "normal", "pneumonia")
THREE = ((0.1, -0.1, 0.02), (-10.0, 10.0, -1.0))
"""Of brightness v: logits (v - 100) / 10, (100 - v) / 10 and v / 50 - 1. Of the images of the
validation split 120 is called covid-19; 110 and 105 pneumonia; 90, 40, 30 and 20 normal."""


def _write(folder, slopes, offsets, labels=LABELS, **words):
    """A run folder of a softmax's logits that argmax decides."""
    write_brightness_model(folder / "model.onnx", slopes, offsets, metadata={})
    described = {
        "labels": labels, "fit": "stretch", "resample": "bilinear", "activation": "softmax-logit",
        "decision": "argmax", **words,
    }  # fmt: skip
    document = {"schema": "covidreport.run/1", "name": folder.name, "input": described}
    (folder / "run.json").write_text(json.dumps(document))


@pytest.fixture
def study(tmp_path):
    """`plain` calls 120, 110 and 105 covid-19, above 0.5; `top` and `open` are decided by argmax,
    and `open` has a fourth output without a name, whose logit is 1.5."""
    write_flat_dataset(tmp_path / "data", [*ROWS, *TUNING_ROWS[:4]])
    (tmp_path / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    write_model(tmp_path / "runs" / "plain", 100)
    _write(tmp_path / "runs" / "top", *THREE)
    _write(
        tmp_path / "runs" / "open", (*THREE[0], 0.0), (*THREE[1], 1.5), [*LABELS, None]
    )  # fmt: skip
    return tmp_path


def _read(study, run, split="validation"):
    return read_evaluation(study / "runs" / run / "evaluations" / f"data-{split}")


def test_they_stand_in_the_ranking_of_the_others(covidreport, study):
    """Counted by hand: 110 and 90 are missed; their threshold is shown as argmax."""
    done = covidreport("evaluate", "runs")
    assert done.code == 0, done.err
    assert "ranked by missed covid-19" in done.out
    assert done.out.count("ranked by") == 1
    cells = (re.split("  +", line.strip()) for line in done.out.splitlines() if "of 3" in line)
    rows = {words[1].split()[0]: words for words in cells if len(words) > 5}
    assert [rows[name][0] for name in ("plain", "top", "open")] == ["1", "2", "2"]
    assert rows["plain"][4] == "0.5"
    assert "argmax" in rows["top"]
    top, other = _read(study, "top"), _read(study, "open")
    assert (top.thresholds, top.thresholds_from) == ({}, "argmax")
    for found in (top, other):
        covid = found.counts["covid-19"]
        assert (covid.tp, covid.missed, covid.false_alarms) == (1, 2, 0)
        # 120, 20 and 40 have their label on top
        assert found.estimates[""]["top_1_accuracy"].numerator == 3
    # 110 and 105 are pneumonia to `top`; to `open` they are what the data have no label for
    assert (top.counts["pneumonia"].fp, other.counts["pneumonia"].fp) == (2, 0)


def test_what_competes_without_a_name_is_stored(covidreport, study):
    """The highest of the outputs that are no label here; 0 where all outputs are."""
    covidreport("evaluate", "runs")
    folder = "evaluations/data-validation"
    scores = read_scores(study / "runs" / "open" / folder / SCORES_FILE)
    assert scores.scores.sum(axis=1) + scores.others == pytest.approx(1)
    assert read_scores(study / "runs" / "top" / folder / SCORES_FILE).others.tolist() == [0] * 7
    assert read_scores(study / "runs" / "plain" / folder / SCORES_FILE).others is None


def test_a_label_that_the_data_lack_competes(covidreport, study):
    """A model that names its fourth class answers as the one that leaves it without a name."""
    shutil.rmtree(study / "runs" / "top")
    _write(study / "runs" / "named", (*THREE[0], 0.0), (*THREE[1], 1.5), [*LABELS, "other"])
    with (study / "covidreport.toml").open("a") as file:
        file.write(f"labels = {list(LABELS)}\n")
    covidreport("evaluate", "runs")
    assert _read(study, "named").counts == _read(study, "open").counts


def test_a_tie_is_no_detection_and_is_told(covidreport, study):
    """Covid-19 and pneumonia answer alike, and covid-19 comes first: it detects nothing."""
    _write(study / "runs" / "tied", (0.1, -0.1, 0.1), (-10.0, 10.0, -10.0))
    done = covidreport("evaluate", "runs/tied")
    assert _read(study, "tied").counts["covid-19"].tp == 0
    assert "calls 7 of 7 images negative" in " ".join(done.out.split())
    assert "Of 3 images tied gives its highest score to several outputs" in done.err


def test_images_of_several_labels_are_told(covidreport, study):
    """It names one label an image: the others are missed whatever it says."""
    write_flat_dataset(study / "data", [(120, "covid-19+pneumonia", "validation"), *ROWS[1:]])
    done = covidreport("evaluate", "runs/top")
    assert done.code == 0
    said = " ".join(done.err.split())
    assert "1 image of 7 carries several labels" in said
    assert _read(study, "top").estimates[""]["top_1_accuracy"].value is None


def test_outputs_of_which_several_may_be_right_are_refused(covidreport, study):
    """One clear error, and the other runs are evaluated."""
    _write(study / "runs" / "sigmoid", *THREE, activation="sigmoid")
    done = covidreport("evaluate", "runs")
    assert done.code == 3
    assert "`decision` is argmax, and `activation` is sigmoid" in " ".join(done.err.split())
    assert _read(study, "top").counts["covid-19"].tp == 1


def test_a_decision_beside_the_contract_is_not_passed_over(covidreport, study):
    """It stands under `input`, as every word of the contract."""
    file = study / "runs" / "top" / "run.json"
    document = json.loads(file.read_text())
    document["decision"] = document["input"].pop("decision")
    file.write_text(json.dumps(document))
    done = covidreport("evaluate", "runs/top")
    assert done.code == 3
    assert "`decision` is 'argmax'; it stands under `input`" in " ".join(done.err.split())


def test_thresholds_are_passed_over_and_that_is_said(covidreport, study):
    """By evaluate, score and predict; a threshold that nobody asked for is no word."""
    assert "has no threshold" not in covidreport("evaluate", "runs").err
    before = _read(study, "top")
    done = covidreport("evaluate", "runs", "--threshold", "0.3")
    assert "top has no threshold: it predicts the label that scores highest" in done.err
    assert "plain has no threshold" not in done.err
    assert _read(study, "top").counts == before.counts
    assert _read(study, "plain").thresholds["covid-19"] == 0.3
    done = covidreport("score", "runs", "--threshold", "0.4")
    assert "top has no threshold" in done.err
    done = covidreport("predict", "runs/top", "data/000.png", "data/001.png", "--threshold", "0.1")
    assert "top has no threshold" in done.err
    assert "argmax" in done.out
    with (study / "predictions.csv").open() as file:
        answers = [[row[label] for label in LABELS] for row in csv.DictReader(file)]
    assert answers == [["1", "0", "0"], ["0", "0", "1"]]


def test_tune_passes_them_over(covidreport, study):
    """Not a fault: there is nothing to tune. Its own thresholds then apply to the others alone."""
    covidreport("evaluate", "runs", "--split", "tuning")
    done = covidreport("tune", "runs", "--target-sensitivity", "0.6")
    assert done.code == 0, done.err
    assert "not tuned: open, top: the label that scores highest is predicted" in done.err
    assert not (study / "runs" / "top" / "thresholds.json").exists()
    document = json.loads(covidreport("tune", "runs", "--target-sensitivity", "0.6", "--json").out)
    assert document["passed_over"] == ["open", "top"]
    done = covidreport("evaluate", "runs", "--thresholds", "tuned")
    assert done.code == 0, done.err
    assert done.out.count("ranked by") == 1
    assert _read(study, "plain").thresholds_from == "tuned on tuning"
    assert _read(study, "top").thresholds_from == "argmax"


def test_runs_that_are_ranked_at_a_target_have_them_beside_them(covidreport, study):
    """`rank_at` asks for a tuned threshold of the others alone."""
    with (study / "covidreport.toml").open("a") as file:
        file.write('rank_at = {specificity = 0.5}\n[tune]\nsplit = "tuning"\n')
    covidreport("evaluate", "runs", "--split", "tuning")
    assert covidreport("tune", "runs").code == 0
    done = covidreport("evaluate", "runs")
    assert done.code == 0, done.err
    for words in (("evaluate", "runs"), ("list", "runs"), ("score", "runs")):
        done = covidreport(*words)
        assert done.out.count("ranked by missed") == 1
        assert "is not ranked" not in done.err
    assert _read(study, "plain").thresholds_from == "tuned on tuning"
    assert covidreport("gate", "runs/top", "--baseline", "runs/plain").code == 1


def test_the_gate_judges_one_against_a_run_with_thresholds(covidreport, study):
    """By the counts of either: `top` misses one case more than `plain`."""
    covidreport("evaluate", "runs")
    done = covidreport("gate", "runs/top", "--baseline", "runs/plain", "--output-dir", "out")
    assert done.code == 1, done.err
    (verdict,) = json.loads((study / "out" / "verdict.json").read_text())["verdicts"]
    assert (verdict["thresholds"], verdict["thresholds_from"]) == ({}, "argmax")
    assert verdict["counts"]["fn"] == 2
    assert len(verdict["newly_missed"]) == 1
    assert covidreport("baseline", "set", "runs/top").code == 0
    assert covidreport("gate", "runs/plain", "--baseline", "baseline.json").code == 0
    assert covidreport("gate", "runs/open", "--baseline", "baseline.json").code == 0


def test_every_face_says_argmax(covidreport, study):
    """Where a threshold stands for the others; files for programs leave the number empty."""
    covidreport("evaluate", "runs")
    for kind in ("html", "markdown", "csv", "json"):
        assert covidreport("render", "runs", "--format", kind, "--output", f"r.{kind}").code == 0
    with (study / "r.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["label"] == "covid-19"]
    assert {row["run"]: (row["threshold"], row["thresholds_from"]) for row in rows} == {
        "plain": ("0.5", "default"), "top": ("", "argmax"), "open": ("", "argmax"),
    }  # fmt: skip
    text = (study / "r.markdown").read_text()
    assert "| argmax |" in text
    page = (study / "r.html").read_text()
    assert "no threshold to move" in page
    document = json.loads((study / "r.json").read_text())
    assert "top-1 accuracy" in text.lower()
    assert len(document["rankings"]) == 1

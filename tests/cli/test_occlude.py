"""`covidreport occlude` from end to end on images whose centre and border are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model


@pytest.fixture
def study(tmp_path):
    """40 cases among 120 whose frame is bright: a run that looks at brightness knows the frame.

    `lungs` are the same images with a bright centre in place of the frame.
    """
    rng = np.random.default_rng(0)
    rows = [(0, "covid-19" if i % 3 == 0 else "normal", "validation") for i in range(120)]
    for name in ("data", "lungs"):
        write_flat_dataset(tmp_path / name, rows, size=(40, 40))
        for i, (_, label, _) in enumerate(rows):
            picture = rng.integers(60, 100, (40, 40), dtype=np.uint8)
            sick = label == "covid-19"
            if name == "data":
                picture[:4] = 220 if sick else 120
            else:
                picture[10:30, 10:30] = 140 if sick else 90
            Image.fromarray(picture).save(tmp_path / name / f"{i:03}.png")
    write_brightness_model(tmp_path / "runs" / "keen" / "model.onnx", offsets=(-9.0, 9.0, -1.0))
    return tmp_path


def test_a_run_that_looks_at_the_frame_is_suspected(covidreport, study):
    """All of its ROC AUC remains without the centre; the finding goes to stderr, 0 is returned."""
    done = covidreport("occlude", "runs", "--data", "data", "--provider", "cpu")
    assert done.code == 0, done.err
    assert "a rectangle in the middle, 0.8 of the height and of the width" in done.out
    line = next(line for line in done.out.splitlines() if line.startswith("keen"))
    assert "1.000 → 1.000" in line
    assert "1 run still tells covid-19 with the lungs blacked out" in done.err


def test_a_run_that_looks_at_the_centre_is_not(covidreport, study):
    """Without it nothing is left but noise."""
    done = covidreport("occlude", "runs", "--data", "lungs", "--provider", "cpu", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["schema"] == "covidreport.occlude/1"
    assert document["occlusion"]["fraction"] == 0.8
    (run,) = document["runs"]
    assert run["usual"]["roc_auc"]["value"] == 1.0
    assert run["occluded"]["roc_auc"]["value"] < 0.7
    assert document["findings"] == []


def test_the_finding_stands_in_the_report_and_ranks_stay_apart(covidreport, study):
    """The report is of the usual evaluation; the occluded one is a variant beside it."""
    covidreport("occlude", "runs", "--data", "data", "--provider", "cpu")
    document = json.loads(covidreport("render", "--format", "json", "--output", "-").out)
    assert "shortcut-suspected" in [finding["code"] for finding in document["findings"]]
    assert [len(ranking["rows"]) for ranking in document["rankings"]] == [1]
    (run,) = document["runs"]
    assert run["evaluation"]["variant"] is None
    for name in ("html", "markdown", "csv"):
        assert covidreport("render", "--format", name).code == 0
    variant = covidreport(
        "render", "--variant", "occlude-centre-0.8", "--format", "json", "--output", "-"
    )
    assert json.loads(variant.out)["runs"][0]["evaluation"] is not None


def test_a_run_that_fails_gives_exit_code_3_and_the_rest(covidreport, study):
    """As `evaluate` does."""
    (study / "runs" / "bad").mkdir()
    (study / "runs" / "bad" / "model.onnx").write_bytes(b"nonsense")
    done = covidreport("occlude", "runs", "--data", "data", "--provider", "cpu")
    assert done.code == 3
    assert "keen" in done.out
    assert "run bad was not evaluated" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--region", "lungs"], "one of centre, borders, corners"),
        (["--fraction", "1.5"], "between 0 and 1 is wanted"),
        (["--split", "holdout"], "holdout"),
    ],
)
def test_wrong_usage_is_exit_code_2(covidreport, study, words, message):
    """One clear message, nothing evaluated."""
    done = covidreport("occlude", "runs", "--data", "data", *words)
    assert done.code == 2
    assert message in done.err
    assert not list(study.glob("runs/*/evaluations"))

"""`covidreport evaluate --occlude` from end to end on images whose centre and border are known."""

from __future__ import annotations

import json
from functools import partial

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


@pytest.fixture
def evaluate(covidreport, study):
    """The command, with a folder of data and on the CPU; as usual first, unless it is said."""

    def call(data, *words, usual=True):
        command = partial(covidreport, "evaluate", "runs", "--data", data, "--provider", "cpu")
        if usual:
            assert command().code == 0
        return command(*words)

    return call


def test_a_run_that_looks_at_the_frame_is_suspected(evaluate):
    """All of its ROC AUC remains without the centre; the finding goes to stderr, 0 is returned."""
    done = evaluate("data", "--occlude", "centre")
    assert done.code == 0, done.err
    assert done.out.startswith("data, validation, occlude-centre-0.8: 120 images")
    assert "keen: ROC AUC of COVID-19 1.000 as usual, 1.000 (" in done.out
    assert ") in occlude-centre-0.8\n" in done.out
    assert done.out.rstrip().endswith("covidreport render runs --dataset data --split validation")
    assert "1 run still tells COVID-19 with the lungs blacked out" in done.err


@pytest.mark.parametrize("region", ["borders", "corners"])
def test_what_remains_without_another_part_is_said_and_not_suspected(evaluate, region):
    """The run looks at the frame; lungs that are enough are no shortcut."""
    done = evaluate("lungs", "--occlude", region)
    assert done.code == 0, done.err
    assert f"in occlude-{region}-" in done.out
    assert "blacked out" not in done.err


def test_a_run_that_looks_at_the_centre_is_not(evaluate):
    """Without it nothing is left but noise."""
    done = evaluate("lungs", "--occlude", "centre:0.8", "--json")
    assert done.code == 0, done.err
    (one,) = json.loads(done.out)["remaining"]
    assert (one["run"], one["variant"], one["usual"]) == ("keen", "occlude-centre-0.8", 1.0)
    assert one["occluded"] < 0.7
    assert one["low"] < one["occluded"] < one["high"]
    assert "blacked out" not in done.err


def test_without_a_usual_evaluation_it_says_what_is_missing(evaluate):
    """The ranking of the variant stands all the same; later both are compared."""
    done = evaluate("data", "--occlude", "centre", usual=False)
    assert done.code == 0
    assert "run keen: was not evaluated as usual on these images" in done.err
    assert "as usual" not in done.out
    assert "as usual" in evaluate("data", "--occlude", "centre").out


def test_a_usual_evaluation_that_cannot_be_read_is_told(evaluate, study):
    """Which file, and what to do; the variant is ranked."""
    assert evaluate("data").code == 0
    (study / "runs/keen/evaluations/data-validation/evaluation.json").write_text("{")
    done = evaluate("data", "--occlude", "centre", usual=False)
    assert done.code == 0
    assert "evaluation.json" in done.err
    assert "without --occlude gives what to compare with" in done.err


def test_the_finding_stands_in_the_report_and_ranks_stay_apart(covidreport, evaluate):
    """The report is of the usual evaluation; the occluded one is a variant beside it."""
    evaluate("data", "--occlude", "centre")
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


def test_a_run_that_fails_gives_exit_code_3_and_the_rest(evaluate, study):
    """As without it."""
    (study / "runs" / "bad").mkdir()
    (study / "runs" / "bad" / "model.onnx").write_bytes(b"nonsense")
    done = evaluate("data", "--occlude", "centre", usual=False)
    assert done.code == 3
    assert "keen" in done.out
    assert "run bad was not evaluated" in done.err


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("lungs", "one of centre, borders, corners"),
        ("centre:1.5", "between 0 and 1 is wanted"),
        ("centre:half", "'half' is no fraction"),
        ("borders:nan", "between 0 and 0.5 is wanted"),
    ],
)
def test_wrong_usage_is_exit_code_2(evaluate, study, region, message):
    """One clear message, nothing evaluated."""
    done = evaluate("data", "--occlude", region, usual=False)
    assert done.code == 2
    assert message in done.err
    assert not list(study.glob("runs/*/evaluations"))


def test_the_earlier_command_gives_the_same(covidreport, evaluate):
    """`occlude` stays for one version, and says that it goes."""
    evaluate("data", "--occlude", "borders:0.2")
    words = ("--region", "borders", "--fraction", "0.2", "--provider", "cpu", "--json")
    done = covidreport("occlude", "runs", "--data", "data", *words)
    assert done.code == 0, done.err
    assert "goes with 0.3.0; use `covidreport evaluate --occlude`" in " ".join(done.err.split())
    (one,) = json.loads(done.out)["remaining"]
    assert one["variant"] == "occlude-borders-0.2"
    assert "occlude" not in covidreport("--help").out

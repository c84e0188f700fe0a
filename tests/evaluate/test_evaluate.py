"""The main loop on images and models whose scores are known by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.evaluate import decode
from covidreport.evaluate.record import evaluate_runs
from covidreport.images import read_bytes
from covidreport.records import PixelSpec, StageStarted, StepsDone
from covidreport.storage.runs import discover_runs
from covidreport.store import read_evaluation, read_failure, read_scores, write_run
from tests.datasets import LABELS, write_flat_dataset
from tests.evaluate.cases import ROWS, evaluate_folder, make_request
from tests.onnx_models import write_brightness_model


def test_counts_follow_from_brightness(tmp_path):
    """Of two positives one is brighter than 100; of four negatives one: tn 3, fp 1, fn 1, tp 1."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    outcome = evaluate_folder(tmp_path / "runs", make_request(manifest))["a"]
    counts = outcome.evaluation.counts["covid-19"]
    assert (counts.tn, counts.fp, counts.fn, counts.tp) == (3, 1, 1, 1)
    stored = read_evaluation(tmp_path / "runs" / "a" / "evaluations" / "data-validation")
    assert stored == outcome.evaluation
    scores = read_scores(
        tmp_path / "runs" / "a" / "evaluations" / "data-validation" / "scores.parquet"
    )
    np.testing.assert_allclose(scores.scores[:, 0], [2, -1, 1, -8, -7, -6], atol=1e-4)


def test_a_threshold_moves_the_decision(tmp_path):
    """logit(0.2) = -1.39: brightness 90, whose logit is -1, is now called covid-19."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    outcome = evaluate_folder(
        tmp_path / "runs", make_request(manifest, thresholds={"covid-19": 0.2})
    )["a"]
    assert outcome.evaluation.counts["covid-19"].missed == 0
    assert outcome.evaluation.thresholds == {"covid-19": 0.2, "normal": 0.5, "pneumonia": 0.5}


def test_each_image_is_decoded_once_for_all_runs(tmp_path, monkeypatch):
    """Three runs, two of them of another input size, open each of the six files once."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    for name, side in (("a", 8), ("b", 16), ("c", 16)):
        write_brightness_model(
            tmp_path / "runs" / name / "model.onnx", pixels=PixelSpec(side, side)
        )
    opened = []

    def counting(path):
        opened.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(decode, "read_bytes", counting)
    outcomes = evaluate_folder(tmp_path / "runs", make_request(manifest))
    assert sorted(opened) == [f"{i:03}.png" for i in range(6)]
    assert all(outcome.evaluation for outcome in outcomes.values())


def test_an_image_that_fails_is_counted_against_the_run(tmp_path):
    """A broken positive is a failed positive: still two positives and six images in all."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    broken = tmp_path / "data" / "000.png"
    broken.write_bytes(broken.read_bytes()[:40])
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    evaluation = evaluate_folder(tmp_path / "runs", make_request(manifest))["a"].evaluation
    counts = evaluation.counts["covid-19"]
    assert (counts.tp, counts.fn, counts.failed_positive) == (0, 1, 1)
    assert (counts.missed, counts.positives, counts.total) == (2, 2, 6)
    assert evaluation.counts["normal"].failed_negative == 1
    (failure,) = evaluation.failures
    assert (failure.subject, failure.stage) == ("000.png", "decode")
    assert [finding.code for finding in evaluation.findings] == ["images-failed"]
    folder = tmp_path / "runs" / "a" / "evaluations" / "data-validation"
    assert read_scores(folder / "scores.parquet").reasons[0] == failure.reason


def test_a_run_that_fails_does_not_stop_the_rest(tmp_path):
    """No model, a broken one, other labels, wrong outputs, NaN for scores: five reasons."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    runs = tmp_path / "runs"
    write_brightness_model(runs / "good" / "model.onnx")
    (runs / "none").mkdir()
    write_run(runs / "none", {"name": "none"})
    (runs / "broken").mkdir()
    (runs / "broken" / "model.onnx").write_bytes(b"nonsense")
    write_brightness_model(runs / "labels" / "model.onnx", labels=("flu", "normal", "pneumonia"))
    write_brightness_model(runs / "outputs" / "model.onnx", (1.0,), (0.0,))
    write_brightness_model(runs / "nan" / "model.onnx", (np.nan, 1, 1))
    outcomes = evaluate_folder(runs, make_request(manifest))
    assert outcomes["good"].evaluation is not None
    reasons = {name: o.failure.reason for name, o in outcomes.items() if o.failure}
    assert sorted(reasons) == ["broken", "labels", "nan", "none", "outputs"]
    assert "no model.onnx" in reasons["none"]
    assert "can't be loaded" in reasons["broken"]
    assert "no output for covid-19" in reasons["labels"]
    assert "has 1 columns and the contract names 3 labels" in reasons["outputs"]
    assert "not finite" in reasons["nan"]
    kept = read_failure(runs / "nan" / "evaluations" / "data-validation")
    assert kept == outcomes["nan"].failure
    assert not (runs / "nan" / "evaluations" / "data-validation" / "evaluation.json").exists()


def test_mending_a_run_clears_its_failure(tmp_path):
    """After a good evaluation nothing says that the run failed."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    model = tmp_path / "runs" / "a" / "model.onnx"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"nonsense")
    folder = model.parent / "evaluations" / "data-validation"
    assert evaluate_folder(tmp_path / "runs", make_request(manifest))["a"].failure
    assert read_failure(folder) is not None
    write_brightness_model(model)
    assert evaluate_folder(tmp_path / "runs", make_request(manifest))["a"].evaluation
    assert read_failure(folder) is None


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    """One thread or three: scores and everything but `timing` are equal to the byte."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    contents = []
    for jobs in (1, 3):
        runs = tmp_path / f"runs{jobs}"
        write_brightness_model(runs / "a" / "model.onnx")
        evaluate_folder(runs, make_request(manifest, jobs=jobs, batch=2))
        folder = runs / "a" / "evaluations" / "data-validation"
        facts = json.loads((folder / "evaluation.json").read_text())
        del facts["timing"]
        contents.append(((folder / "scores.parquet").read_bytes(), facts))
    assert contents[0] == contents[1]


def test_when_it_was_made_and_how_long_it_took_is_known(tmp_path):
    """From before to after the call, in UTC; the command stands beside."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    before = datetime.now(UTC)
    request = replace(make_request(manifest, jobs=2), command="covidreport evaluate runs")
    evaluation = evaluate_folder(tmp_path / "runs", request)["a"].evaluation
    timing = evaluation.timing
    started, finished = (datetime.fromisoformat(timing[key]) for key in ("started", "finished"))
    slack = timedelta(milliseconds=1)  # they are cut to milliseconds
    assert before - slack <= started <= finished <= datetime.now(UTC) + slack
    assert min(timing["decode_s"], timing["inference_s"]) >= 0
    assert (timing["jobs"], timing["command"]) == (2, "covidreport evaluate runs")


@pytest.mark.parametrize("batch", [1, 3, 6, 100])
def test_every_image_is_scored_whatever_the_batch(tmp_path, batch):
    """A last batch that is not full loses no image and gains none."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    events = []
    request = make_request(manifest, batch=batch)
    runs = discover_runs([tmp_path / "runs"])
    (outcome,) = evaluate_runs(request, runs, events.append)
    assert outcome.evaluation.counts["covid-19"].total == 6
    assert events[0] == StageStarted("Evaluating 6 images", 6)
    steps = [event.steps for event in events if isinstance(event, StepsDone)]
    assert sum(steps) == 6


def test_more_outputs_than_labels_are_matched_by_name(tmp_path):
    """A model of four labels in another order gives the same covid-19 counts."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(
        tmp_path / "runs" / "a" / "model.onnx",
        (-0.1, 0.02, 0.5, 0.1),
        (10.0, -1.0, 0.0, -10.0),
        labels=("normal", "pneumonia", "effusion", "covid-19"),
    )
    evaluation = evaluate_folder(tmp_path / "runs", make_request(manifest))["a"].evaluation
    counts = evaluation.counts["covid-19"]
    assert (counts.tn, counts.fp, counts.fn, counts.tp) == (3, 1, 1, 1)
    assert evaluation.labels == LABELS


def test_a_model_that_draws_at_random_is_a_finding(tmp_path):
    """Answers that move in the last digits from time to time are said to vary; beyond, it fails."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    for name, noise in (("steady", 0.0), ("trembling", 1e-4), ("random", 1.0)):
        write_brightness_model(tmp_path / "runs" / name / "model.onnx", noise=noise)
    outcomes = evaluate_folder(tmp_path / "runs", make_request(manifest))
    assert outcomes["steady"].evaluation.findings == ()
    (finding,) = outcomes["trembling"].evaluation.findings
    assert (finding.code, finding.subjects) == ("answers-vary", ("trembling",))
    assert "two answers" in outcomes["random"].failure.reason


@pytest.mark.parametrize(
    "words",
    [{"divisor": 2.0}, {"mean": 10.0}, {"std": 2.0}, {"channels": 3}, {"resample": "nearest"},
     {"fit": "crop"}],
)  # fmt: skip
def test_each_run_is_fed_as_its_own_words_say(tmp_path, words):
    """One word apart from its neighbour, a run has the scores that it has alone."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    usual: dict[str, Any] = {
        "labels": list(LABELS), "size": [8, 8], "fit": "stretch", "resample": "bilinear",
        "channels": 1, "activation": "logit", "divisor": 1.0, "mean": 0.0, "std": 1.0,
    }  # fmt: skip
    for name, said in (("usual", usual), ("other", {**usual, **words})):
        for folder in ("together", f"alone-{name}"):
            pixels = PixelSpec(8, 8, channels=said["channels"])
            write_brightness_model(
                tmp_path / folder / name / "model.onnx", dtype="float32", pixels=pixels, metadata={}
            )
            write_run(tmp_path / folder / name, {"name": name, "input": said})
    evaluate_folder(tmp_path / "together", make_request(manifest))
    for name in ("usual", "other"):
        evaluate_folder(tmp_path / f"alone-{name}", make_request(manifest))
        together, alone = (
            read_scores(tmp_path / folder / name / "evaluations/data-validation/scores.parquet")
            for folder in ("together", f"alone-{name}")
        )
        np.testing.assert_array_equal(together.scores, alone.scores)


def test_what_a_model_costs_is_recorded(tmp_path):
    """The numbers of its graph (three slopes, three offsets), its file, its speed over all images
    that were scored in this call, and where."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    model = write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    evaluation = evaluate_folder(tmp_path / "runs", make_request(manifest))["a"].evaluation
    cost = evaluation.cost
    assert (cost.parameters, cost.file_bytes) == (6, model.stat().st_size)
    assert evaluation.times.images_timed == evaluation.n_images == 6
    seconds = evaluation.timing["inference_s"]
    assert cost.images_per_s == (6 / seconds if seconds else None)
    assert cost.memory_bytes is None  # no model is tried elsewhere in these tests
    assert cost.machine
    assert cost.machine.endswith("cores")

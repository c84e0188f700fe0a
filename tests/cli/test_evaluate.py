"""`covidreport evaluate`, `list` and `render` from end to end on images known by hand."""

from __future__ import annotations

import json

import pytest

from covidreport.store import read_evaluation, write_run
from tests.cli.command import write_project
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

ROWS = [
    (120, "covid-19", "validation"),
    (90, "covid-19", "validation"),
    (110, "normal", "validation"),
    (20, "normal", "validation"),
    (30, "pneumonia", "validation"),
    (250, "covid-19", "train"),
    (10, "normal", "train"),
]


@pytest.fixture
def study(tmp_path):
    """Data and two runs: `keen` finds both positives, `shy` finds one."""
    write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "shy" / "model.onnx")
    write_brightness_model(tmp_path / "runs" / "keen" / "model.onnx", offsets=(-8.5, 10.0, -1.0))
    return tmp_path


def test_the_run_that_misses_fewest_stands_first(covidreport, study):
    """keen calls everything above 85 positive: none missed; the table says it on stdout."""
    done = covidreport("evaluate", "runs", "--data", "data/manifest.csv")
    assert done.code == 0, done.err
    lines = [line.split() for line in done.out.splitlines()]
    first = next(words for words in lines if words[:1] == ["1"])
    second = next(words for words in lines if words[:1] == ["2"])
    assert first[1:5] == ["keen", "0", "of", "2"]
    assert second[1:6] == ["shy", "≈", "1", "of", "2"]  # a gap of one case tells nobody apart
    assert "0.500  (0.095 to 0.905)" in done.out  # Wilson, 1 of 2


def test_the_configuration_serves_and_options_win(covidreport, study):
    """Split and threshold come from covidreport.toml; --split and --threshold replace them."""
    (study / "covidreport.toml").write_text(
        'data = "data"\nsplit = "train"\nthreshold = { covid-19 = 0.2 }\n'
    )
    assert covidreport("evaluate").code == 0
    train = read_evaluation(study / "runs" / "shy" / "evaluations" / "data-train")
    assert (train.n_images, train.thresholds["covid-19"]) == (2, 0.2)
    assert train.thresholds_from == "configuration"
    assert covidreport("evaluate", "--split", "Validation", "--threshold", "0.4").code == 0
    other = read_evaluation(study / "runs" / "shy" / "evaluations" / "data-validation")
    assert other.thresholds == {"covid-19": 0.4, "normal": 0.4, "pneumonia": 0.4}
    assert other.thresholds_from == "option"


def test_a_run_that_names_its_data_serves_when_nothing_else_does(covidreport, study):
    """run.json's data.source is found from the run's folder."""
    for name in ("shy", "keen"):
        write_run(study / "runs" / name, {"name": name, "data": {"source": "../../data"}})
    done = covidreport("evaluate")
    assert done.code == 0, done.err


def test_without_data_the_way_out_is_said(covidreport, study):
    """No data named anywhere is wrong usage."""
    done = covidreport("evaluate")
    assert done.code == 2
    assert "use --data" in done.err
    assert done.out == ""


def test_a_failed_run_gives_exit_code_3_and_the_rest(covidreport, study):
    """The others are ranked on stdout; the failure is named on stderr and in the report."""
    (study / "runs" / "bad").mkdir()
    (study / "runs" / "bad" / "model.onnx").write_bytes(b"nonsense")
    done = covidreport("evaluate", "runs", "--data", "data")
    assert done.code == 3
    assert "keen" in done.out
    assert "run bad was not evaluated" in done.err
    assert covidreport("render", "--format", "markdown").code == 0
    text = (study / "report.md").read_text()
    assert "bad" in text
    assert "can't be loaded" in text


def test_what_concerns_several_runs_is_said_once(covidreport, study):
    """Three folders without a model, and one that fails by itself: two errors, each with names."""
    for name in ("p", "q", "r"):
        write_run(study / "runs" / name, {"name": name})
    (study / "runs" / "bad").mkdir()
    (study / "runs" / "bad" / "model.onnx").write_bytes(b"nonsense")
    done = covidreport("evaluate", "runs", "--data", "data")
    assert done.code == 3
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert (
        "error: 3 runs were not evaluated: there is no model.onnx in runs/*\n  p, q, r" in done.err
    )
    assert "error: run bad was not evaluated: model.onnx can't be loaded" in done.err
    again = covidreport("tune", "--split", "validation", "--target-sensitivity", "0.9")
    assert "error: each of 4 runs (bad, p, q, r): was not evaluated on the split" in again.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "nowhere"], "nowhere: no such file or folder"),
        (["--data", "data", "--split", "holdout"], "holdout"),
        (["--data", "data", "--threshold", "2"], "probability between 0 and 1"),
        (["--data", "data", "--threshold", "flu=0.5"], "'flu', which is no label"),
        (["--data", "data", "--provider", "gpu"], "one of auto, tensorrt, cuda, cpu"),
    ],
)
def test_wrong_usage_is_exit_code_2(covidreport, study, words, message):
    """One clear message, nothing on stdout, nothing evaluated."""
    done = covidreport("evaluate", "runs", *words)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not list(study.glob("runs/*/evaluations"))


def test_a_refused_manifest_is_exit_code_2_with_line_numbers(covidreport, study):
    """All faults of the manifest are listed together."""
    manifest = study / "data" / "manifest.csv"
    text = manifest.read_text().replace("001.png,1,0,0", "001.png,yes,0,0")
    manifest.write_text(text.replace("002.png", "missing.png"))
    done = covidreport("evaluate", "runs", "--data", "data")
    assert done.code == 2
    assert "line 3" in done.err
    assert "line 4" in done.err


def test_json_is_for_programs(covidreport, study):
    """--json prints one document with fractions and bounds, and nothing else."""
    done = covidreport("evaluate", "runs", "--data", "data", "--json")
    document = json.loads(done.out)
    assert document["schema"] == "covidreport.evaluate/2"
    rows = document["rankings"][0]["rows"]
    assert [(row["run"], row["missed"]) for row in rows] == [("keen", 0), ("shy", 1)]
    assert rows[1]["sensitivity"]["value"] == 0.5


def test_list_says_what_is_evaluated(covidreport, study):
    """Before: a dash; after: the data set, the split and the number of images."""
    before = json.loads(covidreport("list", "runs", "--json").out)
    assert [run["evaluations"] for run in before["runs"]] == [{}, {}]
    covidreport("evaluate", "runs", "--data", "data")
    after = json.loads(covidreport("list", "runs", "--json").out)
    assert after["runs"][0]["evaluations"]["data-validation"]["images"] == 5
    assert "data-validation (5)" in covidreport("list", "runs").out


def test_render_writes_what_is_asked_for(covidreport, study):
    """Several formats at once, each path printed; by default report.html in this folder."""
    covidreport("evaluate", "runs", "--data", "data")
    done = covidreport("render")
    assert done.out.split() == ["report.html"]
    assert (study / "report.html").read_text().startswith("<!doctype html>")
    words = ["--format", "markdown", "--format", "json", "--format", "csv", "--output", "out"]
    done = covidreport("render", *words)
    assert sorted(done.out.split()) == ["out/report.csv", "out/report.json", "out/report.md"]
    assert covidreport("render", "--format", "json", "--output", "-").out.startswith("{")


def test_render_says_which_splits_there_are_when_another_is_asked_for(covidreport, study):
    """What was evaluated, with its data set."""
    covidreport("evaluate", "runs", "--data", "data")
    covidreport("evaluate", "runs", "--data", "data", "--split", "train")
    done = covidreport("render", "--split", "holdout")
    assert done.code == 2
    assert "there is: data train, data validation" in done.err


def test_render_before_evaluate_says_what_to_do(covidreport, study):
    """Nothing evaluated is wrong usage, not an empty report."""
    done = covidreport("render")
    assert done.code == 2
    assert "run `covidreport evaluate` first" in done.err


def test_a_model_that_changed_since_is_a_finding(covidreport, study):
    """The report says that its figures are of another file."""
    covidreport("evaluate", "runs", "--data", "data")
    write_brightness_model(study / "runs" / "shy" / "model.onnx", offsets=(-20.0, 10.0, -1.0))
    document = json.loads(covidreport("render", "--format", "json", "--output", "-").out)
    assert "model-changed" in [finding["code"] for finding in document["findings"]]


def test_two_reports_of_the_same_evidence_are_equal(covidreport, study):
    """Rendering has no clock in it."""
    covidreport("evaluate", "runs", "--data", "data")
    covidreport("render", "--output", "one.html")
    covidreport("render", "--output", "two.html")
    assert (study / "one.html").read_bytes() == (study / "two.html").read_bytes()


def test_score_moves_thresholds_without_a_model(covidreport, study):
    """With the model files gone, a lower threshold still changes the counts."""
    covidreport("evaluate", "runs", "--data", "data")
    for model in study.glob("runs/*/model.onnx"):
        model.unlink()
    done = covidreport("score", "runs", "--threshold", "covid-19=0.2", "--write")
    assert done.code == 0, done.err
    shy = read_evaluation(study / "runs" / "shy" / "evaluations" / "data-validation")
    assert (shy.counts["covid-19"].missed, shy.thresholds["covid-19"]) == (0, 0.2)
    assert "shy" in done.out


def test_score_names_what_has_no_scores(covidreport, study):
    """Copied counts can't be scored again: exit code 3, and the rest is done."""
    covidreport("evaluate", "runs", "--data", "data")
    for file in study.glob("runs/keen/evaluations/*/scores.parquet"):
        file.unlink()
    done = covidreport("score", "runs")
    assert done.code == 3
    assert "run keen" in done.err
    assert "shy" in done.out


def test_a_second_evaluate_says_what_it_kept(covidreport, study):
    """The ranking is printed again and stderr says that nothing was run."""
    first = covidreport("evaluate", "runs", "--data", "data")
    second = covidreport("evaluate", "runs", "--data", "data")
    assert second.out == first.out
    assert "2 of 2 runs are unchanged" in second.err


def test_cache_info_and_clear(covidreport, study):
    """What an evaluation left is listed, and gone after clear."""
    covidreport("evaluate", "runs", "--data", "data")
    kinds = [
        entry["kind"] for entry in json.loads(covidreport("cache", "info", "--json").out)["entries"]
    ]
    assert {"comparisons", "digests", "pixels", "models", "made-here"} <= set(kinds)
    assert "pixels" in covidreport("cache", "info").out
    assert covidreport("cache", "clear").out.startswith(f"{len(kinds)} entries deleted")
    assert json.loads(covidreport("cache", "info", "--json").out)["entries"] == []


@pytest.mark.parametrize(("split", "told"), [("validation", True), ("train", False)])
def test_an_epoch_that_was_chosen_on_these_images_is_told(tmp_path, covidreport, split, told):
    """Where the reported split chose the epoch its figures flatter; another one is no fault."""
    write_project(tmp_path, base=100)
    rule = {"rule": "best", "metric": "false_negatives", "split": split, "epoch": 3}
    write_run(tmp_path / "runs" / "base", {"name": "base", "exported_epoch": rule})
    done = covidreport("evaluate")
    assert done.code == 0, done.err
    assert ("chosen by false_negatives on validation" in done.err) == told

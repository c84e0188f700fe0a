"""An operating point is a choice: every command names it, and none changes it in silence."""

from __future__ import annotations

import json
import shlex
import shutil

import pytest

from covidreport.store import read_evaluation
from tests.datasets import write_flat_dataset
from tests.evaluate.scored import write_scored_run
from tests.onnx_models import write_brightness_model

SPLITS = ("validation", "test")
A = ([0.9, 0.6, 0.3], [0.8, 0.4, 0.2, 0.1])
B = ([0.5, 0.3, 0.1], [0.25, 0.2, 0.05, 0.01])
TUNE = ("--split", "validation", "--target-sensitivity", "0.6", "--label", "covid-19")


@pytest.fixture
def study(tmp_path):
    """Two runs, each scored on validation and on test."""
    for name, scores in (("a", A), ("b", B)):
        for split in SPLITS:
            write_scored_run(tmp_path / "runs" / name, split, *scores)
    return tmp_path


def _render(covidreport, *words):
    done = covidreport("render", "runs", "--format", "markdown", "--output", "-", *words)
    assert done.code == 0, done.err
    return done.out


def test_the_split_that_was_tuned_on_is_no_second_opinion(covidreport, study):
    """Its figures stand at 0.5 beside those at the tuned threshold: nothing of it is quoted."""
    assert "On the validation split" in _render(covidreport, "--split", "test")
    covidreport("tune", "runs", *TUNE)
    covidreport("score", "runs", "--thresholds", "tuned", "--split", "test", "--write")
    text = _render(covidreport, "--split", "test")
    assert "On the validation split" not in text
    assert "The validation split would choose" not in text
    assert "Threshold 0.28 (tuned on validation)." in text


def _stored(study, run, key):
    return read_evaluation(study / "runs" / run / "evaluations" / key)


def _bytes(study):
    return {file: file.read_bytes() for file in sorted(study.glob("runs/*/**/*")) if file.is_file()}


def test_score_shows_and_writes_nothing_unless_asked(covidreport, study):
    """Threshold, split, missed before and after; 0.9 and 0.6 are over 0.5, 0.3 is over 0.25."""
    before = _bytes(study)
    done = covidreport("score", "runs", "--threshold", "covid-19=0.25")
    assert done.code == 0, done.err
    assert _bytes(study) == before
    assert "cxr, validation: what would change" in done.out
    row = next(line for line in done.out.splitlines() if line.startswith("a "))
    assert row.split()[1:] == [
        "covid-19", "0.5", "(default)", "→", "0.25", "(option)", "1", "→", "0", "1", "→", "2",
    ]  # fmt: skip
    assert "nothing was written: --write" in done.err
    written = covidreport("score", "runs", "--threshold", "covid-19=0.25", "--write")
    assert "cxr, validation: what was written" in written.out
    assert _stored(study, "a", "cxr-validation").counts["covid-19"].missed == 0


def test_score_writes_only_what_was_asked(covidreport, study):
    """One split, and no variant of it; each where it is named."""
    for run in "ab":
        write_scored_run(study / "runs" / run, "validation", *A, variant="occluded-center")
    words = ("score", "runs", "--threshold", "0.25", "--write")
    done = covidreport(*words)
    assert done.out.count("ranked by missed covid-19") == 1
    origins = {
        key: _stored(study, "a", key).thresholds_from
        for key in ("cxr-validation", "cxr-test", "cxr-validation-occluded-center")
    }
    assert list(origins.values()) == ["option", "default", "default"]
    done = covidreport(*words, "--variant", "occluded-center")
    assert "cxr, validation, occluded-center: what was written" in done.out
    assert _stored(study, "a", "cxr-validation-occluded-center").thresholds_from == "option"
    assert covidreport(*words, "--split", "test").code == 0
    assert _stored(study, "a", "cxr-test").thresholds_from == "option"


def test_score_keeps_the_thresholds_where_none_is_asked_for(covidreport, study):
    """Figures come anew, and no 0.5 takes the place of what was tuned."""
    covidreport("tune", "runs", *TUNE)
    covidreport("score", "runs", "--thresholds", "tuned", "--split", "test", "--write")
    before = _bytes(study)
    done = covidreport("score", "runs", "--split", "test", "--write")
    assert done.code == 0, done.err
    assert "→" not in done.out
    assert _bytes(study) == before
    assert _stored(study, "b", "cxr-test").thresholds["covid-19"] == 0.28


@pytest.mark.parametrize(
    "words", [("--split", "nowhere"), ("--dataset", "other"), ("--variant", "fp16")]
)
def test_score_names_what_there_is(covidreport, study, words):
    """Exit code 2, and the splits that were evaluated."""
    done = covidreport("score", "runs", *words)
    assert done.code == 2
    assert "there is: cxr test, cxr validation" in done.err


def _best(document):
    return document["runs"][0]["evaluation"]["estimates"]["covid-19"]["sensitivity"]


def test_figures_on_the_images_that_were_tuned_on_have_no_interval(covidreport, study):
    """Marked where each stands: terminal, answer, ranking, the run's section, CSV and JSON."""
    covidreport("tune", "runs", *TUNE)
    words = ("runs", "--thresholds", "tuned", "--split", "validation", "--write")
    for done in (covidreport("score", *words), covidreport("list", "runs")):
        assert "exploratory: chosen on these images" in done.out
        row = next(line for line in done.out.splitlines() if " 0.28 exploratory" in line)
        assert "0.667 (exploratory) 1.000 (exploratory)" in " ".join(row.split())
        assert "not significantly different" not in done.out
    text = _render(covidreport, "--split", "validation")
    answer = next(line for line in text.splitlines() if "misses the fewest" in line)
    assert "0.667; exploratory: threshold chosen on these images" in answer
    assert "95 % CI" not in answer
    assert "0.667<br>exploratory" in text or "0.667 (2 of 3; exploratory" in text
    done = covidreport("render", "runs", "--format", "json", "--output", "-")
    figure = _best(json.loads(done.out))
    assert (figure["low"], figure["high"], figure["method"]) == (None, None, "exploratory")
    figures = _stored(study, "a", "cxr-validation").estimates
    assert figures["covid-19"]["roc_auc"].low is not None
    assert figures["normal"]["sensitivity"].low is not None  # not tuned
    assert figures[""]["micro_f1"].low is None


def test_an_interval_of_an_earlier_version_is_not_shown(covidreport, study):
    """Of an evaluation that was marked exploratory and stored with one."""
    covidreport("tune", "runs", *TUNE)
    whole = _stored(study, "a", "cxr-validation").estimates["covid-19"]["sensitivity"]
    covidreport("score", "runs", "--thresholds", "tuned", "--split", "validation", "--write")
    file = study / "runs" / "a" / "evaluations" / "cxr-validation" / "evaluation.json"
    value = json.loads(file.read_text())
    value["estimates"]["covid-19"]["sensitivity"] |= {"low": whole.low, "high": whole.high}
    file.write_text(json.dumps(value))
    assert _stored(study, "a", "cxr-validation").estimates["covid-19"]["sensitivity"].low is None


def test_target_tuning_images_and_promise_stand_in_the_report(covidreport, study):
    """And whether they were met: 2 of 3 found is 0.667, over 0.6 and over 0.135."""
    covidreport("tune", "runs", *TUNE)
    covidreport("score", "runs", "--thresholds", "tuned", "--split", "test", "--write")
    text = _render(covidreport, "--split", "test")
    assert (
        "The threshold was tuned on cxr, validation (7 images) for a sensitivity of at least 0.6 "
        "(met); promised for new images with 95 % confidence was at least 0.135 (kept). Here the "
        "sensitivity is 0.667." in text
    )
    for name, scores in (("a", ([0.9, 0.3, 0.1], A[1])), ("b", ([0.1, 0.1, 0.05], B[1]))):
        write_scored_run(study / "runs" / name, "other", *scores)
    covidreport("score", "runs", "--thresholds", "tuned", "--split", "other", "--write")
    text = _render(covidreport, "--split", "other")
    assert "at least 0.6 (missed); promised for new images with 95 % confidence" in text


def test_a_table_states_a_threshold_once_where_all_runs_share_it(covidreport, study):
    """Else in a column; in the terminal and in the report."""
    done = covidreport("list", "runs")
    assert done.out.count("threshold 0.5 (default)") == 1
    text = _render(covidreport, "--split", "validation")
    assert "1 run with a rank; threshold 0.5 (default)" in text
    assert "1 run shown and not ranked; threshold 0.5 (default)" in text
    covidreport("tune", "runs", *TUNE)
    covidreport("score", "runs", "--thresholds", "tuned", "--split", "test", "--write")
    done = covidreport("score", "runs", "--split", "test")
    assert "thresholds tuned on validation" in done.out
    head = next(line for line in done.out.splitlines() if line.startswith("rank"))
    assert "false alarms  threshold" in head
    text = _render(covidreport, "--split", "test")
    assert "| 0.28 (tuned on validation) |" in text


def test_a_run_that_is_not_ranked_at_a_threshold_is_told_of_tune(covidreport, study):
    """It says no to all at 0.5, and its scores tell all apart: `tune` finds where."""
    hint = "at 0.5 (default); `covidreport tune` fits one of its own"
    write_scored_run(study / "runs" / "b", "validation", [0.4, 0.3], [0.2, 0.1])
    for done in (covidreport("list", "runs/b"), covidreport("score", "runs/b")):
        assert f"not ranked: b: calls 4 of 4 images negative, {hint}" in " ".join(done.out.split())
    assert hint in _render(covidreport, "--split", "validation")
    covidreport("tune", "runs/b", "--split", "validation", "--target-sensitivity", "1")
    done = covidreport("score", "runs/b", "--thresholds", "tuned")
    assert "not ranked" not in done.out


def _list_commands(covidreport):
    """The commands of the report on test, in the order in which it gives them."""
    text = _render(covidreport, "--split", "test")
    rows = text.split("Commands as they were called")[1].split("\n\n")[1].splitlines()
    return [row.split("|")[1].strip(" `") for row in rows[2:]]


@pytest.mark.parametrize(
    "words",
    [
        ("score", "runs", "--thresholds", "tuned", "--split", "test", "--write"),
        ("evaluate", "runs", "--data", "data", "--split", "test", "--thresholds", "tuned"),
        ("score", "runs", "--threshold", "covid-19=0.1", "--split", "test", "--write"),
    ],
)
def test_the_recorded_commands_give_the_same_figures(covidreport, tmp_path, words):
    """Called again in their order, in the same folder without evaluations and thresholds."""
    rows = [
        (shade, label, split)
        for split in ("validation", "test")
        for shade, label in ((90, "covid-19"), (95, "covid-19"), (120, "covid-19"), (60, "normal"),
                             (70, "normal"), (105, "pneumonia"))
    ]  # fmt: skip
    write_flat_dataset(tmp_path / "data", rows)
    for name in "ab":
        write_brightness_model(tmp_path / "runs" / name / "model.onnx")
    for split in ("validation", "test"):
        assert covidreport("evaluate", "runs", "--data", "data", "--split", split).code == 0
    before = _stored(tmp_path, "a", "data-test")
    covidreport("tune", "runs", "--split", "validation", "--target-sensitivity", "1")
    assert covidreport(*words).code == 0
    wanted = _stored(tmp_path, "a", "data-test")
    assert wanted.counts != before.counts
    commands = _list_commands(covidreport)
    spoken = ["evaluate", "evaluate", "tune", words[0]]
    if "--threshold" in words:
        spoken.remove("tune")  # nothing of it is in the figures
    assert [command.split()[1] for command in commands] == [*spoken, "render"]
    for name in "ab":
        shutil.rmtree(tmp_path / "runs" / name / "evaluations")
        (tmp_path / "runs" / name / "thresholds.json").unlink()
    for command in commands[:-1]:
        assert covidreport(*shlex.split(command)[1:]).code == 0
    again = _stored(tmp_path, "a", "data-test")
    for field in ("thresholds", "thresholds_from", "counts", "estimates", "findings"):
        assert getattr(again, field) == getattr(wanted, field), field
    assert _list_commands(covidreport) == commands


def test_ci_says_where_it_scored_again(covidreport, tmp_path):
    """It evaluates at the configured thresholds, whatever stood there."""
    write_flat_dataset(
        tmp_path / "data",
        [(90, "covid-19", "validation"), (120, "covid-19", "validation"),
         (60, "normal", "validation"), (70, "normal", "validation")],
    )  # fmt: skip
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    covidreport("evaluate", "runs", "--data", "data", "--threshold", "0.1")
    done = covidreport("ci", "runs", "--data", "data", "--limit", "missed<=2")
    assert "scored again at 0.5 (default): a (was 0.1 (option), missed covid-19" in done.err

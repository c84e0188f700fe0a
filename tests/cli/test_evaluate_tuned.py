"""`covidreport evaluate --thresholds tuned`: from models to counts at each run's own threshold."""

from __future__ import annotations

import pytest

from covidreport.store import read_evaluation, read_failure
from tests.cli.command import TUNING_ROWS
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model


@pytest.fixture
def study(tmp_path):
    """Two runs whose thresholds are tuned, and one that has none."""
    write_flat_dataset(tmp_path / "data", TUNING_ROWS)
    for name in "ab":
        write_brightness_model(tmp_path / "runs" / name / "model.onnx")
    return tmp_path


def _evaluate(covidreport, split, *words):
    return covidreport("evaluate", "runs", "--data", "data/manifest.csv", "--split", split, *words)


def test_tuned_thresholds_find_what_the_default_misses(covidreport, study):
    """At 0.5 brightness 85 is missed; the threshold tuned on 70 against 90 finds it."""
    assert _evaluate(covidreport, "tuning").code == 0
    assert _evaluate(covidreport, "validation").code == 0
    folder = study / "runs" / "a" / "evaluations" / "data-validation"
    assert read_evaluation(folder).counts["covid-19"].missed == 1
    done = covidreport("tune", "runs", "--split", "tuning", "--label", "covid-19",
                       "--target-sensitivity", "0.9")  # fmt: skip
    assert done.code == 0, done.err
    done = _evaluate(covidreport, "validation", "--thresholds", "tuned")
    assert done.code == 0, done.err
    words = (
        "scored again at their own thresholds, tuned on tuning: a at 0.1 (was 0.5 (default), "
        "missed covid-19 1 → 0); b at 0.1 ("
    )
    assert words in done.err
    assert "unchanged" not in done.err
    tuned = read_evaluation(folder)
    assert tuned.counts["covid-19"].missed == 0
    assert tuned.thresholds_from == "tuned on tuning"
    assert tuned.thresholds["normal"] == 0.5
    again = _evaluate(covidreport, "validation", "--thresholds", "tuned", "--force")
    assert again.code == 0, again.err
    forced = read_evaluation(folder)
    assert (forced.counts, forced.thresholds_from, forced.findings, forced.provenance) == (
        tuned.counts, tuned.thresholds_from, tuned.findings, tuned.provenance,
    )  # fmt: skip
    for force in ([], ["--force"]):  # 0.5 never takes the place of what was tuned in silence
        back = _evaluate(covidreport, "validation", *force)
        said = "scored again at 0.5 (default): a (was 0.1 (tuned on tuning), missed covid-19 0 → 1)"
        assert said in back.err
        assert "`--thresholds tuned` takes each run's own" in back.err
        assert "scored again" not in _evaluate(covidreport, "validation", *force).err
        _evaluate(covidreport, "validation", "--thresholds", "tuned")


def test_a_run_without_tuned_thresholds_fails_and_the_others_go_on(covidreport, study):
    """The failure says what to do; the tuned run is evaluated."""
    _evaluate(covidreport, "tuning")
    covidreport("tune", "runs/a", "--split", "tuning", "--target-sensitivity", "0.9")
    done = _evaluate(covidreport, "validation", "--thresholds", "tuned")
    assert done.code == 3
    failure = read_failure(study / "runs" / "b" / "evaluations" / "data-validation")
    assert "covidreport tune" in failure.reason
    assert read_evaluation(study / "runs" / "a" / "evaluations" / "data-validation").counts


def test_a_model_trained_again_needs_tuning_again(covidreport, study):
    """Thresholds of another model file are not applied to this one."""
    _evaluate(covidreport, "tuning")
    covidreport("tune", "runs", "--split", "tuning", "--target-sensitivity", "0.9")
    write_brightness_model(study / "runs" / "a" / "model.onnx", (0.2, -0.1, 0.02))
    done = _evaluate(covidreport, "validation", "--thresholds", "tuned")
    assert done.code == 3
    assert "tuned for another model file" in done.err

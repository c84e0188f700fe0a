"""An operating point is a choice: every command names it, and none changes it in silence."""

from __future__ import annotations

import pytest

from covidreport.store import read_evaluation
from tests.evaluate.scored import write_scored_run

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

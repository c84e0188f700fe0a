"""An operating point is a choice: every command names it, and none changes it in silence."""

from __future__ import annotations

import pytest

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
    assert "Thresholds: a 0.5 (tuned on validation) and b 0.28 (tuned on validation)." in text

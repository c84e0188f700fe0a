"""An evaluation of other images is not overwritten without a word, and another data set's never."""

from __future__ import annotations

import shutil

import pytest

from covidreport.store import read_evaluation
from tests.cli.command import ROWS, run_command, write_model
from tests.datasets import write_flat_dataset

GROWN = [*ROWS, (60, "covid-19", "validation"), (70, "normal", "validation")]
OTHER = [(value - 5, label, split) for value, label, split in ROWS]
"""Other pixels under the same ids, with the same truth."""


@pytest.fixture
def study(covidreport, tmp_path):
    """Two hospitals keep their images in a folder `data`; run a was evaluated on the first's."""
    write_flat_dataset(tmp_path / "one" / "data", ROWS)
    write_flat_dataset(tmp_path / "two" / "data", OTHER)
    write_model(tmp_path / "runs" / "a", 100)
    done = covidreport(*_evaluate("one"))
    assert done.code == 0, done.err
    return tmp_path


def _evaluate(place, *words, runs="runs"):
    return ("evaluate", runs, "--data", f"{place}/data/manifest.csv", "--provider", "cpu", *words)


def _evaluation(study):
    return read_evaluation(study / "runs" / "a" / "evaluations" / "data-validation")


def test_a_data_set_that_grew_replaces_its_evaluation_with_a_word(study, covidreport):
    """Two images more: the figures are of nine, and the warning says of how many they were."""
    write_flat_dataset(study / "one" / "data", GROWN)

    done = covidreport(*_evaluate("one"))

    assert done.code == 0, done.err
    assert _evaluation(study).n_images == 9
    assert "data-validation was of 7 images or another truth from one/data/manifest.csv" in done.err
    assert "is now of 9 from one/data/manifest.csv" in done.err
    assert "the evaluation of before is replaced" in done.err
    assert "replaced" not in covidreport(*_evaluate("one")).err


def test_another_data_set_of_the_same_name_leaves_what_stands(study):
    """The run fails with the way out; its evaluation is as it was, and a new run is evaluated."""
    before = _evaluation(study)
    write_model(study / "runs" / "b", 100)

    done = run_command(study, *_evaluate("two"))

    assert done.returncode == 3
    assert "two data sets go by one name, and what stands is kept" in done.stderr
    assert "`name` in covidreport.toml" in done.stderr
    assert _evaluation(study) == before
    place = study / "runs" / "a" / "evaluations" / "data-validation"
    assert not (place / "failure.json").exists()
    assert (study / "runs" / "b" / "evaluations" / "data-validation" / "scores.parquet").is_file()


def test_another_name_keeps_both(study, covidreport):
    """As the failure advises."""
    before = _evaluation(study)
    (study / "covidreport.toml").write_text('name = "two"\n')

    assert covidreport(*_evaluate("two")).code == 0

    assert _evaluation(study) == before
    assert (study / "runs" / "a" / "evaluations" / "two-validation").is_dir()


def test_force_replaces_another_data_set_with_a_word(study, covidreport):
    """As the failure advises as well."""
    before = _evaluation(study)

    done = covidreport(*_evaluate("two", "--force"))

    assert done.code == 0, done.err
    assert "is now of 7 from two/data/manifest.csv" in done.err
    assert _evaluation(study).fingerprint != before.fingerprint


def test_it_is_the_place_that_tells_and_not_how_it_is_spelt(study, covidreport, monkeypatch):
    """From within its folder both manifests are `data/manifest.csv`: the truth tells them apart."""
    monkeypatch.chdir(study / "one")
    write_flat_dataset(study / "one" / "data", GROWN)
    assert covidreport(*_evaluate(".", runs="../runs")).code == 0
    flipped = [(v, "normal" if label == "covid-19" else "covid-19", s) for v, label, s in ROWS]
    write_flat_dataset(study / "two" / "data", flipped)
    monkeypatch.chdir(study / "two")

    done = covidreport(*_evaluate(".", runs="../runs"))

    assert done.code == 3
    assert _evaluation(study).n_images == 9


def test_a_data_set_that_was_moved_and_grew_is_the_same(study, covidreport):
    """Nothing is left where it was, and nine in ten of its images are there with their truth."""
    shutil.move(study / "one", study / "three")
    write_flat_dataset(study / "three" / "data", GROWN)

    done = covidreport(*_evaluate("three"))

    assert done.code == 0, done.err
    assert _evaluation(study).n_images == 9


def test_imported_scores_of_another_data_set_are_refused(study, covidreport):
    """What was imported for the first hospital stays, and the second's go under another name."""
    words = ("import-scores", "scores.csv", "--run", "away", "--activation", "sigmoid", "--data")
    rows = [f"{i:03}.png,0.9,0.1,0.1" for i in range(7)]
    (study / "scores.csv").write_text("\n".join(["sample_id,covid-19,normal,pneumonia", *rows]))
    assert covidreport(*words, "one/data/manifest.csv").code == 0

    again = covidreport(*words, "one/data/manifest.csv")
    other = covidreport(*words, "two/data/manifest.csv")

    assert again.code == 0, again.err
    assert "replaced" not in again.err
    assert other.code == 2
    assert "two data sets go by one name" in other.err

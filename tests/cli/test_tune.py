"""`covidreport tune`, and `score` at each run's own thresholds."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.cli import terminal
from covidreport.records import Failure
from covidreport.store import (
    read_evaluation,
    read_thresholds,
    write_evaluation,
    write_failure,
)
from tests.evaluate.scored import write_scored_run

# For a sensitivity of 0.6, `a` is cut between 0.6 and 0.4 and `b` between 0.3 and 0.25
A = ([0.9, 0.6, 0.3], [0.8, 0.4, 0.2])
B = ([0.5, 0.3, 0.1], [0.25, 0.2, 0.05])
WORDS = ("--target-sensitivity", "0.6", "--label", "covid-19")


@pytest.fixture
def study(tmp_path):
    """Two runs, each scored on a tuning and on a validation split."""
    for name, scores in (("a", A), ("b", B)):
        folder = tmp_path / "runs" / name
        write_scored_run(folder, "tuning", *scores)
        write_scored_run(folder, "validation", *scores)
    return tmp_path


def test_each_run_gets_a_threshold_of_its_own(covidreport, study):
    """About half way between the scores on its two sides, in few digits."""
    done = covidreport("tune", "runs", *WORDS)
    assert done.code == 0, done.err
    thresholds = {
        name: read_thresholds(study / "runs" / name).fits["covid-19"].threshold for name in "ab"
    }
    assert thresholds == pytest.approx({"a": 0.5, "b": 0.28})
    line = next(line for line in done.out.splitlines() if line.startswith("a "))
    # one-sided 95 % for 2 of 3: p with P(at least 2 of 3) = 0.05 is 0.135
    for text in ("0.5", "0.667 (2 of 3)", "≥ 0.135", "needs 6 positives, 3 here"):
        assert text in line


def test_the_table_fits_a_narrow_terminal(covidreport, study, monkeypatch):
    """At 80 columns the intervals go and no row is broken."""
    monkeypatch.setattr(terminal.out, "width", 80)
    done = covidreport("tune", "runs", *WORDS)
    lines = done.out.splitlines()
    assert len(lines) == 5
    assert max(len(line) for line in lines) <= 80
    assert "0.667 (2 of 3)" in lines[1]
    assert "No room for intervals of sensitivity, intervals of specificity" in lines[3]


def test_all_labels_are_tuned_unless_one_is_named(covidreport, study):
    """Each with its own threshold in thresholds.json."""
    covidreport("tune", "runs", "--target-specificity", "0.6")
    fits = read_thresholds(study / "runs" / "a").fits
    assert list(fits) == ["covid-19", "normal"]
    assert {fit.metric for fit in fits.values()} == {"specificity"}


def test_json_is_for_programs(covidreport, study):
    """One document, the same each time: no date in it."""
    first = covidreport("tune", "runs", *WORDS, "--json")
    document = json.loads(first.out)
    assert document["schema"] == "covidreport.tune/1"
    assert document["target"] == {
        "metric": "sensitivity", "value": 0.6, "guaranteed": False, "confidence": 0.95,
    }  # fmt: skip
    (a, b) = document["runs"]
    assert (a["run"], a["file"]) == ("a", "runs/a/thresholds.json")
    assert b["fits"]["covid-19"]["sensitivity"]["numerator"] == 2
    assert covidreport("tune", "runs", *WORDS, "--json").out == first.out


def test_what_was_tuned_is_applied_to_another_split_and_ranked_together(covidreport, study):
    """Both runs find 2 of 3 at thresholds that differ, in one ranking, and say where from."""
    covidreport("tune", "runs", *WORDS)
    done = covidreport("score", "runs", "--thresholds", "tuned", "--split", "validation", "--write")
    assert done.code == 0, done.err
    assert done.out.count("ranked by missed covid-19") == 1
    for name in "ab":
        evaluation = read_evaluation(study / "runs" / name / "evaluations" / "cxr-validation")
        assert evaluation.thresholds_from == "tuned on tuning"
        assert evaluation.counts["covid-19"].tp == 2
        assert evaluation.findings == ()


def test_the_configuration_can_ask_for_tuned_thresholds(covidreport, study):
    """And --threshold wins over it."""
    (study / "covidreport.toml").write_text('thresholds = "tuned"\n')
    covidreport("tune", "runs", *WORDS)
    assert covidreport("score", "runs", "--write").code == 0
    path = study / "runs" / "b" / "evaluations" / "cxr-validation"
    assert read_evaluation(path).thresholds["covid-19"] == pytest.approx(0.28)
    assert covidreport("score", "runs", "--threshold", "0.4", "--write").code == 0
    assert read_evaluation(path).thresholds_from == "option"


def test_the_split_that_was_tuned_on_is_marked_exploratory(covidreport, study):
    """The tuning split's own figures say what they are."""
    covidreport("tune", "runs", *WORDS)
    covidreport("score", "runs", "--thresholds", "tuned", "--split", "tuning", "--write")
    evaluation = read_evaluation(study / "runs" / "a" / "evaluations" / "cxr-tuning")
    assert evaluation.thresholds_from == "tuned on tuning (exploratory)"
    assert [finding.code for finding in evaluation.findings] == ["exploratory-threshold"]


def test_a_run_that_was_not_tuned_fails_by_name_and_the_others_go_on(covidreport, study):
    """Exit code 3; its evaluation stays as it was."""
    covidreport("tune", "runs/a", *WORDS)
    done = covidreport("score", "runs", "--thresholds", "tuned", "--split", "validation", "--write")
    assert done.code == 3
    assert "run b: has no tuned thresholds" in done.err
    assert "a" in done.out
    untouched = read_evaluation(study / "runs" / "b" / "evaluations" / "cxr-validation")
    assert untouched.thresholds_from == "default"


def test_a_run_that_was_not_evaluated_on_the_split_is_told_how(covidreport, study):
    """The others are tuned."""
    write_scored_run(study / "runs" / "c", "validation", *A)
    done = covidreport("tune", "runs", *WORDS)
    assert done.code == 3
    assert "run c: was not evaluated on the split tuning" in done.err
    assert "covidreport evaluate --split tuning" in done.err
    assert read_thresholds(study / "runs" / "a") is not None
    assert read_thresholds(study / "runs" / "c") is None


def test_a_failed_evaluation_is_nothing_to_tune_on(covidreport, study):
    """What stands there is of an older attempt."""
    write_failure(study / "runs" / "a", "cxr-tuning", Failure("a", "infer", "out of memory"))
    done = covidreport("tune", "runs", *WORDS)
    assert done.code == 3
    assert "run a: its last evaluation of cxr-tuning failed: out of memory" in done.err


def test_several_data_sets_with_the_split_ask_which(covidreport, study):
    """And --dataset answers."""
    write_scored_run(study / "runs" / "a", "tuning", *A, dataset="other")
    done = covidreport("tune", "runs", *WORDS)
    assert done.code == 3
    assert "(cxr-tuning, other-tuning): say which with --dataset" in done.err
    assert covidreport("tune", "runs", *WORDS, "--dataset", "cxr").code == 0


def test_a_variant_serves_where_there_is_no_usual_evaluation(covidreport, tmp_path):
    """Runs that are only ever evaluated at half precision are tuned all the same."""
    write_scored_run(tmp_path / "runs" / "a", "tuning", *A, variant="cuda-fp16")
    done = covidreport("tune", "runs", *WORDS)
    assert done.code == 0, done.err
    assert read_thresholds(tmp_path / "runs" / "a").evaluation == "cxr-tuning-cuda-fp16"


def test_a_guarantee_needs_enough_positives(covidreport, study):
    """3 can't; 59 can guarantee 0.95, at the lowest of their scores."""
    words = ("--target-sensitivity", "0.95", "--label", "covid-19", "--guarantee")
    done = covidreport("tune", "runs", *words)
    assert done.code == 3
    assert "with 3 positives no threshold can guarantee a sensitivity of 0.95" in done.err
    assert "59 are needed" in done.err
    assert read_thresholds(study / "runs" / "a") is None
    many = list(np.linspace(0.3, 0.9, 59))
    write_scored_run(study / "runs" / "c", "tuning", many, [0.1, 0.2])
    done = covidreport("tune", "runs/c", *words)
    assert done.code == 0, done.err
    fit = read_thresholds(study / "runs" / "c").fits["covid-19"]
    assert fit.threshold == pytest.approx(0.25)
    assert (fit.bound or 0) >= 0.95
    assert "yes" in done.out


def test_tuning_on_the_reported_split_is_warned_of(covidreport, study):
    """It is allowed, and what comes of it is marked."""
    done = covidreport("tune", "runs", "--split", "Validation", *WORDS)
    assert done.code == 0
    assert "metrics on it at these thresholds are marked exploratory" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give one target"),
        (["--target-sensitivity", "0.9", "--target-specificity", "0.9"], "give one target"),
        (["--target-sensitivity", "95"], "such as 0.95"),
        (["--target-specificity", "0"], "above 0 and up to 1"),
    ],
)
def test_wrong_usage_is_exit_code_2(covidreport, study, words, message):
    """One clear message and nothing written."""
    done = covidreport("tune", "runs", *words)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""
    assert not list(study.glob("runs/*/thresholds.json"))


def test_tuning_on_the_split_that_was_trained_on_is_warned_of(covidreport, study):
    """A bound from images that the model has seen holds for no others."""
    (study / "runs" / "b" / "run.json").write_text(
        json.dumps({"schema": "covidreport.run/1", "data": {"train_split": "Tuning"}})
    )
    done = covidreport("tune", "runs", *WORDS)
    assert "b was trained on tuning: what these thresholds reach there says nothing" in done.err
    assert "a was trained" not in done.err
    assert "≥" not in next(line for line in done.out.splitlines() if line.startswith("b "))
    assert "≥ 0.135" in next(line for line in done.out.splitlines() if line.startswith("a "))
    stored = read_thresholds(study / "runs" / "b")
    assert stored.fits["covid-19"].bound is None
    assert stored.unbounded == "the run was trained on tuning"


def _with_patients(folder, patients):
    """The evaluation on the tuning split, with so many patients for its 6 images."""
    place = folder / "evaluations" / "cxr-tuning"
    write_evaluation(folder, replace(read_evaluation(place), n_groups=patients))


def test_no_bound_is_given_where_a_patient_has_several_images(covidreport, study):
    """A dash in the table and null in the file, with the reason; one image each has its bound."""
    _with_patients(study / "runs" / "a", 4)
    _with_patients(study / "runs" / "b", 6)
    done = covidreport("tune", "runs", *WORDS)
    assert done.code == 0, done.err
    lines = {line.split()[0]: line for line in done.out.splitlines()}
    assert lines["a"].split()[-2:] == ["–", "–"]
    assert "≥ 0.135" in lines["b"]
    document = json.loads((study / "runs" / "a" / "thresholds.json").read_text())
    fit = document["fits"]["covid-19"]
    assert (document["unbounded"], fit["bound"], fit["cases_needed"]) == (
        "6 images are of 4 patients", None, None,
    )  # fmt: skip
    assert (fit["specificity"]["low"], fit["specificity"]["numerator"]) == (None, 2)
    assert "6 images are of 4 patients: no bound on new images is known" in done.err


def test_nothing_is_guaranteed_where_a_patient_has_several_images(covidreport, study):
    """Exit code 3, the reason, and no file."""
    many = list(np.linspace(0.3, 0.9, 59))
    write_scored_run(study / "runs" / "c", "tuning", many, [0.1, 0.2])
    _with_patients(study / "runs" / "c", 20)
    words = ("--target-sensitivity", "0.95", "--label", "covid-19", "--guarantee")
    done = covidreport("tune", "runs/c", *words)
    assert done.code == 3
    assert "no threshold can be guaranteed on new images: 61 images are of 20 patients" in done.err
    assert read_thresholds(study / "runs" / "c") is None


def test_a_false_bound_of_an_earlier_version_is_not_read(covidreport, study):
    """Its thresholds.json is read; what it promised for patients of several images is not."""
    covidreport("tune", "runs", *WORDS)
    file = study / "runs" / "a" / "thresholds.json"
    old = json.loads(file.read_text()) | {"schema": "covidreport.thresholds/1", "n_groups": 4}
    del old["unbounded"]
    file.write_text(json.dumps(old))
    tuned = read_thresholds(study / "runs" / "a")
    assert tuned.fits["covid-19"].threshold == 0.5
    assert tuned.fits["covid-19"].bound is None
    old["n_groups"] = None
    file.write_text(json.dumps(old))
    fit = read_thresholds(study / "runs" / "a").fits["covid-19"]
    assert fit.bound == old["fits"]["covid-19"]["bound"]


def test_it_says_where_it_wrote_what_it_replaced_and_what_comes_next(covidreport, study):
    """The first one replaces nothing, nor does the same one again."""
    for _ in range(2):
        done = covidreport("tune", "runs", *WORDS)
        assert "wrote runs/a/thresholds.json, runs/b/thresholds.json" in done.err
        assert "replaces" not in done.err
        words = "next: `covidreport evaluate runs --split validation --thresholds tuned`"
        assert words in done.err
    done = covidreport("tune", "runs", "--split", "validation", "--target-sensitivity", "0.9")
    said = "runs/b/thresholds.json replaces covid-19 0.28 (sensitivity of 0.6 on tuning)"
    assert said in done.err
    assert "next: `covidreport evaluate runs --split tuning --thresholds tuned`" in done.err


def test_the_split_is_the_configured_one_else_tuning_where_there_is_one(covidreport, study):
    """Without either, exit code 2 and the splits that there are."""
    (study / "covidreport.toml").write_text('[tune]\nsplit = "Validation"\n')
    assert covidreport("tune", "runs", *WORDS).code == 0
    assert read_thresholds(study / "runs" / "a").split == "validation"
    assert covidreport("tune", "runs", "--split", "tuning", *WORDS).code == 0
    assert read_thresholds(study / "runs" / "a").split == "tuning"
    (study / "covidreport.toml").unlink()
    for name in "ab":
        shutil.rmtree(study / "runs" / name / "evaluations" / "cxr-tuning")
        write_scored_run(study / "runs" / name, "test", *A)
    done = covidreport("tune", "runs", *WORDS)
    assert done.code == 2
    assert "no run was evaluated on a split called tuning; there is: test, validation" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--label", "flu"], "--label flu: is no label of these runs; their labels are covid-19, "),
        (["--split", "nowhere"], "no run was evaluated on the split nowhere"),
        (["--dataset", "other"], "no run was evaluated on the split tuning of other"),
    ],
)
def test_what_no_run_has_is_wrong_usage(covidreport, study, words, message):
    """Said once and not for each run; nothing is written."""
    done = covidreport("tune", "runs", "--target-sensitivity", "0.6", *words)
    assert done.code == 2
    assert done.err.count(message) == 1
    assert not list(study.glob("runs/*/thresholds.json"))

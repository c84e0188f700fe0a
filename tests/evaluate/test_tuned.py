"""Thresholds of a run's own: when they may be applied, and when the figures are exploratory."""

from __future__ import annotations

import shutil

import pytest
from msgspec.structs import replace

from covidreport.errors import RunError
from covidreport.evaluate.scoring import apply_chosen, is_applied
from covidreport.evaluate.thresholds import Thresholds
from covidreport.evaluate.tuned import (
    ChosenThresholds,
    ReportedImages,
    choose_thresholds,
    tune_run,
)
from covidreport.metrics import Target
from covidreport.store import (
    SCORES_FILE,
    evaluation_folder,
    read_evaluation,
    read_scores,
    write_thresholds,
)
from tests.evaluate.scored import LABELS, write_scored_run

TUNED = Thresholds(tuned=True)
POSITIVES, NEGATIVES = [0.9, 0.6, 0.3], [0.8, 0.4, 0.2]
IMAGES = ReportedImages(
    "cxr", "validation", "images of validation", LABELS, ("validation-000.png",)
)


def _tune(run, labels=("covid-19",), target=None, key="cxr-tuning"):
    folder = evaluation_folder(run.folder, key)
    scores = read_scores(folder / SCORES_FILE)
    tuned, faults = tune_run(
        run, read_evaluation(folder), scores, labels, target or Target("sensitivity", 0.6)
    )
    if tuned is not None:
        write_thresholds(run.folder, tuned)
    return tuned, faults


@pytest.fixture
def run(tmp_path):
    """2 of 3 positives found lies between 0.6 and 0.4: a threshold of 0.5."""
    run = write_scored_run(tmp_path / "a", "tuning", POSITIVES, NEGATIVES)
    _tune(run)
    return run


def test_what_is_tuned_says_where_and_for_what(run):
    """The origin names the split, the provenance the images and the target; normal stays fixed."""
    chosen = choose_thresholds(replace(TUNED, default=0.7), run, IMAGES, "m1")
    assert chosen.values == pytest.approx({"covid-19": 0.5, "normal": 0.7})
    assert chosen.origin == "tuned on tuning"
    assert chosen.findings == ()
    assert chosen.tuning == {
        "dataset": "cxr",
        "split": "tuning",
        "fingerprint": "images of tuning",
        "targets": {
            "covid-19": {
                "metric": "sensitivity", "value": 0.6, "method": "plain", "confidence": 0.95,
            }
        },
    }  # fmt: skip


def test_fixed_thresholds_are_those_of_all_runs(run):
    """thresholds.json is not looked at where nobody asked for it."""
    chosen = choose_thresholds(Thresholds(0.4, origin="option"), run, IMAGES)
    assert chosen == ChosenThresholds({"covid-19": 0.4, "normal": 0.4}, "option")


@pytest.mark.parametrize(
    ("images", "evidence"),
    [
        (replace(IMAGES, fingerprint="images of tuning"), "the very same images"),
        (replace(IMAGES, split="tuning", fingerprint="changed"), "tuned on cxr, tuning as it was"),
        (replace(IMAGES, sample_ids=("x.png", "tuning-004.png")), "1 of its 6 image ids"),
    ],
)
def test_on_the_images_that_were_tuned_on_figures_are_exploratory(run, images, evidence):
    """By the fingerprint, by the split, or by one id that is in both."""
    chosen = choose_thresholds(TUNED, run, images, "m1")
    assert chosen.origin == "tuned on tuning (exploratory)"
    (finding,) = chosen.findings
    assert (finding.severity, finding.code) == ("warning", "exploratory-threshold")
    assert evidence in finding.evidence
    assert f"on {images.dataset}, {images.split} are exploratory" in finding.what


@pytest.mark.parametrize("change", ["gone", "replaced"])
def test_where_the_tuning_images_are_no_longer_known_a_finding_says_so(run, change):
    """Their ids can't be compared: not called exploratory, and not called clean."""
    folder = evaluation_folder(run.folder, "cxr-tuning")
    if change == "gone":
        shutil.rmtree(folder)
    else:
        write_scored_run(run.folder, "tuning", POSITIVES, NEGATIVES, fingerprint="other images")
    chosen = choose_thresholds(TUNED, run, IMAGES, "m1")
    assert chosen.origin == "tuned on tuning"
    assert [finding.code for finding in chosen.findings] == ["tuning-images-unknown"]


def test_a_run_without_thresholds_of_its_own_is_an_error_of_this_run(tmp_path):
    """Never a quiet 0.5."""
    run = write_scored_run(tmp_path / "b", "validation", POSITIVES, NEGATIVES)
    with pytest.raises(RunError, match="run `covidreport tune`"):
        choose_thresholds(TUNED, run, IMAGES)


def test_thresholds_of_another_model_are_not_applied(run):
    """The model was trained again since; one from elsewhere has no digest to compare."""
    with pytest.raises(RunError, match="another model file"):
        choose_thresholds(TUNED, run, IMAGES, "m2")
    assert choose_thresholds(TUNED, run, IMAGES, None).origin == "tuned on tuning"


def test_thresholds_for_other_labels_are_not_applied(run):
    """None of the labels that are reported was tuned."""
    with pytest.raises(RunError, match="tuned for covid-19 and the labels are flu"):
        choose_thresholds(TUNED, run, replace(IMAGES, labels=("flu",)))


def test_broken_thresholds_are_an_error_of_this_run(run):
    """The file is named."""
    (run.folder / "thresholds.json").write_text("{")
    with pytest.raises(RunError, match=r"thresholds\.json"):
        choose_thresholds(TUNED, run, IMAGES)


def test_labels_tuned_one_after_the_other_have_targets_of_their_own(run):
    """The second keeps the first, since it is about the same scores."""
    tuned, faults = _tune(run, ["normal"], Target("specificity", 0.6))
    assert faults == ()
    assert list(tuned.fits) == ["covid-19", "normal"]
    assert (tuned.fits["covid-19"].metric, tuned.fits["normal"].metric) == (
        "sensitivity", "specificity",
    )  # fmt: skip


def test_what_was_tuned_on_other_scores_is_not_kept(run):
    """Another model's threshold for covid-19 says nothing about this one's."""
    write_scored_run(run.folder, "tuning", POSITIVES, NEGATIVES, model="m2")
    tuned, _ = _tune(run, ["normal"])
    assert list(tuned.fits) == ["normal"]


def test_a_label_that_can_not_be_tuned_is_named_and_the_others_are(tmp_path):
    """No positives of covid-19; a label that is not there."""
    run = write_scored_run(tmp_path / "c", "tuning", [], NEGATIVES)
    tuned, faults = _tune(run, ["covid-19", "normal", "flu"])
    assert list(tuned.fits) == ["normal"]
    assert [label for label, _ in faults] == ["covid-19", "flu"]


def test_applied_and_taken_back(run):
    """Finding and origin come with tuned thresholds and go with fixed ones, and nothing else."""
    folder = evaluation_folder(run.folder, "cxr-tuning")
    evaluation, scores = read_evaluation(folder), read_scores(folder / SCORES_FILE)
    images = ReportedImages("cxr", "tuning", "images of tuning", LABELS, scores.sample_ids)
    chosen = choose_thresholds(TUNED, run, images, "m1")
    tuned = apply_chosen(evaluation, scores, chosen)
    assert tuned.counts["covid-19"].tp == 2
    assert tuned.thresholds_from == "tuned on tuning (exploratory)"
    assert [finding.code for finding in tuned.findings] == ["exploratory-threshold"]
    assert tuned.provenance["tuning"] == chosen.tuning
    assert is_applied(tuned, chosen)
    assert not is_applied(evaluation, chosen)
    fixed = ChosenThresholds(evaluation.thresholds, "default")
    assert apply_chosen(tuned, scores, fixed) == evaluation

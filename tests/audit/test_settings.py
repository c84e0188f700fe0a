"""What run.json and history.csv say against a run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.audit import settings
from tests.audit.cases import (
    find_in_study,
    list_experiments,
    make_counts,
    make_spoiled,
    with_history,
)
from tests.metrics.study import make_evaluation, make_report, make_run


def test_the_studys_focal_loss_is_no_focal_loss():
    """Every recorded loss of the six focal runs that recorded one is below 0."""
    finding = find_in_study("loss-below-zero")
    assert list_experiments(finding) == ["1", "4", "5", "8", "17", "18"]
    assert "exp1-vgg16-focal (focal): 20 of 20 values below 0, the lowest -0.0269 in epoch 17" in (
        finding.evidence
    )


@pytest.mark.parametrize(
    ("loss", "value"),
    [("bce", 0.0), ("focal", 0.2), ("negative-log-likelihood", -1.0), (None, -1.0)],
)
def test_a_loss_that_may_be_what_it_is_is_no_finding(loss, value):
    """0 is a loss; and of a loss that is not known to be positive nothing is said."""
    run = make_run(make_evaluation("a", make_counts(5, 50)), hyperparameters={"loss": loss})
    report = make_report([with_history(run, {"train_loss": value, "train_f1": -1.0})])
    assert settings.audit_negative_loss(report) == ()


def test_the_study_recorded_the_last_batch_alone():
    """The ten runs with a loss; the eight without any are not named."""
    finding = find_in_study("last-batch-loss-only")
    assert list_experiments(finding) == ["1", "2", "3", "4", "5", "6", "7", "8", "17", "18"]


def test_the_settings_that_the_studys_table_has_wrong_are_named():
    """Architecture of 2, 3, 6, 7, 10, 15 and 16; the loss of 18; the learning rate of 6."""
    finding = find_in_study("published-settings-differ")
    assert list_experiments(finding) == ["2", "3", "6", "7", "10", "15", "16", "18"]
    assert finding.evidence.count("architecture") == 7
    assert "'Res18 Fine tuning BCELoss' means architecture resnet18, ran vgg16" in finding.evidence
    assert "'BCELoss lr 0.00001' means learning_rate 1e-05, ran 0.0001" in finding.evidence
    assert "'Res18 Fine tuning BCE Loss' means loss bce, ran focal" in finding.evidence


def test_the_study_froze_layers_that_were_replaced():
    """Experiments 16 and 18."""
    assert list_experiments(find_in_study("freeze-without-effect")) == ["16", "18"]


def test_the_study_augmented_what_it_evaluated_on():
    """All 18 runs, whose counts were copied; what was scored here was augmented by nothing."""
    finding = find_in_study("augmented-evaluation")
    assert len(list_experiments(finding)) == 18
    assert "rotation up to 30 degrees" in finding.evidence
    stated = {"data": {"validation_augmentation": "mild"}}
    copied = replace(make_evaluation("a", make_counts(5, 50)), has_scores=False)
    assert settings.audit_augmented(make_report([make_run(copied, **stated)]))
    for evaluation, data in (
        (replace(copied, has_scores=True), stated),
        (replace(copied, split="test"), stated),
        (copied, {"data": {"validation_augmentation": "none"}}),
        (copied, {}),
    ):
        assert settings.audit_augmented(make_report([make_run(evaluation, **data)])) == ()


@pytest.mark.parametrize(
    ("exported", "found"),
    [
        ({"rule": "best", "epoch": 3, "metric": "micro_f1", "split": "validation"}, True),
        ({"rule": "best", "epoch": 3, "metric": "micro_f1", "split": "tuning"}, False),
        ({"rule": "last", "epoch": 3, "metric": None, "split": None}, False),
        ({"rule": "last", "epoch": 3, "split": "validation"}, False),
        ("last", False),
    ],
)
def test_an_epoch_picked_on_the_reported_split_is_named(exported, found):
    """The last epoch, or one picked elsewhere, is fine."""
    findings = settings.audit_export(make_spoiled(exported_epoch=exported))
    assert [finding.subjects for finding in findings] == ([("run-0",)] if found else [])


def test_a_run_of_which_no_epoch_could_be_chosen_is_named():
    """It says the recorded reason, and nothing of a choice."""
    exported = {"rule": "best", "epoch": 3, "metric": "false_negatives", "split": "validation"}
    why = "no epoch could be chosen: all are called positive"
    (found,) = settings.audit_export(make_spoiled(exported_epoch={**exported, "none_chosen": why}))
    assert (found.code, found.subjects) == ("no-epoch-could-be-chosen", ("run-0",))
    assert why in found.evidence


@pytest.mark.parametrize("origin", ["default", "option", "tuned on train", "published"])
def test_thresholds_from_elsewhere_are_no_finding(origin):
    """Fixed beforehand, or tuned on another split."""
    evaluation = make_evaluation("a", make_counts(3, 30), thresholds_from=origin)
    assert settings.audit_thresholds(make_report([make_run(evaluation)])) == ()


def test_thresholds_whose_images_were_compared_are_not_judged_by_the_splits_name():
    """Tuned on another data set's validation split: the name is the same and the images are not."""
    tuned = make_evaluation("a", make_counts(3, 30), thresholds_from="tuned on validation")
    compared = replace(tuned, provenance={"tuning": {"dataset": "other", "split": "validation"}})
    assert settings.audit_thresholds(make_report([make_run(tuned)])) != ()
    assert settings.audit_thresholds(make_report([make_run(compared)])) == ()


@pytest.mark.parametrize(
    ("started", "found"),
    [
        ({"weights": None}, True),
        ({"weights": "none"}, True),
        ({"weights": "imagenet"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_start_from_random_weights_is_noted_only_where_it_is_stated(started, found):
    """A run that does not say what it started from is not accused of anything."""
    assert bool(settings.audit_weights(make_spoiled(started_from=started))) is found

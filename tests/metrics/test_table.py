"""What the table of metrics gives of an evaluation."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.metrics import (
    ALL_METRICS,
    COUNTS,
    SCORE_METRICS,
    interval_columns,
    iter_metrics,
    list_counts,
)
from covidreport.records import Counts, Estimate
from tests.integrations.run_folders import LABELS, write_scored_run


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    """Ten images of two labels, with details."""
    return write_scored_run(tmp_path_factory.mktemp("runs") / "good")


def test_every_figure_is_given_once_with_what_is_known_of_it(evaluation):
    """All that is stored, in its order; the line of the table beside each."""
    found = list(iter_metrics(evaluation))

    stored = [(label, key) for label, each in evaluation.estimates.items() for key in each]
    assert [(each.label, each.key) for each in found] == stored
    assert all(each.metric is ALL_METRICS[each.key] for each in found)
    assert all(each.estimate is evaluation.estimates[each.label][each.key] for each in found)


def test_details_follow_where_they_are_asked_for(evaluation):
    """Those over all labels, then each label's."""
    plain = list(iter_metrics(evaluation))
    beyond = list(iter_metrics(evaluation, score_metrics=True))[len(plain) :]

    assert {each.key for each in beyond} == set(SCORE_METRICS)
    assert [each.label for each in beyond] == [
        "",
        "",
        *(label for label in LABELS for _ in range(8)),
    ]
    (brier,) = (each for each in beyond if (each.label, each.key) == ("covid-19", "brier"))
    assert brier.estimate == evaluation.score_metrics.labels["covid-19"].calibration.brier
    assert list(iter_metrics(replace(evaluation, score_metrics=None), score_metrics=True)) == plain


def test_a_figure_of_another_version_is_given_too(evaluation):
    """Nothing is known of it but its key."""
    stored = {"covid-19": {"youden": Estimate(0.5)}}
    (found,) = iter_metrics(replace(evaluation, estimates=stored))

    assert (found.key, found.estimate, found.metric) == ("youden", Estimate(0.5), None)


def test_counts_add_up():
    """The first seven are those of the record, each in one; what follows from them comes after."""
    counts = Counts(tn=60, fp=10, fn=2, tp=8, failed_positive=6, failed_negative=30, unknown=9)
    found = list_counts(counts)

    assert list(found) == list(COUNTS)
    assert sum(list(found.values())[:7]) == counts.total
    assert (found["positives"], found["missed"], found["false_alarms"]) == (16, 8, 40)
    assert set(found) - set(list_counts(counts, totals=False)) == {"positives", "negatives"}


def test_a_figure_is_three_columns():
    """Undefined ends are None."""
    assert interval_columns("f1", Estimate(0.5, 0.4)) == {
        "f1": 0.5, "f1_low": 0.4, "f1_high": None,
    }  # fmt: skip


def test_what_is_of_no_threshold_keeps_its_interval_where_one_was_looked_for():
    """Curves, calibration and the prevalence: all others depend on the threshold."""
    found = {
        name for name, metric in (ALL_METRICS | SCORE_METRICS).items() if not metric.at_threshold
    }
    assert found == {
        "roc_auc", "average_precision", "prevalence", "brier", "calibration_intercept",
        "calibration_slope", "ece", "top_1_accuracy",
    }  # fmt: skip


def test_other_names_of_metrics():
    """Under which a limit may name them."""
    found = {alias: name for name, metric in ALL_METRICS.items() for alias in metric.aliases}
    assert found == {"recall": "sensitivity", "precision": "ppv"}

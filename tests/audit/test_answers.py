"""Constant answers, copies and other printed figures."""

from __future__ import annotations

import pytest

from covidreport.audit import answers
from covidreport.records import Counts
from tests.audit.cases import (
    find_in_study,
    list_experiments,
    make_counts,
    make_support,
    report_as_printed,
    report_study,
    three_labels,
)
from tests.metrics.study import make_evaluation, make_report, make_run


def test_the_studys_degenerate_runs_are_named_with_their_figures():
    """Experiments 9 and 10 call all, and all but one, of 628 images negative."""
    finding = find_in_study("degenerate-run")
    assert list_experiments(finding) == ["9", "10"]
    assert "exp9-vgg16-focal calls 628 of 628 images negative" in finding.evidence
    assert "exp10-vgg16-bce calls 627 of 628 images negative" in finding.evidence


def test_a_constant_answer_to_a_constant_truth_is_right():
    """A split without the target: calling nothing positive is no fault of the run."""
    report = make_report([make_run(make_evaluation("a", make_support(0, 600)))])
    assert answers.audit_degenerate(report) == ()


def test_a_run_without_answers_is_not_called_degenerate():
    """Every image failed: that is another fault, and it is told as such."""
    counts = Counts(0, 0, 0, 0, failed_positive=28, failed_negative=600)
    assert answers.audit_degenerate(make_report([make_run(make_evaluation("a", counts))])) == ()


def test_experiment_17_as_printed_is_found_as_a_copy_of_16():
    """The report printed experiment 16's matrices: the same counts on both splits."""
    (finding,) = answers.audit_identical_counts(report_as_printed())
    assert list_experiments(finding) == ["16", "17"]
    assert "validation and train" in finding.what
    assert "covid-19 tn 464, fp 136, fn 26, tp 2" in finding.evidence


def test_experiment_17_as_printed_contradicts_its_row_of_the_table():
    """Its accuracies and F1 on both splits are those of other counts."""
    findings = answers.audit_published_metrics(report_as_printed())
    (finding,) = (each for each in findings if "exp17-vgg16-focal-frozen" in each.subjects)
    assert finding.what.startswith("4 printed metrics")


def test_the_study_itself_has_no_identical_counts():
    """18 runs, two of which answer almost nothing but no."""
    assert answers.audit_identical_counts(report_study()) == ()


@pytest.mark.parametrize(
    "counts",
    [
        three_labels(make_counts(0, 0), make_counts(0, 0), make_counts(0, 0)),
        three_labels(make_counts(28, 0), make_counts(28, 0), make_counts(28, 0)),
        three_labels(make_counts(0, 600), make_counts(28, 0), make_counts(0, 0)),
        three_labels(make_counts(1, 0), make_counts(0, 2), make_counts(1, 1)),
        {"covid-19": make_counts(2, 3, 5, 7)},
    ],
    ids=["perfect", "all negative", "constant", "nearly perfect", "small"],
)
def test_runs_that_can_hardly_differ_may_be_identical(counts):
    """Perfect, constant and tiny results agree without being copies."""
    runs = [make_run(make_evaluation(name, counts)) for name in ("a", "b")]
    assert answers.audit_identical_counts(make_report(runs)) == ()


def test_equal_counts_on_other_images_are_not_a_copy_of_each_other():
    """Only the same split of the same data is compared."""
    counts = three_labels(make_counts(9, 190), make_counts(11, 80), make_counts(13, 70))
    runs = [
        make_run(make_evaluation(name, counts, fingerprint=fingerprint))
        for name, fingerprint in (("a", "f1"), ("b", "f2"))
    ]
    assert answers.audit_identical_counts(make_report(runs)) == ()


def test_the_one_wrong_cell_of_the_studys_table_is_named():
    """Experiment 18, training F1: 0.807 by the counts, 0.801 printed."""
    finding = find_in_study("published-figure-contradicted")
    assert finding.subjects == ("exp18-resnet18-focal",)
    assert finding.evidence == (
        "Metrics of train, Micro F1: the counts give 12688/15717 = 0.80728, printed is 0.801"
    )


@pytest.mark.parametrize(
    ("printed", "rounding", "wrong"),
    [
        (0.666, "cut", False),
        (0.667, "cut", True),
        (0.667, "round", False),
        (0.666, "round", True),
        (0.665, "cut", True),
    ],
)
def test_a_printed_figure_is_judged_by_how_it_was_shortened(printed, rounding, wrong):
    """F1 = 2*10 / (2*10 + 4 + 6) = 2/3."""
    run = make_run(
        make_evaluation("a", Counts(tn=80, fp=4, fn=6, tp=10)),
        published={"validation_f1": printed, "decimals": {"f1": 3}, "rounding": rounding},
    )
    assert bool(answers.audit_published_metrics(make_report([run]))) is wrong


@pytest.mark.parametrize(("printed", "wrong"), [(0.8500, False), (0.8499, True), (0.8501, True)])
def test_a_figure_that_is_exact_is_not_cut_to_the_one_below(printed, wrong):
    """85 right answers of 100 are 85.00 %, not 84.99 %."""
    run = make_run(
        make_evaluation("a", Counts(tn=75, fp=10, fn=5, tp=10)),
        published={"validation_accuracy": printed, "decimals": {"accuracy": 4}, "rounding": "cut"},
    )
    assert bool(answers.audit_published_metrics(make_report([run]))) is wrong


@pytest.mark.parametrize(
    "published",
    [None, "0.667", {}, {"validation_f1": 0.1}, {"test_f1": 0.1, "decimals": {"f1": 3}}],
)
def test_published_figures_that_cannot_be_checked_are_left_alone(published):
    """No figures, no decimals, or a split that was not evaluated."""
    run = make_run(make_evaluation("a", make_counts(5, 50)), published=published)
    assert answers.audit_published_metrics(make_report([run])) == ()

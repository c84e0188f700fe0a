"""Prevalence in two splits of a report."""

from __future__ import annotations

import pytest

from covidreport.audit import prevalence
from covidreport.records import Counts, Finding
from tests.audit.cases import find_in_study, make_support, three_labels
from tests.metrics.study import make_evaluation, make_report, make_run


def test_the_study_has_two_label_conventions():
    """35.5 % and 4.5 %; 2200 = 200 covid-19 + 2000 pneumonia, said as likely."""
    finding = find_in_study("prevalence-differs")
    assert finding.what == (
        "No ranking can be believed: by the counts every pneumonia image of train is labelled "
        "COVID-19 too, and none of validation is"
    )
    assert "COVID-19 is 0.355 (2,200 of 6,200) of train and 0.045 (28 of 628) of validation" in (
        finding.evidence
    )
    assert "p < 0.001" in finding.evidence
    assert "200 COVID-19 and 2,000 pneumonia images" in finding.evidence
    assert "8,200 on 6,200" in finding.evidence
    assert "628 on 628" in finding.evidence
    assert "Counts alone show no single image" in finding.evidence
    assert finding.remedy.startswith("Look at the labels of single images.")
    assert finding.remedy.endswith("Until then choose no run by these figures.")
    assert finding.subjects == ()


def _compare_prevalence(
    train: dict[str, Counts], validation: dict[str, Counts], groups: tuple[int, int] | None = None
) -> tuple[Finding, ...]:
    of_train, of_validation = groups or (None, None)
    run = make_run(
        make_evaluation("a", validation, n_groups=of_validation),
        make_evaluation("a", train, split="train", n_groups=of_train),
    )
    return prevalence.audit_prevalence(make_report([run]))


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ((70, 600), (30, 250)),
        ((200, 6000), (28, 600)),
        ((1, 3), (3, 1)),
        ((400, 0), (100, 0)),
        ((0, 400), (0, 100)),
    ],
)
def test_prevalences_within_chance_are_no_finding(train, validation):
    """A split of real radiographs, the study's with one convention, and tiny or constant ones."""
    labels = {"covid-19": make_support(*train)}, {"covid-19": make_support(*validation)}
    assert _compare_prevalence(*labels) == ()


def test_a_difference_without_a_surplus_of_labels_has_no_stated_reason():
    """Balanced training data: true, worth a warning, and not a second convention."""
    train = three_labels(make_support(500, 1000), make_support(500, 1000), make_support(500, 1000))
    validation = three_labels(make_support(28, 600), make_support(400, 228), make_support(200, 428))
    (finding,) = _compare_prevalence(train, validation)
    assert finding.severity == "warning"
    assert "Likely" not in finding.what + finding.evidence


def test_multi_label_data_has_no_stated_reason():
    """Where images carry several labels in both splits, a surplus says nothing."""
    train = three_labels(make_support(700, 300), make_support(300, 700), make_support(600, 400))
    validation = three_labels(
        make_support(100, 300), make_support(120, 280), make_support(240, 160)
    )
    (finding,) = _compare_prevalence(train, validation)
    assert "Likely" not in finding.what + finding.evidence


def test_two_labels_of_equal_size_are_both_named_as_the_likely_reason():
    """2000 normal and 2000 pneumonia: counts can't say which of them counts as covid-19 too."""
    train = three_labels(
        make_support(2200, 2000), make_support(2000, 2200), make_support(2000, 2200)
    )
    validation = three_labels(make_support(20, 400), make_support(200, 220), make_support(200, 220))
    (finding,) = _compare_prevalence(train, validation)
    assert "every normal or every pneumonia image of train is labelled COVID-19" in finding.what


def test_a_target_that_is_rarer_where_labels_overlap_is_not_explained_by_them():
    """An overlap makes its label more frequent, not less."""
    train = three_labels(make_support(300, 5700), make_support(5700, 300), make_support(100, 5900))
    validation = three_labels(
        make_support(300, 328), make_support(228, 400), make_support(100, 528)
    )
    (finding,) = _compare_prevalence(train, validation)
    assert "Likely" not in finding.what + finding.evidence


def test_a_target_that_is_nothing_but_the_overlap_has_no_stated_reason():
    """As many covid-19 as pneumonia positives: none would be left if pneumonia were taken off."""
    train = three_labels(
        make_support(2000, 4000), make_support(4000, 2000), make_support(2000, 4000)
    )
    validation = three_labels(make_support(28, 600), make_support(400, 228), make_support(200, 428))
    (finding,) = _compare_prevalence(train, validation)
    assert "Likely" not in finding.what + finding.evidence


def test_images_of_few_patients_are_not_taken_for_many():
    """60 of 300 against 20 of 300 is beyond chance for images, and not for 60 patients each."""
    labels = {"covid-19": make_support(60, 240)}, {"covid-19": make_support(20, 280)}
    assert len(_compare_prevalence(*labels)) == 1
    assert _compare_prevalence(*labels, groups=(60, 60)) == ()


def test_splits_of_other_data_sets_are_not_compared():
    """An external test set may have any prevalence."""
    run = make_run(
        make_evaluation("a", make_support(28, 600)),
        make_evaluation("a", make_support(300, 300), split="test", dataset="elsewhere"),
    )
    assert prevalence.audit_prevalence(make_report([run])) == ()

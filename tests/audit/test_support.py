"""What few positives can't tell, and images that many models were tried on."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from covidreport.audit import support
from covidreport.metrics import lower_bound
from tests.audit.cases import make_counts
from tests.audit.data import change_dataset, make_evidence
from tests.metrics.study import make_evaluation, make_report, make_run


@pytest.mark.parametrize("positives", [1, 5, 28, 59, 100])
def test_the_bound_of_the_miss_rate_is_the_exact_one(positives):
    """One less the Clopper-Pearson bound of n found of n; 28 may hide 10 %, 59 hide 5 %."""
    bound = support.bound_miss_rate(positives)
    assert bound == pytest.approx(1 - lower_bound(positives, positives))


def test_the_bound_is_about_three_over_n():
    """Hanley and Lippman-Hand 1983: 0 of 100 leaves 3 %."""
    assert support.bound_miss_rate(100) == pytest.approx(0.03, abs=0.001)


@pytest.mark.parametrize(("runs", "positives", "sensitivity"), [(2, 2, 0.5), (3, 4, 0.8)])
def test_the_flattery_is_the_expected_maximum(runs, positives, sensitivity):
    """Every outcome of every case of every run written out and weighed."""
    expected = 0.0
    for outcome in product([0, 1], repeat=runs * positives):
        found = np.array(outcome).reshape(runs, positives)
        weight = np.prod(np.where(found, sensitivity, 1 - sensitivity))
        expected += weight * found.sum(axis=1).max() / positives
    flattery = support.estimate_flattery(runs, positives, sensitivity)
    assert flattery == pytest.approx(expected - sensitivity)


def test_two_coins_of_two_throws_flatter_by_three_sixteenths():
    """By hand: the larger number of heads is 1.375 on average, of 2, against 0.5."""
    assert support.estimate_flattery(2, 2, 0.5) == pytest.approx(3 / 16)


def test_positives_are_counted_by_patient_and_training_is_left_out():
    """200 images of 20 patients in validation are 20; those of train are no test."""
    evidence = make_evidence()
    groups = tuple(f"{split}{i % 80}" for i, split in enumerate(evidence.dataset.splits or ()))
    (finding,) = support.audit_few_positives(change_dataset(evidence, groups=groups))
    assert finding.severity == "warning"
    assert finding.evidence.startswith(
        "validation: 200 positives of 10 patients, counted as 10 independent cases. Runs "
        "that differ by fewer than 6 of 10 (0.600 of sensitivity)"
    )
    assert "train" not in finding.evidence


@pytest.mark.parametrize(
    ("positives", "severity"), [(28, "warning"), (30, "note"), (99, "note"), (100, None)]
)
def test_a_report_says_what_its_positives_cannot_tell(positives, severity):
    """A warning below 30, a note below 100."""
    report = make_report([make_run(make_evaluation("a", make_counts(3, 30, positives)))])
    found = support.audit_reported_positives(report)
    assert [each.severity for each in found] == ([severity] if severity else [])


def _report(names, split="validation"):
    runs = [
        make_run(make_evaluation(name, make_counts(5 + place % 3, 30), split=split))
        for place, name in enumerate(names)
    ]
    return make_report(runs)


@pytest.mark.parametrize(("runs", "found"), [(9, False), (10, True)])
def test_ten_models_wear_images_out(runs, found):
    """Counted from the evaluations that are there."""
    report = _report([f"run-{i}" for i in range(runs)])
    assert bool(support.audit_repeated_use(report)) is found


@pytest.mark.parametrize(("split", "severity"), [("validation", "note"), ("test", "warning")])
def test_a_test_split_is_meant_to_be_used_once(split, severity):
    """Choosing on the validation split is what it is for."""
    (finding,) = support.audit_repeated_use(_report([f"run-{i}" for i in range(12)], split))
    assert finding.severity == severity
    assert "12 models" in finding.what


def test_one_model_under_many_variants_is_one():
    """fp16 and an occlusion of the same model are no further tries."""
    evaluations = [
        make_evaluation("a", make_counts(5, 30), variant=variant)
        for variant in (None, *(f"v{i}" for i in range(15)))
    ]
    assert support.audit_repeated_use(make_report([make_run(*evaluations)])) == ()

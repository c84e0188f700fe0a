"""Splits that differ, and patients that stand in two of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact
from scipy.stats.contingency import association

from covidreport.audit import splits
from covidreport.audit.columns import AttributeColumn
from tests.audit.data import change_dataset, make_evidence, repeat, with_attribute

EVIDENCE = make_evidence()


def _spread(table) -> tuple[AttributeColumn, Any]:
    """A column and the splits of images that have this table, `(S, C)`."""
    rows, columns = np.indices(np.shape(table))
    counts = np.ravel(table)
    of_splits, codes = np.repeat(rows.ravel(), counts), np.repeat(columns.ravel(), counts)
    return AttributeColumn("view", tuple("abcd")[: np.shape(table)[1]], codes), of_splits


@pytest.mark.parametrize(
    "table",
    [
        [[20, 30, 50], [40, 30, 30]],
        [[20, 30, 50], [40, 30, 30], [25, 25, 50]],
        [[100, 120, 90, 80], [70, 40, 60, 50]],
    ],
)
def test_the_test_is_pearsons_and_the_effect_cramers(table):
    """As SciPy has both, for tables without rare values."""
    found = splits.compare_splits(*_spread(table), len(table))
    reference = chi2_contingency(np.array(table), correction=False)
    assert found.p_value == pytest.approx(reference.pvalue)
    assert found.effect == pytest.approx(association(np.array(table), method="cramer"))


def test_two_values_are_compared_by_fishers_exact_test():
    """3 of 10 against 9 of 10, as SciPy has it."""
    found = splits.compare_splits(*_spread([[3, 7], [9, 1]]), 2)
    assert found.p_value == pytest.approx(fisher_exact(np.array([[3, 7], [9, 1]])).pvalue)


def test_three_splits_are_corrected_for_three_pairs():
    """The sharpest pair is the one above; the third split lies between."""
    found = splits.compare_splits(*_spread([[3, 7], [9, 1], [6, 4]]), 3)
    assert found.p_value == pytest.approx(3 * fisher_exact(np.array([[3, 7], [9, 1]])).pvalue)


def test_rare_values_are_put_together_until_the_test_holds():
    """3 and 4 images are 7, still too few; they join the next rarest, the last with 96."""
    found = splits.compare_splits(*_spread([[2, 1, 40, 57], [1, 3, 57, 39]]), 2)
    pooled = splits.compare_splits(*_spread([[60, 40], [43, 57]]), 2)
    assert found.p_value == pooled.p_value


def test_a_patient_counts_once_in_a_split_whatever_the_images():
    """10 and 10 patients, of whom one has 91 images: as 2 of 10 against 1 of 10."""
    codes = np.array([1] * 91 + [1] + [0] * 8 + [1] + [0] * 9)
    of_splits = np.repeat([0, 1], [100, 10])
    units = np.array([0] * 91 + list(range(1, 10)) + list(range(10, 20)))
    column = AttributeColumn("view", ("AP", "PA"), codes)
    by_patient = splits.compare_splits(column, of_splits, 2, units)
    assert by_patient.table == pytest.approx(np.array([[8, 2], [9, 1]]))
    assert by_patient.p_value == pytest.approx(1)
    assert splits.compare_splits(column, of_splits, 2).p_value < 1e-6


def test_healthy_splits_are_seldom_accused():
    """300 random splits of 8 attributes: at an adjusted 0.01 about 3 are expected, 9 are many."""
    rng = np.random.default_rng(0)
    accused = 0
    for _ in range(300):
        evidence = make_evidence(160)
        drawn = change_dataset(
            evidence, splits=tuple(rng.choice(["train", "validation"], 160).tolist())
        )
        for name in "abcdef":
            drawn = with_attribute(drawn, name, rng.choice(list("xyz"), 160).tolist())
        accused += bool(splits.audit_split_attributes(drawn))
    assert accused <= 9


def test_a_large_set_is_not_accused_of_a_small_difference():
    """50 % and 53 % of 40,000 images: far beyond chance, and a V of 0.03."""
    found = splits.compare_splits(*_spread([[10_000, 10_000], [10_600, 9_400]]), 2)
    assert found.p_value < 1e-8
    assert found.effect < splits.SMALLEST_EFFECT


def test_the_evidence_says_which_value_differs_and_by_how_much():
    """Shares by split, the effect, the adjusted p-value."""
    in_train = [split == "train" for split in EVIDENCE.dataset.splits]
    scanners = ["a" if train and i % 8 < 2 else "b" for i, train in enumerate(in_train)]
    (finding,) = splits.audit_split_attributes(with_attribute(EVIDENCE, "scanner", scanners))
    assert finding.what == "scanner differs between splits by more than chance explains"
    # a quarter of all images: half of those in train
    assert "b is 0.500 of train, 1.000 of validation" in finding.evidence or (
        "a is 0.500 of train, 0.000 of validation" in finding.evidence
    )
    assert "V 0.58, p < 0.001" in finding.evidence  # sqrt(1/3)


def test_the_shared_patients_images_are_named_and_the_patients_are_not():
    """One patient with an image in each split."""
    shared = change_dataset(EVIDENCE, groups=repeat(EVIDENCE.dataset.groups, 0, 5))
    (finding,) = splits.audit_shared_patients(shared)
    assert finding.severity == "error"
    assert finding.what == "1 patient with 2 images stands in more than one split"
    assert finding.evidence == "Of 1,599 patients, in train and validation: 1 patient"
    assert finding.subjects == ("0000.png", "0005.png")


def test_without_patients_it_is_said_that_nobody_can_tell():
    """A note, not silence: most leaks are patients."""
    (finding,) = splits.audit_shared_patients(change_dataset(EVIDENCE, groups=None))
    assert (finding.severity, finding.code) == ("note", "patients-unknown")

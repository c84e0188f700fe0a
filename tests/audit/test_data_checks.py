"""The table of checks of a data set: each finds its fault and leaves healthy data alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.audit import (
    DATA_CHECKS,
    DataEvidence,
    audit_data,
    bit_depth,
    copies,
    failures,
    folds,
    patients,
    polarity,
    shortcuts,
    support,
    synthetic,
)
from covidreport.audit import splits as of_splits
from covidreport.records import Peak
from tests.audit.cases import check_says_what_to_do
from tests.audit.data import change_dataset, change_survey, make_evidence, repeat, with_attribute

HEALTHY = make_evidence()


def test_healthy_data_has_no_findings():
    """1,600 images of as many patients, 200 cases in validation, everything balanced."""
    assert audit_data(HEALTHY) == ()


def _same_file() -> DataEvidence:
    return replace(HEALTHY, digests=repeat(tuple(HEALTHY.digests), 0, 5))


def _same_pixels() -> DataEvidence:
    return change_survey(HEALTHY, pixels=repeat(HEALTHY.survey.pixels, 0, 5))


def _nearly_same() -> DataEvidence:
    thumbnails = HEALTHY.survey.thumbnails.copy()
    thumbnails[5] = thumbnails[0] // 2 + 40
    return change_survey(HEALTHY, thumbnails=thumbnails)


def _shared_patient() -> DataEvidence:
    return change_dataset(HEALTHY, groups=repeat(HEALTHY.dataset.groups, 0, 5))


def _patient_across_folds() -> DataEvidence:
    every = tuple(str(i % 3) for i in range(len(HEALTHY.dataset)))
    return change_dataset(HEALTHY, folds=every, groups=repeat(HEALTHY.dataset.groups, 0, 5))


def _patients_spelt_alike(*names: str) -> DataEvidence:
    first = names or ("Doe-7", "doe-7", "Doe-007")
    rest = (HEALTHY.dataset.groups or ())[len(first) :]
    return change_dataset(HEALTHY, groups=(*first, *rest))


def _source() -> DataEvidence:
    sources = ["ward" if sick else "archive" for sick in HEALTHY.dataset.truth[:, 0]]
    return with_attribute(HEALTHY, "source", sources)


def _other_prevalence() -> DataEvidence:
    truth = HEALTHY.dataset.truth.copy()
    truth[np.arange(len(truth)) % 16 == 4] = [0, 1]  # half of the cases of validation
    return change_dataset(HEALTHY, truth=truth)


def _other_scanner() -> DataEvidence:
    in_train = [split == "train" for split in HEALTHY.dataset.splits]
    scanners = ["a" if train and i % 3 else "b" for i, train in enumerate(in_train)]
    return with_attribute(HEALTHY, "scanner", scanners)


def _broken() -> DataEvidence:
    reasons = repeat(HEALTHY.survey.reasons, 0)
    return change_survey(HEALTHY, reasons=("the file is empty", *reasons[1:]))


def _dark() -> DataEvidence:
    return change_survey(HEALTHY, peaks=(Peak(4095, 16),) * len(HEALTHY.dataset))


def _two_sexes() -> DataEvidence:
    return change_dataset(HEALTHY, groups=repeat(HEALTHY.dataset.groups, 0, 8))


def _inverted() -> DataEvidence:
    half = np.array(polarity._HALF)
    chest = np.kron(np.hstack([half, half[:, ::-1]]), np.ones((4, 4)))
    thumbnails = HEALTHY.survey.thumbnails.copy()
    thumbnails[0] = 120 - 30 * chest
    return change_survey(HEALTHY, thumbnails=thumbnails)


UNHEALTHY: dict[object, Callable[[], DataEvidence]] = {
    of_splits.audit_shared_patients: _shared_patient,
    patients.audit_patient_spellings: _patients_spelt_alike,
    folds.audit_data_folds: _patient_across_folds,
    copies.audit_identical_files: _same_file,
    copies.audit_identical_pixels: _same_pixels,
    copies.audit_near_duplicates: _nearly_same,
    shortcuts.audit_shortcuts: _source,
    bit_depth.audit_bit_depth: _dark,
    patients.audit_patient_sexes: _two_sexes,
    polarity.audit_inverted: _inverted,
    of_splits.audit_split_labels: _other_prevalence,
    of_splits.audit_split_attributes: _other_scanner,
    failures.audit_undecodable_images: _broken,
    support.audit_few_positives: lambda: make_evidence(160),
    synthetic.audit_synthetic: lambda: with_attribute(
        HEALTHY, "source", ["drawn"] * len(HEALTHY.dataset)
    ),
}


@pytest.mark.parametrize("check", DATA_CHECKS, ids=lambda check: check.__name__)
def test_every_check_finds_its_fault_and_says_what_to_do(check):
    """Walks the table: a new check needs an example here, a text, evidence and a remedy."""
    check_says_what_to_do(check(UNHEALTHY[check]()))
    assert check.__doc__


@pytest.mark.parametrize("check", DATA_CHECKS, ids=lambda check: check.__name__)
def test_every_check_bears_data_that_state_nothing_else(check):
    """No splits, patients, attributes or survey, one label of which all truths are unknown."""
    bare = change_dataset(
        replace(HEALTHY, survey=None),
        splits=None, groups=None, attributes={}, labels=("covid-19",),
        truth=np.full((len(HEALTHY.dataset), 1), -1, np.int8),
    )  # fmt: skip
    assert check(bare) == ()


@pytest.mark.parametrize("check", DATA_CHECKS, ids=lambda check: check.__name__)
def test_every_check_bears_images_that_all_failed(check):
    """Nothing is known of any picture; that every one failed is said once."""
    n = len(HEALTHY.dataset)
    broken = change_survey(
        HEALTHY, reasons=("broken",) * n, pixels=("",) * n, formats=("",) * n, colours=("",) * n,
        bits=np.zeros(n, np.int32), sizes=np.zeros((n, 2), np.int32),
        brightness=np.full(n, np.nan, np.float32), thumbnails=np.zeros((n, 32, 32), np.uint8),
        contents=np.zeros((n, 64, 64), np.uint8),
    )  # fmt: skip
    found = [finding.code for finding in check(broken)]
    assert found == (["images-undecodable"] if check is failures.audit_undecodable_images else [])


@pytest.mark.parametrize("check", DATA_CHECKS, ids=lambda check: check.__name__)
def test_no_finding_names_a_patient(check):
    """Findings are printed in reports: images are named, patients are not."""
    evidence = change_dataset(
        UNHEALTHY[check](), groups=tuple(f"Doe^J{i % 700}" for i in range(len(
            UNHEALTHY[check]().dataset))),
    )  # fmt: skip
    for finding in check(evidence):
        assert "Doe" not in " ".join(
            (finding.what, finding.evidence, finding.remedy, *finding.subjects)
        )


def test_a_patient_of_two_sexes_is_told_of_by_images():
    """However it is written; blanks and words that are no sex say nothing."""
    n = len(HEALTHY.dataset)
    groups = ("a", "a", "b", "b", "c", "c", *(HEALTHY.dataset.groups or ())[6:])
    sexes = ("F", "male", "M", "", "x", "f", *("F",) * (n - 6))
    evidence = change_dataset(HEALTHY, groups=groups, attributes={"Sex": sexes})
    (finding,) = patients.audit_patient_sexes(evidence)
    assert (finding.code, finding.severity) == ("patients-of-two-sexes", "warning")
    assert finding.subjects == ("0000.png", "0001.png")
    assert finding.what == "1 patient has images of both sexes"


def test_patients_spelt_alike_are_counted_and_none_is_named():
    """Case, and zeros before a number; 70 and 7, or zeros within a number, are others."""
    (found,) = patients.audit_patient_spellings(_patients_spelt_alike())
    assert found.what.startswith("3 patients have names that differ")
    assert found.subjects == HEALTHY.dataset.ids[:3]
    (found,) = patients.audit_patient_spellings(_patients_spelt_alike("Q7", "Q070", "q7", "Q70"))
    assert found.what.startswith("4 patients")
    assert found.evidence.startswith("1 in case, 1 in zeros before a number; 4 images")
    assert patients.audit_patient_spellings(_patients_spelt_alike("Q7", "Q700", "1007", "17")) == ()

"""Pictures of no patient, by what their column `source` says."""

from __future__ import annotations

import pytest

from covidreport.audit import audit_data, find_synthetic
from tests.audit.data import make_evidence, with_attribute


@pytest.mark.parametrize("value", ["drawn", "Synthetic", " simulated "])
def test_pictures_of_no_patient_are_named(value):
    """All of them: then no figure is of medicine."""
    (found,) = find_synthetic({"view": ("PA", "AP"), "Source": (value, value)})
    assert found.what == (
        "Every image is synthetic, of no patient: these figures say nothing about medicine"
    )
    assert found.evidence == f"Their source is {value}"  # the same of every split: said once
    assert found.severity == "warning"


def test_a_few_among_patients_are_counted():
    """They may be easier than what patients have."""
    (found,) = find_synthetic({"source": ("hospital", "drawn", "", "generated")})
    assert found.what == "2 images of 4 are synthetic, of no patient"
    assert found.evidence == "The source of 2 images is drawn and generated"


@pytest.mark.parametrize("attributes", [{}, {"source": ("a", "")}, {"view": ("drawn", "drawn")}])
def test_of_patients_nothing_is_said(attributes):
    """A source that is named otherwise, or not at all."""
    assert find_synthetic(attributes) == ()


def test_an_audit_says_the_same_of_a_data_set():
    """The same code and words."""
    evidence = make_evidence()
    drawn = with_attribute(evidence, "source", ["drawn"] * len(evidence.dataset))
    (found,) = (one for one in audit_data(drawn) if one.code == "synthetic-images")
    assert found == find_synthetic(drawn.dataset.attributes)[0]

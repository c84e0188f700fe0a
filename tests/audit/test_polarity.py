"""Negatives: found one by one, and said to go together with a label where they do."""

from __future__ import annotations

import numpy as np
import pytest

from covidreport.audit import polarity
from tests.audit.data import change_survey, make_evidence
from tests.audit.test_similarity import contents, needs_radiographs, radiographs

__all__ = ["contents", "radiographs"]  # fixtures

HEALTHY = make_evidence(160)


@needs_radiographs
def test_no_real_radiograph_is_taken_for_a_negative(contents):
    """And of their negatives 96 in 100 are found."""
    assert not polarity.find_inverted(contents).any()
    assert polarity.find_inverted(255 - contents).mean() > 0.96


def invert(rows):
    """Chests drawn by hand, those of some rows as negatives."""
    half = np.array(polarity._HALF)
    chest = np.kron(np.hstack([half, half[:, ::-1]]) * 30 + 120, np.ones((4, 4))).astype(np.uint8)
    thumbnails = np.tile(chest, (160, 1, 1))
    thumbnails[rows] = 255 - thumbnails[rows]
    return change_survey(HEALTHY, thumbnails=thumbnails)


def test_some_negatives_are_a_warning_and_named():
    """As many with the label as without."""
    (finding,) = polarity.audit_inverted(invert([0, 1, 2, 3]))
    assert (finding.code, finding.severity) == ("pictures-inverted", "warning")
    assert finding.subjects == ("0000.png", "0001.png", "0002.png", "0003.png")
    assert finding.what.startswith("4 pictures of 160 are inverted")
    assert polarity.audit_inverted(invert([])) == ()


def test_negatives_of_one_label_alone_are_an_error():
    """Every COVID-19 picture and no other: a model needs no lungs to tell them."""
    rows = np.flatnonzero(HEALTHY.dataset.truth[:, 0] == 1)
    (finding,) = polarity.audit_inverted(invert(rows))
    assert finding.severity == "error"
    assert "in one label more than in others" in finding.what
    assert f"{len(rows)} of {len(rows)}" in finding.evidence
    assert "with COVID-19" in finding.evidence


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_picture_is_no_negative(value):
    """It says nothing."""
    assert not polarity.find_inverted(np.full((2, 64, 64), value, np.uint8)).any()

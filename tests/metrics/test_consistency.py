"""Consistency of answers: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from covidreport.metrics import estimate_consistency, wilson
from covidreport.records import Estimate

LABELS = ("covid-19", "normal", "pneumonia")
# covid; covid and pneumonia; normal; nothing; nothing; normal and covid; all three; failed
ANSWERS = np.array(
    [[1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0]],
    dtype=np.bool_,
)
FAILED = np.array([0, 0, 0, 0, 0, 0, 0, 1], dtype=np.bool_)


def test_by_hand():
    """Of 7 scored images, 2 get no label and 2 get normal beside a disease."""
    found = estimate_consistency(ANSWERS, FAILED, LABELS, "normal")
    assert (found.nothing.numerator, found.nothing.denominator) == (2, 7)
    assert (found.nothing.low, found.nothing.high) == wilson(2, 7)
    assert (found.contradiction.numerator, found.contradiction.denominator) == (2, 7)
    assert found.failed == 1


def test_two_diseases_at_once_are_no_contradiction():
    """COVID-19 and pneumonia go together."""
    found = estimate_consistency(ANSWERS[:2], FAILED[:2], LABELS, "normal")
    assert (found.nothing.value, found.contradiction.value) == (0.0, 0.0)


def test_data_without_a_label_for_normal_has_no_contradictions():
    """A dash, not 0; and no label is then how a run says that there is no disease."""
    found = estimate_consistency(ANSWERS[:, [0, 2]], FAILED, ("covid-19", "pneumonia"), None)
    assert found.contradiction == Estimate(None)
    assert (found.nothing.numerator, found.nothing.denominator) == (3, 7)


def test_a_label_that_alone_says_normal_can_not_contradict():
    """One label: nothing stands beside it."""
    found = estimate_consistency(ANSWERS[:, [1]], FAILED, ("normal",), "normal")
    assert found.contradiction.numerator == 0


def test_without_scored_images_nothing_is_defined():
    """All failed."""
    found = estimate_consistency(ANSWERS, np.ones(8, dtype=np.bool_), LABELS, "normal")
    assert (found.nothing, found.contradiction, found.failed) == (Estimate(None), Estimate(None), 8)


def test_a_normal_that_is_no_label_is_refused():
    """A misspelt one must not pass for no contradictions."""
    with pytest.raises(ValueError, match="'Normal' is no label"):
        estimate_consistency(ANSWERS, FAILED, LABELS, "Normal")


def test_shapes_that_do_not_fit_are_refused():
    """Two labels for three columns."""
    with pytest.raises(ValueError, match="2 labels"):
        estimate_consistency(ANSWERS, FAILED, LABELS[:2], None)

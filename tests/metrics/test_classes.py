"""Errors by true class: whom false alarms hit, and what images of each class are called."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from covidreport.metrics import name_classes, tabulate_called

LABELS = ("covid-19", "normal", "pneumonia")


def test_a_class_is_what_else_is_true_of_an_image():
    """Pneumonia with and without COVID-19 is the same class; -1 is not known, and no class."""
    truth = np.array(
        [[0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 0, 0], [0, 1, 1], [0, -1, 1], [-1, 1, 0]], np.int8
    )
    named, kinds = name_classes(truth, LABELS, "covid-19")
    assert tuple(named[kind] for kind in kinds) == (
        ("normal",), ("pneumonia",), ("pneumonia",), ("none of the labels",),
        ("normal", "pneumonia"), (), ("normal",),
    )  # fmt: skip


def test_each_image_is_counted_once_under_what_it_was_called():
    """Eight images counted by hand.

    | true class | called | column |
    | --- | --- | --- |
    | covid-19 | covid-19 | covid-19 alone |
    | covid-19 | covid-19, pneumonia | several |
    | covid-19 | pneumonia | pneumonia alone |
    | normal | normal | normal alone |
    | normal | nothing | none |
    | normal | could not be scored | not scored |
    | pneumonia | all three | several |
    | pneumonia | covid-19 | covid-19 alone |
    """
    truth = np.eye(3, dtype=np.int8)[[0, 0, 0, 1, 1, 1, 2, 2]]
    called = ["c", "cp", "p", "n", "", "c", "cnp", "c"]
    predicted = np.array([[sign in each for sign in "cnp"] for each in called])
    failed = np.arange(8) == 5
    table = tabulate_called(truth, predicted, failed)
    assert table is not None
    assert table.tolist() == [[1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1], [1, 0, 0, 0, 1, 0]]
    assert table.sum(axis=1).tolist() == [3, 3, 2]


def test_where_every_image_is_called_one_label_it_is_the_confusion_matrix_of_scikit_learn():
    """A softmax's answers."""
    rng = np.random.default_rng(1)
    actual, said = rng.integers(0, 4, 300), rng.integers(0, 4, 300)
    eye = np.eye(4, dtype=np.int8)
    table = tabulate_called(eye[actual], eye[said] == 1, np.zeros(300, dtype=np.bool_))
    assert table is not None
    assert np.array_equal(table[:, :4], confusion_matrix(actual, said))
    assert not table[:, 4:].any()


@pytest.mark.parametrize("row", [[1, 1], [0, 0], [-1, 1], [1, -1]])
def test_labels_are_classes_only_where_every_image_carries_exactly_one(row):
    """One image with two, none, or one that is not known is enough."""
    truth = np.array([[1, 0], row], np.int8)
    nothing = np.zeros((2, 2), dtype=np.bool_)
    assert tabulate_called(truth, nothing, nothing[:, 0]) is None

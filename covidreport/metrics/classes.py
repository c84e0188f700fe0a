"""Errors by true class: whom false alarms hit, and what images of each class are called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covidreport.records import UNKNOWN

NO_LABEL = "none of the labels"
"""What an image without any label is, where each label is a yes or no of its own."""


def name_classes(
    truth: NDArray[np.int8], labels: Sequence[str], label: str
) -> tuple[tuple[tuple[str, ...], ...], NDArray[np.intp]]:
    """What else than `label` is true of images, the other labels that they carry: each kind of them
    once, and of which kind each image is, `(N,)`.

    `(NO_LABEL,)` where it carries none of them; empty where that is not known of every other label.
    truth int8 `(N, K)`.
    """
    others = [column for column, name in enumerate(labels) if name != label]
    kind: NDArray[np.intp] = np.zeros(len(truth), np.intp)
    for (
        column
    ) in others:  # and those kinds alone that there are, or many labels have no end of them
        kind = 3 * kind + truth[:, column] + 1
        kind = (np.cumsum(np.bincount(kind) > 0) - 1)[kind]
    example = np.zeros(kind.max(initial=-1) + 1, np.intp)
    example[kind] = np.arange(kind.size)  # whichever is left: all of a kind are alike
    named = []
    for row in truth[example][:, others].tolist():
        carried = tuple(labels[column] for column, value in zip(others, row, strict=True) if value)
        named.append(() if UNKNOWN in row else carried or (NO_LABEL,))
    return tuple(named), kind


def tabulate_called(
    truth: NDArray[np.int8], predicted: NDArray[np.bool_], failed: NDArray[np.bool_]
) -> NDArray[np.int64] | None:
    """How many images of each true class were called what, `(K, K + 3)`; each row adds up.

    Columns: each label alone, in their order, then none, several, not scored. None unless every
    image carries exactly one label: only then is a label a class. truth int8 and predicted bool
    `(N, K)`, failed bool `(N,)`.
    """
    classes = truth.shape[1]
    each, place = np.ones(classes, np.intp), np.arange(classes)
    carried = truth == 1
    if (truth == UNKNOWN).any() or not (_add_columns(carried, each) == 1).all():
        return None
    how_many = _add_columns(predicted, each)
    called = np.where(how_many == 0, classes, np.where(how_many > 1, classes + 1, 0))
    called = np.where(how_many == 1, _add_columns(predicted, place), called)  # of the one alone
    called = np.where(failed, classes + 2, called)
    kinds = _add_columns(carried, place) * (classes + 3) + called
    return np.bincount(kinds, minlength=classes * (classes + 3)).reshape(classes, classes + 3)


def _add_columns(flags: NDArray[np.bool_], weights: NDArray[np.intp]) -> NDArray[np.intp]:
    """`flags @ weights` of flags `(N, K)` with few columns, in a third of the time."""
    total = np.zeros(len(flags), np.intp)
    for column, weight in zip(flags.T, weights, strict=True):
        total += weight * column
    return total

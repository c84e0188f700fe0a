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
    for column in others:  # sooner than rows at once, which are sorted as rows
        kind = np.unique(3 * kind + truth[:, column] + 1, return_inverse=True)[1]
    first = np.unique(kind, return_index=True)[1]
    named = []
    for row in truth[first][:, others].tolist():
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
    if (truth == UNKNOWN).any() or not ((truth == 1).sum(axis=1) == 1).all():
        return None
    classes = truth.shape[1]
    how_many = predicted.sum(axis=1)
    called = np.where(how_many == 0, classes, np.where(how_many > 1, classes + 1, 0))
    called = np.where(how_many == 1, predicted.argmax(axis=1), called)
    called = np.where(failed, classes + 2, called)
    cells = np.bincount(
        truth.argmax(axis=1) * (classes + 3) + called, minlength=classes * (classes + 3)
    )
    return cells.reshape(classes, classes + 3)

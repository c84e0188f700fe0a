"""Scores so near to their threshold that the last digits of a computation decide the answer.

Batch size, threads, runtime and machine all move a score by its last digits. An answer that hangs
on those is an answer still, and whoever builds a verdict on it has to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.calibration import to_probabilities
from covidreport.metrics.counts import count_labels, logit, predict_labels
from covidreport.records import Counts, Scores

NEAR: Final = 1e-5
"""Of a probability. Near 0 and 1 a hundredth of the way there, since rounding shrinks with it: at a
threshold of 1e-6 a score of 1e-7 is not near."""


def find_near(scores: Scores, thresholds: Sequence[float]) -> NDArray[np.bool_]:
    """Which scores lie within `NEAR` of their threshold: bool `(N, K)`; failed images are not.

    thresholds `(K,)`: probabilities strictly between 0 and 1.
    """
    values = np.where(scores.failed[:, np.newaxis], 0, scores.scores)
    gaps = np.abs(to_probabilities(values, scores.activation) - np.array(thresholds))
    room = [_room(threshold, scores) for threshold in thresholds]
    near: NDArray[np.bool_] = (gaps <= room) & ~scores.failed[:, np.newaxis]
    return near


def _room(threshold: float, scores: Scores) -> float:
    """How far from a threshold a probability is near it."""
    room = min(NEAR, 0.01 * min(threshold, 1 - threshold))
    if scores.activation == "logit":
        return room
    # what the scores' own type resolves
    return max(room, 4 * float(np.spacing(scores.scores.dtype.type(threshold))))


def count_near(scores: Scores, thresholds: Sequence[float]) -> tuple[Counts, ...]:
    """Of each label, what is counted of the images whose score is near its threshold."""
    near = find_near(scores, thresholds)
    called = predict_labels(scores.scores, thresholds, scores.activation, scores.failed)
    none = np.zeros(len(near), np.bool_)
    return tuple(
        count_labels(
            scores.truth[rows, k : k + 1], called[rows, k : k + 1], none[: np.count_nonzero(rows)]
        )[0]
        for k, rows in enumerate(near.T)
    )


def move_near(
    scores: Scores, thresholds: Sequence[float], side: Literal["right", "wrong"]
) -> Scores:
    """The same scores with every near one of known truth on the side where its answer is so."""
    near = find_near(scores, thresholds)
    unit = logit if scores.activation == "logit" else float
    moved = scores.scores.copy()
    for k, threshold in enumerate(thresholds):
        room = _room(threshold, scores)
        truth = scores.truth[:, k]
        for is_positive in (True, False):
            called = is_positive == (side == "right")
            rows = near[:, k] & (truth == int(is_positive))
            moved[rows, k] = unit(threshold + room if called else threshold - room)
    return replace(scores, scores=moved)

"""Scores so near to their threshold that the last digits of a computation decide the answer.

Batch size, threads, runtime and machine all move a score by its last digits. An answer that hangs
on those is an answer still, and whoever builds a verdict on it has to know.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.calibration import to_probabilities
from covidreport.metrics.counts import count_labels, decide, find_bars
from covidreport.records import Counts, DecisionRule, Scores

NEAR: Final = 1e-5
"""Of a probability. Near 0 and 1 a hundredth of the way there, since rounding shrinks with it: at a
threshold of 1e-6 a score of 1e-7 is not near."""


def find_near(scores: Scores, rule: DecisionRule) -> NDArray[np.bool_]:
    """Which scores lie within `NEAR` of their threshold: bool `(N, K)`; failed images are not.

    rule: thresholds `(K,)`, probabilities strictly between 0 and 1, or argmax, whose threshold is
    the highest score of the others.
    """
    bars, room = _find_room(scores, rule)
    values = np.where(scores.failed[:, np.newaxis], 0, scores.scores)
    gaps = np.abs(to_probabilities(values, scores.activation) - bars)
    near: NDArray[np.bool_] = (gaps <= room) & ~scores.failed[:, np.newaxis]
    return near


def _find_room(
    scores: Scores, rule: DecisionRule
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each score is compared with as a probability, and how far from it one is near: `(K,)`,
    or `(N, K)` by argmax."""
    if isinstance(rule, str):
        values = np.where(scores.failed[:, np.newaxis], 0, scores.scores)
        bars = find_bars(values, scores.activation, scores.others).astype(np.float64)
    else:
        bars = np.array(rule, np.float64)
    room = np.minimum(NEAR, 0.01 * np.minimum(bars, 1 - bars))
    if scores.activation == "logit":
        return bars, room
    # what the scores' own type resolves
    steps = np.spacing(bars.astype(scores.scores.dtype)).astype(np.float64)
    return bars, np.maximum(room, 4 * steps)


def count_near(scores: Scores, rule: DecisionRule) -> tuple[Counts, ...]:
    """Of each label, what is counted of the images whose score is near its threshold."""
    near = find_near(scores, rule)
    called = decide(scores, rule)
    none = np.zeros(len(near), np.bool_)
    return tuple(
        count_labels(
            scores.truth[rows, k : k + 1], called[rows, k : k + 1], none[: np.count_nonzero(rows)]
        )[0]
        for k, rows in enumerate(near.T)
    )


def move_near(scores: Scores, rule: DecisionRule, side: Literal["right", "wrong"]) -> Scores:
    """The same scores with every near one of known truth on the side where its answer is so."""
    near = find_near(scores, rule)
    bars, room = (np.broadcast_to(each, near.shape) for each in _find_room(scores, rule))
    moved = scores.scores.copy()
    for is_positive in (True, False):
        called = is_positive == (side == "right")
        rows = near & (scores.truth == int(is_positive))
        there = (bars + room if called else bars - room)[rows]
        moved[rows] = np.log(there / (1 - there)) if scores.activation == "logit" else there
    return replace(scores, scores=moved)

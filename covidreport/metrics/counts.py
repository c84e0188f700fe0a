"""From scores to yes/no answers to counts: the only step at which the rule of decision matters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.errors import RunError, UsageError
from covidreport.records import (
    ARGMAX,
    UNKNOWN,
    Activation,
    Counts,
    DecisionRule,
    LabelRule,
    Scores,
)


class NotFinite(Struct, frozen=True):
    """Scores that are NaN or infinite although their image did not fail."""

    count: int
    """How many single scores (image x label)."""
    images: int
    """How many images have at least one."""
    sample_id: str
    """The first image that has one, in the order of the scores."""
    label: str
    """The first of its labels."""


def find_not_finite(scores: Scores) -> NotFinite | None:
    """What makes a run invalid: scores that are not finite, in images that did not fail.

    None where there are none. A NaN in the row of a failed image is how `Scores` marks that row.
    """
    not_finite = ~np.isfinite(scores.scores)
    if not not_finite.any():
        return None
    bad = not_finite & ~scores.failed[:, np.newaxis]
    rows = np.flatnonzero(bad.any(axis=1))
    if rows.size == 0:
        return None
    first = int(rows[0])
    column = int(np.flatnonzero(bad[first])[0])
    return NotFinite(
        count=int(np.count_nonzero(bad)),
        images=int(rows.size),
        sample_id=scores.sample_ids[first],
        label=scores.labels[column],
    )


def check_thresholds(thresholds: Sequence[float]) -> None:
    """Raise UsageError unless every threshold is a probability strictly between 0 and 1."""
    wrong = [value for value in thresholds if not 0 < value < 1]
    if wrong:
        shown = ", ".join(f"{value:g}" for value in wrong)
        raise UsageError(
            f"a threshold is a probability strictly between 0 and 1, not {shown}: at 0 or 1 a run "
            "would give one answer for every image; try 0.5"
        )


def logit(probability: float) -> float:
    """The log odds of a probability strictly between 0 and 1; exactly 0 at 0.5."""
    return math.log(probability / (1 - probability))


def decide(scores: Scores, rule: DecisionRule) -> NDArray[np.bool_]:
    """The yes/no answers of a run, bool `(N, K)`: `predict_labels` of its scores."""
    return predict_labels(scores.scores, rule, scores.activation, scores.failed, scores.others)


def decide_label(scores: Scores, label: str, rule: LabelRule) -> NDArray[np.bool_]:
    """The same for one label, bool `(N,)`: by its own threshold whatever the others', or argmax."""
    column = scores.labels.index(label)
    if isinstance(rule, str):
        return decide(scores, rule)[:, column]
    values = scores.scores[:, column : column + 1]
    return predict_labels(values, [rule], scores.activation, scores.failed)[:, 0]


def predict_labels(
    scores: NDArray[np.floating],
    rule: DecisionRule,
    activation: Activation,
    failed: NDArray[np.bool_] | None = None,
    others: NDArray[np.floating] | None = None,
) -> NDArray[np.bool_]:
    """The yes/no answers of scores `(N, K)` at thresholds `(K,)`, or by argmax: bool `(N, K)`.

    A threshold is a probability. It is carried to the scores, as `carry_thresholds` does it, never
    the score into a probability: a large logit is not rounded to 1 first. A score exactly at the
    threshold is negative. By argmax, what a score has to exceed is the highest of the others
    (`find_bars`): a tie is a no for each of those that share it, whichever column comes first.

    failed: bool `(N,)`, the images that could not be scored; their answers are False and mean
    nothing (`count_labels` does not look at them). others: as `Scores.others`.

    Raises UsageError for a threshold that is not strictly between 0 and 1, and ValueError for a
    score that is not finite in an image that did not fail (it would quietly be a negative answer),
    for shapes that do not fit, and for an activation without thresholds (`softmax-logit`: the
    softmax comes first).
    """
    if not isinstance(rule, str):
        check_thresholds(rule)
        if scores.ndim != 2 or scores.shape[1] != len(rule):
            raise ValueError(f"scores of shape {scores.shape} for {len(rule)} thresholds")
    finite = np.isfinite(scores)
    if failed is not None:
        finite |= failed[:, np.newaxis]
    if not finite.all():
        rows = np.flatnonzero(~finite.all(axis=1))
        raise ValueError(
            f"{rows.size} images have scores that are not finite and did not fail, the first in "
            f"row {rows[0]}"
        )
    bars = (
        find_bars(scores, activation, others)
        if isinstance(rule, str)
        else carry_thresholds(rule, activation, scores.dtype)
    )
    answers: NDArray[np.bool_] = scores > bars
    if failed is not None:
        answers &= ~failed[:, np.newaxis]
    return answers


def find_bars(
    scores: NDArray[np.floating], activation: Activation, others: NDArray[np.floating] | None
) -> NDArray[np.floating]:
    """What each score has to exceed to be the only highest: the highest of the others, `(N, K)`.

    others `(N,)`: the highest of the outputs that are no label here; they compete as well, since
    what a model says may be a class that the data don't have. RunError where it is not known what
    they were, or scores are those of labels that are decided each by itself.
    """
    if activation != "softmax" or others is None:
        raise RunError(
            f"scores with activation {activation!r} can't be decided by {ARGMAX}"
            if activation != "softmax"
            else "its stored scores don't say what its other outputs were: run `covidreport "
            "evaluate` again"
        )
    ordered = np.sort(np.column_stack([scores, others.astype(scores.dtype)]), axis=1)
    highest, second = ordered[:, -1:], ordered[:, -2:-1]
    return np.where(scores == highest, second, highest)


def carry_thresholds(
    thresholds: Sequence[float], activation: Activation, kind: np.dtype[Any]
) -> NDArray[np.floating]:
    """Thresholds (probabilities) as scores of this type would state them, in the model's own unit.

    For logits that is logit(t), so that 0.5 means "logit above 0". Rounded to the scores' own
    floating point type: 0.3 given as float32 lies on a threshold of 0.3, although the float64 0.3
    is another number. ValueError for an activation without thresholds.
    """
    if activation == "logit":
        exact = [logit(value) for value in thresholds]
    elif activation in ("sigmoid", "softmax"):
        exact = [float(value) for value in thresholds]
    else:
        raise ValueError(f"scores with activation {activation!r} have no thresholds")
    return np.array(exact, np.float64).astype(kind)


def count_labels(
    truth: NDArray[np.int8], predicted: NDArray[np.bool_], failed: NDArray[np.bool_]
) -> tuple[Counts, ...]:
    """One `Counts` a label, from truth `(N, K)`, predicted `(N, K)` and failed `(N,)`.

    The seven counts of a label add up to N: an image with an unknown truth is `unknown` whether or
    not it failed, and the answer of a failed image is not looked at.

    Raises ValueError for shapes that do not fit and for a truth other than 1, 0 and `UNKNOWN`.
    """
    if truth.ndim != 2 or predicted.shape != truth.shape or failed.shape != truth.shape[:1]:
        raise ValueError(
            f"truth {truth.shape}, predicted {predicted.shape} and failed {failed.shape} do not fit"
        )
    if truth.size and not (truth.min() >= UNKNOWN and truth.max() <= 1):
        raise ValueError(f"a truth is 1, 0 or {UNKNOWN} (unknown)")
    return tuple(
        _count_label(truth[:, column], predicted[:, column], failed)
        for column in range(truth.shape[1])
    )


def _count_label(
    truth: NDArray[np.int8], predicted: NDArray[np.bool_], failed: NDArray[np.bool_]
) -> Counts:
    positive, negative, scored = truth == 1, truth == 0, ~failed
    called, cleared = predicted & scored, ~predicted & scored
    return Counts(
        tn=_count(negative & cleared),
        fp=_count(negative & called),
        fn=_count(positive & cleared),
        tp=_count(positive & called),
        failed_positive=_count(positive & failed),
        failed_negative=_count(negative & failed),
        unknown=_count(truth == UNKNOWN),
    )


def _count(mask: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(mask))

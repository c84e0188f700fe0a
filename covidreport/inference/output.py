"""What a graph gave, as scores: a number for each image and label, or the reason why it is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.errors import RunError
from covidreport.records import Activation, InputSpec

ROUNDED = 4
"""So many steps of the precision over 1 or under 0 are rounding (units in the last place)."""
TAKEN = (np.float16, np.float32, np.float64)


def take_scores(output: Any, n: int, spec: InputSpec) -> NDArray[np.floating]:
    """The graph's answers to `n` images as `(N, C)`, all columns, in the type that it gave them.

    Taken as well: `(N,)` of a single label, `(K,)` of a single image (an axis of one was squeezed
    away), and `(N, K, 1, …)`, which is the same numbers. RunError where the answers have another
    shape, or are no floats.
    """
    name, k = spec.output_name, spec.n_outputs
    if not isinstance(output, np.ndarray):
        raise RunError(f"output {name!r} is a {type(output).__name__}, and scores are wanted")
    if output.dtype not in TAKEN:
        raise RunError(
            f"output {name!r} is {output.dtype}, which holds no scores (float16, float32 and "
            "float64 do)"
        )
    shape = output.shape
    squeezed = 1 in (n, k) and shape in ((n * k,), tuple(side for side in (n, k) if side != 1))
    longer = shape[:2] == (n, k) and set(shape[2:]) <= {1}
    if not squeezed and not longer:
        raise RunError(
            f"output {name!r} has shape {shape} for {n} {'image' if n == 1 else 'images'}, "
            f"expected {(n, k)}: one column for each of {name_columns(spec.outputs or spec.labels)}"
        )
    return output.reshape(n, k)


def name_columns(outputs: Sequence[str | None]) -> str:
    """The output columns in words."""
    return ", ".join("an unnamed one" if name is None else name for name in outputs)


def keep_type(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scores in the type in which they are kept: doubles as they are, all others as float32."""
    return scores if scores.dtype == np.float64 else scores.astype(np.float32, copy=False)


def cut_probabilities(
    scores: NDArray[np.floating], activation: Activation, *, half: bool
) -> NDArray[np.floating]:
    """Probabilities without what rounding put over 1 or under 0: at most `ROUNDED` steps.

    half: whether the graph computes them in fp16. Scores that are no probabilities are given back
    as they are. RunError where stated probabilities lie further out: they are none.
    """
    if activation not in ("sigmoid", "softmax"):
        return scores
    low, high = np.nanmin(scores, initial=0.0), np.nanmax(scores, initial=1.0)
    if low >= 0 and high <= 1:
        return scores
    room = ROUNDED * np.finfo(np.float16 if half else scores.dtype).eps
    if np.isinf((low, high)).any():
        return scores  # not finite: refused as such
    if low < -room or high > 1 + room:
        raise RunError(
            f"gives values from {np.nanmin(scores):.6g} to {np.nanmax(scores):.6g}, and its "
            f"`activation` is {activation!r}: these are no probabilities",
            'Where they are logits, say `"activation": "logit"` under "input" in run.json, or '
            '"softmax-logit" where a softmax is to follow.',
        )
    cut: NDArray[np.floating] = np.clip(scores, 0, 1)
    return cut


def softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Softmax over the last axis, in float64, given back as `keep_type` says; same shape.

    NaN where a logit is not finite.
    """
    wide = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):  # an infinite logit: the run is refused for its NaN
        powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
        probabilities = powers / powers.sum(axis=-1, keepdims=True)
    result: NDArray[np.floating] = probabilities.astype(keep_type(logits[:0]).dtype)
    return result

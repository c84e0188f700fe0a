"""What a graph gave, as scores: a number for each image and label, or the reason why it is none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.errors import RunError
from covidreport.records import InputSpec

TAKEN = (np.float16, np.float32, np.float64)


def take_scores(output: Any, n: int, spec: InputSpec) -> NDArray[np.floating[Any]]:
    """The graph's answers to `n` images as `(N, K)`, in the type that it gave them.

    Taken as well: `(N,)` of a single label, `(K,)` of a single image (an axis of one was squeezed
    away), and `(N, K, 1, …)`, which is the same numbers. RunError where the answers have another
    shape, or are no floats.
    """
    name, k = spec.output_name, len(spec.labels)
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
            f"expected {(n, k)}: one column for each of {', '.join(spec.labels)}"
        )
    return output.reshape(n, k)


def narrow_scores(scores: NDArray[np.floating[Any]], name: str) -> NDArray[np.float32]:
    """Scores as float32, in which they are kept; RunError where one is too large for that."""
    if scores.dtype == np.float64:
        large = np.isfinite(scores) & (np.abs(scores) > np.finfo(np.float32).max)
        if large.any():
            raise RunError(
                f"output {name!r} gives {scores[large][0]:.3g}, more than a float32 holds, in "
                "which scores are kept"
            )
    return scores.astype(np.float32, copy=False)

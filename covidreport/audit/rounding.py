"""How far rounding may have carried scores: by the type or the decimals that they were given in."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

STEPS: Final = 4
"""So many steps of a type are the rounding of a softmax or sigmoid that is computed in it."""
SINGLE: Final = 1e-4
"""Of what was computed in float32, whatever its steps were: frameworks differ by less."""
MOST_DECIMALS: Final = 3
"""With more of them, half a unit is less than `SINGLE`."""
_HALF: Final = STEPS * float(np.finfo(np.float16).eps)
_BFLOAT: Final = STEPS * 2.0**-7


def find_rounding(values: NDArray[np.float64]) -> tuple[float, float]:
    """How far rounding may carry one score of `(N, K)`, and the sum of an image's K probabilities.

    Scores that are all float16 (or bfloat16) numbers were computed in that type; those that all
    have at most three decimals were printed so. Zeros and ones alone show neither.
    """
    one = total = SINGLE
    wide = values[(values != 0) & (values != 1)]
    total *= values.shape[1]
    if not wide.size:
        return one, total
    for room, type_has in ((_HALF, _is_half), (_BFLOAT, _is_bfloat)):
        if type_has(wide):
            return max(one, room), max(total, room)
    for decimals in range(1, MOST_DECIMALS + 1):
        units = wide * 10**decimals
        if np.abs(units - np.rint(units)).max() < 1e-3:  # a float32 of 0.123 is a little beside it
            return one, max(total, values.shape[1] * 0.5 / 10**decimals)
    return one, total


def _is_half(values: NDArray[np.float64]) -> bool:
    with np.errstate(over="ignore"):
        return bool((values.astype(np.float16) == values).all())


def _is_bfloat(values: NDArray[np.float64]) -> bool:
    """Float32 numbers whose lower half is empty."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    return bool((single == values).all() and not (single.view(np.uint32) & 0xFFFF).any())

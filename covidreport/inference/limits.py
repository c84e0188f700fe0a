"""How far two answers to one image may lie apart and be the same but for rounding: one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.inference.execution import Precision
from covidreport.metrics import to_probabilities
from covidreport.records import Activation


class Limits(Struct, frozen=True):
    """How far a probability may lie from another of the same image, in one precision.

    Of an accelerator and the CPU in fp32, of an image alone and the same image among others, of an
    answer and the one that was exported with the model.
    """

    rounding: float
    """Up to this it is rounding; beyond it, a finding."""
    failure: float = 2e-2
    """Beyond this it is another answer: the run fails."""


LIMITS: Final[Mapping[Precision, Limits]] = {
    "fp32": Limits(rounding=1e-4),
    "tf32": Limits(rounding=2e-3),
    "fp16": Limits(rounding=2e-3),
}
"""ResNet18 and DenseNet121 on the CPU: 0 alone against 3, 8 or 32 together, as they are and
quantised statically; up to 4e-3 where quantised dynamically."""


def find_limits(precision: Precision, *, half: bool) -> Limits:
    """The limits of a model that is run in a precision; half: its own weights are fp16."""
    return LIMITS["fp16" if half else precision]


def find_largest_difference(
    first: NDArray[np.floating], second: NDArray[np.floating], activation: Activation
) -> float:
    """The largest difference of a probability between scores of one shape.

    0 where there are none. Infinite where one of two is not finite and the other is another.
    """
    activation = "softmax" if activation == "softmax-logit" else activation
    equal = first == second
    equal |= np.isnan(first) & np.isnan(second)
    pairs = [to_probabilities(np.where(equal, 0, each), activation) for each in (first, second)]
    with np.errstate(invalid="ignore"):
        gap = np.abs(pairs[0] - pairs[1])
    gap[np.isnan(gap)] = np.inf
    return float(gap.max(initial=0.0))

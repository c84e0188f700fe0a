"""Metrics that need to know which answers belong to one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covidreport.records import UNKNOWN


@dataclass(frozen=True, slots=True, eq=False)
class Proportion:
    """A proportion of images: those of which, bool `(N,)`, and those that count, bool `(N,)`."""

    among: NDArray[np.bool_]
    counted: NDArray[np.bool_]


def exact_match(
    truth: NDArray[np.int8], predicted: NDArray[np.bool_], failed: NDArray[np.bool_]
) -> Proportion:
    """The proportion of images with the right answer for every label (subset accuracy).

    truth and predicted `(N, K)`, failed `(N,)`. A failed image is wrong; an image with an unknown
    label is excluded, since nobody knows whether all its answers are right.
    """
    known = (truth != UNKNOWN).all(axis=1)
    return Proportion(known, (predicted == (truth == 1)).all(axis=1) & ~failed)

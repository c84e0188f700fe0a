"""Figures that need to know which answers belong to one image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.rates import estimate_rate
from covidreport.records import UNKNOWN, Estimate


def exact_match(
    truth: NDArray[np.int8], predicted: NDArray[np.bool_], failed: NDArray[np.bool_]
) -> Estimate:
    """The share of images with the right answer for every label (subset accuracy).

    truth and predicted `(N, K)`, failed `(N,)`. A failed image is wrong; an image with an unknown
    label is left out, since nobody knows whether all its answers are right.
    """
    known = (truth != UNKNOWN).all(axis=1)
    right = (predicted == (truth == 1)).all(axis=1) & ~failed & known
    return estimate_rate(int(np.count_nonzero(right)), int(np.count_nonzero(known)))

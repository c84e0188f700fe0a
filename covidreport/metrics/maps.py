"""Occlusion maps as arrays: how far a score falls with each patch, and where that lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.calibration import to_probabilities
from covidreport.records import Activation

MIDDLE = 0.8
"""Of height and width, what counts as the middle of a picture: 64 % of its area."""


def measure_drops(
    whole: NDArray[np.floating], occluded: NDArray[np.floating], activation: Activation
) -> NDArray[np.float64]:
    """Of N images the score of each, 0 to 1, less that with each of P patches hidden: `(N, P)`.

    whole `(N,)` and occluded `(N, P)`: as the model gave them. Zeiler and Fergus, "Visualizing and
    understanding convolutional networks", ECCV 2014, section 4.2.
    """
    before = to_probabilities(whole, activation)[:, np.newaxis]
    return before - to_probabilities(occluded, activation)


def find_peak(drops: NDArray[np.float64]) -> tuple[int, int]:
    """Row and column of the drop that is farthest from 0 of a map `(R, C)`; of equal ones the
    first."""
    row, column = np.unravel_index(np.argmax(np.abs(drops)), drops.shape)
    return int(row), int(column)


def share_outside(drops: NDArray[np.float64], middle: float = MIDDLE) -> float | None:
    """Of the weight of a map `(R, C)`, its drops above 0, the share outside the middle.

    Patches are of equal size. One on the edge counts by its area: an even map has 1 - middle ** 2.
    None where no drop is above 0.
    """
    weights = np.maximum(drops, 0)
    total = float(weights.sum())
    if total <= 0:
        return None
    inside = [_share_inside(n, middle) for n in drops.shape]
    return float(1 - (weights * np.outer(*inside)).sum() / total)


def _share_inside(n: int, middle: float) -> NDArray[np.float64]:
    """Of n equal parts of a line from 0 to 1, the share of each that lies in its middle."""
    edges = np.linspace(0, 1, n + 1)
    low, high = (1 - middle) / 2, (1 + middle) / 2
    inside: NDArray[np.float64] = np.diff(np.clip(edges, low, high)) * n
    return inside

"""Fewer points of a curve that look the same: for pictures of curves over very many images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.operating import Points

MOST_POINTS = 200
"""A curve of so many points keeps them all."""
PIXELS = 360
"""How large a curve is drawn at most, in width and in height."""
_CELLS = 2 * PIXELS
_TOLERANCE = 0.4 / PIXELS


def outline_points(points: Points) -> NDArray[np.intp]:
    """Which operating points to draw, so that lines through them pass all others within a pixel.

    Ascending indices into `points.found`, `(M,)`, first and last among them. It holds for the ROC
    curve (found against false alarms) and for the precision-recall curve (precision against
    found), each drawn `PIXELS` wide and high: no point of the full curve is further than a pixel
    from the drawn line, to the side or upright, nor the other way round. A run without a positive
    or a negative image keeps its ends alone.
    """
    every = np.arange(points.found.size)
    if every.size <= MOST_POINTS:
        return every
    if not points.positives or not points.negatives:
        return every[[0, -1]]
    recall = points.found / points.positives
    kept = _outline(points.false_alarms / points.negatives, recall)
    called = points.found + points.false_alarms
    some = np.flatnonzero(called > 0)
    precision = points.found[some] / called[some]
    return np.union1d(kept, some[_outline(recall[some], precision)])


def _outline(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of a line through (x, y) in the unit square that passes all points within a pixel.

    First what lies in one small cell is one entry and one exit; then Douglas and Peucker,
    "Algorithms for the reduction of the number of points required to represent a digitized line",
    Cartographica 10 (1973) 112-122.
    """
    cell = np.floor(x * _CELLS) * (_CELLS + 1) + np.floor(y * _CELLS)
    turns = np.flatnonzero(np.diff(cell))
    kept = np.unique(np.concatenate([[0], turns, turns + 1, [x.size - 1]]))
    return kept[_simplify(x[kept], y[kept])]


def _simplify(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.intp]:
    kept = np.zeros(x.size, dtype=np.bool_)
    kept[[0, -1]] = True
    pending = [(0, x.size - 1)]
    while pending:
        first, last = pending.pop()
        if last - first < 2:
            continue
        dx, dy = x[last] - x[first], y[last] - y[first]
        length = np.hypot(dx, dy)
        inner = slice(first + 1, last)
        px, py = x[inner] - x[first], y[inner] - y[first]
        # Beyond an end the distance is that to the end: a curve may turn back.
        proportion = np.clip((px * dx + py * dy) / (length * length or 1.0), 0.0, 1.0)
        away = np.hypot(px - proportion * dx, py - proportion * dy)
        furthest = int(np.argmax(away))
        if away[furthest] > _TOLERANCE:
            middle = first + 1 + furthest
            kept[middle] = True
            pending += [(first, middle), (middle, last)]
    return np.flatnonzero(kept)

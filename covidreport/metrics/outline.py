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
    """The points that are kept: all parts that are not near enough yet are divided at once."""
    first, last = np.array([0]), np.array([x.size - 1])
    kept = [first, last]
    while (wide := last - first > 1).any():
        first, last = first[wide], last[wide]
        sizes = last - first - 1
        starts = np.cumsum(sizes) - sizes
        part = np.repeat(np.arange(first.size), sizes)
        at = np.arange(part.size) - starts[part] + first[part] + 1
        dx, dy = x[last] - x[first], y[last] - y[first]
        length = np.hypot(dx, dy)
        square = np.where(length > 0, length * length, 1.0)
        px, py = x[at] - x[first][part], y[at] - y[first][part]
        dx, dy = dx[part], dy[part]
        # Beyond an end the distance is that to the end: a curve may turn back.
        proportion = np.clip((px * dx + py * dy) / square[part], 0.0, 1.0)
        away = np.hypot(px - proportion * dx, py - proportion * dy)
        furthest = np.maximum.reduceat(away, starts)
        far = np.flatnonzero((away == furthest[part]) & (away > _TOLERANCE))
        divided, one = np.unique(part[far], return_index=True)
        middle = at[far[one]]
        kept.append(middle)
        first = np.concatenate([first[divided], middle])
        last = np.concatenate([middle, last[divided]])
    return np.sort(np.concatenate(kept))

"""Curves with fewer points look the same."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from covidreport.metrics.operating import list_points
from covidreport.metrics.outline import MOST_POINTS, PIXELS, outline_points


def _distance(points: np.ndarray, line: np.ndarray) -> float:
    """The largest distance in pixels, sideways or upright, from `points` to a line's nearest."""
    start, step = line[:-1], np.diff(line, axis=0)
    largest = 0.0
    for part in np.array_split(points, max(1, len(points) // 500)):
        offset = part[:, np.newaxis] - start
        length = np.maximum((step**2).sum(axis=1), 1e-30)
        share = np.clip((offset * step).sum(axis=2) / length, 0, 1)
        away = np.abs(offset - share[..., np.newaxis] * step).max(axis=2)
        largest = max(largest, float(away.min(axis=1).max()))
    return largest * PIXELS


def _draw(images: int, prevalence: float, skill: float, digits: int = 9):
    rng = np.random.default_rng(images)
    truth = (rng.random(images) < prevalence).astype(np.int8)
    return truth, np.round(rng.normal(size=images) + skill * truth, digits)


@pytest.mark.parametrize(
    ("images", "prevalence", "skill", "digits"),
    [(628, 0.05, 1.5, 9), (5_000, 0.3, 0.0, 9), (20_000, 0.05, 2.5, 9), (20_000, 0.5, 1.0, 1)],
)
def test_no_point_of_either_curve_is_a_pixel_away_from_what_is_drawn(
    images, prevalence, skill, digits
):
    """ROC and precision-recall as scikit-learn computes them, against the lines through fewer."""
    truth, scores = _draw(images, prevalence, skill, digits)
    points = list_points(truth, scores, np.zeros(images, dtype=np.bool_))
    kept = outline_points(points)
    found, alarms = points.found[kept], points.false_alarms[kept]
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(truth, scores)
    some = found + alarms > 0
    recalled = np.column_stack([found / points.positives, found / np.maximum(found + alarms, 1)])

    assert _distance(np.column_stack([fpr, tpr]), np.column_stack(
        [alarms / points.negatives, found / points.positives]
    )) < 1  # fmt: skip
    # scikit-learn appends precision 1 at recall 0, a point that no threshold reaches.
    assert _distance(np.column_stack([recall, precision])[:-1], recalled[some]) < 1
    assert kept.size <= min(600, points.found.size)


def test_a_short_curve_keeps_every_point():
    """Nothing is left out where nothing needs to be."""
    truth, scores = _draw(MOST_POINTS - 1, 0.4, 1.0)

    points = list_points(truth, scores, np.zeros(truth.size, dtype=np.bool_))

    assert outline_points(points).tolist() == list(range(MOST_POINTS))


def test_a_class_that_is_absent_leaves_the_ends():
    """Without negatives there is no curve to be true to."""
    scores = np.arange(300.0)

    points = list_points(np.ones(300, dtype=np.int8), scores, np.zeros(300, dtype=np.bool_))

    assert outline_points(points).tolist() == [0, 300]

"""Curves with fewer points look the same."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc, precision_recall_curve, roc_curve

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


def _heights(line: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest a rising line is at each place: it may stand upright there."""
    x, y = line.T
    first, last = np.searchsorted(x, at, "left"), np.searchsorted(x, at, "right")
    between = np.interp(at, x, y)
    low = np.where(last > first, y[np.minimum(first, x.size - 1)], between)
    high = np.where(last > first, y[np.maximum(last - 1, 0)], between)
    return low, high


@pytest.mark.parametrize("skill", [0.0, 0.8, 3.4])
def test_the_roc_curve_of_very_many_images_keeps_its_height_and_its_area(skill):
    """At every share of false alarms the two curves of 100,000 images are within a pixel's width
    of the same height, either way round, and their areas by scikit-learn's rule agree."""
    truth, scores = _draw(100_000, 0.1, skill)
    points = list_points(truth, scores, np.zeros(truth.size, dtype=np.bool_))
    kept = outline_points(points)
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    whole = np.column_stack([fpr, tpr])
    drawn = np.column_stack(
        [points.false_alarms[kept] / points.negatives, points.found[kept] / points.positives]
    )

    at = np.unique(fpr)
    for one, other in ((whole, drawn), (drawn, whole)):
        _, reach = _heights(other, np.minimum(at + 1 / PIXELS, 1))
        floor, _ = _heights(other, np.maximum(at - 1 / PIXELS, 0))
        low, high = _heights(one, at)
        assert (high <= reach + 1 / PIXELS).all()
        assert (low >= floor - 1 / PIXELS).all()
    assert auc(*drawn.T) == pytest.approx(auc(fpr, tpr), abs=1 / PIXELS)
    assert 20 < kept.size < 200


def test_a_short_curve_keeps_every_point():
    """Nothing is left out where nothing needs to be."""
    truth, scores = _draw(MOST_POINTS - 1, 0.4, 1.0)

    points = list_points(truth, scores, np.zeros(truth.size, dtype=np.bool_))

    assert outline_points(points).tolist() == list(range(MOST_POINTS))


@pytest.mark.parametrize("images", [300, 2_000, 20_000])
def test_both_ends_and_a_leap_from_the_first_are_kept(images):
    """Half of the positives share the highest score: the curves leap to that point, and end where
    everything is called positive."""
    truth, scores = _draw(images, 0.3, 1.0)
    scores[np.flatnonzero(truth)[::2]] = 9.0
    points = list_points(truth, scores, np.zeros(images, dtype=np.bool_))
    kept = outline_points(points)
    assert kept[[0, 1]].tolist() == [0, 1]
    assert kept[-1] == points.found.size - 1


def test_a_class_that_is_absent_leaves_the_ends():
    """Without negatives there is no curve to be true to."""
    scores = np.arange(300.0)

    points = list_points(np.ones(300, dtype=np.int8), scores, np.zeros(300, dtype=np.bool_))

    assert outline_points(points).tolist() == [0, 300]

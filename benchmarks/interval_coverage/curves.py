"""ROC AUC, its paired differences, and average precision."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from benchmarks.interval_coverage.designs import (
    ALIKE,
    NEGATIVES,
    ONE,
    PAIRS,
    Design,
    Effort,
    Ends,
    Row,
    draw_weights,
    take_percentiles,
    to_ends,
)
from covidreport.metrics.compute import average_precision_ends
from covidreport.metrics.delong import compare_roc_aucs, estimate_roc_aucs, roc_auc_ends
from covidreport.metrics.precision_variance import estimate_precision_variance

NEAR: Final = float(ndtr(3.5 / math.sqrt(2)))
"""The area where average precision is near 1."""
SPREADS: Final = ("½", "1", "2", "mixture")
"""The standard deviation of positives where that of negatives is 1; or a share of patients with
positives scores as those without do, the others lie apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One batch: truth and patients of the images, of several sets with the same sizes."""

    truth: NDArray[np.int8]
    patients: NDArray[np.int64]
    groups: NDArray[np.int64] | None

    @property
    def positive(self) -> NDArray[np.bool_]:
        return np.asarray(self.truth == 1)


def draw_images(design: Design, n: int, rng: np.random.Generator) -> Scored:
    """n patients with positives, and `NEGATIVES` times as many without."""
    sizes = np.concatenate([design.draw_sizes((n,), rng), _plain(design).draw_sizes(
        (n * NEGATIVES,), rng)])  # fmt: skip
    patients = np.repeat(np.arange(sizes.size), sizes)
    return Scored(
        (patients < n).astype(np.int8), patients, None if design == ONE else patients
    )  # fmt: skip


def _plain(design: Design) -> Design:
    return Design("poisson") if design.images == "third" else design


def draw_scores(
    images: Scored, sets: int, auc: float, spread: str, own: float, rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """Scores `(S, N)` of that area; images of a patient have the correlation `own`."""
    noise = rng.standard_normal((sets, images.truth.size))
    if images.groups is not None:
        shared = rng.standard_normal((sets, images.patients[-1] + 1))[:, images.patients]
        noise = math.sqrt(own) * shared + math.sqrt(1 - own) * noise
    if spread == "mixture":
        alike = 1.8 * (1 - auc)
        shift = math.sqrt(2) * ndtri((auc - alike / 2) / (1 - alike))
        like = (rng.random((sets, images.patients[-1] + 1)) < alike)[:, images.patients]
        return noise + shift * (images.positive & ~like)
    width = {"½": 0.5, "1": 1.0, "2": 2.0}[spread]
    shift = math.sqrt(1 + width**2) * ndtri(auc)
    return np.where(images.positive, shift + width * noise, noise)


def measure_areas(
    design: Design, n: int, effort: Effort, rng: np.random.Generator
) -> Iterator[Row]:
    """ROC AUC, and average precision of the same scores."""
    area = Row("ROC AUC", design, n, effort)
    precision = Row("average precision", design, n, effort)
    for spread in SPREADS:
        for auc in (*effort.grid, *([NEAR] if is_resampled(design, n) else [])):
            cells = _measure_area(design, n, auc, spread, effort, rng)
            name = f"{auc:.3g}, {spread}"
            if auc in effort.grid:
                area.add(name, auc, *cells[0])
            if is_resampled(design, n):
                precision.add(name, find_precision(auc, spread), *cells[1])
    yield area
    if is_resampled(design, n):
        yield precision


def is_resampled(design: Design, n: int) -> bool:
    """Whether there is time for it: curves are drawn again and again up to 60 positives."""
    return n <= 60 and not design.beside


@lru_cache(maxsize=64)
def find_precision(auc: float, spread: str) -> float:
    """The average precision of a million images."""
    rng = np.random.default_rng(1)
    images = draw_images(ONE, 200_000, rng)
    scores = draw_scores(images, 1, auc, spread, 0.0, rng)
    return float(compute_precisions(images.positive, scores)[0])


def compute_precisions(
    positive: NDArray[np.bool_], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average precision of each row of scores `(S, N)`, of which none are equal."""
    ordered = positive[np.argsort(-scores, axis=1)]
    found = np.cumsum(ordered, axis=1)
    precision = found / np.arange(1, positive.size + 1)
    return np.asarray((precision * ordered).sum(axis=1) / np.count_nonzero(positive))


def _measure_area(
    design: Design, n: int, auc: float, spread: str, effort: Effort, rng: np.random.Generator
) -> tuple[tuple[Ends, Ends | None], tuple[Ends, Ends | None]]:
    """The ends of ROC AUC and of average precision, each after and before; of what is not
    resampled ROC AUC's after alone."""
    parts: tuple[list[Ends], ...] = ([], [], [], [])
    for _ in range(0, effort.sets, 100):
        images = draw_images(design, n, rng)
        scores = draw_scores(images, 100, auc, spread, design.correlation, rng)
        failed = np.zeros(scores.shape, np.bool_)
        aucs = estimate_roc_aucs(images.truth, scores, failed, images.groups)
        assert aucs is not None
        parts[0].append(roc_auc_ends(aucs))
        if not is_resampled(design, n):
            continue
        resamples = effort.resamples // 2
        resampled = resample_curves(images, scores, resamples)
        values = compute_precisions(images.positive, scores)
        variance = estimate_precision_variance(images.truth, scores, failed, images.groups)
        parts[1].append(take_percentiles(resampled[0]))
        parts[2].append(average_precision_ends(values, variance, aucs))
        parts[3].append(take_percentiles(resampled[1]))
    area, old_area, precision, old = (_join(part) if part else None for part in parts)
    assert area is not None
    return (area, old_area), (area if precision is None else precision, old)


def resample_curves(
    images: Scored, scores: NDArray[np.float64], resamples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ROC AUC and average precision of scores `(S, N)`, of which none are equal, in resamples of
    the patients, `(B, S)` each; a test holds them against `covidreport.metrics`."""
    weights = np.ascontiguousarray(draw_weights(resamples, images.patients[-1] + 1).T)
    areas, precisions = np.empty((2, resamples, len(scores)))
    for place, order in enumerate(np.argsort(-scores, axis=1)):
        drawn = weights[images.patients[order]]
        at = np.flatnonzero(images.positive[order])
        positive, called = drawn[at], np.cumsum(drawn, axis=0)
        hits = np.cumsum(positive, axis=0)
        above, found = called[at], hits[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            gained = np.where(positive > 0, positive * hits / above, 0)
            precisions[:, place] = gained.sum(axis=0) / found
            lost = np.sum(positive * (above - hits), axis=0)
            areas[:, place] = 1 - lost / (found * (called[-1] - found))
    bad = np.isnan(areas) | np.isnan(precisions)
    return np.where(bad, np.nan, areas), np.where(bad, np.nan, precisions)


def _join(parts: list[Ends]) -> Ends:
    low, high = (np.concatenate(each) for each in zip(*parts, strict=True))
    return low, high


def measure_area_differences(
    design: Design, n: int, effort: Effort, rng: np.random.Generator
) -> Iterator[Row]:
    """The paired difference of two ROC AUCs; before with the normal quantile."""
    row = Row("difference of ROC AUC", design, n, effort)
    for first, second in PAIRS:
        for alike in ALIKE:
            ends = _compare_areas(design, n, (first, second), alike, effort, rng)
            row.add(f"{first:g} − {second:g}, {alike:g}", first - second, *ends)
    yield row


def _compare_areas(
    design: Design, n: int, areas: tuple[float, float], alike: float, effort: Effort,
    rng: np.random.Generator,
) -> tuple[Ends, Ends]:  # fmt: skip
    stated: list[Any] = []
    narrowed: list[tuple[float, float]] = []
    batch = 100
    for _ in range(0, effort.sets, batch):
        images = draw_images(design, n, rng)
        noise = draw_scores(images, batch, 0.5, "1", design.correlation, rng)
        other = draw_scores(images, batch, 0.5, "1", design.correlation, rng)
        other = alike * noise + math.sqrt(1 - alike**2) * other
        shifts = [math.sqrt(2) * ndtri(area) * images.positive for area in areas]
        scores = np.concatenate([noise + shifts[0], other + shifts[1]])
        aucs = estimate_roc_aucs(
            images.truth, scores, np.zeros(scores.shape, np.bool_), images.groups
        )
        assert aucs is not None
        factor = 1.959964 / float(stdtrit(aucs.freedom, 0.975))
        for i in range(batch):
            found = compare_roc_aucs(aucs, i, batch + i)
            stated.append(found.interval)
            low, high = found.interval.low, found.interval.high
            half = math.nan if low is None or high is None else (high - low) / 2 * factor
            narrowed.append((found.difference - half, found.difference + half))
    low_ends, high_ends = np.array(narrowed).T
    return to_ends(stated), (low_ends, high_ends)

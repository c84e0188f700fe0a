"""The paired difference of two sensitivities."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from benchmarks.interval_coverage.designs import ALIKE, ONE, PAIRS, Design, Effort, Row
from covidreport.metrics.differences import estimate_difference, tango


def measure_differences(
    design: Design, n: int, effort: Effort, rng: np.random.Generator
) -> Iterator[Row]:
    """The paired difference of two sensitivities: Tango's, as before."""
    cached = lru_cache(maxsize=None)(tango)
    row = Row("paired difference", design, n, effort)
    for first, second in PAIRS:
        for alike in ALIKE:
            stated = []
            sizes = design.draw_sizes((effort.sets, n), rng)
            for wins, losses, each in _draw_pairs(design, sizes, (first, second), alike, rng):
                b, c = int(wins.sum()), int(losses.sum())
                if design == ONE:
                    stated.append(cached(b, c, n))
                else:
                    found = estimate_difference(b, c, wins - losses, each)[1]
                    stated.append((found.low, found.high))  # type: ignore[arg-type]
            low, high = np.array(stated, np.float64).T
            row.add(f"{first:g} − {second:g}, {alike:g}", first - second, (low, high))
    yield row


def _draw_pairs(
    design: Design, sizes: NDArray[np.int64], rates: tuple[float, float], alike: float,
    rng: np.random.Generator,
) -> Iterator[tuple[NDArray[np.int64], ...]]:  # fmt: skip
    """By patient, the images that only the first and only the second run found, and all."""
    own = 0.0 if design == ONE else design.correlation
    shape = sizes.shape
    patient = _draw_two(alike, shape, rng)
    wins, losses = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for image in range(int(sizes.max())):
        noise = _draw_two(alike, shape, rng)
        there = image < sizes
        first, second = (
            math.sqrt(own) * patient[i] + math.sqrt(1 - own) * noise[i] < ndtri(rates[i])
            for i in (0, 1)
        )
        wins += there & first & ~second
        losses += there & second & ~first
    return zip(wins, losses, sizes, strict=True)


def _draw_two(
    alike: float, shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = rng.standard_normal((2, *shape))
    return first, alike * first + math.sqrt(1 - alike**2) * second

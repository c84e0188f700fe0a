"""Designs, true values, and a row of the table: how often the intervals of one figure hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

GRID: Final = (0.50, 0.60, 0.70, 0.80, 0.85, 0.90, 0.95)
SIZES: Final = (10, 28, 60, 200)
RATES: Final = ((0.5, 0.7), (0.7, 0.9), (0.8, 0.95), (0.9, 0.97), (0.95, 0.9), (0.97, 0.99))
"""Sensitivity and specificity of what depends on both."""
PAIRS: Final = ((0.85, 0.85), (0.85, 0.7), (0.95, 0.9), (0.6, 0.5))
ALIKE: Final = (0.0, 0.6, 0.95, 0.999)
"""Latent normal correlations of two runs on an image."""
NEGATIVES: Final = 5
"""Negatives, or patients with negatives, for one with positives."""
Ends = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Design:
    """How many images patients have, and how much alike their answers are."""

    images: str
    """`one`; `poisson`: 1 + Poisson(0.5), one in ten three more; `even`: 1 to 4 equally often;
    `third`: as poisson without the three, and one patient with a third of the images."""
    correlation: float = 0.4
    beside: bool = False

    @property
    def name(self) -> str:
        words = {"one": "one image", "poisson": "1 + Poisson", "even": "1 to 4",
                 "third": "one has a third"}[self.images]  # fmt: skip
        return f"{words}, {self.correlation:g}" if self.beside else words

    def draw_sizes(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
        """Images of patients, of whom the last axis is."""
        if self.images == "one":
            return np.ones(shape, np.int64)
        if self.images == "even":
            return rng.integers(1, 5, shape)
        sizes = 1 + rng.poisson(0.5, shape)
        if self.images == "third":
            sizes[..., 0] = np.maximum(1, sizes[..., 1:].sum(axis=-1) // 2)
            return sizes
        return sizes + 3 * (rng.random(shape) < 0.1)

    def draw_right(
        self, rate: NDArray[Any] | float, sizes: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """How many of each patient's answers are right: beta-binomial."""
        rates = np.broadcast_to(rate, sizes.shape)
        if self.images == "one":
            return rng.binomial(1, rates)
        if self.correlation == 1:
            return np.asarray(sizes * (rng.random(sizes.shape) < rates))
        strength = (1 - self.correlation) / self.correlation
        return rng.binomial(sizes, rng.beta(rates * strength, (1 - rates) * strength))


ONE: Final = Design("one")
SEVERAL: Final = (Design("poisson"), Design("even"))
BESIDE: Final = (
    Design("poisson", 0.8, True), Design("poisson", 1.0, True), Design("third", 0.4, True)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effort:
    """How many sets and resamples."""

    sets: int
    before: int
    resamples: int
    sizes: tuple[int, ...]
    grid: tuple[float, ...]


@dataclass(slots=True)
class Row:
    """The cells of one line: coverage before and after, one for each true value."""

    figure: str
    design: Design
    n: int
    effort: Effort
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    missing: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    exact: bool = False

    def add(
        self, name: str, truth: NDArray[Any] | float, after: Ends, before: Ends | None = None,
        chances: NDArray[Any] | None = None,
    ) -> None:  # fmt: skip
        """One true value, or that of each set: the ends in every set, NaN where there is none.

        chances: of the sets that `after` is of, where these are all that there can be.
        """
        held, width, without = _cover(after, truth, chances)
        self.exact |= chances is not None
        self.names.append(name)
        self.after.append(held)
        self.missing.append(without)
        if before is not None:
            old, old_width, _ = _cover(before, truth)
            self.before.append(old)
            self.ratios.append(width / old_width)

    def __str__(self) -> str:
        lowest = int(np.argmin(self.after))
        floor = 0.90 if self.n < 60 or self.design.beside else 0.92
        error = 0.0 if self.exact else 2 * math.sqrt(floor * (1 - floor) / self.effort.sets)
        holds = self.after[lowest] >= floor - error
        if not self.design.beside:
            spread = 0.0 if self.exact else error / math.sqrt(len(self.after))
            holds &= float(np.mean(self.after)) >= 0.94 - spread
        old = [each for each in self.before if not math.isnan(each)]
        before = f"{np.mean(old):.3f}, {min(old):.3f}" if old else ""
        # Likelihood ratios have no largest value: their mean width is that of a few.
        wider = [each for each in self.ratios if not self.figure.startswith("LR")]
        ratio = f"{np.mean(wider):.2f}" if wider else ""
        without = f"{max(self.missing):.2f}" if max(self.missing) >= 0.005 else ""
        return (
            f"| {self.figure} | {self.design.name} | {self.n} | {before} | "
            f"{np.mean(self.after):.3f}, {self.after[lowest]:.3f} | {self.names[lowest]} | "
            f"{ratio} | {without} | {'yes' if holds else '**no**'} |"
        )


HEAD: Final = (
    "| figure | images a patient | n | before: mean, lowest | now: mean, lowest | lowest at | "
    "width, times before | none, at most | holds |\n" + "| --- " * 9 + "|"
)


def _cover(
    ends: Ends, truth: NDArray[Any] | float, chances: NDArray[Any] | None = None
) -> tuple[float, float, float]:
    """The share of intervals that hold the truth, their mean width, and the share without one."""
    low, high = (np.asarray(each, np.float64) for each in ends)
    known = ~np.isnan(low) & ~np.isnan(high)
    if not known.any():
        return math.nan, math.nan, 1.0
    weights = known if chances is None else known * chances
    held = (low <= truth + 1e-12) & (truth - 1e-12 <= high)
    share = float(weights.sum() / (known.size if chances is None else chances.sum()))
    width = np.where(known, high - low, 0.0)
    return (
        float(np.average(held, weights=weights)),
        float(np.average(width, weights=weights)),
        1 - share,
    )


def take_percentiles(resampled: NDArray[np.float64]) -> Ends:
    """What stood before: the middle 95 % of resamples `(B, S)`; no interval where all are equal."""
    undefined = np.isnan(resampled)
    low = np.quantile(np.where(undefined, -np.inf, resampled), 0.025, axis=0, method="lower")
    high = np.quantile(np.where(undefined, np.inf, resampled), 0.975, axis=0, method="higher")
    bad = ~np.isfinite(low) | ~np.isfinite(high) | (low == high)
    return np.where(bad, np.nan, low), np.where(bad, np.nan, high)


@lru_cache(maxsize=2)
def draw_weights(resamples: int, units: int) -> NDArray[np.float32]:
    """How often each unit is drawn, `(B, U)`."""
    rng = np.random.default_rng([resamples, units])
    return rng.multinomial(units, np.full(units, 1 / units), size=resamples).astype(np.float32)


def to_ends(stated: Sequence[Any]) -> Ends:
    """Two arrays; an end that is infinite is None where the other is not."""
    low, high = (
        np.array([math.nan if end is None else end for end in ends])
        for ends in zip(*((each.low, each.high) for each in stated), strict=True)
    )
    return low, np.where(np.isnan(high) & ~np.isnan(low), np.inf, high)

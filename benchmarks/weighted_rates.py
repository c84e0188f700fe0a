"""How often intervals of weighted rates hold the ward's.

Images stand for unequal numbers of patients: weights are log-normal, and a run finds more (or not)
of those that stand for many. The share of simulated sets whose interval holds the rate over the
ward, and of those whose interval of the paired difference of two runs holds theirs; with one image
a patient and with three.

    python -m benchmarks.weighted_rates
    python -m benchmarks.weighted_rates --sets 2000
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.group_differences import JudgedImages
from covidreport.metrics.weighted import count_kish, differ, weigh_rates

POSITIVES = (15, 30, 60, 120)
RATES = (0.7, 0.9)
SPREADS = (0.3, 0.8)
"""SD of the weights' logarithms."""
SLOPES = (0.0, 0.1)
"""How much of the heavy images' sensitivity differs from that of the light ones."""
LESS = 0.05
"""By how much the second run is less sensitive."""
WARD = 1_000_000


class Design(Struct, frozen=True):
    """What a set is drawn from."""

    positives: int
    rate: float
    spread: float
    slope: float
    images: int

    def rates(self, z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both runs' sensitivity for images of these weights' logarithms."""
        first = np.clip(self.rate + self.slope * np.tanh(z), 0.02, 0.98)
        return first, np.clip(first - LESS, 0.0, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=600, help="simulated sets of each design")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print("images  positives  rate  spread  slope  Kish's n  rate holds  difference holds")
    every = []
    for images, positives, rate, spread, slope in product(
        (1, 3), POSITIVES, RATES, SPREADS, SLOPES
    ):
        design = Design(positives, rate, spread, slope, images)
        truth = _find_truth(rng, design)
        size, *held = np.mean([_draw(rng, design, truth) for _ in range(options.sets)], axis=0)
        every.append(held)
        print(
            f"{images:6} {positives:10} {rate:5.1f} {spread:7.1f} {slope:6.1f} {size:9.1f} "
            f"{held[0]:11.3f} {held[1]:17.3f}"
        )
    for name, found in zip(("rate", "difference"), np.transpose(every), strict=True):
        print(f"{name}: mean {found.mean():.3f}, {found.min():.3f} to {found.max():.3f}")


def _find_truth(rng: np.random.Generator, design: Design) -> tuple[float, float]:
    """The weighted rate over the ward, and the difference of both runs'."""
    z = rng.normal(0, design.spread, WARD)
    first, second = (float(np.average(each, weights=np.exp(z))) for each in design.rates(z))
    return first, first - second


def _draw(
    rng: np.random.Generator, design: Design, truth: tuple[float, float]
) -> tuple[float, bool, bool]:
    """Of one set: Kish's n, and whether each interval holds what is true."""
    n = design.positives
    patients = np.arange(n) // design.images
    z = rng.normal(0, design.spread, patients[-1] + 1)[patients]
    weights, (first, second) = np.exp(z), design.rates(z)
    luck, other = rng.uniform(size=(2, n))
    again = np.where(rng.uniform(size=n) < 0.5, luck, other)  # runs miss half the same images
    groups = patients if design.images > 1 else None
    one, two = (
        JudgedImages(np.ones(n, np.int8), found, np.zeros(n, np.bool_), groups)
        for found in (luck < first, again < second)
    )
    rate = weigh_rates(one, weights)["sensitivity"].estimate
    difference = differ(one, two, weights, "sensitivity")
    held = []
    for estimate, true in zip((rate, difference), truth, strict=True):
        assert estimate.low is not None
        assert estimate.high is not None
        held.append(bool(estimate.low <= true <= estimate.high))
    return count_kish(weights), held[0], held[1]


if __name__ == "__main__":
    main()

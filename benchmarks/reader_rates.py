"""How often the interval of readers' average sensitivity holds that of other readers and images.

Readers differ in skill, images in difficulty, both normal beside normal noise of each reading: an
image is called right where their sum is above a limit. The share of simulated studies whose
interval holds the sensitivity over all readers and images, with the interval on the logit that
reports have and, beside it, with the one on the rate itself. Studies without an interval, in which
readers happen to be alike, are counted.

    python -m benchmarks.reader_rates
    python -m benchmarks.reader_rates --sets 4000 --spread 0.6
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
from scipy.special import stdtrit
from scipy.stats import norm

from covidreport.metrics.readers import average_rates

READERS = (2, 3, 5, 12)
IMAGES = (10, 28, 60, 200)
RATES = (0.5, 0.7, 0.9, 0.95)
CASES = 0.7
"""SD of the images' difficulty; that of a reading's noise is 1."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=1500, help="simulated studies of each design")
    parser.add_argument("--spread", type=float, default=0.3, help="SD of the readers' skill")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print("readers images sensitivity  on the logit  on the rate  without")
    every = []
    for readers, images, rate in product(READERS, IMAGES, RATES):
        held = np.array(
            [draw(rng, (readers, images), rate, options.spread) for _ in range(options.sets)]
        )
        counted = held[:, 2].sum()
        every.append(held[:, :2].sum(axis=0) / counted)
        logit, plain = every[-1]
        lost = options.sets - counted
        print(f"{readers:7} {images:6} {rate:11.2f} {logit:13.3f} {plain:12.3f} {lost:8.0f}")
    for place, name in enumerate(("on the logit", "on the rate")):
        found = [each[place] for each in every]
        print(f"{name}: mean {np.mean(found):.3f}, {min(found):.3f} to {max(found):.3f}")


def draw(
    rng: np.random.Generator, shape: tuple[int, int], rate: float, spread: float
) -> tuple[bool, bool, bool]:
    """Of one study: whether each interval holds the rate, and whether there is one."""
    readers, images = shape
    skill, ease = rng.normal(0, spread, (readers, 1)), rng.normal(0, CASES, images)
    limit = norm.ppf(rate) * (1 + spread**2 + CASES**2) ** 0.5
    found = average_rates(skill + ease + rng.normal(size=shape) + limit > 0)
    one = found.estimate
    if one.value is None or one.low is None or one.high is None:
        return False, False, False
    assert found.freedom is not None
    assert found.error is not None
    margin = stdtrit(found.freedom, 0.975) * found.error
    return one.low <= rate <= one.high, bool(abs(one.value - rate) <= margin), True


if __name__ == "__main__":
    main()

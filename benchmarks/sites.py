"""How often the mean over sites, and the range to expect at a new one, hold what is true.

Sites of 10 to 100 positives each, the logits of their sensitivities normal around that of 0.90 (or
`--mean`): the share of simulated studies in which the 95 % interval of the mean holds the true one,
and the 95 % range at a new site the true sensitivity of a site that was drawn too. Beside it the
usual normal-normal model: DerSimonian and Laird's variance (statsmodels' `combine_effects`, at
least 0) with Hartung and Knapp's interval, 0.5 added to the cells of a site that missed nothing or
found nothing, and the range of Higgins, Thompson and Spiegelhalter.

    python -m benchmarks.sites
    python -m benchmarks.sites --sets 2000 --mean 0.8
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
from scipy.special import expit, logit
from scipy.stats import t as student
from statsmodels.stats.meta_analysis import combine_effects

from covidreport.metrics.sites import pool_sites

SITES = (5, 12)
SDS = (0.0, 0.4, 0.8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=500, help="simulated studies of each design")
    parser.add_argument(
        "--mean", type=float, default=0.9, help="the true sensitivity in the middle"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    print(f"{options.sets} studies of each design, a true sensitivity of {options.mean}")
    print("| sites | SD | mean | new site | mean, normal-normal | new site, normal-normal |")
    print("| --- | --- | --- | --- | --- | --- |")
    for sites in SITES:
        for number, sd in enumerate(SDS):
            rng = np.random.default_rng([options.seed, sites, number])
            held = simulate(sites, sd, options.mean, options.sets, rng)
            print(f"| {sites} | {sd} | " + " | ".join(f"{each:.3f}" for each in held) + " |")
    print(f"\n{time.perf_counter() - began:.0f} s")


def simulate(
    sites: int, sd: float, mean: float, sets: int, rng: np.random.Generator
) -> tuple[float, ...]:
    """The shares of studies that hold: ours of the mean and of a new site, then normal-normal."""
    held = np.zeros(4)
    for _ in range(sets):
        positives = rng.integers(10, 101, sites)
        truth = logit(mean) + sd * rng.normal(size=sites + 1)
        found = rng.binomial(positives, expit(truth[:-1]))
        new = float(truth[-1])
        pooled = pool_sites(found, positives)
        assert pooled is not None
        assert pooled.new_low is not None
        assert pooled.new_high is not None
        held[0] += pooled.low <= mean <= pooled.high
        held[1] += pooled.new_low <= expit(new) <= pooled.new_high
        held[2:] += hold_normal(found, positives, float(logit(mean)), new)
    return tuple(float(each) for each in held / sets)


def hold_normal(
    found: np.ndarray, positives: np.ndarray, mean: float, new: float
) -> tuple[bool, bool]:
    """Whether the normal-normal model holds the logits of the mean and of a new site."""
    add = 0.5 * ((found == 0) | (found == positives))
    logits = logit((found + add) / (positives + 2 * add))
    variance = 1 / (found + add) + 1 / (positives - found + add)
    with np.errstate(invalid="ignore"):  # where sites are alike its variance falls below 0
        between = max(float(combine_effects(logits, variance, method_re="dl").tau2), 0.0)
    weight = 1 / (variance + between)
    weight /= weight.sum()
    centre = float(weight @ logits)
    error = math.sqrt(weight @ (logits - centre) ** 2 / (len(found) - 1))
    margin = student.ppf(0.975, len(found) - 1) * error
    wide = student.ppf(0.975, len(found) - 2) * math.sqrt(between + error**2)
    return abs(mean - centre) <= margin, abs(new - centre) <= wide


if __name__ == "__main__":
    main()

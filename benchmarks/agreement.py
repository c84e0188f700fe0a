"""How often the interval of kappa holds the true one, of two readers and of three.

Readers call an image positive by chance, each alike, with one sensitivity and one specificity: the
share of simulated sets in which the interval of Cohen's kappa of two of them, and that of Fleiss'
kappa of three, holds the kappa that their chances come to. Beside it the usual interval, kappa and
1.96 standard errors of the same variance each way. Sets in which all agree, or one answer alone is
given, have no interval and are counted.

    python -m benchmarks.agreement
    python -m benchmarks.agreement --sets 2000
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
from scipy.stats import norm, t

from covidreport.metrics.agreement import agree_all, agree_pairwise
from covidreport.records import Estimate

IMAGES = (50, 100, 300)
PREVALENCES = (0.1, 0.3, 0.5)
READERS = ((0.7, 0.8), (0.85, 0.9), (0.95, 0.97))
"""Sensitivity and specificity."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=500, help="simulated sets of each design")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print(f"{options.sets} sets of each design: held by ours and by the usual interval")
    print("images prevalence readers kappa  two: ours usual  three: ours usual  without")
    every = []
    for images, prevalence, skill in product(IMAGES, PREVALENCES, READERS):
        true = find_kappa(prevalence, *skill)
        held = np.zeros((2, 3))
        for _ in range(options.sets):
            sick = rng.random(images) < prevalence
            calls = rng.random((3, images)) < np.where(sick, skill[0], 1 - skill[1])
            readings = calls.astype(np.int8)
            found = agree_pairwise(readings[:2])[0, 1].kappa, agree_all(readings).kappa
            held += [hold(each, true, images) for each in found]
        rates = held[:, :2] / held[:, 2:]
        every.append(rates)
        two, three = (" ".join(f"{each:.3f}" for each in row) for row in rates)
        lost = int(2 * options.sets - held[:, 2].sum())
        print(f"{images:4} {prevalence:8.1f} {skill!s:>14} {true:6.2f}  {two}  {three} {lost:6}")
    mean, low, high = (pick(every, axis=0) for pick in (np.mean, np.min, np.max))
    for place, name in enumerate(("two", "three")):
        for column, whose in enumerate(("ours", "usual")):
            ends = f"{low[place, column]:.3f} to {high[place, column]:.3f}"
            print(f"{name} readers, {whose}: mean {mean[place, column]:.3f}, {ends}")


def find_kappa(prevalence: float, sensitivity: float, specificity: float) -> float:
    """The kappa of readers who are alike."""
    alike = [rate**2 + (1 - rate) ** 2 for rate in (sensitivity, specificity)]
    agreed = prevalence * alike[0] + (1 - prevalence) * alike[1]
    called = prevalence * sensitivity + (1 - prevalence) * (1 - specificity)
    chance = called**2 + (1 - called) ** 2
    return (agreed - chance) / (1 - chance)


def hold(kappa: Estimate, true: float, images: int) -> tuple[bool, bool, bool]:
    """Whether ours holds the true one, whether the usual does, and whether there is one."""
    if kappa.value is None or kappa.low is None or kappa.high is None:
        return False, False, False
    apart = 1 - kappa.value
    error = apart * np.log(apart / (1 - kappa.high)) / t.ppf(0.975, images - 1)
    usual = abs(kappa.value - true) <= norm.ppf(0.975) * error
    return kappa.low <= true <= kappa.high, bool(usual), True


if __name__ == "__main__":
    main()

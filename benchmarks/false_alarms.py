"""How often equal runs are told apart: the family-wise error of what the ranking claims.

For 2 to 18 equally good runs, 28 to 2,000 positives, one or several correlated images a patient:
the share of simulated sets in which any run is declared different from the best (5 % is the limit),
by max-T over sign-flips, by Holm, and by what looks right and is not: Holm over the comparisons
with the best alone, and McNemar by image where images of a patient are correlated. Then sets in
which only some runs are equal: errors are pairs of equal runs that are told apart.

    python benchmarks/false_alarms.py
    python benchmarks/false_alarms.py --sets 2000 --seed 1
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.multiplicity import compare_pairs
from covidreport.metrics.significance import holm
from tests.metrics.simulation import Design, draw_wrong

ALPHA = 0.05
EQUAL = [
    Design(runs, positives, rate, difficulty)
    for runs in (2, 3, 5, 10, 18)
    for positives in (28, 100, 500, 2000)
    for rate, difficulty in ((0.1, 0.0), (0.1, 0.6), (0.4, 0.0))
]
CLUSTERED = [
    Design(runs, patients * images, 0.2, 0.1, 0.6, images)
    for runs in (2, 5, 18)
    for patients, images in ((28, 4), (100, 4), (500, 4), (60, 10))
]
IN_PART = [
    ("2 of 18 bad", [0.3] * 2 + [0.02] * 16),
    ("6 of 18 bad", [0.3] * 6 + [0.02] * 12),
    ("3 x 6", [0.1] * 6 + [0.2] * 6 + [0.4] * 6),
    ("17 good, 1 bad", [0.1] * 17 + [0.4]),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=1000, help="simulated sets of each design")
    parser.add_argument("--flips", type=int, default=399)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    error = math.sqrt(ALPHA * (1 - ALPHA) / options.sets)
    print(
        f"{options.sets} sets of each design, {options.flips} flips; of a true 5 %, all but 1 in "
        f"1,000 would show at most {ALPHA + 3.1 * error:.3f}"
    )
    began = time.perf_counter()
    print("\nAll runs equal: any run declared different from the best")
    print("runs  positives  images each  missed  difficulty   max-t    holm  best alone  by image")
    for number, design in enumerate(EQUAL + CLUSTERED):
        rng = np.random.default_rng([options.seed, number])
        print(
            f"{design.runs:4}  {design.positives:9}  {design.images_per_patient:11}  "
            f"{design.rate:6.2f}  {design.difficulty:10.1f}"
            + show(simulate_equal(design, options.sets, options.flips, rng)),
            flush=True,
        )
    print("\nRuns equal in part, 100 positives: any two equal runs told apart")
    print("runs               max-t    holm")
    for number, (name, rates) in enumerate(IN_PART):
        rng = np.random.default_rng([options.seed, 1000 + number])
        shares = simulate_part(np.array(rates), options.sets, options.flips, rng)
        print(f"{name:16}" + show(shares), flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s")


def show(shares: Sequence[float | None]) -> str:
    return "".join(f"{'–' if share is None else f'{share:.4f}':>8}" for share in shares)


def simulate_equal(
    design: Design, sets: int, flips: int, rng: np.random.Generator
) -> tuple[float | None, ...]:
    """The share of sets with a false alarm: max-T, Holm, Holm with the best alone, by image."""
    found = np.zeros(4)
    for _ in range(sets):
        wrong, patients = draw_wrong(design, rng)
        best = int(wrong.sum(axis=1).argmin())
        tests = compare_pairs(wrong, patients, flips=flips, seed=int(rng.integers(1 << 31)))
        with_best = [test for test in tests if best in (test.first, test.second)]
        found[0] += min(test.adjusted_p_value for test in with_best) <= ALPHA
        everything = holm([test.p_value for test in tests])
        found[1] += any(
            p <= ALPHA and best in (test.first, test.second)
            for p, test in zip(everything, tests, strict=True)
        )
        found[2] += min(holm([test.p_value for test in with_best])) <= ALPHA
        if patients is not None:
            by_image = compare_pairs(wrong, correction="holm")
            found[3] += any(
                test.adjusted_p_value <= ALPHA and best in (test.first, test.second)
                for test in by_image
            )
    shares = [float(each) for each in found / sets]
    return (*shares[:3], shares[3] if design.images_per_patient > 1 else None)


def simulate_part(
    rates: NDArray[np.float64], sets: int, flips: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The share of sets in which two runs of equal rates are told apart: max-T and Holm."""
    found = np.zeros(2)
    design = Design(len(rates), 100, difficulty=0.3)
    for _ in range(sets):
        wrong, _ = draw_wrong(design, rng, rates)
        tests = compare_pairs(wrong, flips=flips, seed=int(rng.integers(1 << 31)))
        adjusted = holm([test.p_value for test in tests])
        equal = [rates[test.first] == rates[test.second] for test in tests]
        pairs = list(zip(tests, adjusted, equal, strict=True))
        found[0] += any(same and test.adjusted_p_value <= ALPHA for test, _, same in pairs)
        found[1] += any(same and p <= ALPHA for _, p, same in pairs)
    return float(found[0] / sets), float(found[1] / sets)


if __name__ == "__main__":
    main()

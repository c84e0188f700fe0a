"""What a tolerant gate's odds are worth where the baseline was picked as the best of several.

    python benchmarks/lucky_baseline.py

Several runs of one sensitivity are drawn by normal variables of each case, and the one that misses
fewest is the baseline. The allowance is chosen from what it found, as the gate does; then another
run of the same sensitivity is drawn on the same cases, and fails where it misses more than the
baseline and the allowance. Beside it stands what the verdict would state.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from covidreport.metrics import LatentPair, MissRule, choose_allowance, compute_odds
from covidreport.metrics.group_noise import be_cautious

SHARE = 0.05


@lru_cache(maxsize=4096)
def state(positives: int, found: int, assumed: float) -> tuple[int, float]:
    """The allowance of a baseline that found so many, and how often it says an equal run fails."""
    pair = LatentPair((positives,), be_cautious(found, positives, positives), assumed)
    allowance = choose_allowance(pair, SHARE)
    return allowance, compute_odds(pair, MissRule(allowance))[0]


def simulate(
    positives: int, sensitivity: float, runs: int, between: float, sets: int
) -> tuple[float, float, float]:
    """How often an equal run fails, how often it is said to, and the mean allowance; the
    correlation of runs is known."""
    rng = np.random.default_rng([positives, round(100 * sensitivity), runs, round(100 * between)])
    cut = NormalDist().inv_cdf(sensitivity)
    failed, stated, allowed = 0, 0.0, 0
    for _ in range(sets):
        case = rng.standard_normal(positives)
        own = rng.standard_normal((runs + 1, positives))
        missed = (math.sqrt(between) * case + math.sqrt(1 - between) * own > cut).sum(axis=1)
        best = int(missed[:runs].min())
        allowance, said = state(positives, positives - best, between)
        failed += int(missed[runs]) - best > allowance
        stated, allowed = stated + said, allowed + allowance
    return failed / sets, stated / sets, allowed / sets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=5000)
    options = parser.parse_args()
    began = time.perf_counter()
    print(f"{options.sets:,} sets each: how often an equal run fails (is said to), allowance")
    print(
        "positives  sensitivity  correlation  best of " + "".join(f"{n:>20}" for n in (1, 3, 5, 18))
    )
    for positives in (28, 100, 500):
        for sensitivity in (0.85, 0.95):
            for between in (0.3, 0.6, 0.9):
                cells = []
                for runs in (1, 3, 5, 18):
                    fails, said, allowed = simulate(
                        positives, sensitivity, runs, between, options.sets
                    )
                    cells.append(f"{fails:.3f} ({said:.3f}) {allowed:5.1f}")
                print(
                    f"{positives:9}  {sensitivity:11.2f}  {between:11.1f}          "
                    + "".join(f"{each:>20}" for each in cells),
                    flush=True,
                )
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

"""How often 95 % intervals hold the truth, before and now, with one or several images a patient.

A row is a figure, a design and a number n: positive images where each is a patient, else patients
with positives. On a grid of true values it says the mean and the lowest coverage, by the percentile
bootstrap that every interval was (for ROC AUC, paired differences and proportions of single images
what stood there), and by what an evaluation states now; and how much wider that is on average.
Holds: the mean is at least 0.94, and nothing under 0.90 at 10 and 28 or 0.92 at 60 and 200, less
two standard errors of so many sets; for designs that stand beside, nothing under 0.90.

    python -m benchmarks.interval_coverage
    python -m benchmarks.interval_coverage --quick
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

import numpy as np

from benchmarks.interval_coverage.counts import measure_counts, measure_labels, measure_proportion
from benchmarks.interval_coverage.curves import measure_area_differences, measure_areas
from benchmarks.interval_coverage.designs import (
    BESIDE,
    GRID,
    HEAD,
    ONE,
    SEVERAL,
    SIZES,
    Design,
    Effort,
)
from benchmarks.interval_coverage.pairs import measure_differences

PARTS: Final[tuple[tuple[Callable[..., Any], tuple[Design, ...]], ...]] = (
    (measure_proportion, (ONE, *SEVERAL, *BESIDE)),
    (measure_counts, (ONE, *SEVERAL)),
    (measure_labels, (ONE, *SEVERAL)),
    (measure_areas, (ONE, *SEVERAL, *BESIDE)),
    (measure_area_differences, (ONE, *SEVERAL)),
    (measure_differences, (ONE, *SEVERAL, *BESIDE)),
)
Task = tuple[int, int, int, Effort, int]
"""Which part, which of its designs, n, how much, and the seed."""


def run_task(task: Task) -> tuple[list[str], float]:
    """The lines of one task, as any process gives them, and the seconds of CPU."""
    began = time.process_time()
    part, place, n, effort, seed = task
    measure, designs = PARTS[part]
    rng = np.random.default_rng([seed, part, place, n])
    lines = [str(row) for row in measure(designs[place], n, effort, rng)]
    return lines, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two minutes; rough")
    parser.add_argument("--only", default="", help="parts whose name has this in it")
    parser.add_argument("--sets", type=int, default=4000, help="simulated sets of each cell")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    effort = Effort(options.sets, min(options.sets, 1000), 400, SIZES, GRID)
    if options.quick:
        effort = Effort(200, 100, 200, (10, 28, 60), (0.6, 0.8, 0.95))
    tasks = [
        (part, place, n, effort, options.seed)
        for part, (measure, designs) in enumerate(PARTS)
        if options.only in measure.__name__
        for place in range(len(designs))
        for n in effort.sizes
    ]
    began, spent = time.perf_counter(), 0.0
    print(f"{effort.sets} sets, before {effort.before} with {effort.resamples} resamples\n\n{HEAD}")
    with ProcessPoolExecutor(options.jobs) as pool:
        for lines, seconds in pool.map(run_task, tasks):
            print(*lines, sep="\n", flush=True)
            spent += seconds
    print(f"\n{time.perf_counter() - began:.0f} s, {spent:.0f} s of CPU")


if __name__ == "__main__":
    main()

"""The bootstrap of 18 runs x 3 labels: ours beside scikit-learn's calls and a plain NumPy loop.

The same figures from the same kind of resamples (sensitivity, specificity, PPV, NPV, F1, accuracy,
balanced accuracy and MCC of every run and label in every resample):

- ours: `resample_counts` and the metrics of its counts, all resamples, with their quantiles; image
  by image, and with equal images drawn together;
- NumPy: in every resample draw indices, take truth and answers, count, divide; a loop;
- scikit-learn: in every resample its own functions for the same figures; a loop.

The loops are timed on a few resamples and scaled up, which is said beside them: their resamples
cost the same one by one. Then how ours grows with images, runs and resamples, and what the tests of
all pairs, DeLong, average precision and complementary runs cost.

Where other work keeps all cores busy, OpenBLAS's threads wait for each other and ours may take ten
times as long; OPENBLAS_NUM_THREADS=1 avoids that and costs a quarter more on two idle cores.

    python benchmarks/statistics_throughput.py
    python benchmarks/statistics_throughput.py --images 20000 --repeat 5
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from covidreport.metrics.complementary import find_complementary
from covidreport.metrics.delong import estimate_roc_aucs
from covidreport.metrics.multiplicity import compare_pairs
from covidreport.metrics.paired import find_missed
from covidreport.metrics.precision_variance import estimate_precision_variance
from covidreport.metrics.rates import CountArrays, divide
from covidreport.metrics.resample import resample_counts
from covidreport.metrics.table import CountMetric, list_metrics

RATES = {key: each for key, each in list_metrics(CountMetric).items() if each.at_threshold}
PREVALENCE = np.array([0.01, 0.3, 0.6])
GOALS = {"scikit-learn / ours": 1000.0, "NumPy loop / ours": 100.0}


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    truth: NDArray[np.int8]
    scores: NDArray[np.float32]
    answers: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    groups: NDArray[np.int64]


def make_problem(images: int, runs: int, agreement: float, seed: int = 0) -> Problem:
    """Three labels; about 95 % of answers right. agreement: how much of a score all runs share."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((images, 3)) < PREVALENCE).astype(np.int8)
    noise = np.sqrt(1 - agreement) * rng.standard_normal((runs, images, 3), dtype=np.float32)
    shared = np.sqrt(agreement) * rng.standard_normal((images, 3), dtype=np.float32)
    scores = (noise + shared + 1.645 * (2 * truth - 1)).astype(np.float32)
    failed = rng.random((runs, images)) < 1e-4
    groups = rng.integers(0, max(1, images // 3), images)
    return Problem(truth, scores, scores > 0, failed, groups)


def ours(problem: Problem, resamples: int, collapse: bool, grouped: bool = False) -> None:
    found = resample_counts(
        problem.truth,
        problem.answers,
        problem.failed,
        problem.groups if grouped else None,
        resamples=resamples,
        collapse=collapse,
    )
    for metric in RATES.values():
        np.quantile(divide(metric.compute(found.resampled)), (0.025, 0.975), axis=0)


def numpy_loop(problem: Problem, resamples: int) -> None:
    rng = np.random.default_rng(0)
    images = len(problem.truth)
    for _ in range(resamples):
        rows = rng.integers(0, images, images)
        truth = problem.truth[rows] == 1
        for run in range(len(problem.answers)):
            right = (problem.answers[run, rows] & ~problem.failed[run, rows, None]) == truth
            tp, tn = (right & truth).sum(axis=0), (right & ~truth).sum(axis=0)
            positives = truth.sum(axis=0)
            counts = CountArrays(tp, images - positives - tn, positives - tp, tn)
            for metric in RATES.values():
                divide(metric.compute(counts))


def scikit_learn_loop(problem: Problem, resamples: int) -> None:
    rng = np.random.default_rng(0)
    images, labels = problem.truth.shape
    for _ in range(resamples):
        rows = rng.integers(0, images, images)
        for run in range(len(problem.answers)):
            for label in range(labels):
                y, p = problem.truth[rows, label], problem.answers[run, rows, label]
                sk.recall_score(y, p)
                sk.recall_score(y, p, pos_label=0)
                sk.precision_score(y, p, zero_division=0)
                sk.precision_score(y, p, pos_label=0, zero_division=0)
                sk.f1_score(y, p)
                sk.accuracy_score(y, p)
                sk.balanced_accuracy_score(y, p)
                sk.matthews_corrcoef(y, p)


def seconds(call: Callable[[], Any], repeat: int = 1) -> float:
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=18)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    images, runs, resamples = options.images, options.runs, options.resamples
    print(
        f"{runs} runs x {images} images x 3 labels, {resamples} resamples, "
        f"{len(os.sched_getaffinity(0))} cores, NumPy {np.__version__}, medians of {options.repeat}"
    )
    problem = make_problem(images, runs, 0.8)
    compare_sides(problem, resamples, options.repeat)
    show_growth(images, runs, resamples)
    show_others(problem)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of the whole command {peak:.0f} MiB")


def compare_sides(problem: Problem, resamples: int, repeat: int) -> None:
    independent = make_problem(len(problem.truth), len(problem.answers), 0.0)
    each = seconds(lambda: ours(problem, resamples, collapse=False), repeat)
    by_group = seconds(lambda: ours(problem, resamples, True, grouped=True), repeat)
    print(f"\nours, image by image                        {each:10.2f} s")
    for name, given in (("80 % of a score", problem), ("nothing", independent)):
        taken = seconds(partial(ours, given, resamples, True), repeat)
        print(f"ours, drawn together, runs share {name:15}{taken:6.2f} s")
    print(f"ours, over groups of three                  {by_group:10.2f} s")
    few, fewest = max(1, min(resamples, 10)), 1
    loop = seconds(lambda: numpy_loop(problem, few)) * resamples / few
    slow = seconds(lambda: scikit_learn_loop(problem, fewest)) * resamples / fewest
    print(f"NumPy loop, scaled up from {few:3} resamples     {loop:10.0f} s")
    print(f"scikit-learn, scaled up from {fewest} resample     {slow:10.0f} s")
    print("\nratio (image by image)  goal      measured")
    for name, value in (("scikit-learn / ours", slow / each), ("NumPy loop / ours", loop / each)):
        print(f"{name:22}  at least {GOALS[name]:5.0f}  {value:6.0f}")


def show_growth(images: int, runs: int, resamples: int) -> None:
    print("\ngrowth, image by image (drawn together, runs share 80 % of a score)")
    print("images     runs  resamples   seconds")
    shapes = [(n, runs, resamples) for n in (images // 100, images // 10, images)]
    shapes += [(images, r, resamples) for r in (2, 6) if r < runs]
    shapes += [(images, runs, b) for b in (resamples // 10, resamples // 2)]
    for n, r, b in shapes:
        problem = make_problem(n, r, 0.8)
        plain, together = (
            seconds(partial(ours, problem, b, collapse)) for collapse in (False, True)
        )
        print(f"{n:<9}  {r:4}  {b:9}   {plain:6.3f} ({together:.3f})")


def show_others(problem: Problem) -> None:
    truth, failed = problem.truth[:, 0], problem.failed
    scores, answers = problem.scores[:, :, 0], problem.answers[:, :, 0]
    wrong = find_missed(truth, answers, failed)
    print(f"\none label, {int((truth == 1).sum())} positives")
    for name, call in (
        ("all pairs, max-T by sign-flips", lambda: compare_pairs(wrong)),
        ("DeLong, covariance of all runs", lambda: estimate_roc_aucs(truth, scores, failed)),
        (
            "the same over groups of three",
            lambda: estimate_roc_aucs(truth, scores, failed, problem.groups),
        ),
        (
            "variance of average precision",
            lambda: estimate_precision_variance(truth, scores, failed),
        ),
        ("best pair and trios", lambda: find_complementary(truth, answers, failed)),
    ):
        print(f"{name:34} {seconds(call):8.2f} s")


if __name__ == "__main__":
    main()

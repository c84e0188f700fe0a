"""How often 95 % intervals hold the truth, as it is: 28, 100 and 1,000 positives.

One run of known quality (sensitivity and specificity 0.90, normal scores), a fifth of the images
positive, drawn again and again; with four correlated images a patient, the bootstrap and DeLong
over patients beside those that take images for independent. Shares are of sets that have an
interval; how many have none is stated.

    python benchmarks/interval_coverage.py
    python benchmarks/interval_coverage.py --sets 2000
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from sklearn.metrics import average_precision_score

from covidreport.metrics.bootstrap import (
    Interval,
    compute_from_counts,
    estimate_intervals,
    percentile_interval,
)
from covidreport.metrics.curve_bootstrap import resample_curves
from covidreport.metrics.delong import estimate_roc_aucs, roc_auc_interval
from covidreport.metrics.rates import CountArrays
from covidreport.metrics.resample import resample_counts

RATE, SHARE = 0.9, 0.2
SHIFT = 2 * ndtri(RATE)


def find_truth() -> dict[str, float]:
    """What every figure estimates: exact, average precision from two million images."""
    counts = (SHARE * RATE, (1 - SHARE) * (1 - RATE), SHARE * (1 - RATE), (1 - SHARE) * RATE)
    metrics = compute_from_counts(CountArrays(*(np.array([each]) for each in counts)))
    truth = {name: float(value[0]) for name, value in metrics.items()}
    truth["roc_auc"] = truth["roc_auc, DeLong"] = float(ndtr(SHIFT / np.sqrt(2)))
    rng = np.random.default_rng(0)
    y = rng.random(2_000_000) < SHARE
    truth["average_precision"] = average_precision_score(y, rng.normal(size=y.size) + SHIFT * y)
    return truth


def draw(
    positives: int, each: int, rng: np.random.Generator
) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.int64]]:
    """Truth, scores and patients; a patient's images share their truth and most of their score."""
    patients = np.repeat(np.arange(round(positives / SHARE / each)), each)
    y = (rng.random(patients[-1] + 1) < SHARE)[patients]
    own = 0.0 if each == 1 else 0.7
    shared = rng.normal(size=patients[-1] + 1)[patients]
    noise = np.sqrt(own) * shared + np.sqrt(1 - own) * rng.normal(size=y.size)
    return y.astype(np.int8), noise + SHIFT * y, patients


def estimate_all(
    truth: NDArray[np.int8],
    scores: NDArray[np.float64],
    groups: NDArray[np.int64] | None,
    resamples: int,
    seed: int,
) -> dict[str, Interval]:
    answers, failed = scores > SHIFT / 2, np.zeros((1, truth.size), dtype=np.bool_)
    counts = resample_counts(
        truth[:, None], answers[None, :, None], failed, groups, resamples=resamples, seed=seed
    )
    found = estimate_intervals(counts, 0, 0)
    curves = resample_curves(truth, scores[None], failed, groups, resamples=resamples, seed=seed)
    found["roc_auc"] = percentile_interval(0.5, curves.roc_auc[:, 0])
    found["average_precision"] = percentile_interval(0.5, curves.average_precision[:, 0])
    aucs = estimate_roc_aucs(truth, scores[None], failed, groups)
    if aucs is not None:
        found["roc_auc, DeLong"] = roc_auc_interval(aucs, 0)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    known = find_truth()
    print(
        f"{options.sets} sets, {options.resamples} resamples; standard error of a coverage of "
        f"0.95: {np.sqrt(0.95 * 0.05 / options.sets):.4f}"
    )
    designs = [(28, 1, False), (100, 1, False), (1000, 1, False), (100, 4, True), (100, 4, False)]
    columns: list[dict[str, str]] = []
    for number, (positives, each, grouped) in enumerate(designs):
        rng = np.random.default_rng([options.seed, number])
        held: defaultdict[str, list[bool]] = defaultdict(list)
        for _ in range(options.sets):
            truth, scores, patients = draw(positives, each, rng)
            groups = patients if grouped else None
            seed = int(rng.integers(1 << 31))
            for name, found in estimate_all(truth, scores, groups, options.resamples, seed).items():
                if found.low is not None and found.high is not None:
                    held[name].append(found.low <= known[name] <= found.high)
        columns.append({
            name: f"{np.mean(held[name]):.3f}"
            + (f" ({options.sets - len(held[name])})" if len(held[name]) < options.sets else "")
            for name in known
        })  # fmt: skip
    heads = [
        f"{positives}" + (f" x{each} {'patients' if grouped else 'images'}" if each > 1 else "")
        for positives, each, grouped in designs
    ]
    print("positives         " + "".join(f"{head:>16}" for head in heads))
    for name in known:
        print(f"{name:18}" + "".join(f"{column[name]:>16}" for column in columns))
    print("in brackets: sets without an interval")


if __name__ == "__main__":
    main()

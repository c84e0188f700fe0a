"""How often equal runs are called different at the same specificity, and what intervals hold.

Two runs with the same true sensitivity at a specificity, scores of an image correlated between
them: the share of simulated sets in which the test says that they differ (5 % is the limit), at the
first run's own specificity and at a stated one, beside what looks right and is not: McNemar's test
on the answers at the fitted thresholds. Then several runs of which the best is picked: any run
called different from it, with Holm's correction over all pairs as the report has it, and over the
pairs with the best alone. Then how often intervals hold the true sensitivity.

    python -m benchmarks.same_specificity
    python -m benchmarks.same_specificity --sets 2000 --seed 1
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from covidreport.metrics import (
    AtLevel,
    Level,
    all_pairs,
    compare_found,
    compare_pairs,
    estimate_found,
    holm,
    resample_at_specificity,
)

ALPHA = 0.05
SPREADS, SPECIFICITIES = (1.0, 0.5, 2.0), (0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Design:
    """Normal scores: negatives N(0, 1); positives such that each run finds `sensitivity` of them
    where it clears `specificity` of the negatives.

    spread: the standard deviation of the positives of every second run; that of the others is 1.
    Half of an image's variance is the same for all runs; where a patient has several images, half
    of either part is his. mixed: half of the patients with positives have negatives too.
    """

    positives: int
    negatives: int
    spread: float = 1.0
    specificity: float = 0.9
    sensitivity: float = 0.8
    images: int = 1
    mixed: bool = False
    runs: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Truth `(N,)`, scores and answers at the true threshold `(R, N)`, patients `(N,)` or None."""

    truth: NDArray[np.int8]
    scores: NDArray[np.float32]
    answers: NDArray[np.bool_]
    groups: NDArray[np.intp] | None


def draw(design: Design, rng: np.random.Generator) -> Drawn:
    n = design.positives + design.negatives
    truth = (np.arange(n) < design.positives).astype(np.int8)
    patients = np.arange(n) // design.images
    if design.mixed:
        half = min(design.positives // 2, design.negatives)
        patients[design.positives : design.positives + half] = patients[:half]

    def noise(*shape: int) -> NDArray[np.float64]:
        own = rng.standard_normal((*shape, n))
        if design.images == 1:
            return own
        of_patient = rng.standard_normal((*shape, n))[..., patients]
        return math.sqrt(0.5) * (own + of_patient)

    z = math.sqrt(0.5) * (noise() + noise(design.runs))
    spread = np.where(np.arange(design.runs) % 2, design.spread, 1.0)[:, np.newaxis]
    cut = ndtri(design.specificity)
    positive = cut + spread * (ndtri(design.sensitivity) + z)
    scores = np.where(truth == 1, positive, z).astype(np.float32)
    groups = None if design.images == 1 and not design.mixed else patients
    return Drawn(truth, scores, scores > cut, groups)


def resample(drawn: Drawn, levels: Sequence[Level], resamples: int, seed: int) -> list[AtLevel]:
    failed = np.zeros(drawn.scores.shape, dtype=np.bool_)
    found = resample_at_specificity(
        drawn.truth, drawn.scores, failed, levels, drawn.groups, resamples=resamples, seed=seed
    )
    return list(found)


def count_false_positives(
    design: Design, sets: int, resamples: int, seed: int
) -> tuple[float, float, float]:
    """The share of sets in which two equal runs differ with p up to 0.05: at the first run's own
    specificity, at the stated one, and by McNemar's test at the thresholds fitted for that."""
    rng = np.random.default_rng([seed, design.positives, design.negatives, design.images])
    found = np.zeros(3)
    for number in range(sets):
        drawn = draw(design, rng)
        own = drawn.answers[0] & (drawn.truth == 0)
        levels = resample(drawn, [own, design.specificity], resamples, number)
        for place, level in enumerate(levels):
            p = compare_found(level, [(0, 1)])[0].p_value
            found[place] += p is not None and p <= ALPHA
        wrong = np.stack([~_answer(drawn, row, levels[1].allowed) for row in (0, 1)])
        test = compare_pairs(wrong[:, drawn.truth == 1], correction="holm")[0]
        found[2] += test.p_value <= ALPHA
    own_share, stated, naive = (float(share) for share in found / sets)
    return own_share, stated, naive


def _answer(drawn: Drawn, run: int, allowed: int) -> NDArray[np.bool_]:
    """Answers at the lowest threshold with so many false alarms: above the next negative."""
    scores = drawn.scores[run]
    answers: NDArray[np.bool_] = scores > np.sort(scores[drawn.truth == 0])[::-1][allowed]
    return answers


def count_families(design: Design, sets: int, resamples: int, seed: int) -> tuple[float, float]:
    """The share of sets in which any run differs from the best, picked by missed cases and false
    alarms, at its own specificity: by Holm over all pairs, and over its own pairs alone."""
    rng = np.random.default_rng([seed, design.runs, design.positives, design.negatives])
    pairs, found = all_pairs(design.runs), np.zeros(2)
    for number in range(sets):
        drawn = draw(design, rng)
        missed = np.count_nonzero(~drawn.answers & (drawn.truth == 1), axis=1)
        alarms = np.count_nonzero(drawn.answers & (drawn.truth == 0), axis=1)
        best = int(np.lexsort([alarms, missed])[0])
        (level,) = resample(drawn, [drawn.answers[best] & (drawn.truth == 0)], resamples, number)
        p = [1.0 if each.p_value is None else each.p_value for each in compare_found(level, pairs)]
        with_best = [best in pair for pair in pairs]
        every = zip(holm(p), with_best, strict=True)
        found[0] += any(one <= ALPHA for one, its in every if its)
        found[1] += min(holm([one for one, its in zip(p, with_best, strict=True) if its])) <= ALPHA
    return float(found[0] / sets), float(found[1] / sets)


def count_held(design: Design, sets: int, resamples: int, seed: int) -> tuple[float, float]:
    """The share of intervals of the second run's sensitivity that hold the true one: at the first
    run's own specificity, and at the stated one."""
    rng = np.random.default_rng([seed, 7, design.positives, design.negatives])
    held = np.zeros(2)
    for number in range(sets):
        drawn = draw(design, rng)
        own = drawn.answers[0] & (drawn.truth == 0)
        for place, level in enumerate(
            resample(drawn, [own, design.specificity], resamples, number)
        ):
            each = estimate_found(level, 1)
            if each.low is not None and each.high is not None:
                held[place] += each.low <= design.sensitivity <= each.high
    return float(held[0] / sets), float(held[1] / sets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=1000, help="simulated sets of each design")
    parser.add_argument("--resamples", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    how = (options.sets, options.resamples, options.seed)
    error = math.sqrt(ALPHA * (1 - ALPHA) / options.sets)
    print(
        f"{options.sets} sets of each design, {options.resamples} resamples; of a true 5 %, all "
        f"but 1 in 1,000 would show at most {ALPHA + 3.1 * error:.3f}"
    )
    began = time.perf_counter()
    _print_pairs(*how)
    _print_families(*how)
    _print_intervals(*how)
    print(f"\n{time.perf_counter() - began:.0f} s")


def _print_pairs(*how: int) -> None:
    """The mean and the most over spreads of 1, 1/2 and 2 and specificities of 0.90 and 0.95."""
    print("\nTwo equal runs called different, mean and most\n")
    print("| positives | negatives | images a patient | own | stated | McNemar, fitted |")
    print("| --- | --- | --- | --- | --- | --- |")
    kinds = ((1, False), (4, False), (4, True))
    for positives, negatives, (images, mixed) in product((28, 100, 300), (100, 600), kinds):
        base = Design(positives, negatives, images=images, mixed=mixed)
        shares = [
            count_false_positives(replace(base, spread=spread, specificity=at), *how)
            for spread in SPREADS
            for at in SPECIFICITIES
        ]
        told = " | ".join(
            f"{np.mean(each):.3f}, {max(each):.3f}" for each in zip(*shares, strict=True)
        )
        kind = f"{images}{', half with both kinds' if mixed else ''}"
        print(f"| {positives} | {negatives} | {kind} | {told} |", flush=True)


def _print_families(*how: int) -> None:
    print("\nAny run called different from the best of several equal ones\n")
    print("| runs | positives | negatives | Holm over all pairs | over the best's alone |")
    print("| --- | --- | --- | --- | --- |")
    for runs, (positives, negatives) in product((3, 5, 18), ((28, 100), (100, 600))):
        told = " | ".join(
            f"{share:.3f}"
            for share in count_families(Design(positives, negatives, runs=runs), *how)
        )
        print(f"| {runs} | {positives} | {negatives} | {told} |", flush=True)


def _print_intervals(*how: int) -> None:
    print("\nIntervals of 95 % that hold the true sensitivity, mean and least\n")
    print("| positives | images a patient | own | stated |")
    print("| --- | --- | --- | --- |")
    for positives, images in ((10, 1), (28, 1), (60, 1), (200, 1), (60, 4), (200, 4)):
        shares = [
            count_held(Design(positives, negatives, spread, at, sensitivity, images), *how)
            for negatives in (100, 600)
            for spread in SPREADS
            for at in SPECIFICITIES
            for sensitivity in (0.5, 0.8, 0.95)
        ]
        told = " | ".join(
            f"{np.mean(each):.3f}, {min(each):.3f}" for each in zip(*shares, strict=True)
        )
        print(f"| {positives} | {images} | {told} |", flush=True)


if __name__ == "__main__":
    main()

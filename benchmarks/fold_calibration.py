"""How often the intervals of the calibration line over folds hold what is true of the models.

    python -m benchmarks.fold_calibration
    python -m benchmarks.fold_calibration --sets 100

Studies of five folds are simulated. Each fold has a model of its own, with its own true slope
(e to a normal of 0.2) and its own shift of the log odds (normal, 0.5). The truth is the mean over
folds by their positives of each model's true slope, and of its true intercept: what must be added
to its logits so that they sum up to the share of positives. With patients, images of a patient
(1 + Poisson 0.5) have odds and truths that hang together.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, ndtr, ndtri

from covidreport.metrics import calibrate_within_folds
from covidreport.records import Scores

FOLDS = 5
SPREAD = 1.5
"""Of the true log odds: a ROC AUC of about 0.83."""
DESIGNS = (
    (28, 0.1, False), (60, 0.1, False), (200, 0.1, False), (60, 0.3, False), (40, 0.33, True),
    (60, 0.1, True),
)  # fmt: skip
"""Positives, their share, and whether patients have several images."""
NORMALS = ndtri((np.arange(2000) + 0.5) / 2000)
"""All of them, as quantiles."""


def find_shift(odds: NDArray[np.float64], share: float) -> float:
    """What must be added to log odds so that they sum up to a share of positives."""
    return float(brentq(lambda shift: float(expit(odds + shift).mean()) - share, -25, 25))


def simulate(
    positives: int, share: float, several: bool, rng: np.random.Generator
) -> tuple[Scores, NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """A study: its scores, patients, and each model's true slope and shift `(FOLDS,)`."""
    n = round(positives / share / FOLDS)
    slopes, shifts = np.exp(rng.normal(0, 0.2, FOLDS)), rng.normal(0, 0.5, FOLDS)
    middle = find_shift(SPREAD * NORMALS, share)
    parts = []
    for fold in range(FOLDS):
        patients = np.repeat(np.arange(n), 1 + rng.poisson(0.5, n) * several)[:n]
        common, own = rng.normal(size=(2, n))[:, patients], rng.normal(size=(2, n))
        first, second = 0.8 * common + 0.6 * own if several else own
        odds = SPREAD * first + middle
        truth = ndtr(second) < expit(odds)
        parts.append((truth, (odds - shifts[fold]) / slopes[fold], patients + n * fold))
    truth, values, groups = (np.concatenate(each) for each in zip(*parts, strict=True))
    scores = Scores(
        sample_ids=tuple(map(str, range(len(truth)))), labels=("covid-19",),
        truth=truth.astype(np.int8)[:, np.newaxis], scores=values[:, np.newaxis],
        activation="logit", reasons=(None,) * len(truth),
        folds=tuple(map(str, np.repeat(np.arange(FOLDS), n))),
    )  # fmt: skip
    return scores, groups, slopes, shifts


def count_held(
    design: tuple[int, float, bool], sets: int, rng: np.random.Generator
) -> dict[str, tuple[int, int]]:
    """By figure, in how many studies the interval held the truth, of those that have one."""
    positives, share, several = design
    held = {"calibration_intercept": (0, 0), "calibration_slope": (0, 0)}
    odds = SPREAD * NORMALS
    odds = odds + find_shift(odds, share)
    for _ in range(sets):
        scores, groups, slopes, shifts = simulate(positives, share, several, rng)
        found = calibrate_within_folds(scores, 0, groups if several else None)
        in_fold = np.bincount(np.array(scores.folds, int), scores.truth[:, 0], FOLDS)
        weights = in_fold / in_fold.sum()
        lines = zip(slopes, shifts, strict=True)
        intercepts = [find_shift((odds - shift) / slope, share) for slope, shift in lines]
        for name, true in zip(held, (intercepts, slopes), strict=True):
            low, high, of = found[name].low, found[name].high, held[name]
            if low is not None and high is not None:
                held[name] = of[0] + (low <= weights @ np.array(true) <= high), of[1] + 1
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=600, help="simulated studies of each design")
    options = parser.parse_args()
    print("| positives | share | patients | intercept held | slope held |")
    print("| --- | --- | --- | --- | --- |")
    for number, design in enumerate(DESIGNS):
        held = count_held(design, options.sets, np.random.default_rng([0, number]))
        cells = [f"{hits / of:.3f} of {of}" if of else "none" for hits, of in held.values()]
        positives, share, several = design
        print(f"| {positives} | {share} | {'yes' if several else 'no'} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

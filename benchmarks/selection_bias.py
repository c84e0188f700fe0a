"""What picking the best run does to its sensitivity, and whether the correction takes it off.

    python -m benchmarks.selection_bias
    python -m benchmarks.selection_bias --sets 100 --resamples 200

Studies of 18 runs are simulated whose true sensitivities are known. Of each the best run is picked
(fewest missed, then fewest false alarms), and beside its true sensitivity stand the plain one, the
bias-corrected one, and how often the interval of the report, and the plain interval, hold the truth
of the run that was picked. Answers of two runs to a case hang together by a latent normal
correlation; of a patient's images by another.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from covidreport.compare.answers import AlignedAnswers
from covidreport.compare.picked import correct_answers
from covidreport.metrics import sample_units, wilson_ends

RUNS = 18
NEGATIVES = 100
SPECIFICITY = 0.9
PROFILES = {
    "all 0.75": np.full(RUNS, 0.75),
    "0.60 to 0.85": np.linspace(0.60, 0.85, RUNS),
    "one 0.85, others 0.70": np.append(0.85, np.full(RUNS - 1, 0.70)),
}
WITHIN = 0.4
"""The latent correlation of a patient's images, beside what runs share."""


@dataclass(frozen=True)
class Design:
    """units: positive images, or patients of 1 + Poisson(0.5) images where `several`."""

    profile: str
    units: int
    correlation: float
    several: bool = False


DESIGNS = [
    Design(profile, units, correlation)
    for profile in PROFILES
    for units in (28, 100, 300)
    for correlation in (0.3, 0.6)
]
WITH_PATIENTS = [
    Design(profile, units, 0.6, several=True) for profile in PROFILES for units in (10, 20, 60)
]


def simulate(design: Design, rng: np.random.Generator) -> AlignedAnswers:
    """One study: the answers of all runs to positives and then to the negatives."""
    sizes = 1 + rng.poisson(0.5, design.units) if design.several else np.ones(design.units, int)
    groups = np.repeat(np.arange(design.units), sizes)
    images = len(groups)
    n = images + NEGATIVES
    patient = np.append(groups, design.units + np.arange(NEGATIVES))

    def draw(runs: int) -> Any:
        by_patient = rng.standard_normal((runs, design.units + NEGATIVES))[:, patient]
        by_image = rng.standard_normal((runs, n))
        share = WITHIN if design.several else 0.0
        return np.sqrt(share) * by_patient + np.sqrt(1 - share) * by_image

    latent = np.sqrt(design.correlation) * draw(1) + np.sqrt(1 - design.correlation) * draw(RUNS)
    sensitivities = PROFILES[design.profile]
    answers = latent < ndtri(sensitivities)[:, np.newaxis]
    answers[:, images:] = latent[:, images:] > ndtri(SPECIFICITY)
    truth = (np.arange(n) < images).astype(np.int8)
    names = tuple(f"{run:02}" for run in range(RUNS))
    return AlignedAnswers(
        names, truth, np.zeros(answers.shape, np.float32), answers, np.zeros_like(answers),
        patient if design.several else None,
    )  # fmt: skip


def judge(design: Design, sets: int, rng: np.random.Generator) -> Iterator[list[float]]:
    """Of each study: true, plain, corrected, and whether the two intervals hold the truth."""
    for _ in range(sets):
        answers = simulate(design, rng)
        sick = answers.truth == 1
        missed = (~answers.answers[:, sick]).sum(axis=1)
        alarms = answers.answers[:, ~sick].sum(axis=1)
        best = int(np.lexsort((alarms, missed))[0])
        truth = float(PROFILES[design.profile][best])
        picked = correct_answers(answers, answers.names[best], 0.0)
        codes = np.arange(sick.sum()) if answers.groups is None else answers.groups[sick]
        found = np.bincount(codes, answers.answers[best, sick])
        plain = sample_units(found, np.bincount(codes))
        low, high = wilson_ends(plain.proportion, plain.size)
        if picked is None:
            continue
        corrected = picked.sensitivity
        assert corrected.value is not None
        assert corrected.low is not None
        assert corrected.high is not None
        yield [
            truth, float(plain.proportion), corrected.value,
            float(corrected.low <= truth <= corrected.high), float(low <= truth <= high),
        ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selection_bias")
    parser.add_argument("--sets", type=int, default=1000, help="studies of each design")
    parser.add_argument("--resamples", type=int, default=400)
    options = parser.parse_args()
    from covidreport.compare import picked

    picked.RESAMPLES = options.resamples
    print(f"{'runs':22} {'positives':>14} {'corr.':>5}  true plain   BBC  holds  plain holds")
    for number, design in enumerate((*DESIGNS, *WITH_PATIENTS)):
        rng = np.random.default_rng([number, 0])
        rows = np.array(list(judge(design, options.sets, rng)))
        true, plain, corrected, holds, plain_holds = rows.mean(axis=0)
        units = f"{design.units} {'patients' if design.several else 'images'}"
        print(
            f"{design.profile:22} {units:>14} {design.correlation:5.1f} {true:.3f} {plain:.3f} "
            f"{corrected:.3f}  {holds:.3f}  {plain_holds:.3f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What is said of groups, against simulation: intervals of differences between two groups.

    python benchmarks/groups.py differences

Two groups of as many positives and twice as many negatives, of patients with one or two images;
answers follow a normal variable of patient and image. How often the intervals of the equal
opportunity difference and of the average absolute odds difference hold the true ones.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from scipy.special import ndtri

from covidreport.metrics.group_differences import JudgedImages, compare_groups


def show_differences(sets: int, seed: int) -> None:
    """Coverage by positives a group, images a patient and true loss of the second group."""
    print(f"{sets:,} sets each: how often intervals hold the true difference")
    print("positives  images a patient  loss  equal opportunity  average absolute odds")
    for positives in (10, 28, 100):
        for images in (1, 2):
            for loss in (0.0, 0.1, 0.3):
                rng = np.random.default_rng([seed, positives, images, round(10 * loss)])
                held = np.zeros(2)
                for _ in range(sets):
                    held += _draw_held(positives, images, loss, rng)
                shares = held / sets
                print(
                    f"{positives:9}  {images:16}  {loss:4}  {shares[0]:17.3f}  {shares[1]:21.3f}",
                    flush=True,
                )


def _draw_held(positives: int, images: int, loss: float, rng: np.random.Generator) -> list[bool]:
    size = 3 * positives
    truth = np.array(([1] * positives + [0] * (2 * positives)) * 2, np.int8)
    second = np.repeat([False, True], size)
    right = np.where(second & (truth == 1), 0.85 - loss, 0.85)
    patients = np.arange(2 * size) // images
    of_patient = rng.normal(size=patients[-1] + 1)[patients]
    latent = np.sqrt(0.4) * of_patient + np.sqrt(0.6) * rng.normal(size=2 * size)
    predicted = (latent < ndtri(right)) == (truth == 1)
    judged = JudgedImages(
        truth, predicted, np.zeros(2 * size, np.bool_), None if images == 1 else patients
    )
    values = ["a"] * size + ["b"] * size
    (one,) = compare_groups(judged, "group", values)
    pairs = (one.sensitivity, -loss), (one.odds, loss / 2)
    return [
        found.low is not None and found.high is not None and found.low <= true <= found.high
        for found, true in pairs
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["differences"])
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    show_differences(options.sets, options.seed)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

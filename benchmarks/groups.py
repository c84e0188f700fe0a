"""What is said of groups, against simulation.

    python benchmarks/groups.py differences
    python benchmarks/groups.py weak-spots

differences: intervals of differences between two groups.
Two groups of as many positives and twice as many negatives, of patients with one or two images;
answers follow a normal variable of patient and image. How often the intervals of the equal
opportunity difference and of the average absolute odds difference hold the true ones.

weak-spots: how often a weak spot is named where there is one (half of the positives, below the
median of one of five measured traits, at a sensitivity of 0.50 against 0.95; sex and view are
stated as well) and where there is none (0.85 everywhere), for one run and for six that err alike.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from scipy.special import ndtri

from covidreport.metrics.group_differences import JudgedImages, compare_groups
from covidreport.metrics.weak_spots import find_weak_spots
from covidreport.records import WeakSpots


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


def show_weak_spots(studies: int, seed: int) -> None:
    """How often a weak spot is named, by positives, runs and whether there is one."""
    print(f"{studies:,} studies each: how often a weak spot is named")
    print("positives  runs  with a weak spot  without  parts  detectable difference")
    for runs in (1, 6):
        for positives in (28, 60, 100):
            named = {}
            for weak in (True, False):
                rng = np.random.default_rng([seed, positives, runs, weak])
                found = [_search(positives, runs, rng, weak=weak) for _ in range(studies)]
                named[weak] = sum(bool(each.spots) for each in found) / studies
            parts = np.mean([each.parts for each in found])
            could = np.median([each.detectable or 1.0 for each in found])
            print(
                f"{positives:9}  {runs:4}  {named[True]:16.3f}  {named[False]:7.3f}  {parts:5.0f}  "
                f"{could:.2f}",
                flush=True,
            )


def _search(positives: int, runs: int, rng: np.random.Generator, *, weak: bool) -> WeakSpots:
    measured = "brightness", "contrast", "sharpness", "size", "borders"
    traits: dict[str, Any] = {name: rng.random(positives) for name in measured}
    traits["sex"] = tuple(rng.choice(["F", "M"], positives).tolist())
    traits["view"] = tuple(rng.choice(["AP", "AP supine", "PA"], positives).tolist())
    dark = traits["brightness"] <= np.median(traits["brightness"])
    right = np.where(dark, 0.50, 0.95) if weak else np.full(positives, 0.85)
    latent = np.sqrt(0.6) * rng.normal(size=positives)
    latent = latent + np.sqrt(0.4) * rng.normal(size=(runs, positives))
    names = tuple(f"run {place}" for place in range(runs))
    found = find_weak_spots(latent > ndtri(right), names, traits, seed=int(rng.integers(1 << 31)))
    assert found is not None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["differences", "weak-spots"])
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    show = show_differences if options.what == "differences" else show_weak_spots
    show(options.sets, options.seed)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

"""No group loses more than its noise allows: how often the gate says so of equal runs.

    python benchmarks/group_noise.py

A baseline and another run are drawn by normal variables of image and patient, 2,000 pairs of each
setting. What each group may lose is chosen from what the drawn baseline missed, as the gate does;
then how often an equal run fails by any group, and how often one does that is less sensitive in the
first group. Then what it comes to where runs agree less than is assumed of them, and where noise is
reckoned with each group's own sensitivity, or with the whole's.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from covidreport.gate.groups import ASSUMED_BETWEEN
from covidreport.metrics import LatentPair, count_patients
from covidreport.metrics.group_noise import choose_allowances, reckon_sensitivities

SHARE = 0.05
LOSSES = (0.0, 0.2, 0.4)
"""Of sensitivity in the first group."""
Reckon = Callable[
    [NDArray[np.bool_], Sequence[NDArray[np.bool_]], NDArray[np.integer[Any]] | None],
    tuple[float, ...],
]
"""As `reckon_sensitivities`."""


@dataclass(frozen=True)
class Setting:
    """What a study might look like: its groups, bool `(G, P)`, and how its two runs err."""

    name: str
    groups: NDArray[np.bool_]
    sensitivity: NDArray[np.float64]
    between: float = 0.6
    assumed: float = 0.6
    patients: NDArray[np.int64] | None = None
    within: float = 0.0


def list_settings() -> list[Setting]:
    """2 to 12 groups, of one attribute or of several that overlap."""
    found = []
    for sizes in ((14, 14), (50, 50), (10, 20, 40, 80), (10,) * 12):
        of = np.repeat(np.arange(len(sizes)), sizes)
        groups = of == np.arange(len(sizes))[:, np.newaxis]
        span = f"{min(sizes)} to {max(sizes)}" if min(sizes) < max(sizes) else f"{sizes[0]}"
        name = f"{len(sizes)} groups of {span} cases"
        found += vary(Setting(name, groups, np.full(len(of), 0.85)))
        poor = np.where(groups[0], 0.6, 0.92)
        found.append(Setting(f"{name}, one at 0.60", groups, poor))
    for n in (60, 200):
        groups = cross(n)
        name = f"{len(groups)} groups, crossed, of {n} cases"
        found += vary(Setting(name, groups, np.full(n, 0.85)))
    groups, pairs = cross(120), np.arange(120) // 2
    found += [
        Setting(f"{len(groups)} groups, crossed, of 60 patients with two cases", groups,
                np.full(120, 0.85), each, each, pairs, 0.4)
        for each in (0.3, 0.6)
    ]  # fmt: skip
    return found


def cross(n: int) -> NDArray[np.bool_]:
    """Sex, three ages, two views, and sex by age, of which those with ten cases."""
    rng = np.random.default_rng(n)
    columns = [rng.permutation(np.arange(n) % values) for values in (2, 3, 2)]
    columns.append(3 * columns[0] + columns[1])
    every = np.vstack([column == np.unique(column)[:, np.newaxis] for column in columns])
    kept: NDArray[np.bool_] = every[every.sum(axis=1) >= 10]
    return kept


def vary(setting: Setting) -> list[Setting]:
    found = [replace(setting, between=each, assumed=each) for each in (0.3, 0.6, 0.9)]
    other = replace(setting, sensitivity=np.full_like(setting.sensitivity, 0.95))
    return [*found, other]


def draw_missed(
    setting: Setting, loss: float, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What the other run and the baseline miss, bool `(P,)` each."""
    n = len(setting.sensitivity)
    images = correlate(n, setting.between, rng)
    if setting.patients is not None:
        of = correlate(int(setting.patients.max()) + 1, setting.between, rng)[:, setting.patients]
        images = math.sqrt(setting.within) * of + math.sqrt(1 - setting.within) * images
    worse = np.where(setting.groups[0], setting.sensitivity - loss, setting.sensitivity)
    return images[0] > ndtri(worse), images[1] > ndtri(setting.sensitivity)


def correlate(n: int, between: float, rng: np.random.Generator) -> NDArray[np.float64]:
    own = rng.standard_normal((2, n))
    shared = rng.standard_normal(n)
    mixed: NDArray[np.float64] = math.sqrt(between) * shared + math.sqrt(1 - between) * own
    return mixed


def reckon_own(
    missed: NDArray[np.bool_],
    cases: Sequence[NDArray[np.bool_]],
    _: NDArray[np.integer[Any]] | None,
) -> tuple[float, ...]:
    return tuple(
        (int((own & ~missed).sum()) + 0.5) / (int(own.sum()) + 1) for own in np.asarray(cases)
    )


def reckon_whole(
    missed: NDArray[np.bool_],
    cases: Sequence[NDArray[np.bool_]],
    groups: NDArray[np.integer[Any]] | None,
) -> tuple[float, ...]:
    return reckon_own(missed, [np.ones_like(missed)], groups) * len(cases)


def allow(
    setting: Setting, missed: NDArray[np.bool_], reckon: Reckon, share: float
) -> NDArray[np.int64]:
    """What each group may lose, of what the baseline missed."""
    patients, cases = setting.patients, tuple(setting.groups)
    pairs = [
        LatentPair(
            count_patients(None if patients is None else patients[own], int(own.sum())),
            sensitivity,
            setting.assumed,
            setting.within,
        )
        for own, sensitivity in zip(cases, reckon(missed, cases, patients), strict=True)
    ]
    return np.array(choose_allowances(pairs, share))


def simulate(
    setting: Setting, sets: int, seed: int, reckon: Reckon = reckon_sensitivities,
    losses: Sequence[float] = LOSSES,
) -> tuple[list[float], float]:  # fmt: skip
    """The shares of sets in which a run fails, by its loss; and the mean allowance of group one."""
    failed, allowed = [], 0.0
    for loss in losses:
        rng = np.random.default_rng([seed, round(10 * loss)])
        count = 0
        for _ in range(sets):
            run, baseline = draw_missed(setting, loss, rng)
            allowance = allow(setting, baseline, reckon, SHARE)
            excess = (setting.groups & run).sum(axis=1) - (setting.groups & baseline).sum(axis=1)
            count += bool((excess > allowance).any())
            allowed += float(allowance[0]) / sets / len(losses)
        failed.append(count / sets)
    return failed, allowed


def show(
    settings: list[Setting], sets: int, seed: int, reckon: Reckon = reckon_sensitivities
) -> None:
    for each in settings:
        failed, allowed = simulate(each, sets, seed, reckon)
        sensitivity = f"{each.sensitivity.min():.2f}"
        if each.sensitivity.min() < each.sensitivity.max():
            sensitivity += f", {each.sensitivity.max():.2f}"
        print(
            f"{each.name:49} {sensitivity:>11}  {each.between:7.1f}  {each.assumed:7.1f}  "
            + "  ".join(f"{share:6.3f}" for share in failed)
            + f"  {allowed:9.1f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    head = "  ".join(f"{'equal' if not loss else f'-{loss:g}':>6}" for loss in LOSSES)
    print(
        f"{options.sets:,} sets each: how often a run fails by any group, by its loss in the first"
    )
    print(f"{'':49} sensitivity  between  assumed  {head}  allowance")
    settings = list_settings()
    show(settings, options.sets, options.seed)
    alike = [each for each in settings if each.between == 0.3 and each.patients is None]
    print("what is assumed is not what holds")
    for assumed in (0.6, ASSUMED_BETWEEN):
        show([replace(each, assumed=assumed) for each in alike], options.sets, options.seed)
    more = [each for each in settings if each.between == 0.6 and each.patients is None]
    show([replace(each, assumed=ASSUMED_BETWEEN) for each in more], options.sets, options.seed)
    for name, reckon in (("own", reckon_own), ("whole's", reckon_whole)):
        print(f"noise reckoned with the {name} sensitivity")
        show(alike, options.sets, options.seed, reckon)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

"""Whether a study of the size that `covidreport plan` names shows what it is to show.

20 settings drawn by a seed, ten of them with several images a patient: for each of the four goals
the patients that `plan_study` names, the power that it states for them, and the share of simulated
studies of that size in which the goal is reached. Studies are drawn as normal variables of images,
patients and runs, and judged by the intervals and the paired test of single studies, which share
nothing with `covidreport/metrics/planning.py`.

    python benchmarks/study_plans.py
    python benchmarks/study_plans.py --quick
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import NormalDist

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from benchmarks.gate_odds import ALPHA, AT_ONCE, Setting, draw_missed, judge
from covidreport.metrics import mcnemar_exact, plan_study, sample_units, sign_flip, wilson_ends
from covidreport.metrics.planning import seat_patients
from covidreport.records import PlanGoal, StudyAssumptions

SLACK = 0.02
"""So far the simulated power may lie from what is stated."""


def draw_setting(
    rng: np.random.Generator, *, grouped: bool
) -> tuple[StudyAssumptions, list[PlanGoal]]:
    """Assumptions and one goal of each kind, none of which takes more than about 1,500 images."""
    sensitivity = round(rng.uniform(0.6, 0.95), 2)
    shares = tuple(rng.dirichlet(np.ones(rng.integers(2, 5))).round(2)) if grouped else (1.0,)
    assumed = StudyAssumptions(
        sensitivity,
        tuple(float(share) for share in shares),
        within=round(rng.uniform(0.1, 0.7), 2) if grouped else None,
        between=round(rng.uniform(0.2, 0.9), 2),
        comparisons=int(rng.choice([1, 1, 3, 17])),
    )
    goals = [
        PlanGoal("half_width", round(rng.uniform(0.04, 0.12), 3)),
        PlanGoal("at_least", round(sensitivity - rng.uniform(0.06, 0.2), 2)),
        PlanGoal("difference", round(rng.uniform(0.08, 0.25), 2)),
        PlanGoal("non_inferiority", round(rng.uniform(0.05, 0.12), 2)),
    ]
    return assumed, goals


def simulate(
    assumed: StudyAssumptions, goal: PlanGoal, patients: int, sets: int, rng: np.random.Generator
) -> float:
    """The share of studies of so many patients in which the goal is reached."""
    seats = seat_patients(assumed.shares, patients)
    of = np.repeat(np.arange(patients), np.repeat(np.arange(1, len(seats) + 1), seats))
    setting = Setting(
        of, assumed.sensitivity, assumed.between or 0.0, assumed.within or 0.0, goal.value,
        "evidence",
    )  # fmt: skip
    loss = goal.value if goal.kind == "difference" else 0.0
    limits = [NormalDist().inv_cdf(assumed.sensitivity - less) for less in (loss, 0.0)]
    reached = done = 0
    known: dict[tuple[int, ...], tuple[bool, bool]] = {}
    while done < sets:
        some = min(sets - done, max(1, AT_ONCE // len(of)))
        run, baseline = draw_missed(setting, limits, some, rng)
        if goal.kind in ("half_width", "at_least"):
            reached += int(np.sum(_shown(goal, of, ~baseline)))
        else:
            level = ALPHA / assumed.comparisons
            for ours, theirs in zip(run & ~baseline, baseline & ~run, strict=True):
                if goal.kind == "difference":
                    reached += _differs(of, ours, theirs, level)
                else:
                    reached += judge(setting, setting.rule, ours, theirs, known)[1]
        done += some
    return reached / sets


def _shown(goal: PlanGoal, of: NDArray[np.int64], found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the found images `(sets, images)`, whether the interval or the bound is as is asked."""
    sizes = np.bincount(of)
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    counted = np.add.reduceat(found.astype(np.int64), starts, axis=1)
    among = np.broadcast_to(sizes, counted.shape)
    if goal.kind == "half_width":
        low, high = wilson_ends(*sample_units(counted, among))
        return np.asarray((high - low) / 2 <= goal.value)
    proportion, size = sample_units(counted, among, 1 - 2 * ALPHA)
    hits = proportion * size
    bound = beta.ppf(ALPHA, np.maximum(hits, 1e-12), size - hits + 1)
    return np.asarray(np.where(hits > 0, bound, 0.0) >= goal.value)


def _differs(
    of: NDArray[np.int64], ours: NDArray[np.bool_], theirs: NDArray[np.bool_], level: float
) -> bool:
    """Whether the run misses significantly more by the exact paired test over patients."""
    b, c = int(ours.sum()), int(theirs.sum())
    if b <= c:
        return False
    if of[-1] + 1 == len(of):
        return mcnemar_exact(b, c) <= level
    excess = np.bincount(of, ours) - np.bincount(of, theirs)
    return sign_flip(excess.astype(np.int64)) <= level


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--settings", type=int, default=20)
    parser.add_argument("--sets", type=int, default=4000, help="simulated studies of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="four settings of 1,000 studies")
    options = parser.parse_args()
    began = time.perf_counter()
    settings, sets = (4, 1000) if options.quick else (options.settings, options.sets)
    print("sensitivity  images/patient  within  between  pairs  goal", end="                     ")
    print("patients  positives  stated  simulated")
    held = goals_of_all = 0
    for number in range(settings):
        rng = np.random.default_rng([options.seed, number])
        assumed, goals = draw_setting(rng, grouped=number % 2 == 1)
        for planned in plan_study(assumed, goals).goals:
            needed = planned.needed
            assert needed is not None
            simulated = simulate(assumed, planned.goal, needed.patients, sets, rng)
            fits = simulated >= assumed.power - SLACK and abs(simulated - needed.power) <= SLACK
            held, goals_of_all = held + fits, goals_of_all + 1
            print(
                f"{assumed.sensitivity:11.2f}  {assumed.images_per_patient:14.2f}  "
                f"{assumed.within or 0:6.2f}  {assumed.between:7.2f}  {assumed.comparisons:5}  "
                f"{planned.goal.kind:16} {planned.goal.value:5.3f}   {needed.patients:8}  "
                f"{needed.positives:9}  {needed.power:6.3f}  {simulated:9.3f}"
                f"{'' if fits else ' *'}",
                flush=True,
            )
    print(
        f"\nwithin {SLACK:g} of what is stated, and not under {0.8 - SLACK:g}: {held} of "
        f"{goals_of_all}; {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()

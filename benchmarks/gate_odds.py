"""What a verdict of the gate is worth: its odds against simulation, and the policies side by side.

First 100 settings drawn by a seed (10 to 500 positives, one to four images a patient, a sensitivity
of 0.5 to 0.98, correlations of 0 to 0.95, each policy): 20,000 sets of normal variables each are
drawn and judged, and how often an equal run fails, and how often a worse one passes, stands beside
what `compute_odds` says at the setting's own parameters. The sets are drawn here, and judged by the
tests and intervals of single comparisons; nothing is shared with `covidreport/gate/` nor with
`covidreport/metrics/gate_odds.py`, whose functions are what is measured.

Then how far the odds stray that follow from the sensitivity of one drawn baseline, and how the
policies compare.

    python benchmarks/gate_odds.py
    python benchmarks/gate_odds.py --quick
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics import (
    LatentPair,
    MissRule,
    choose_allowance,
    compute_odds,
    estimate_between,
    estimate_difference,
    sign_flip,
)

ALPHA = 0.05
AT_ONCE = 4_000_000
"""Normal variables that are drawn at once."""
POLICIES = ("strict", "tolerant", "evidence", "strict and evidence")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a study might look like; patients: its positives, by patient."""

    patients: NDArray[np.int64]
    sensitivity: float
    between: float
    within: float
    loss: float
    policy: str
    share: float = 0.05

    @property
    def pair(self) -> LatentPair:
        sizes = np.bincount(self.patients)
        images = np.bincount(sizes)[1:]
        return LatentPair(tuple(images.tolist()), self.sensitivity, self.between, self.within)

    @property
    def rule(self) -> MissRule:
        if self.policy == "tolerant":
            return MissRule(choose_allowance(self.pair, self.share))
        return MissRule(
            allowance=0 if self.policy.startswith("strict") else None,
            significant=self.policy == "evidence",
            margin=self.loss if "evidence" in self.policy else None,
        )


def draw_setting(rng: np.random.Generator) -> Setting:
    """One to four images a patient, equally often up to a most that is itself drawn."""
    positives = round(math.exp(rng.uniform(math.log(10), math.log(500))))
    most = int(rng.integers(1, 5))
    sizes: list[int] = []
    while sum(sizes) < positives:
        sizes.append(min(int(rng.integers(1, most + 1)), positives - sum(sizes)))
    sensitivity = rng.uniform(0.5, 0.98)
    return Setting(
        np.repeat(np.arange(len(sizes)), sizes),
        sensitivity,
        rng.uniform(0, 0.95),
        rng.uniform(0, 0.95) if most > 1 else 0.0,
        float(rng.choice([0.05, 0.1])),
        str(rng.choice(POLICIES)),
    )


def simulate(
    setting: Setting, loss: float, sets: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The shares of sets in which the other run, less sensitive by `loss`, fails and passes."""
    rule, n = setting.rule, len(setting.patients)
    # At how many variables a case is missed: the run's sensitivity is its share below.
    limits = [NormalDist().inv_cdf(setting.sensitivity - less) for less in (loss, 0.0)]
    failed, passed, done = 0, 0, 0
    known: dict[tuple[int, ...], tuple[bool, bool]] = {}
    while done < sets:
        some = min(sets - done, max(1, AT_ONCE // n))
        run, baseline = draw_missed(setting, limits, some, rng)
        only_run, only_baseline = (run & ~baseline), (baseline & ~run)
        if rule.allowance is not None and rule.margin is None:
            excess = only_run.sum(axis=1) - only_baseline.sum(axis=1)
            failed += int((excess > rule.allowance).sum())
            passed += int((excess <= rule.allowance).sum())
        else:
            for ours, theirs in zip(only_run, only_baseline, strict=True):
                fails, passes = judge(setting, rule, ours, theirs, known)
                failed, passed = failed + fails, passed + passes
        done += some
    return failed / sets, passed / sets


def draw_missed(
    setting: Setting, limits: list[float], sets: int, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What the other run and the baseline miss, bool `(sets, images)` each."""
    of = setting.patients

    def correlate(size: int) -> list[NDArray[np.float32]]:
        first = rng.standard_normal((sets, size), dtype=np.float32)
        other = rng.standard_normal((sets, size), dtype=np.float32)
        return [first, setting.between * first + math.sqrt(1 - setting.between**2) * other]

    images = correlate(len(of))
    if not setting.within:
        return images[0] > limits[0], images[1] > limits[1]
    patients = correlate(int(of[-1]) + 1)
    mixed = [
        math.sqrt(setting.within) * patients[i][:, of] + math.sqrt(1 - setting.within) * images[i]
        for i in range(2)
    ]
    return mixed[0] > limits[0], mixed[1] > limits[1]


def judge(
    setting: Setting,
    rule: MissRule,
    ours: NDArray[np.bool_],
    theirs: NDArray[np.bool_],
    known: dict[tuple[int, ...], tuple[bool, bool]],
) -> tuple[bool, bool]:
    """Whether one set fails and whether it passes, by the paired test and interval over patients.

    ours, theirs: the images that only the run, and only the baseline missed. known: what sets with
    the same figures came to.
    """
    b, c = int(ours.sum()), int(theirs.sum())
    patients = setting.patients
    excess = np.bincount(patients, ours) - np.bincount(patients, theirs)
    excess = excess.astype(np.int64)
    key = (b, c, *np.bincount(np.abs(excess)).tolist())
    if key not in known:
        assert rule.margin is not None
        _, interval = estimate_difference(c, b, -excess, np.bincount(patients))
        low, high = interval.low, interval.high
        fails = b - c > 0 and rule.significant and sign_flip(excess) <= ALPHA
        fails |= rule.allowance is not None and b - c > rule.allowance
        fails |= high is not None and high < -rule.margin
        known[key] = fails, not fails and low is not None and low > -rule.margin
    return known[key]


def agrees(computed: float, simulated: float, sets: int, *, exact: bool) -> bool:
    """Within two standard errors; of both where the computed odds are simulated as well."""
    draws = math.inf if exact else 40_000
    pooled = computed if exact else (computed * draws + simulated * sets) / (draws + sets)
    error = math.sqrt(pooled * (1 - pooled) * (1 / sets + 1 / draws))
    return abs(computed - simulated) <= 2 * error + 1e-9


def compare(settings: int, sets: int, seed: int) -> None:
    print(f"{settings} settings, {sets:,} sets each; computed and simulated")
    print(
        "   positives  patients  sensitivity  between  within  loss  policy                "
        "an equal run fails   a worse one passes"
    )
    agreed = np.zeros(2, dtype=int)
    both = 0
    for number in range(settings):
        rng = np.random.default_rng([seed, number])
        setting = draw_setting(rng)
        pair, rule = setting.pair, setting.rule
        exact = len(pair.patients) == 1 or rule.margin is None
        computed = (compute_odds(pair, rule)[0], compute_odds(pair, rule, setting.loss)[1])
        simulated = (
            simulate(setting, 0.0, sets, rng)[0],
            simulate(setting, setting.loss, sets, rng)[1],
        )
        fits = [agrees(a, b, sets, exact=exact) for a, b in zip(computed, simulated, strict=True)]
        agreed += fits
        both += all(fits)
        shown = "   ".join(
            f"{a:.4f} {b:.4f}{' ' if fit else '*'}"
            for a, b, fit in zip(computed, simulated, fits, strict=True)
        )
        print(
            f"{number:3} {pair.images:8}  {sum(pair.patients):8}  {pair.sensitivity:11.3f}  "
            f"{pair.between:7.2f}  {pair.within:6.2f}  {setting.loss:4.2f}  "
            f"{setting.policy:20}  {shown}",
            flush=True,
        )
    print(
        f"within two standard errors: an equal run fails {agreed[0]} of {settings}, a worse one "
        f"passes {agreed[1]} of {settings}, both {both}"
    )


def show_strays(sets: int, seed: int) -> None:
    """The odds by the sensitivity of one drawn baseline, about those by the true one."""
    print("\nOdds by one drawn baseline, sensitivity 0.85, correlation 0.6 as assumed:")
    print("true odds: mean of those by the baseline ± how far they are off")
    print("positives   an equal run fails   one 0.05 worse passes   one 0.10 worse passes")
    rng = np.random.default_rng(seed)
    for n in (10, 28, 100, 500):
        found = rng.binomial(n, 0.85, size=sets)
        several, times = np.unique((found + 0.5) / (n + 1), return_counts=True)
        cells = []
        for loss in (0.0, 0.05, 0.1):
            at = [odds_of(n, each, loss) for each in (*several, 0.85)]
            odds, true = np.array(at[:-1]), at[-1]
            mean = float(np.average(odds, weights=times))
            off = math.sqrt(float(np.average((odds - true) ** 2, weights=times)))
            cells.append(f"{true:.3f}: {mean:.3f} ± {off:.3f}")
        print(f"{n:9}   " + "   ".join(cells))


def show_references(sets: int, seed: int) -> None:
    """The same for an equal run, where the correlation is estimated from runs at hand too."""
    print("\nOdds that an equal run fails, the correlation estimated from so many runs at hand:")
    print("positives   runs   correlation   odds")
    rng = np.random.default_rng(seed)
    cut = NormalDist().inv_cdf(0.85)
    for n in (28, 100, 500):
        true = odds_of(n, 0.85, 0.0)
        for runs in (1, 3, 5, 17):
            found = []
            for _ in range(sets):
                case = rng.standard_normal(n)
                own = rng.standard_normal((runs + 1, n))
                missed = math.sqrt(0.6) * case + math.sqrt(0.4) * own > cut
                between = estimate_between(missed)
                between = 0.6 if between is None else between
                sensitivity = float((n - missed[0].sum() + 0.5) / (n + 1))
                odds = compute_odds(LatentPair((n,), sensitivity, between), MissRule(0))[0]
                found.append((between, odds))
            correlation, odds = np.array(found).T
            off = math.sqrt(float(np.mean((odds - true) ** 2)))
            print(
                f"{n:9}   {runs:4}   {correlation.mean():.2f} ± {correlation.std():.2f}   "
                f"{true:.3f}: {odds.mean():.3f} ± {off:.3f}"
            )


def odds_of(n: int, sensitivity: float, loss: float) -> float:
    pair = LatentPair((n,), float(sensitivity), 0.6)
    return compute_odds(pair, MissRule(0), loss)[0 if loss == 0 else 1]


def show_policies(sets: int, seed: int) -> None:
    print(f"\nPolicies, sensitivity 0.85, correlation 0.6, margin 0.05, {sets:,} simulated sets:")
    print("true loss of the run: fails / inconclusive / passes")
    losses = (0.0, 0.05, 0.1)
    studies = (np.arange(28), np.arange(100), np.arange(500), np.repeat(np.arange(50), 2))
    for patients in studies:
        for policy in POLICIES:
            rng = np.random.default_rng(seed)
            cells = []
            for loss in losses:
                within = 0.4 if patients[-1] + 1 < len(patients) else 0.0
                setting = Setting(patients, 0.85, 0.6, within, 0.05, policy)
                fails, passes = simulate(setting, loss, sets, rng)
                cells.append(f"{fails:.3f} / {abs(1 - fails - passes):.3f} / {passes:.3f}")
            allowed = setting.rule.allowance
            print(
                f"{len(patients):4} positives  {policy:20} "
                f"{'–' if allowed is None else f'+{allowed}':>4}   " + "   ".join(cells),
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--settings", type=int, default=100)
    parser.add_argument("--sets", type=int, default=20_000, help="simulated sets of each setting")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="20 settings of 2,000 sets")
    options = parser.parse_args()
    began = time.perf_counter()
    settings, sets = (20, 2000) if options.quick else (options.settings, options.sets)
    compare(settings, sets, options.seed)
    show_strays(sets, options.seed)
    show_references(sets // 20, options.seed)
    show_policies(sets, options.seed)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

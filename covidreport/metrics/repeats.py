"""Runs that differ in nothing but their seed: how far they spread, and configurations over seeds.

One run of a configuration is one sample. What a seed changes (start weights, order of the images,
augmentation) often moves a metric as far as the configuration does: Bouthillier et al., "Accounting
for variance in machine learning benchmarks", MLSys (2021).
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean, stdev
from typing import Any, Final

import numpy as np
from msgspec import Struct

from covidreport.records import SeedComparison, SeedSpread

SEED_KEYS: Final = ("seed",)
MOST_REGROUPINGS: Final = 20_000
"""Up to so many ways to share the seeds out, all are gone through: 7 against 7 has 3,432."""
ROUNDING: Final = 1e-9


class RepeatGroup(Struct, frozen=True):
    """Runs of one configuration, in the order of their names, each with a seed of its own."""

    runs: tuple[str, ...]
    seeds: tuple[Any, ...]
    settings: Mapping[str, Any]
    """What they share: everything but the seed."""
    copies: tuple[str, ...] = ()
    """Runs of the same settings and of a seed that stands in `seeds` already: no new sample."""


def group_repeats(
    settings: Mapping[str, Mapping[str, Any]], seed_keys: Sequence[str] = SEED_KEYS
) -> tuple[RepeatGroup, ...]:
    """The configurations that were run with two seeds or more, from each run's settings by its
    name.

    Settings are what defines a run (hyper-parameters, data; not its name or description); the keys
    that count as seed are excluded from the comparison. A run that states no seed is in no group:
    nobody knows whether it is a repeat or a copy. Groups come in the order of their first run.
    """
    configurations: defaultdict[str, list[str]] = defaultdict(list)
    for run in sorted(settings):
        if any(settings[run].get(key) is not None for key in seed_keys):
            configurations[_to_json(_drop(settings[run], seed_keys))].append(run)
    groups = []
    for runs in configurations.values():
        seeds: dict[str, tuple[str, Any]] = {}
        copies = []
        for run in runs:
            stated = [settings[run].get(key) for key in seed_keys]
            seed = stated[0] if len(stated) == 1 else tuple(stated)
            if _to_json(seed) in seeds:
                copies.append(run)
            else:
                seeds[_to_json(seed)] = (run, seed)
        if len(seeds) > 1:
            names, values = zip(*seeds.values(), strict=True)
            shared = _drop(settings[runs[0]], seed_keys)
            groups.append(RepeatGroup(names, values, shared, tuple(copies)))
    return tuple(sorted(groups, key=lambda group: group.runs[0]))


def _drop(settings: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in keys}


def _to_json(value: Any) -> str:
    """Equal texts for equal settings, in whatever order they were written."""
    return json.dumps(value, sort_keys=True, default=str)


def describe_spread(values: Sequence[float | None]) -> SeedSpread:
    """Mean, standard deviation, smallest and largest of one metric, such as missed, over seeds."""
    known = [float(value) for value in values if value is not None]
    undefined = len(values) - len(known)
    if not known:
        return SeedSpread(0, undefined, None, None, None, None)
    sd = stdev(known) if len(known) > 1 else None
    return SeedSpread(len(known), undefined, fmean(known), sd, min(known), max(known))


def compare_configurations(
    first: Sequence[float], second: Sequence[float], confidence: float = 0.95
) -> SeedComparison:
    """Whether the means of two configurations over seeds differ, on one and the same test set.

    Few seeds: the exact two-sided permutation test of the difference of means, over all ways to
    share the values out (Pitman, "Significance tests which may be applied to samples from any
    populations", Suppl. J. R. Statist. Soc. 4 (1937) 119-130); it needs no normal distribution,
    which two or three values could not show. More than `MOST_REGROUPINGS` ways: Welch's t-test
    ("The generalization of Student's problem when several different population variances are
    involved", Biometrika 34 (1947) 28-35), unless nothing varies or a configuration has one value.
    Its interval is given in both cases and can disagree with the permutation test.

    It says whether the configurations differ on these images, over the seeds that might have been
    sampled; not whether they would on other patients, for which the paired comparison of runs is.
    Several pairs of configurations need correction (`holm`). ValueError for a configuration without
    values.
    """
    n, m = len(first), len(second)
    if n == 0 or m == 0:
        raise ValueError("a configuration without runs can't be compared")
    difference = fmean(first) - fmean(second)
    low, high, welch_p = _compare_by_welch(first, second, confidence)
    ways = math.comb(n + m, n)
    if ways > MOST_REGROUPINGS and welch_p is not None:
        return SeedComparison(difference, low, high, welch_p, "welch", None, (n, m))
    # Where both have as many seeds, the mirror image of a split is as extreme as the split.
    smallest = (2 if n == m else 1) / ways
    if ways <= MOST_REGROUPINGS:
        p_value = _compare_by_permutation(first, second)
    else:  # no seed moves anything: no other split lies as far apart as this one
        p_value = 1.0 if difference == 0 else smallest
    return SeedComparison(difference, low, high, p_value, "permutation", smallest, (n, m))


def _compare_by_permutation(first: Sequence[float], second: Sequence[float]) -> float:
    values = np.array([*first, *second], dtype=np.float64)
    n, total = len(first), float(values.sum())
    picks = np.array(list(combinations(range(values.size), n)), dtype=np.intp)
    sums = values[picks].sum(axis=1)
    differences = np.abs(sums / n - (total - sums) / (values.size - n))
    # The split at hand is the first of the combinations; rounding must not tell equal ones apart.
    as_far = differences >= differences[0] - ROUNDING * max(1.0, float(np.abs(values).max()))
    return float(np.mean(as_far))


def _compare_by_welch(
    first: Sequence[float], second: Sequence[float], confidence: float
) -> tuple[float | None, float | None, float | None]:
    """The interval and the p-value; None without two values each, or without any spread."""
    from scipy.special import stdtr, stdtrit

    if min(len(first), len(second)) < 2:
        return None, None, None
    a, b = stdev(first) ** 2 / len(first), stdev(second) ** 2 / len(second)
    if a + b == 0:
        return None, None, None
    freedom = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    difference, error = fmean(first) - fmean(second), math.sqrt(a + b)
    margin = float(stdtrit(freedom, 0.5 + confidence / 2)) * error
    p_value = 2 * float(stdtr(freedom, -abs(difference) / error))
    return difference - margin, difference + margin, p_value

"""How many cases more than a baseline a run may miss in each of several groups by chance alone.

Two runs follow the model of `metrics.latent`, in each group by itself. However groups overlap, the
chance that a run fails by one of them is at most the sum of their chances (Dunn, "Multiple
comparisons among means", J. Am. Stat. Assoc. 56 (1961) 52-64). What each group adds is the chance
of its own whole number of cases, not the level that was asked of it: with few cases that is much
less (Tarone, "A modified Bonferroni method for discrete data", Biometrics 46 (1990) 515-522).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.effective import sample_units
from covidreport.metrics.gate_odds import law_of_excess
from covidreport.metrics.intervals import wilson_ends
from covidreport.metrics.latent import LatentPair
from covidreport.metrics.proportions import sum_units

CAUTION: Final = 0.8
"""The interval of the whole's sensitivity whose lower end a group's noise is reckoned with. By the
value itself a baseline that was lucky sets too narrow a band: of equal runs up to 0.070 failed
where 0.05 was asked for, by those of the groups up to 0.273 (`benchmarks/group_noise.py`)."""
POWER: Final = 0.8
_HALVINGS: Final = 30


def be_cautious(found: int, positives: int, units: int) -> float:
    """The sensitivity that the noise of all positives is reckoned with, of a baseline.

    As if half a case more had been found and half a case more missed, or the lower end of its
    interval over as many units (patients, or images) where that is nearer to one half: a baseline
    that was lucky would else set too narrow a band.
    """
    low = float(wilson_ends(found / positives, units, CAUTION)[0])
    return min((found + 0.5) / (positives + 1), low, key=lambda value: abs(value - 0.5))


def reckon_sensitivities(
    missed: NDArray[np.bool_],
    cases: Sequence[NDArray[np.bool_]],
    groups: NDArray[np.integer[Any]] | None,
) -> tuple[float, ...]:
    """The sensitivity that the noise of each group is reckoned with, of a baseline.

    missed bool `(P,)`, of all positives what it missed; cases: which are a group's, likewise.
    groups `(P,)`: their patients, None where each is one. Its own in the group, as if half a case
    more had been found and half a case more missed; or the lower end of that of all positives where
    that is nearer to one half, where runs differ most.
    """
    patients = np.arange(len(missed)) if groups is None else groups
    sample = sample_units(sum_units(~missed, patients), sum_units(np.ones_like(missed), patients))
    size = np.nan_to_num(sample.size, nan=1.0)
    low = float(wilson_ends(sample.proportion, size, CAUTION)[0])
    found = (
        ((int((own & ~missed).sum()) + 0.5) / (int(own.sum()) + 1), low)  # its own, and the whole's
        for own in cases
    )
    return tuple(min(each, key=lambda value: abs(value - 0.5)) for each in found)


def choose_allowances(pairs: Sequence[LatentPair], share: float) -> tuple[int, ...]:
    """The cases that an equal run may miss more in each group, for few such runs to fail by any.

    The chances of all groups together add up to at most `share`. Each has the same level, the
    largest at which they do.
    """
    tails = [np.array(list_tails(pair)) for pair in pairs]
    if not tails:
        return ()
    levels = np.unique(np.concatenate(tails))
    levels = levels[levels <= share]
    low, high = 0, len(levels) - 1  # at the lowest, 0, nobody fails
    while low < high:
        middle = (low + high + 1) // 2
        chosen = _allow(tails, levels[middle])
        total = sum(float(tail[cases]) for tail, cases in zip(tails, chosen, strict=True))
        low, high = (middle, high) if total <= share else (low, middle - 1)
    return _allow(tails, levels[low])


def _allow(tails: Sequence[NDArray[np.float64]], level: float) -> tuple[int, ...]:
    return tuple(int(np.argmax(tail <= level)) for tail in tails)


@lru_cache(maxsize=4096)
def list_tails(pair: LatentPair, loss: float = 0.0) -> tuple[float, ...]:
    """How likely a run misses over 0, 1, … cases more than the baseline; the last is 0.

    loss: by how much its true sensitivity lies below the baseline's.
    """
    law = law_of_excess(pair, loss)
    above = np.clip(1 - np.cumsum(law)[len(law) // 2 :], 0, 1)
    return (*above[:-1].tolist(), 0.0)


def find_caught_loss(pair: LatentPair, allowance: int) -> float | None:
    """The loss of sensitivity that fails a group in `POWER` of sets; None where none does."""
    low, high = 0.0, pair.sensitivity * (1 - 1e-6)
    if list_tails(pair, high)[allowance] < POWER:
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        caught = list_tails(pair, middle)[allowance] >= POWER
        low, high = (low, middle) if caught else (middle, high)
    return high

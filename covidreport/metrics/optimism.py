"""What picking the best run does to its figures, and what is left of them without that.

The run that misses the fewest was lucky, or it would not have been picked: on new images a run that
was picked so misses more. In each resample of the units (images, or patients) the best run is
picked anew, and what it does is counted on the units that the resample left out. The mean over the
resamples is the bias-corrected figure: BBC-CV of Tsamardinos, Greasidou and Borboudakis,
"Bootstrapping the out-of-sample predictions for efficient and accurate cross-validation", Machine
Learning 107 (2018) 1895-1922. It is about the way of picking, not about the one run that it gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.resample import RESAMPLES, add_up, sample_weights

FEWEST_UNITS = 5
"""With positives, and with negatives: of fewer, what a resample leaves out says nothing."""
PAIRINGS = 50
"""Of counts alone: in so many ways answers are dealt out to the images."""
_ROUNDS = 10
"""So many times the resamples are drawn before too few of them leave anybody out."""


class RunCounts(NamedTuple):
    """Counts of one label, arrays of one shape. missed and alarms hold images that could not be
    scored; positive and negative are the answers that were given."""

    found: NDArray[np.signedinteger[Any]]
    missed: NDArray[np.signedinteger[Any]]
    cleared: NDArray[np.signedinteger[Any]]
    alarms: NDArray[np.signedinteger[Any]]
    positive: NDArray[np.signedinteger[Any]]
    negative: NDArray[np.signedinteger[Any]]


class Corrected(Struct, frozen=True):
    """What the run that is picked does on units that did not pick it, in the mean.

    specificity: None where fewer than `FEWEST_UNITS` have negatives.
    """

    sensitivity: float
    specificity: float | None
    resamples: int
    """That picked a run and left out positives and negatives."""


MayWin = Callable[[RunCounts], NDArray[np.bool_]]
"""Which runs may be picked by their counts."""


def count_by_unit(
    truth: NDArray[np.int8], answers: NDArray[np.bool_], failed: NDArray[np.bool_],
    groups: NDArray[np.integer] | None = None,
) -> RunCounts:  # fmt: skip
    """What each unit adds to each run's counts, int8 `(R, U)`, int32 where one adds over 127.

    truth int8 `(N,)`, answers and failed bool `(R, N)`, groups integers `(N,)` or None.
    """
    codes, units, most = None, truth.size, 1
    if groups is not None:
        _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        units, most = sizes.size, sizes.max(initial=0)
    size: type[np.signedinteger[Any]] = np.int8 if most < 128 else np.int32
    counts = RunCounts(*np.empty((len(RunCounts._fields), len(answers), units), size))
    sick, well = truth == 1, truth == 0
    for run, (answer, lost) in enumerate(zip(answers, failed, strict=True)):
        yes, no = answer & ~lost, ~answer & ~lost
        kinds = RunCounts(
            sick & yes, sick & ~yes, well & no, well & ~no, (sick | well) & yes, (sick | well) & no
        )  # fmt: skip
        for images, into in zip(kinds, counts, strict=True):
            into[run] = images if codes is None else np.bincount(codes[images], minlength=units)
    return counts


def deal_counts(counts: RunCounts, rng: np.random.Generator) -> RunCounts:
    """Counts `(R,)` dealt out at random to as many images, `(R, N)`: as of runs whose answers have
    nothing to do with each other. Failed images are among the missed and the alarms."""
    positives = int(counts.found[0] + counts.missed[0])
    negatives = int(counts.cleared[0] + counts.alarms[0])
    rows = []
    for run in range(len(counts.found)):
        found, alarms = np.zeros(positives, np.int64), np.zeros(negatives, np.int64)
        found[: counts.found[run]] = 1
        alarms[: counts.alarms[run]] = 1
        rows.append((rng.permutation(found), rng.permutation(alarms)))
    found = np.pad(np.stack([row[0] for row in rows]), ((0, 0), (0, negatives)))
    alarms = np.pad(np.stack([row[1] for row in rows]), ((0, 0), (positives, 0)))
    sick = np.arange(positives + negatives) < positives
    missed, cleared = sick - found, ~sick - alarms
    return RunCounts(found, missed, cleared, alarms, found + alarms, missed + cleared)


def correct_selection(
    units: RunCounts, may_win: MayWin, *, resamples: int = RESAMPLES, seed: int = 0
) -> Corrected | None:
    """The sensitivity and specificity of a run that is picked as these were, on other units.

    units `(R, U)`. In each resample the runs that `may_win` by their counts there are compared by
    missed and then by false alarms; runs that are equal share the win. Resamples in which no run
    may win, or that leave out no positive or no negative, are drawn again. None where fewer than
    `FEWEST_UNITS` have positives or nearly all resamples are such.
    """
    sick = np.count_nonzero(units.found[0] + units.missed[0])
    well = np.count_nonzero(units.cleared[0] + units.alarms[0])
    if sick < FEWEST_UNITS:
        return None
    rates = np.concatenate(list(_resample(units, may_win, resamples, seed)))[:resamples]
    if len(rates) < resamples / 2:
        return None
    sensitivity, specificity = rates.mean(axis=0).tolist()
    return Corrected(sensitivity, specificity if well >= FEWEST_UNITS else None, len(rates))


def correct_dealt(
    counts: RunCounts, may_win: MayWin, *, resamples: int = RESAMPLES, seed: int = 0
) -> Corrected | None:
    """`correct_selection` of counts `(R,)` alone, of which nobody knows who missed which image.

    The answers are dealt out in `PAIRINGS` ways. Real runs err on the same images, which leaves
    less to luck: the correction is at most about this large.
    """
    each = -(-resamples // PAIRINGS)
    dealt = [
        correct_selection(
            deal_counts(counts, np.random.default_rng([seed, i])), may_win, resamples=each, seed=i
        )
        for i in range(PAIRINGS)
    ]
    found = [one for one in dealt if one is not None]
    if len(found) < len(dealt):
        return None
    known = [one.specificity for one in found if one.specificity is not None]
    return Corrected(
        fmean(one.sensitivity for one in found),
        fmean(known) if len(known) == len(found) else None,
        sum(one.resamples for one in found),
    )


def _resample(
    units: RunCounts, may_win: MayWin, resamples: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Sensitivity and specificity of what is picked, `(b, 2)` a chunk, until there are enough."""
    table = _tabulate(units)
    needed = resamples
    for draw in range(_ROUNDS):
        for weights in sample_weights(table.shape[1], resamples, seed * _ROUNDS + draw):
            inside, outside = (
                _split(add_up(drawn, table), len(units.found))
                for drawn in (weights, (weights == 0).astype(np.float32))
            )
            rates = _judge(inside, outside, may_win)
            needed -= len(rates)
            yield rates
        if needed <= 0:
            return


def _tabulate(units: RunCounts) -> NDArray[np.signedinteger[Any]]:
    """What all counts of all runs are made of, `(2 + C R, U)`: positives and negatives, then what
    each run found and cleared. The rest is what is left of these; but the answers that were given,
    where some images failed."""
    sick, well = units.found[0] + units.missed[0], units.cleared[0] + units.alarms[0]
    parts = [sick[np.newaxis], well[np.newaxis], units.found, units.cleared]
    given = np.array_equal(units.positive, units.found + units.alarms)
    if not (given and np.array_equal(units.negative, units.missed + units.cleared)):
        parts += [units.positive, units.negative]
    return np.concatenate(parts)


def _split(sums: NDArray[np.int64], runs: int) -> RunCounts:
    """The counts `(b, R)` from the columns of `_tabulate`."""
    sick, well = sums[:, :1], sums[:, 1:2]
    found, cleared, *given = np.split(sums[:, 2:], (sums.shape[1] - 2) // runs, axis=1)
    missed, alarms = sick - found, well - cleared
    positive, negative = given or (found + alarms, missed + cleared)
    return RunCounts(found, missed, cleared, alarms, positive, negative)


def _judge(inside: RunCounts, outside: RunCounts, may_win: MayWin) -> NDArray[np.float64]:
    """The rates outside of the runs that win inside, of those resamples that say anything."""
    able = may_win(inside)
    key = inside.missed * (1 + inside.alarms.max()) + inside.alarms
    key = np.where(able, key, np.iinfo(np.int64).max)
    won = able & (key == key.min(axis=1, keepdims=True))
    sick, well = outside.found + outside.missed, outside.cleared + outside.alarms
    usable = able.any(axis=1) & (sick[:, 0] > 0) & (well[:, 0] > 0)
    rates = [
        np.sum((right * won)[usable] / all_of[usable], axis=1) / won[usable].sum(axis=1)
        for right, all_of in ((outside.found, sick), (outside.cleared, well))
    ]
    return np.stack(rates, axis=1)

"""What a run that is picked as the best one was does on other images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from covidreport.compare.answers import AlignedAnswers
from covidreport.compare.ranking import may_win
from covidreport.metrics import (
    Corrected,
    RunCounts,
    correct_dealt,
    correct_selection,
    count_by_unit,
    deal_counts,
    sample_units,
    wilson_ends,
)
from covidreport.records import Counts, Estimate, PickedRun

RESAMPLES = 2000


def correct_answers(answers: AlignedAnswers, best: str, floor: float) -> PickedRun | None:
    """From the answers of all runs that could have been picked, over patients where these have
    several images; best: the run that was. None where too few units have positives."""
    units = count_by_unit(answers.truth, answers.answers, answers.failed, answers.groups)
    found = correct_selection(units, partial(may_win, specificity_floor=floor), resamples=RESAMPLES)
    if found is None:
        return None
    row = answers.names.index(best)
    kind = "images" if answers.groups is None else "groups"
    return _record(units, row, found, f"bbc-cv over {kind}")


def correct_counts(counts: Sequence[Counts], best: int, floor: float) -> PickedRun | None:
    """From counts of the same images alone, as if the runs' answers had nothing to do with each
    other: the correction is at most about that. best: the index of the run that was picked."""
    arrays = RunCounts(
        *(
            np.array(column)
            for column in zip(
                *((c.tp, c.missed, c.tn, c.false_alarms, c.tp + c.fp, c.tn + c.fn) for c in counts),
                strict=True,
            )
        )
    )
    found = correct_dealt(arrays, partial(may_win, specificity_floor=floor), resamples=RESAMPLES)
    if found is None:
        return None
    units = deal_counts(arrays, np.random.default_rng(0))
    return _record(units, best, found, "bbc-cv, answers dealt out at random")


def _record(units: RunCounts, row: int, found: Corrected, method: str) -> PickedRun:
    sides = (
        (units.found[row], units.missed[row], found.sensitivity),
        (units.cleared[row], units.alarms[row], found.specificity),
    )
    sensitivity, specificity = (_estimate(*side, method) for side in sides)
    positives = int(units.found[row].sum() + units.missed[row].sum())
    return PickedRun(
        runs=len(units.found),
        sensitivity=sensitivity,
        specificity=specificity,
        missed=(1 - found.sensitivity) * positives,
        at_most=method.endswith("random"),
        resamples=found.resamples,
    )


def _estimate(
    right: NDArray[np.int64], wrong: NDArray[np.int64], corrected: float | None, method: str
) -> Estimate:
    """From the lower end of the interval at the corrected figure to its upper end at the plain one:
    the true figure of the run that was picked lies between what luck took and what it gave."""
    if corrected is None:
        return Estimate(None)
    plain = sample_units(right, right + wrong)
    ends = [wilson_ends(rate, plain.size) for rate in (corrected, plain.proportion)]
    return Estimate(
        corrected, min(float(low) for low, _ in ends), max(float(high) for _, high in ends),
        method=f"{method}; wilson at both ends",
    )  # fmt: skip

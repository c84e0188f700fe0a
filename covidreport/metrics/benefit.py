"""Net benefit: whether acting on a run's answers does more good than harm.

A threshold probability says how a missed case weighs against a false alarm: who acts from 10 % on
takes 9 false alarms for one case found.

Where images of both classes are at hand net benefit is p s - (1 - p) f t / (1 - t), a sum of
sensitivity s and the proportion f of false alarms, with the prevalence p of the images: it has the
interval of `mover.sum_ends`, with p taken as known, as Pfeiffer and Gail, "Estimating the decision
curve and its precision from three study designs", Biom. J. 62 (2020) 764-776, do for cases and
controls. Sande, Li, D'Agostino, Wong and Cheng, "Statistical inference for decision curve analysis,
with applications to cataract diagnosis", Statist. Med. 39 (2020) 2980-3002, have the normal
interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from covidreport.metrics.counts import check_thresholds
from covidreport.metrics.effective import (
    EffectiveSample,
    correlate_units,
    sample_images,
    sample_units,
)
from covidreport.metrics.mover import Ends, sum_ends
from covidreport.metrics.proportions import sum_units
from covidreport.records import UNKNOWN, Counts, Estimate

_CELLS = 1 << 19
"""So many answers, of an image at a threshold, are counted at a time: what it takes does not grow
with both."""


def net_benefit(counts: Counts, threshold: float) -> Estimate:
    """tp / n - false alarms / n x t / (1 - t), of the answers at a threshold probability t.

    Vickers and Elkin, "Decision curve analysis: a novel method for evaluating prediction models",
    Med. Decis. Making 26 (2006) 565-574. In units of true positives: 0.02 is as good as finding 2
    of 100 images and raising no false alarm. n are the images of known truth; one that could not be
    scored is no case found, and a false alarm where it is negative. The interval takes images for
    independent; there is none without positives or negatives. Undefined without images; UsageError
    for a threshold that is not strictly between 0 and 1.
    """
    check_thresholds([threshold])
    n = counts.positives + counts.negatives
    if n == 0:
        return Estimate(None)
    odds = threshold / (1 - threshold)
    value = (counts.tp - counts.false_alarms * odds) / n
    if not counts.positives or not counts.negatives:
        return Estimate(value)
    found = sample_images(counts.tp, counts.positives)
    alarms = sample_images(counts.false_alarms, counts.negatives)
    low, high = net_benefit_ends(found, alarms, counts.positives / n, odds)
    return Estimate(value, min(float(low), value), max(float(high), value), method="mover")


def net_benefit_ends(
    found: EffectiveSample, alarms: EffectiveSample, prevalence: ArrayLike, odds: ArrayLike,
    correlation: ArrayLike = 0.0,
) -> Ends:  # fmt: skip
    """The interval of net benefit; arrays that broadcast.

    found, alarms: sensitivity and the proportion of false alarms, with the correlation that they
    have where patients have images of both kinds. prevalence: of the images. odds: t / (1 - t).
    """
    p = np.asarray(prevalence)
    return sum_ends(found, alarms, (p, -(1 - p) * np.asarray(odds)), correlation)


class DecisionCurve(Struct, frozen=True, eq=False):
    """Net benefit over threshold probabilities; every array `(T,)`. To treat nobody is 0.

    low, high: the interval of `run`, NaN where there is none; method: how it is made.
    """

    thresholds: NDArray[np.float64]
    run: NDArray[np.float64]
    treat_all: NDArray[np.float64]
    images: int
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    method: str


def compute_decision_curve(
    truth: NDArray[np.int8],
    probabilities: NDArray[np.float64],
    failed: NDArray[np.bool_],
    thresholds: Sequence[float],
    groups: NDArray[np.integer[Any]] | None = None,
) -> DecisionCurve | None:
    """The decision curve of one label, from truth, probabilities and failed `(N,)`.

    groups `(N,)`: the patient of each image, where some have several; the intervals are then over
    patients.

    At each threshold an image is called positive where its probability is above it, as everywhere.
    The curve is only worth its name where probabilities are calibrated: else a threshold on them is
    not the exchange that it stands for. To treat everybody, scored or not, has the net benefit of
    the prevalence p: p - (1 - p) t / (1 - t), which is 0 at t = p. None without images of known
    truth; UsageError for a threshold that is not strictly between 0 and 1.
    """
    check_thresholds(thresholds)
    known = truth != UNKNOWN
    n = int(np.count_nonzero(known))
    if n == 0:
        return None
    at = np.array(thresholds, dtype=np.float64)
    odds = at / (1 - at)
    positive, negative = truth == 1, truth == 0
    scored = known & ~failed
    prevalence = np.count_nonzero(positive) / n
    run, low, high = (np.empty(at.size) for _ in range(3))
    step = max(1, _CELLS // truth.size)
    for start in range(0, at.size, step):
        some = slice(start, start + step)
        found, alarms = (
            scored & part & (probabilities > at[some, np.newaxis]) for part in (positive, negative)
        )
        alarms |= failed & negative
        run[some] = (
            np.count_nonzero(found, axis=1) - np.count_nonzero(alarms, axis=1) * odds[some]
        ) / n
        low[some], high[some] = _find_ends(
            (found, positive), (alarms, negative), prevalence, odds[some], groups
        )
    return DecisionCurve(
        thresholds=at,
        run=run,
        treat_all=prevalence - (1 - prevalence) * odds,
        images=n,
        low=np.minimum(low, run),
        high=np.maximum(high, run),
        method="mover" if groups is None else "mover over groups",
    )


def _find_ends(
    first: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    second: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    prevalence: float, odds: NDArray[np.float64], groups: NDArray[np.integer[Any]] | None,
) -> Ends:  # fmt: skip
    """Of positives that were found and of false alarms, each which `(T, N)` of which images."""
    units = np.arange(first[1].size) if groups is None else groups
    (found, positive), (alarms, negative) = (
        (np.stack([sum_units(row, units) for row in counted]), sum_units(among, units))
        for counted, among in (first, second)
    )
    return net_benefit_ends(
        sample_units(found, positive), sample_units(alarms, negative), prevalence, odds,
        correlate_units((found, positive), (alarms, negative)),
    )  # fmt: skip

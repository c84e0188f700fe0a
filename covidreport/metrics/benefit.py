"""Net benefit: whether acting on a run's answers does more good than harm.

A threshold probability says how a missed case weighs against a false alarm: who acts from 10 % on
takes 9 false alarms for one case found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.counts import check_thresholds
from covidreport.records import UNKNOWN, Counts, Estimate


def net_benefit(counts: Counts, threshold: float) -> Estimate:
    """tp / n - false alarms / n x t / (1 - t), of the answers at a threshold probability t.

    Vickers and Elkin, "Decision curve analysis: a novel method for evaluating prediction models",
    Med. Decis. Making 26 (2006) 565-574. In units of true positives: 0.02 is as good as finding 2
    of 100 images and raising no false alarm. n are the images of known truth; one that could not be
    scored is no case found, and a false alarm where it is negative. Undefined without images;
    UsageError for a threshold that is not strictly between 0 and 1.
    """
    check_thresholds([threshold])
    n = counts.positives + counts.negatives
    if n == 0:
        return Estimate(None)
    return Estimate((counts.tp - counts.false_alarms * threshold / (1 - threshold)) / n)


@dataclass(frozen=True, slots=True, eq=False)
class DecisionCurve:
    """Net benefit over threshold probabilities; every array `(T,)`. To treat nobody is 0."""

    thresholds: NDArray[np.float64]
    run: NDArray[np.float64]
    treat_all: NDArray[np.float64]
    images: int


def compute_decision_curve(
    truth: NDArray[np.int8],
    probabilities: NDArray[np.float64],
    failed: NDArray[np.bool_],
    thresholds: Sequence[float],
) -> DecisionCurve | None:
    """The decision curve of one label, from truth, probabilities and failed `(N,)`.

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
    scored = known & ~failed
    positives, negatives = (np.sort(probabilities[scored & (truth == y)]) for y in (1, 0))
    found = positives.size - np.searchsorted(positives, at, side="right")
    alarms = negatives.size - np.searchsorted(negatives, at, side="right")
    alarms = alarms + np.count_nonzero(failed & (truth == 0))
    prevalence = np.count_nonzero(truth == 1) / n
    return DecisionCurve(
        thresholds=at,
        run=(found - alarms * odds) / n,
        treat_all=prevalence - (1 - prevalence) * odds,
        images=n,
    )

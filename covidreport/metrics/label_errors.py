"""Images whose label several models contradict with certainty: to be looked at again.

As in confident learning (Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty
in dataset labels", JAIR 70 (2021) 1373-1411) an image is doubtful where models count it to the
other class, by how far it lies from the middle of its own. Of what models say against labels most
are their own errors, however. How many of these there are is told by the other side: where a class
has as many images that lie as far from its middle away from the other class, nothing is special
about those that lie towards it. So many are listed that those on the other side, counted as decoys,
are at most a share of them: target-decoy competition (Elias and Gygi, Nat. Methods 4 (2007)
207-214; He et al., "A theoretical foundation of the target-decoy search strategy",
arXiv:1501.00537).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.curves import count_curve, roc_auc

FEWEST = 10
"""Images of either class: of fewer nobody knows what is usual among them."""
LEAST_FAR = 2.0
"""Robust standard deviations from the middle of its class that a doubtful image has at least."""
MOST_DECOYS = 0.3
"""Of the listed images so many may be right at most, as far as decoys tell."""
LEAST_AUC = 0.8
"""A model that tells the classes apart less well contradicts many labels that are right."""
_NARROWEST = 0.1
"""A class that hardly varies is taken to vary by so much of the distance between the classes."""


def find_label_errors(
    truth: NDArray[np.int8], logits: Iterable[NDArray[np.float64]]
) -> NDArray[np.intp]:
    """The rows of images that look mislabelled, the most doubtful first.

    truth `(N,)`: 1, 0, or anything else where it is not known or where a model could not score the
    image, which is not judged. logits: of one model after another for the label, `(N,)` each. Every
    model has to put a listed image nearer to the other class; models whose ROC AUC is under
    `LEAST_AUC` have no say. Empty where either class has fewer than `FEWEST` images, and where no
    model has a say. Raises ValueError for a NaN in an image that is judged.
    """
    rows = np.flatnonzero((truth == 0) | (truth == 1))
    of_rows, positive = truth[rows], truth[rows] == 1
    if min(positive.sum(), (~positive).sum()) < FEWEST:
        return np.zeros(0, np.intp)
    none = np.zeros(rows.size, np.bool_)
    contradicted, beyond = np.ones((2, rows.size), np.bool_)
    total, models = np.zeros(rows.size), 0
    for each in logits:
        values = each[rows]
        if (roc_auc(count_curve(of_rows, values, none)).value or 0.0) < LEAST_AUC:
            continue
        nearer, distances = _find_distances(values, positive)
        contradicted &= nearer
        beyond &= distances < 0
        total += distances
        models += 1
    if not models:
        return np.zeros(0, np.intp)
    mean = total / models
    listed = np.zeros(len(rows), np.bool_)
    for of in (positive, ~positive):
        targets, decoys = mean[of & contradicted], -mean[of & beyond]
        listed |= of & contradicted & (mean >= _choose_cut(targets, decoys))
    found = np.flatnonzero(listed)
    ordered: NDArray[np.intp] = rows[found[np.argsort(-mean[found], kind="stable")]]
    return ordered


def _choose_cut(targets: NDArray[np.float64], decoys: NDArray[np.float64]) -> float:
    """The least distance from which on there are few enough decoys; infinite where there is none.

    With one decoy more than there is, since few targets without any say little (He et al.).
    """
    cuts = np.sort(targets[targets >= LEAST_FAR])[::-1]
    above = len(decoys) - np.searchsorted(np.sort(decoys), cuts, side="left")
    able = cuts[above + 1 <= MOST_DECOYS * np.arange(1, len(cuts) + 1)]
    return float(able[-1]) if able.size else np.inf


def _find_distances(
    values: NDArray[np.float64], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which images a model puts nearer to the other class, and how far each lies from the middle of
    its own towards the other in robust standard deviations (1.4826 times the median absolute
    deviation), `(N,)` each."""
    low, high = (float(np.median(values[of])) for of in (~positive, positive))
    apart = abs(high - low)
    towards = np.where(positive, high - values, values - low)
    well, sick = (
        max(1.4826 * float(np.median(np.abs(towards[of]))), _NARROWEST * apart)
        for of in (~positive, positive)
    )
    return towards > apart / 2, towards / np.where(positive, sick, well)

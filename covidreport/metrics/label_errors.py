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


def find_label_errors(truth: NDArray[np.int8], logits: NDArray[np.float64]) -> NDArray[np.intp]:
    """The rows of images that look mislabelled, the most doubtful first.

    truth `(N,)`: 1, 0, or anything else where it is not known. logits `(R, N)`: of R models for the
    label, NaN where an image could not be scored; such an image is not judged. Every model has to
    put a listed image nearer to the other class; models whose ROC AUC is under `LEAST_AUC` have no
    say. Empty where either class has fewer than `FEWEST` images, and where no model has a say.
    """
    known = ((truth == 0) | (truth == 1)) & np.isfinite(logits).all(axis=0)
    rows = np.flatnonzero(known)
    positive, values = truth[rows] == 1, logits[:, rows]
    if min(positive.sum(), (~positive).sum()) < FEWEST:
        return np.zeros(0, np.intp)
    none = np.zeros(rows.size, np.bool_)
    curves = (count_curve(truth[rows], each, none) for each in values)
    values = values[[(roc_auc(curve).value or 0.0) >= LEAST_AUC for curve in curves]]
    if not len(values):
        return np.zeros(0, np.intp)
    contradicted, distances = _find_distances(values, positive)
    mean = distances.mean(axis=0)
    beyond = (distances < 0).all(axis=0)
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
    """Which images every model puts nearer to the other class `(N,)`, and how far each lies from
    the middle of its own towards the other, `(R, N)`, in robust standard deviations (1.4826 times
    the median absolute deviation)."""
    low, high = (np.median(values[:, of], axis=1, keepdims=True) for of in (~positive, positive))
    centre = np.where(positive, high, low)
    towards = np.where(positive, -1, 1) * (values - centre)
    spread = np.ones_like(values)
    for of in (positive, ~positive):
        deviation = np.median(np.abs(towards[:, of]), axis=1, keepdims=True)
        spread[:, of] = np.maximum(1.4826 * deviation, _NARROWEST * np.abs(high - low))
    contradicted = np.all(towards > np.abs(high - low) / 2, axis=0)
    return np.asarray(contradicted), towards / spread

"""Weighted rates: what images that stand for unequal numbers of patients say of all of these.

A set that holds more cases, or harder ones, than a ward has is enriched. Where each image has the
number of the ward's patients that it stands for, weighted rates are those of the ward: Horvitz and
Thompson, "A generalization of sampling without replacement from a finite universe", J. Am. Stat.
Assoc. 47 (1952) 663-685. Of how many equally weighted images they have the evidence is Kish's
(Σw)² / Σw²: Kish, Survey Sampling, Wiley (1965), section 11.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.effective import correlate_units, count_even, effective_size
from covidreport.metrics.group_differences import JudgedImages
from covidreport.metrics.intervals import wilson_ends
from covidreport.metrics.mover import combine_ends
from covidreport.records import Estimate, WeightedRate

METHOD: Final = "wilson, kish's n"
DIFFERENCE: Final = "mover"
_Mask = NDArray[np.bool_]
_Weights = NDArray[np.float64]


def count_kish(weights: _Weights) -> float:
    """As how many equally weighted images these say, (Σw)² / Σw²; NaN of none."""
    return float(count_even(weights))


def weigh_rates(images: JudgedImages, weights: _Weights) -> dict[str, WeightedRate]:
    """Sensitivity, specificity, PPV, NPV and accuracy with weights `(N,)`, by their names.

    An image that could not be scored is a wrong answer, and one of unknown truth is in none, as in
    every rate. The number behind each is Kish's of the images in its denominator; where patients
    have several, at most that and what the variance over patients says.
    """
    return {
        name: _weigh(right, among, weights, images.groups)
        for name, (right, among) in _list_parts(images).items()
    }


def _list_parts(images: JudgedImages) -> Mapping[str, tuple[_Mask, _Mask]]:
    """Of each rate which images count, and of which."""
    positive, negative = images.truth == 1, images.truth == 0
    tp = positive & images.predicted & ~images.failed
    tn = negative & ~images.predicted & ~images.failed
    return {
        "sensitivity": (tp, positive),
        "specificity": (tn, negative),
        "ppv": (tp, tp | (negative & ~tn)),
        "npv": (tn, tn | (positive & ~tp)),
        "accuracy": (tp | tn, positive | negative),
    }


def _weigh(
    right: _Mask, among: _Mask, weights: _Weights, groups: NDArray[np.integer[Any]] | None
) -> WeightedRate:
    own = weights[among]
    value = _divide(right, among, weights)
    if value is None:
        return WeightedRate(Estimate(None), None)
    size = _find_size(right, among, weights, groups, value)
    if np.isnan(size):
        return WeightedRate(Estimate(value), None)
    low, high = wilson_ends(value, size)
    return WeightedRate(Estimate(value, float(low), float(high), method=METHOD), size, own.sum())


def _divide(right: _Mask, among: _Mask, weights: _Weights) -> float | None:
    """The weighted rate; None where no weight lies on its images."""
    own, hit = weights[among], right[among]
    counting = own > 0
    if not counting.any():
        return None
    if hit[counting].all():
        return 1.0  # exactly, which a sum of fractions may miss
    return float(own[hit].sum() / own.sum())


def _find_size(
    right: _Mask, among: _Mask, weights: _Weights, groups: NDArray[np.integer[Any]] | None,
    value: float, confidence: float = 0.95,
) -> float:  # fmt: skip
    """The effective sample of a weighted rate; NaN where one patient alone stands behind it."""
    own = weights[among]
    most = count_kish(own)
    if groups is None:
        return most
    counted, sums = _sum_units(right, among, weights, groups)
    moved, units = counted - value * sums, sums.size
    even = count_kish(sums)
    if units < 2 or even <= 1:
        return np.nan
    if units == own.size:
        return most
    variance = units / (units - 1) * float(moved @ moved) / own.sum() ** 2
    return float(effective_size(value, variance, most, even, even - 1, confidence))


def _sum_units(
    right: _Mask, among: _Mask, weights: _Weights, groups: NDArray[np.integer[Any]] | None
) -> tuple[_Weights, _Weights]:
    """The weight of each patient's (or image's) right answers, and of all that count, `(U,)`."""
    own, hit = weights[among], right[among]
    if groups is None:
        return own * hit, own
    codes = np.unique(groups[among], return_inverse=True)[1]
    counted, sums = (np.bincount(codes, each).astype(np.float64) for each in (own * hit, own))
    return counted, sums


def differ(
    first: JudgedImages, second: JudgedImages, weights: _Weights, metric: str,
    confidence: float = 0.95,
) -> Estimate:  # fmt: skip
    """One run's weighted sensitivity or specificity less another's on the same images.

    The ends are MOVER's of both intervals, with the correlation of what patients (or images) say of
    one and of the other (Zou and Donner 2008). Undefined where no weight lies on the images.
    """
    terms, parts = [], []
    for each in (first, second):
        right, among = _list_parts(each)[metric]
        value = _divide(right, among, weights)
        if value is None:
            return Estimate(None)
        size = _find_size(right, among, weights, each.groups, value, confidence)
        terms.append((value, *wilson_ends(value, size, confidence)))
        parts.append(_sum_units(right, among, weights, each.groups))
    low, high = combine_ends(terms, (1.0, -1.0), {(0, 1): correlate_units(parts[0], parts[1])})
    value = terms[0][0] - terms[1][0]
    if np.isnan(low) or np.isnan(high):
        return Estimate(value)
    return Estimate(value, max(float(low), -1.0), min(float(high), 1.0), method=DIFFERENCE)

"""Sums and ratios of two proportions: their interval from those of each, the method of variance
estimates recovery (MOVER).

The distance of a proportion from an end of its own interval stands for its standard error in that
direction: the interval of the whole is as lopsided as those of its parts. For sums Newcombe,
"Interval estimation for the difference between independent proportions: comparison of eleven
methods", Statist. Med. 17 (1998) 873-890, method 10, and with a correlation Zou and Donner,
"Construction of confidence limits about effect measures: a general approach", Statist. Med. 27
(2008) 1693-1702; for ratios (MOVER-R) Donner and Zou, "Closed-form confidence intervals for
functions of the normal mean and standard deviation", Stat. Methods Med. Res. 21 (2012) 347-359, as
recommended by Fagerland, Lydersen and Laake, "Recommended confidence intervals for two independent
binomial proportions", Stat. Methods Med. Res. 24 (2015) 224-254.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covidreport.metrics.effective import EffectiveSample
from covidreport.metrics.intervals import wilson_ends

Ends = tuple[NDArray[Any], NDArray[Any]]


def sum_ends(
    first: EffectiveSample, second: EffectiveSample, weights: tuple[ArrayLike, ArrayLike],
    correlation: ArrayLike = 0.0, confidence: float = 0.95,
) -> Ends:  # fmt: skip
    """The ends of weights[0] times the first proportion plus weights[1] times the second.

    Samples, weights (of either sign) and correlation broadcast. NaN where a sample's size is.
    """
    parts = [(each.proportion, *wilson_ends(*each, confidence)) for each in (first, second)]
    return add_ends(parts, weights, correlation)


def add_ends(
    terms: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]], weights: tuple[ArrayLike, ArrayLike],
    correlation: ArrayLike = 0.0,
) -> Ends:  # fmt: skip
    """As `sum_ends`, of two estimates with intervals of their own: value, low and high of each."""
    return combine_ends(terms, weights, {(0, 1): correlation})


def combine_ends(
    terms: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]], weights: Sequence[ArrayLike],
    correlations: Mapping[tuple[int, int], ArrayLike],
) -> Ends:  # fmt: skip
    """As `add_ends`, of any number of terms; correlations by the places of two of them, else 0."""
    value, downs, ups, signs = np.asarray(0.0), [], [], []
    for term, weight in zip(terms, weights, strict=True):
        centre, low, high = (np.asarray(each, np.float64) for each in term)
        w = np.asarray(weight, np.float64)
        value = value + w * centre
        down, up = (
            np.where(w < 0, high - centre, centre - low),
            np.where(w < 0, centre - low, high - centre),
        )
        downs.append(np.abs(w) * down)
        ups.append(np.abs(w) * up)
        signs.append(np.sign(w))
    below, above = (
        np.sqrt(np.maximum(0.0, _add_squares(distances, signs, correlations)))
        for distances in (downs, ups)
    )
    return value - below, value + above


def _add_squares(
    distances: Sequence[NDArray[Any]], signs: Sequence[NDArray[Any]],
    correlations: Mapping[tuple[int, int], ArrayLike],
) -> NDArray[Any]:  # fmt: skip
    total = distances[0] ** 2
    for each in distances[1:]:
        total = total + each**2
    for (i, j), correlation in correlations.items():
        shared = 2 * np.asarray(correlation) * (signs[i] * signs[j])
        total = total + shared * distances[i] * distances[j]
    return np.asarray(total)


def ratio_ends(over: EffectiveSample, under: EffectiveSample, confidence: float = 0.95) -> Ends:
    """The ends of the first proportion divided by the second, which are independent.

    The higher end is infinite where the second proportion is 0, NaN where a sample's size is.
    """
    (p, q), ends = (over.proportion, under.proportion), wilson_ends(*over, confidence)
    least, most = wilson_ends(*under, confidence)
    # p^2 - (p - end)^2: what is left of a square, for which the distance to an end stands.
    (a, b), (c, d) = (
        [end * (2 * value - end) for end in each] for value, each in ((p, ends), (q, (least, most)))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        low = a / (p * q + np.sqrt(np.maximum(0.0, (p * q) ** 2 - a * d)))
        high = (p * q + np.sqrt(np.maximum(0.0, (p * q) ** 2 - b * c))) / c
    known = ~np.isnan(least) & ~np.isnan(ends[0])
    low = np.where(known & (p == 0), 0.0, low)
    return low, np.where(known & (q == 0), np.inf, high)

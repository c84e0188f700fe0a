"""The effective sample: as how many independent images a metric of dependent ones is known.

Several images of one patient say less than as many of different patients, and a metric that is no
plain proportion is known better or worse than a proportion of as many images. Either way the
variance v of its value a says as how many trials it counts: those of which a proportion a would
have the variance v, a (1 - a) / v. An interval for proportions on so many trials stays within the
range of the metric, and is no point where all answers are equal.

Korn and Graubard, "Confidence intervals for proportions with small expected number of positive
counts estimated from survey data", Survey Methodology 24 (1998) 193-201, for proportions; with
Wilson's interval Dean and Pagano, "Evaluating confidence interval methods for binomial proportions
in clustered surveys", J. Surv. Stat. Methodol. 3 (2015) 484-503; that an area is a probability and
may have an interval for one, Kottas, Kuss and Zapf, "A modified Wald interval for the area under
the ROC curve (AUC) in diagnostic case-control studies", BMC Med. Res. Methodol. 14 (2014) 26.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covidreport.metrics.intervals import two_sided_z

TIMES = 3
"""An area is known at most as a proportion of so many times the positives (or the negatives, if
these are fewer); where nothing varies it is taken to be known so."""
_LARGEST_QUANTILE = 1e9


class EffectiveSample(NamedTuple):
    """Proportions, and of how many independent trials each has the evidence; arrays of one shape.

    The size is NaN where one unit alone stands behind a proportion, which shows no variance.
    """

    proportion: NDArray[np.float64]
    size: NDArray[np.float64]


def sample_images(counted: float, among: float, size: float | None = None) -> EffectiveSample:
    """The effective sample of so many of so many independent images, or of another size."""
    return EffectiveSample(
        np.asarray(counted / among, np.float64),
        np.asarray(among if size is None else size, np.float64),
    )


def sample_units(
    counted: NDArray[Any], among: NDArray[Any], confidence: float = 0.95,
    times: NDArray[Any] | None = None,
) -> EffectiveSample:  # fmt: skip
    """The effective sample of proportions of images that belong to units, such as patients.

    counted, among: how many images of each unit count, and of how many, `(..., U)`; a unit without
    images adds nothing. times: how many such units there are, of the same shape; one unless given.
    Where no unit has several images, images are trials. Else the size is
    p (1 - p) / v at most the images, with v the variance of a ratio of units' sums; where all
    answers are equal, which shows no variance, it is as many units of equal size as are worth these
    (`count_even`). It is smaller by what a t quantile is wider, since v is estimated. NaN where
    there are no images.
    """
    images, units = add_units(among, times), add_units(among > 0, times)
    even = count_even(among, times)
    with np.errstate(divide="ignore", invalid="ignore"):
        proportion = add_units(counted, times) / images
        rest = counted - proportion[..., np.newaxis] * among
        variance = units / (units - 1) * add_units(rest**2, times) / images**2
    size = effective_size(proportion, variance, images, even, even - 1, confidence)
    single = (images == units) & (images > 0)
    return EffectiveSample(proportion, np.where(single, images, np.where(units > 1, size, np.nan)))


def correlate_units(
    first: tuple[NDArray[Any], NDArray[Any]], second: tuple[NDArray[Any], NDArray[Any]],
    times: NDArray[Any] | None = None,
) -> NDArray[np.float64]:  # fmt: skip
    """The correlation of two proportions because the same units stand behind both.

    Each: counted and among `(..., U)`, as of `sample_units`; so is times. 0 where either shows no
    variance.
    """
    rests = []
    for counted, among in (first, second):
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.nan_to_num(add_units(counted, times) / add_units(among, times))
        rests.append(counted - rate[..., np.newaxis] * among)
    a, b = rests
    scale = np.sqrt(add_units(a * a, times) * add_units(b * b, times))
    together: NDArray[np.float64] = np.zeros_like(scale)
    np.divide(add_units(a * b, times), scale, out=together, where=scale > 0)
    return together


def effective_size(
    value: ArrayLike, variance: ArrayLike, most: ArrayLike, unvarying: ArrayLike,
    freedom: ArrayLike, confidence: float = 0.95,
) -> NDArray[np.float64]:  # fmt: skip
    """value (1 - value) / variance, at most `most`; `unvarying` where nothing varies.

    Divided by (t / z)^2 with the degrees of freedom of the variance, so that an interval with the
    normal quantile has that of t (Korn and Graubard 1998). value: between 0 and 1. Arrays of any
    shape; NaN where the variance or the degrees of freedom are not known.
    """
    spread = np.asarray(value) * (1 - np.asarray(value))
    v = np.asarray(variance, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where((v <= 0) | (spread <= 0), unvarying, np.minimum(spread / v, most))
    return np.asarray(np.where(np.isnan(v), np.nan, size) / widen(freedom, confidence))


def widen(freedom: ArrayLike, confidence: float = 0.95) -> NDArray[np.float64]:
    """(t / z)^2: by how much a variance of so many degrees of freedom has to be taken larger.

    NaN where there are none.
    """
    from scipy.special import stdtrit

    degrees = np.asarray(freedom, np.float64)
    known = degrees > 0
    quantile = stdtrit(np.where(known, degrees, 1.0), 0.5 + confidence / 2)
    # Of a hundredth of a degree it is beyond all floats: an interval that holds everything.
    quantile = np.minimum(np.nan_to_num(quantile, nan=_LARGEST_QUANTILE), _LARGEST_QUANTILE)
    return np.where(known, (quantile / two_sided_z(confidence)) ** 2, np.nan)


@lru_cache(maxsize=256)
def t_quantile(freedom: float, confidence: float = 0.95) -> float:
    """How many standard deviations of so many degrees of freedom an interval reaches to each side;
    NaN where there are none."""
    return two_sided_z(confidence) * math.sqrt(widen(freedom, confidence))


def count_even(among: NDArray[Any], times: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """As many units of equal size as are worth these of sizes `(..., U)`: (Σn)² / Σn².

    NaN without images.
    """
    sizes = np.asarray(among, np.float64)
    squares = add_units(sizes**2, times)
    with np.errstate(invalid="ignore"):
        return np.asarray(add_units(sizes, times) ** 2 / squares)


def count_freedom(sizes: NDArray[np.integer[Any]]) -> float:
    """The degrees of freedom of what two groups' or two runs' units are compared by.

    sizes `(U,)`: the images of each unit, one or more. One less than units where all are of equal
    size. Else the variance hangs on the large ones: one less than as many of equal size as are
    worth these, and less by what share of the units they are not. With `count_even` - 1 an interval
    of a ROC AUC held in 0.888 of simulated sets where one of 200 patients had a third of all.
    """
    even = float(count_even(sizes))
    return even - 1 - (1 - even / sizes.size)


def add_units(values: NDArray[Any], times: NDArray[Any] | None) -> NDArray[Any]:
    """The sum over units, the last axis, of each of which there are so many; one unless given."""
    found: NDArray[Any] = np.sum(values if times is None else values * times, axis=-1)
    return found

"""Intervals of metrics of counts, from what each unit, an image or a patient, adds to the counts.

How each is made stands in the table of metrics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.effective import (
    TIMES,
    correlate_units,
    count_even,
    effective_size,
    sample_units,
)
from covidreport.metrics.intervals import ONE_UNIT, Interval, wilson_ends
from covidreport.metrics.proportions import interval_of_units, sum_units
from covidreport.metrics.rates import (
    CountArrays,
    Ratio,
    divide,
    sensitivity,
    specificity,
)
from covidreport.metrics.table import CountMetric, Metric
from covidreport.records import IntervalKind


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What each unit adds to the counts, arrays `(U,)` of one label or `(U, K)` of all.

    grouped: whether units are patients, not images.
    """

    counts: CountArrays
    grouped: bool

    @property
    def name(self) -> str:
        """What methods call them."""
        return "groups" if self.grouped else "images"

    def of_label(self, column: int) -> Units:
        """Those of one label `(U,)`, of all `(U, K)`."""
        return Units(CountArrays(*(each[:, column] for each in self.counts)), self.grouped)


def count_units(
    truth: NDArray[np.int8],
    predicted: NDArray[np.bool_],
    failed: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None,
) -> Units:
    """The units of truth and predicted `(N, K)`, failed `(N,)` and groups `(N,)` or None."""
    right = (predicted == (truth == 1)) & ~failed[:, np.newaxis]
    arrays = []
    for kind in ((truth == 1) & right, (truth == 0) & ~right, (truth == 1) & ~right,
                 (truth == 0) & right):  # fmt: skip
        if groups is None:
            arrays.append(kind.astype(np.int64))
        else:
            arrays.append(np.stack([sum_units(column, groups) for column in kind.T], axis=1))
    return Units(CountArrays(*arrays), groups is not None)


def estimate_interval(metric: Metric, units: Units, kind: IntervalKind = "wilson") -> Interval:
    """The 95 % interval of a metric of counts as the table of metrics says that it is made.

    None where it is undefined, where one unit alone has the images of a class, and where a unit
    can't be left out of a jackknife.
    """
    if metric.interval == "none":
        return Interval(None, None, None)
    if metric.interval == "Wilson":
        found: Ratio = metric.compute(units.counts)
        return interval_of_units(found.numerator, found.denominator, kind, units.name)
    method, find_ends = METHODS[metric.interval]
    low, high = (float(end) for end in find_ends(metric, units.counts))
    if math.isnan(low) or math.isnan(high):
        return Interval(None, None, None, ONE_UNIT)
    tp, fp, fn, tn = units.counts
    single = tp.ndim == 1 and (tp + fp + fn + tn).max(initial=0) <= 1
    return Interval(low, high, method if single else f"{method} over {units.name}")


def find_f1_ends(metric: Metric, counts: CountArrays) -> Ends:
    """F1 = 2 F* / (1 + F*), where F* = tp / (tp + false alarms + missed) is a proportion.

    Hand, Christen and Kirielle, "F*: an interpretable transformation of the F-measure", Machine
    Learning 110 (2021) 451-456; the interval is the indirect Wilson of Lam, Gopal and Qian,
    "Confidence intervals for the F1 score: a comparison of four methods", arXiv:2309.14621 (2023).
    counts of units: `(..., U)`, of all labels `(..., U, K)`; so in all functions here.
    """
    found: Ratio = metric.compute(counts)
    tp = found.numerator // 2
    sample = sample_units(tp, found.denominator - tp)
    low, high = (2 * end / (1 + end) for end in wilson_ends(*sample))
    return low, high


def find_mean_ends(_: Metric, counts: CountArrays) -> Ends:
    """The mean of sensitivity and specificity: square-and-add of their Wilson intervals (MOVER).

    Newcombe, "Interval estimation for the difference between independent proportions", Statist.
    Med. 17 (1998) 873-890, method 10; for any two parameters, with their correlation where patients
    have images of both kinds, Zou and Donner, "Construction of confidence limits about effect
    measures: a general approach", Statist. Med. 27 (2008) 1693-1702.
    """
    first, second = sensitivity(counts), specificity(counts)
    samples = [sample_units(*each) for each in (first, second)]
    ends = [wilson_ends(*each) for each in samples]
    values = [each.proportion for each in samples]
    mean = (values[0] + values[1]) / 2
    shared = 2 * correlate_units(first, second)
    distances = []
    for side in (0, 1):
        a, b = (np.abs(value - each[side]) for value, each in zip(values, ends, strict=True))
        distances.append(np.sqrt(np.maximum(0.0, a**2 + b**2 + shared * a * b)) / 2)
    return np.maximum(0.0, mean - distances[0]), np.minimum(1.0, mean + distances[1])


def find_jackknife_ends(metric: Metric, counts: CountArrays) -> Ends:
    """Wilson's on the effective sample, with the variance of leaving out each unit in turn.

    Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 11. The metric's range
    is mapped to 0 to 1. Degrees of freedom are those of the positives or the negatives, whichever
    are in fewer units, of the label where they are fewest; where nothing varies the size is `TIMES`
    these units. NaN where the metric is undefined without a unit.
    """
    axis = counts.tp.ndim - (1 if isinstance(metric, CountMetric) else 2)
    least, most = metric.range
    totals = CountArrays(*(each.sum(axis=axis, keepdims=True) for each in counts))
    without = CountArrays(*(total - each for total, each in zip(totals, counts, strict=True)))
    whole = CountArrays(*(each.squeeze(axis) for each in totals))
    value, left = (
        (divide(metric.compute(each)) - least) / (most - least) for each in (whole, without)
    )
    n = left.shape[-1]
    squares = np.sum((left - left.mean(axis=-1, keepdims=True)) ** 2, axis=-1)
    variance = np.where(squares < _ROUNDING, 0.0, squares * (n - 1) / n)
    freedom, fewest, answers = np.full(value.shape, np.inf), np.full(value.shape, n), 0
    for part in (sensitivity(counts).denominator, specificity(counts).denominator):
        by_class = part[..., np.newaxis, :] if axis == part.ndim - 1 else part.swapaxes(-1, -2)
        with np.errstate(invalid="ignore"):
            freedom = np.fmin(freedom, np.fmin.reduce(count_even(by_class) - 1, axis=-1))
        units = np.count_nonzero(by_class, axis=-1)
        fewest = np.minimum(fewest, np.where(units, units, n).min(axis=-1))
        answers = answers + by_class.sum(axis=(-2, -1))
    size = effective_size(value, variance, answers, TIMES * fewest, freedom)
    low, high = (end * (most - least) + least for end in wilson_ends(value, size))
    return low, high


Ends = tuple[NDArray[Any], NDArray[Any]]
_ROUNDING = 1e-24
METHODS: Final[Mapping[str, tuple[str, Callable[[Metric, CountArrays], Ends]]]] = {
    "Wilson of F*": ("wilson of F*", find_f1_ends),
    "MOVER": ("mover", find_mean_ends),
    "jackknife": ("wilson, jackknife variance", find_jackknife_ends),
}
"""How the interval of a metric of counts that is no proportion is made, by what the table of
metrics calls it: the name of the method, and the ends."""

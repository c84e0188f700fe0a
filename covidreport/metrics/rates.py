"""Metrics that follow from counts alone: each is one function over counts of any shape.

So an estimate and every resample of it are the same code. In every one of them an image that could
not be scored is a wrong answer: a failed positive counts as missed and a failed negative as a false
alarm. Images whose truth is unknown are in none.

A metric is a `Ratio` of counts, or values where it is none; `divide` and `estimate` make values and
an `Estimate` of either. What has a denominator of 0 is undefined: NaN in arrays, `Estimate(None)`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.intervals import wilson
from covidreport.records import Counts, Estimate


class CountArrays(NamedTuple):
    """The four counts, arrays of one shape. A failed positive is in fn, a failed negative in fp.

    So tp + fn are all positives and tn + fp all negatives, as `Counts.missed` and
    `Counts.false_alarms` have it.
    """

    tp: NDArray[Any]
    fp: NDArray[Any]
    fn: NDArray[Any]
    tn: NDArray[Any]


class Ratio(NamedTuple):
    """A quotient of counts."""

    numerator: NDArray[Any]
    denominator: NDArray[Any]


Values: TypeAlias = Ratio | NDArray[np.float64]


def to_arrays(counts: Counts | Collection[Counts]) -> CountArrays:
    """One label's counts as arrays of shape `()`; those of K labels `(K,)`."""
    if isinstance(counts, Counts):
        rows: Any = (counts.tp, counts.false_alarms, counts.missed, counts.tn)
    else:
        rows = np.array(
            [(each.tp, each.false_alarms, each.missed, each.tn) for each in counts], np.int64
        ).reshape(-1, 4).T  # fmt: skip
    return CountArrays(*(np.asarray(row, np.int64) for row in rows))


def divide(found: Values) -> NDArray[np.float64]:
    """The values of a metric; NaN where it is undefined."""
    if not isinstance(found, Ratio):
        return found
    over, under = (np.asarray(each, np.float64) for each in found)
    undefined: NDArray[np.float64] = np.full(under.shape, np.nan)
    return np.divide(over, under, out=undefined, where=under != 0)


def estimate(found: Values, *, proportion: bool) -> Estimate:
    """A metric of one label or run as a record.

    proportion: whether it is a proportion of independent images, which has Wilson's interval; any
    other has none of its own.
    """
    if isinstance(found, Ratio):
        make = estimate_rate if proportion else estimate_ratio
        return make(int(found.numerator), int(found.denominator))
    value = float(found)
    return Estimate(None if np.isnan(value) else value)


def estimate_rate(numerator: int, denominator: int) -> Estimate:
    """A binomial proportion with its 95 % Wilson interval."""
    if denominator == 0:
        return Estimate(None)
    low, high = wilson(numerator, denominator)
    return Estimate(numerator / denominator, low, high, numerator, denominator, "wilson")


def estimate_ratio(numerator: int, denominator: int) -> Estimate:
    """A quotient of counts that is no binomial proportion, and so has no interval of its own."""
    if denominator == 0:
        return Estimate(None)
    return Estimate(numerator / denominator, None, None, numerator, denominator)


def sensitivity(counts: CountArrays) -> Ratio:
    """The proportion of positives that were found (recall): tp / positives."""
    return Ratio(counts.tp, counts.tp + counts.fn)


def specificity(counts: CountArrays) -> Ratio:
    """The proportion of negatives that were cleared: tn / negatives."""
    return Ratio(counts.tn, counts.tn + counts.fp)


def ppv(counts: CountArrays) -> Ratio:
    """Positive predictive value (precision): tp / (tp + false alarms)."""
    return Ratio(counts.tp, counts.tp + counts.fp)


def npv(counts: CountArrays) -> Ratio:
    """Negative predictive value: tn / (tn + missed)."""
    return Ratio(counts.tn, counts.tn + counts.fn)


def f1(counts: CountArrays) -> Ratio:
    """The harmonic mean of sensitivity and PPV: 2 tp / (2 tp + false alarms + missed).

    No binomial proportion: its denominator depends on the answers and tp counts twice, so Wilson's
    formula does not hold for it.
    """
    return Ratio(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn)


def accuracy(counts: CountArrays) -> Ratio:
    """The proportion of right answers: (tp + tn) / (positives + negatives)."""
    return Ratio(counts.tp + counts.tn, counts.tp + counts.fp + counts.fn + counts.tn)


def balanced_accuracy(counts: CountArrays) -> NDArray[np.float64]:
    """The mean of sensitivity and specificity; undefined where one of them is.

    Brodersen et al., "The balanced accuracy and its posterior distribution", ICPR (2010) 3121-3124.
    """
    mean: NDArray[np.float64] = (divide(sensitivity(counts)) + divide(specificity(counts))) / 2
    return mean


def mcc(counts: CountArrays) -> NDArray[np.float64]:
    """The correlation of answers with the truth, from -1 to 1, where 0 is no better than chance.

    Matthews, Biochim. Biophys. Acta 405 (1975) 442-451. Undefined where all truths or all answers
    are equal (scikit-learn gives 0 there).
    """
    tp, fp, fn, tn = (np.asarray(each, np.float64) for each in counts)
    # Square roots one by one: the product of four large counts loses no digits that way.
    scale = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return np.clip(divide(Ratio(tp * tn - fp * fn, scale)), -1, 1)


def prevalence(counts: CountArrays) -> Ratio:
    """The proportion of positives among the images whose truth is known."""
    return Ratio(counts.tp + counts.fn, counts.tp + counts.fp + counts.fn + counts.tn)


def pool(counts: CountArrays) -> CountArrays:
    """The counts of all labels `(…, K)` taken together, one for each answer: `(…)`."""
    return CountArrays(*(each.sum(axis=-1) for each in counts))


def micro_f1(counts: CountArrays) -> Ratio:
    """F1 of the pooled counts of all labels `(…, K)`."""
    return f1(pool(counts))


def macro_f1(counts: CountArrays) -> NDArray[np.float64]:
    """The plain mean of the labels' F1, of counts `(…, K)`; undefined where one of them is."""
    each = divide(f1(counts))
    total = each.sum(axis=-1)
    return divide(Ratio(total, np.full_like(total, each.shape[-1])))


def label_accuracy(counts: CountArrays) -> Ratio:
    """The proportion of right answers over all images and labels, of counts `(…, K)`: 1 - Hamming
    loss.

    No binomial proportion: the answers that one image gets for its labels are not independent, so
    N x K answers do not carry the information of N x K trials and Wilson's would be too narrow.
    """
    return accuracy(pool(counts))

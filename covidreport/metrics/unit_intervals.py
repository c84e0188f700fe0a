"""Intervals of metrics of counts, from what each unit, an image or a patient, adds to the counts.

How each is made stands in the table of metrics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.effective import (
    TIMES,
    EffectiveSample,
    add_units,
    correlate_units,
    count_even,
    effective_size,
    sample_units,
)
from covidreport.metrics.intervals import ONE_UNIT, Interval, wilson_ends
from covidreport.metrics.mover import Ends, sum_ends
from covidreport.metrics.proportions import intervals_of_units, sum_units
from covidreport.metrics.rates import (
    CountArrays,
    Ratio,
    divide,
    sensitivity,
    specificity,
)
from covidreport.metrics.table import CountMetric, Metric
from covidreport.records import IntervalKind


class Units(Struct, frozen=True, eq=False):
    """What each unit adds to the counts, arrays `(..., U)` of one label or `(..., U, K)` of all.

    grouped: whether units are patients, not images. times `(..., U)`: how many such units there
    are, of one label; None for one each.
    """

    counts: CountArrays
    grouped: bool
    times: NDArray[Any] | None = None

    @property
    def name(self) -> str:
        """What methods call them."""
        return "groups" if self.grouped else "images"

    @property
    def single(self) -> bool:
        """Whether each is one image with one label, independent of the others."""
        most: int = np.max(sum(self.counts), initial=0)
        return self.counts.tp.ndim == 1 and most <= 1

    def of_label(self, column: int) -> Units:
        """Those of one label `(U,)`, of all `(U, K)`."""
        return Units(CountArrays(*(each[:, column] for each in self.counts)), self.grouped)

    def sample(self, found: Ratio) -> EffectiveSample:
        """The effective sample of a proportion of their counts."""
        return sample_units(found.numerator, found.denominator, times=self.times)


def count_images(counts: CountArrays) -> Units:
    """The units of counts of any shape `(...)` alone, whose images are taken for independent."""
    times = np.stack(counts, axis=-1)
    kinds = (np.broadcast_to(kind, times.shape) for kind in np.eye(4, dtype=np.int64))
    return Units(CountArrays(*kinds), False, times)


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

    None where it is undefined, and where one unit alone has the images of a class.
    """
    return estimate_intervals([metric], units, kind)[0]


def estimate_intervals(
    metrics: Sequence[Metric], units: Units, kind: IntervalKind = "wilson"
) -> list[Interval]:
    """As `estimate_interval`, of several; those of proportions at once."""
    found: list[Ratio] = [
        metric.compute(units.counts) for metric in metrics if metric.interval == "Wilson"
    ]
    of_rates = iter(_estimate_rates(found, units, kind))
    return [
        next(of_rates) if metric.interval == "Wilson" else _estimate_other(metric, units)
        for metric in metrics
    ]


def _estimate_rates(found: Sequence[Ratio], units: Units, kind: IntervalKind) -> list[Interval]:
    if not found:
        return []
    counted, among = (np.stack(each) for each in zip(*found, strict=True))
    return intervals_of_units(counted, among, kind, units.name)


def _estimate_other(metric: Metric, units: Units) -> Interval:
    if metric.interval == "none":
        return Interval(None, None, None)
    method, find_ends = METHODS[metric.interval]
    low, high = (float(end) for end in find_ends(metric, units))
    if math.isnan(low) or math.isnan(high):
        return Interval(None, None, None, ONE_UNIT)
    return Interval(low, high, method if units.single else f"{method} over {units.name}")


def find_f1_ends(metric: Metric, units: Units) -> Ends:
    """F1 = 2 F* / (1 + F*), where F* = tp / (tp + false alarms + missed) is a proportion.

    Hand, Christen and Kirielle, "F*: an interpretable transformation of the F-measure", Machine
    Learning 110 (2021) 451-456; the interval is the indirect Wilson of Lam, Gopal and Qian,
    "Confidence intervals for the F1 score: a comparison of four methods", arXiv:2309.14621 (2023).
    The ends of units `(..., U)`, and of all labels `(..., U, K)`, are `(...)`; so in all functions
    here.
    """
    found: Ratio = metric.compute(units.counts)
    tp = found.numerator // 2
    sample = units.sample(Ratio(tp, found.denominator - tp))
    low, high = (2 * end / (1 + end) for end in wilson_ends(*sample))
    return low, high


def find_mean_ends(_: Metric, units: Units) -> Ends:
    """The mean of sensitivity and specificity: `sum_ends` of their Wilson intervals, with their
    correlation where patients have images of both kinds."""
    parts = sensitivity(units.counts), specificity(units.counts)
    first, second = (units.sample(each) for each in parts)
    low, high = sum_ends(first, second, (0.5, 0.5), correlate_units(*parts, units.times))
    return np.maximum(0.0, low), np.minimum(1.0, high)


def find_delta_ends(metric: Metric, units: Units) -> Ends:
    """Wilson's on the effective sample, with the variance of the delta method.

    To first order each unit moves the metric by its share of each count times the derivative by
    that count: Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 21; for
    Matthews' correlation Itaya, Tamura, Hayashi and Yamamoto, Statist. Med. 44 (2025) e10303.
    The metric's range is mapped to 0 to 1. A label
    has the degrees of freedom of Welch, Biometrika 34 (1947) 28-35, equation 28, for positives and
    negatives; a metric of all labels those of the class with the fewest units. Where nothing varies
    the size is `TIMES` these units.
    """
    least, most = metric.range
    value = divide(metric.compute(_add_counts(metric, units)))
    # Parts: the positives and the negatives of each label; their axis is the first.
    moved, images = (np.stack(each) for each in zip(*_list_parts(metric, units), strict=True))
    n = add_units(images.sum(axis=0) > 0, units.times)
    have = add_units(images > 0, units.times)
    fewest = np.where(have > 0, have, n).min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = count_even(images, units.times) - 1
        freedom = np.fmin.reduce(degrees)
        if isinstance(metric, CountMetric):
            squares = add_units(moved**2, units.times)
            welch = squares.sum(axis=0) ** 2 / np.sum(squares**2 / degrees, axis=0)
            freedom = np.fmax(freedom, welch)
        variance = n / (n - 1) * add_units(moved.sum(axis=0) ** 2, units.times)
    variance = np.where(variance < _ROUNDING, 0.0, variance) / (most - least) ** 2
    share = (value - least) / (most - least)
    answers = add_units(images, units.times).sum(axis=0)
    size = effective_size(share, variance, answers, TIMES * fewest, freedom)
    low, high = (end * (most - least) + least for end in wilson_ends(share, size))
    return np.minimum(low, value), np.maximum(high, value)


def _list_parts(metric: Metric, units: Units) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Of the positives and of the negatives of each label, how far each unit moves the metric, and
    its images, `(..., U)`."""
    totals = _add_counts(metric, units)
    one = isinstance(metric, CountMetric)
    labels: list[Any] = [...] if one else [(..., k) for k in range(totals.tp.shape[-1])]
    for label in labels:
        for kinds in (("tp", "fn"), ("fp", "tn")):
            images: Any = 0
            influence: Any = 0.0
            for kind in kinds:
                each = getattr(units.counts, kind)[label]
                total = np.maximum(getattr(totals, kind)[label], 1)[..., np.newaxis]
                slope = _differentiate(metric, totals, kind, label)[..., np.newaxis]
                images = images + each
                influence = influence + np.where(each > 0, slope * each / total, 0.0)
            yield influence, images


def _add_counts(metric: Metric, units: Units) -> CountArrays:
    """The counts of all units, float `(...)` of one label and `(..., K)` of all."""
    of_label = isinstance(metric, CountMetric)
    return CountArrays(*(
        np.asarray(add_units(each if of_label else each.swapaxes(-1, -2), units.times), np.float64)
        for each in units.counts
    ))  # fmt: skip


def _differentiate(
    metric: Metric, totals: CountArrays, kind: str, label: Any
) -> NDArray[np.float64]:
    """The derivative by the logarithm of one count, by a small step either way."""
    ends = []
    for step in (-_STEP, _STEP):
        moved = getattr(totals, kind).copy()
        moved[label] *= math.exp(step)
        ends.append(divide(metric.compute(totals._replace(**{kind: moved}))))
    return np.asarray((ends[1] - ends[0]) / (2 * _STEP))


_STEP = 1e-4
_ROUNDING = 1e-20
METHODS: Final[Mapping[str, tuple[str, Callable[[Metric, Units], Ends]]]] = {
    "Wilson of F*": ("wilson of F*", find_f1_ends),
    "MOVER": ("mover", find_mean_ends),
    "Wilson, delta variance": ("wilson, delta variance", find_delta_ends),
}
"""How the interval of a metric of counts that is no proportion is made, by what the table of
metrics calls it: the name of the method, and the ends."""

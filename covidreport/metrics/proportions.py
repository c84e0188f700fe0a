"""Intervals of proportions of images: by formula, on the effective sample where images come in
units, such as patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.effective import sample_units
from covidreport.metrics.intervals import (
    ONE_UNIT,
    UNDEFINED,
    Interval,
    clopper_pearson,
    clopper_pearson_ends,
    wilson,
    wilson_ends,
)
from covidreport.metrics.matches import Proportion
from covidreport.records import UNKNOWN, Estimate, IntervalKind, MetricPlan, Texts

FORMULAS: Mapping[IntervalKind, Callable[[float, float], tuple[float, float]]] = {
    "wilson": wilson,
    "clopper-pearson": clopper_pearson,
}
"""The interval of k of n independent images, by the name that the configuration takes."""
_ENDS: Mapping[IntervalKind, Callable[[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], ...]]] = {
    "wilson": lambda k, n: wilson_ends(k / n, n),
    "clopper-pearson": clopper_pearson_ends,
}
"""The same of arrays."""


def code_groups(groups: Sequence[str] | None) -> NDArray[np.intp] | None:
    """The number of each image's patient, `(N,)`; None where no patient has several images.

    With one image each, images are as independent as patients and the formulas hold.
    """
    numbers = None if groups is None else number_groups(Texts.of(groups))
    return numbers if numbers is not None and numbers.max(initial=-1) + 1 < numbers.size else None


@lru_cache(maxsize=4)
def number_groups(groups: Texts) -> NDArray[np.intp]:
    """The number of each image's patient, `(N,)`, in the order in which they first stand; runs of
    one report share their patients, which are numbered once."""
    numbers: dict[str, int] = {}
    each = (numbers.setdefault(group, len(numbers)) for group in groups)
    found = np.fromiter(each, np.intp, len(groups))
    found.flags.writeable = False
    return found


def restate_rate(estimate: Estimate, kind: IntervalKind) -> Estimate:
    """A rate with the interval of this formula; what has no Wilson interval stays as it is."""
    if estimate.method != "wilson" or kind == "wilson":
        return estimate
    assert estimate.numerator is not None
    assert estimate.denominator is not None
    low, high = FORMULAS[kind](estimate.numerator, estimate.denominator)
    return replace(estimate, low=low, high=high, method=kind)


def with_interval(estimate: Estimate, interval: Interval) -> Estimate:
    """The estimate with another interval, or with none where that has none."""
    return replace(estimate, low=interval.low, high=interval.high, method=interval.method)


def interval_of_units(
    counted: NDArray[Any], among: NDArray[Any], kind: IntervalKind, units: str
) -> Interval:
    """The interval of a proportion of images that belong to units: on their `sample_units`.

    counted, among: how many images of each unit count, and of how many, `(U,)`. units: what they
    are called in the name of the method, `groups` or `images`; not named where each has one image.
    """
    return intervals_of_units(counted[np.newaxis], among[np.newaxis], kind, units)[0]


def intervals_of_units(
    counted: NDArray[Any], among: NDArray[Any], kind: IntervalKind, units: str
) -> list[Interval]:
    """As `interval_of_units`, of several proportions `(P, U)` at once: most of the time of one
    alone is that of the calls."""
    sample = sample_units(counted, among)
    low, high = _ENDS[kind](sample.proportion * sample.size, sample.size)
    found = []
    for place, most in enumerate(among.max(axis=1, initial=0)):
        if most == 0:
            found.append(Interval(None, None, None, UNDEFINED))
        elif np.isnan(sample.size[place]):
            found.append(Interval(None, None, None, ONE_UNIT))
        else:
            method = kind if most <= 1 else f"{kind} over {units}"
            found.append(Interval(float(low[place]), float(high[place]), method))
    return found


def sum_units(images: NDArray[np.bool_], groups: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """How many of these images `(N,)` each patient has, `(U,)`."""
    return np.bincount(groups[images], minlength=int(groups.max(initial=-1)) + 1)


def estimate_prevalence(
    prevalence: Estimate, truth: NDArray[np.int8] | None, groups: Sequence[str] | None,
    plan: MetricPlan,
) -> Estimate:  # fmt: skip
    """The prevalence of a label with its interval, over patients where some have several images.

    It says something of other patients only where these are consecutive ones. truth int8 `(N,)` of
    the label with the patients of its images; None where each has one.
    """
    if truth is None:
        if prevalence.numerator is None or prevalence.denominator is None:
            return prevalence
        ends = FORMULAS[plan.interval](prevalence.numerator, prevalence.denominator)
        return with_interval(prevalence, Interval(*ends, plan.interval))
    images = Proportion(truth != UNKNOWN, truth == 1)
    return estimate_proportions([(prevalence, images)], code_groups(groups), plan)[0]


def estimate_proportions(
    proportions: Sequence[tuple[Estimate, Proportion]],
    groups: NDArray[np.integer[Any]] | None,
    plan: MetricPlan,
) -> tuple[Estimate, ...]:
    """Rates with the intervals that the plan and the patients call for.

    proportions: each rate as it was counted, and the images behind it. groups: of `code_groups`.
    """
    if groups is None:
        return tuple(restate_rate(estimate, plan.interval) for estimate, _ in proportions)
    if not proportions:
        return ()
    counted = np.stack([sum_units(each.counted & each.among, groups) for _, each in proportions])
    among = np.stack([sum_units(each.among, groups) for _, each in proportions])
    intervals = intervals_of_units(counted, among, plan.interval, "groups")
    return tuple(
        with_interval(estimate, interval)
        for (estimate, _), interval in zip(proportions, intervals, strict=True)
    )

"""Intervals of proportions of images: by formula, or over patients where images belong to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.bootstrap import Interval, estimate_intervals
from covidreport.metrics.intervals import clopper_pearson, wilson
from covidreport.metrics.matches import Proportion
from covidreport.metrics.resample import MOST_CACHED, resample_counts
from covidreport.records import UNKNOWN, Estimate, IntervalKind, MetricPlan

FORMULAS: Mapping[IntervalKind, Callable[[int, int], tuple[float, float]]] = {
    "wilson": wilson,
    "clopper-pearson": clopper_pearson,
}
"""The interval of k of n independent images, by the name that the configuration takes."""


def code_groups(groups: Sequence[str] | None) -> NDArray[np.intp] | None:
    """The number of each image's patient, `(N,)`; None where no patient has several images.

    With one image each, images are as independent as patients and the formulas hold.
    """
    if groups is None or len(set(groups)) == len(groups):
        return None
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.intp)


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


def pays_to_collapse(groups: NDArray[np.integer[Any]], plan: MetricPlan) -> bool:
    """Whether equal units are better sampled together: not where the weights of all are kept."""
    return (int(groups.max(initial=0)) + 1) * plan.resamples > MOST_CACHED


def estimate_proportions(
    proportions: Sequence[tuple[Estimate, Proportion]],
    groups: NDArray[np.integer[Any]] | None,
    plan: MetricPlan,
) -> tuple[Estimate, ...]:
    """Rates with the intervals that the plan and the patients call for.

    proportions: each rate as it was counted, and the images behind it. groups: of `code_groups`.
    With groups, whole patients are sampled again and again; each resample serves all the
    proportions.
    """
    if groups is None:
        return tuple(restate_rate(estimate, plan.interval) for estimate, _ in proportions)
    defined = [(i, proportion) for i, (estimate, proportion) in enumerate(proportions)
               if estimate.value is not None]  # fmt: skip
    found = [estimate for estimate, _ in proportions]
    if not defined:
        return tuple(found)
    # As one label each: its positives are the images of which, the answers yes those that count.
    truth = np.column_stack([np.where(proportion.among, 1, UNKNOWN) for _, proportion in defined])
    answers = np.column_stack([proportion.counted & proportion.among for _, proportion in defined])
    resampled = resample_counts(
        truth.astype(np.int8), answers[np.newaxis], np.zeros((1, len(truth)), dtype=np.bool_),
        groups, resamples=plan.resamples, seed=plan.seed, collapse=pays_to_collapse(groups, plan),
    )  # fmt: skip
    for column, (index, _) in enumerate(defined):
        interval = estimate_intervals(resampled, 0, column, metrics=("sensitivity",))["sensitivity"]
        found[index] = with_interval(found[index], interval)
    return tuple(found)

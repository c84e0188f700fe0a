"""Intervals of shares of images: by formula, or over patients where images belong to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.bootstrap import Interval, estimate_intervals
from covidreport.metrics.intervals import clopper_pearson, wilson
from covidreport.metrics.matches import Share
from covidreport.metrics.resample import MOST_KEPT, resample_counts
from covidreport.records import UNKNOWN, Estimate, FigurePlan, IntervalKind

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


def pays_to_collapse(groups: NDArray[np.integer[Any]], plan: FigurePlan) -> bool:
    """Whether equal units are better drawn together: not where the weights of all are kept."""
    return (int(groups.max(initial=0)) + 1) * plan.resamples > MOST_KEPT


def estimate_shares(
    shares: Sequence[tuple[Estimate, Share]],
    groups: NDArray[np.integer[Any]] | None,
    plan: FigurePlan,
) -> tuple[Estimate, ...]:
    """Rates with the intervals that the plan and the patients call for.

    shares: each rate as it was counted, and the images behind it. groups: of `code_groups`. With
    groups, whole patients are drawn again and again; each resample serves all the shares.
    """
    if groups is None:
        return tuple(restate_rate(estimate, plan.interval) for estimate, _ in shares)
    defined = [(i, share) for i, (estimate, share) in enumerate(shares)
               if estimate.value is not None]  # fmt: skip
    found = [estimate for estimate, _ in shares]
    if not defined:
        return tuple(found)
    # As one label each: its positives are the images of which, the answers yes those that count.
    truth = np.column_stack([np.where(share.among, 1, UNKNOWN) for _, share in defined])
    answers = np.column_stack([share.counted & share.among for _, share in defined])
    resampled = resample_counts(
        truth.astype(np.int8), answers[np.newaxis], np.zeros((1, len(truth)), dtype=np.bool_),
        groups, resamples=plan.resamples, seed=plan.seed, collapse=pays_to_collapse(groups, plan),
    )  # fmt: skip
    for column, (place, _) in enumerate(defined):
        interval = estimate_intervals(resampled, 0, column, figures=("sensitivity",))["sensitivity"]
        found[place] = with_interval(found[place], interval)
    return tuple(found)

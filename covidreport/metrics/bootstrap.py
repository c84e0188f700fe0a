"""From resampled counts to metrics and their intervals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.intervals import wilson
from covidreport.metrics.rates import CountArrays, divide
from covidreport.metrics.resample import ResampledCounts
from covidreport.metrics.table import list_answered, list_proportions

UNDEFINED = "the metric is undefined"
ALL_EQUAL = "every resample gives the same value"
OFTEN_UNDEFINED = "too many resamples leave the metric undefined"


@dataclass(frozen=True, slots=True)
class Interval:
    """Two ends and how they were made; or no ends, no method, and why there is none."""

    low: float | None
    high: float | None
    method: str | None
    reason: str | None = None


def compute_from_counts(
    counts: CountArrays, metrics: Collection[str] | None = None
) -> dict[str, NDArray[np.float64]]:
    """These metrics of counts (all that depend on answers) of any shape; NaN where undefined."""
    found = list_answered()
    return {
        name: divide(found[name].compute(counts))
        for name in (found if metrics is None else metrics)
    }


def percentile_interval(
    value: float | None,
    resampled: NDArray[np.floating[Any]],
    method: str = "bootstrap",
    confidence: float = 0.95,
) -> Interval:
    """The percentile interval of a metric from its value in each resample, `(B,)`.

    Efron and Tibshirani, 1993, section 13.3. Each end is a value that a resample had: at 95 % the
    largest with at most 2.5 % of the resamples below, and the reverse. A resample in which the
    metric is undefined (NaN) counts as lower than all others at the low end and as higher at the
    high end, so leaving it out can't make the interval narrower; where an end would rest on such a
    resample, or where all resamples are equal, there is no interval, and `reason` says so.

    With few positives it may hold the truth less often than it claims:
    `benchmarks/interval_coverage.py` publishes how often.
    """
    if value is None or np.isnan(value):
        return Interval(None, None, None, UNDEFINED)
    undefined = np.isnan(resampled)
    tail = (1 - confidence) / 2
    low = float(np.quantile(np.where(undefined, -np.inf, resampled), tail, method="lower"))
    high = float(np.quantile(np.where(undefined, np.inf, resampled), 1 - tail, method="higher"))
    if np.isinf(low) or np.isinf(high):
        return Interval(None, None, None, OFTEN_UNDEFINED)
    known = resampled[~undefined]
    if known.min() == known.max():
        return Interval(None, None, None, ALL_EQUAL)
    return Interval(low, high, method)


def estimate_intervals(
    resampled: ResampledCounts,
    run: int,
    label: int,
    confidence: float = 0.95,
    metrics: Collection[str] | None = None,
) -> dict[str, Interval]:
    """The interval of each of these metrics (all of `list_answered`) for one run and label.

    Where the bootstrap says nothing (28 of 28: every resample is 28 of 28), a proportion falls back
    to Wilson's interval and its method says `wilson (degenerate bootstrap)`. With groups that is
    Wilson's for as many trials as groups stand behind the metric: images of one patient may all
    say the same, and no resample can show whether they do. Other metrics have no interval then.
    """
    observed = CountArrays(*(each[run, label] for each in resampled.observed))
    values = {name: float(value) for name, value in compute_from_counts(observed, metrics).items()}
    counts = CountArrays(*(each[:, run, label] for each in resampled.resampled))
    method = name_bootstrap(resampled.grouped)
    intervals: dict[str, Interval] = {}
    proportions = list_proportions()
    for name, samples in compute_from_counts(counts, metrics).items():
        interval = percentile_interval(values[name], samples, method, confidence)
        if name in proportions and interval.reason in (ALL_EQUAL, OFTEN_UNDEFINED):
            units = int(resampled.units[name][run, label])
            interval = _fall_back(values[name], units, resampled.grouped, confidence)
        intervals[name] = interval
    return intervals


def name_bootstrap(grouped: bool) -> str:
    """What an interval of the bootstrap is called."""
    return "bootstrap over groups" if grouped else "bootstrap"


def _fall_back(proportion: float, units: int, grouped: bool, confidence: float) -> Interval:
    # With groups, the proportion of so few trials need not be a whole number: round outwards.
    successes = proportion * units
    near = round(successes)
    exact = abs(successes - near) < 1e-9 * max(1, units)
    below, above = (near, near) if exact else (int(successes), int(successes) + 1)
    low, high = wilson(below, units, confidence)[0], wilson(above, units, confidence)[1]
    name = "wilson over groups" if grouped else "wilson"
    return Interval(low, high, f"{name} (degenerate bootstrap)")

"""An estimate with its evidence as text."""

from __future__ import annotations

import math

from msgspec import Struct

from covidreport.records import Estimate
from covidreport.text.numbers import DASH, decimal, fraction
from covidreport.text.thresholds import CHOSEN_HERE, MARK


class EstimateText(Struct, frozen=True):
    """An estimate with its evidence: `0.714`, `20 of 28`, `0.529 to 0.847`, all in one."""

    value: str
    fraction: str = ""
    interval: str = ""
    text: str = ""
    mark: str = ""
    """What stands in place of an interval that does not hold: `exploratory`."""


def format_estimate(estimate: Estimate | None) -> EstimateText:
    """An estimate with its evidence: `0.714 (20 of 28; 95 % CI 0.529 to 0.847)`."""
    if estimate is None or estimate.value is None or not math.isfinite(estimate.value):
        return EstimateText(DASH, text=DASH)
    value = decimal(estimate.value)
    of = ""
    if estimate.numerator is not None and estimate.denominator is not None:
        of = fraction(estimate.numerator, estimate.denominator)
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"{decimal(estimate.low)} to {decimal(estimate.high)}"
    mark = MARK if estimate.method == MARK else ""
    basis = f"95 % CI {interval}" if interval else mark and f"{mark}: {CHOSEN_HERE}"
    evidence = [part for part in (of, basis) if part]
    text = f"{value} ({'; '.join(evidence)})" if evidence else value
    return EstimateText(value, of, interval, text, mark)


def show_value(estimate: Estimate | None) -> str:
    """The value alone: `0.714`."""
    return format_estimate(estimate).value


def show_ends(estimate: Estimate | None) -> str:
    """What stands beside the value in a table: `(0.529 to 0.847)`, or why nothing does."""
    shown = format_estimate(estimate)
    basis = shown.interval or shown.mark
    return f"({basis})" if basis else ""

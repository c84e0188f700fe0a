"""A rate and its interval as a dot on a line, drawn in the row of a table."""

from __future__ import annotations

from dataclasses import dataclass

from covidreport.records import Estimate
from covidreport.report.charts.scales import Scale, Tick

WIDTH = 108.0
_MARGIN = 5.0
_SCALE = Scale(0.0, 1.0, _MARGIN, WIDTH - _MARGIN)
INTERVAL_TICKS = tuple(
    Tick(_SCALE.place(at), text) for at, text in ((0.0, "0"), (0.5, "0.5"), (1.0, "1"))
)
"""The axis that all marks share: rates from 0 to 1."""


@dataclass(frozen=True, slots=True)
class IntervalMark:
    """Places on an axis `WIDTH` units wide."""

    at: float
    low: float | None
    high: float | None


def place_interval(estimate: Estimate | None) -> IntervalMark | None:
    """The mark of a rate; None where the rate is undefined."""
    if estimate is None or estimate.value is None:
        return None
    ends = (estimate.low, estimate.high)
    low, high = (None if end is None else _SCALE.place(end) for end in ends)
    return IntervalMark(_SCALE.place(estimate.value), low, high)

"""A rate or a difference and its interval as a dot on a line, drawn in the row of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from covidreport.records import Comparison, Estimate
from covidreport.report.charts.scales import Scale, Tick
from covidreport.text import MINUS

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
    ticks: tuple[Tick, ...] = INTERVAL_TICKS
    """Of its axis, where lines are drawn."""


def place_interval(estimate: Estimate | None) -> IntervalMark | None:
    """The mark of a rate; None where the rate is undefined."""
    if estimate is None or estimate.value is None:
        return None
    ends = (estimate.low, estimate.high)
    low, high = (None if end is None else _SCALE.place(end) for end in ends)
    return IntervalMark(_SCALE.place(estimate.value), low, high)


@dataclass(frozen=True, slots=True)
class DifferenceAxis:
    """An axis for differences, with 0 in the middle."""

    scale: Scale
    ticks: tuple[Tick, ...]

    def place(self, comparison: Comparison) -> IntervalMark | None:
        """The mark of a difference; None where it is undefined."""
        if comparison.difference is None:
            return None
        ends = (comparison.low, comparison.high)
        low, high = (None if end is None else self.scale.place(end) for end in ends)
        return IntervalMark(self.scale.place(comparison.difference), low, high, self.ticks)


def fit_differences(comparisons: Sequence[Comparison]) -> DifferenceAxis:
    """The axis that holds all of these differences and their intervals, to a round tenth."""
    ends = (end for each in comparisons for end in (each.difference, each.low, each.high))
    reach = max((abs(end) for end in ends if end is not None), default=0.0)
    limit = min(1.0, max(0.1, math.ceil(reach * 10 - 1e-9) / 10))
    scale = Scale(-limit, limit, _MARGIN, WIDTH - _MARGIN)
    ticks = ((-limit, f"−{limit:g}"), (0.0, "0"), (limit, f"{limit:g}"))
    return DifferenceAxis(scale, tuple(Tick(scale.place(at), text) for at, text in ticks))


Domain = tuple[float, float]
"""The values at both ends of an axis."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Places on an axis `WIDTH` units wide."""

    at: float
    low: float | None
    high: float | None


def place_mark(
    value: float | None, low: float | None, high: float | None, domain: Domain
) -> Mark | None:
    """The mark of a figure and its interval on an axis; None where the figure is undefined."""
    if value is None:
        return None
    scale = Scale(*domain, _MARGIN, WIDTH - _MARGIN)
    ends = (None if end is None else scale.place(end) for end in (low, high))
    return Mark(scale.place(value), *ends)


def list_ticks(domain: Domain) -> tuple[Tick, ...]:
    """Both ends of an axis of marks, and its middle."""
    low, high = domain
    scale = Scale(low, high, _MARGIN, WIDTH - _MARGIN)
    values = (low, (low + high) / 2, high)
    return tuple(Tick(scale.place(at), f"{at:g}".replace("-", MINUS)) for at in values)


def fit_domain(ends: Iterable[float | None]) -> Domain:
    """The domain, with 0 in the middle, that holds differences and their ends, to a round tenth."""
    reach = max((abs(end) for end in ends if end is not None), default=0.0)
    limit = min(1.0, max(0.1, math.ceil(reach * 10 - 1e-9) / 10))
    return (-limit, limit)

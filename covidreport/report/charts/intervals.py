"""A figure and its interval as a dot on a line, drawn in the row of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

from covidreport.records import Estimate
from covidreport.report.charts.scales import Scale, Tick
from covidreport.text import MINUS

WIDTH = 108.0
_MARGIN = 5.0
_LOWEST = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9)
Domain = tuple[float, float]
"""The values at both ends of an axis."""


class Mark(Struct, frozen=True):
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
    scale = _scale(domain)
    ends = (None if end is None else scale.place(end) for end in (low, high))
    return Mark(scale.place(value), *ends)


def list_ticks(domain: Domain) -> tuple[Tick, ...]:
    """Both ends of an axis of marks, and its middle."""
    low, high = domain
    scale = _scale(domain)
    values = (low, (low + high) / 2, high)
    return tuple(Tick(scale.place(at), f"{at:g}".replace("-", MINUS)) for at in values)


def fit_domain(ends: Iterable[float | None]) -> Domain:
    """The domain, with 0 in the middle, that holds differences and their ends, to a round tenth."""
    reach = max((abs(end) for end in ends if end is not None), default=0.0)
    limit = min(1.0, max(0.1, math.ceil(reach * 10 - 1e-9) / 10))
    return (-limit, limit)


def fit_rates(estimates: Iterable[Estimate | None]) -> Domain:
    """The domain up to 1 that holds these rates and their ends and gives them the room."""
    known = [one for one in estimates if one is not None]
    ends = (end for one in known for end in (one.value, one.low) if end is not None)
    least = min(ends, default=0.0)
    return (max(low for low in _LOWEST if low <= max(least, 0.0)), 1.0)


def _scale(domain: Domain) -> Scale:
    return Scale(*domain, _MARGIN, WIDTH - _MARGIN)

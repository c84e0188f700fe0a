"""A figure and its interval as a dot on a line, drawn in the row of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

from covidreport.report.charts.scales import Scale, Tick
from covidreport.text import MINUS

WIDTH = 108.0
_MARGIN = 5.0
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


def _scale(domain: Domain) -> Scale:
    return Scale(*domain, _MARGIN, WIDTH - _MARGIN)

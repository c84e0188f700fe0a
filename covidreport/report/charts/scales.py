"""Round axis steps and the place of a value on an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from covidreport.text import MINUS

_ALIKE, _NOTHING = 1e-6, 1e-9
"""Values closer than this share of their size, or than this, are the same for the eye."""
_MANY_TIMES = 4
_FEWEST = 4
"""An axis of counts reaches so far at least: one case more or less is no gulf."""


class Tick(Struct, frozen=True):
    """A mark of an axis: where it stands, in the units of the view box, and what it says."""

    at: float
    text: str


class Scale(Struct, frozen=True):
    """An axis: values from `low` to `high` stand from `start` to `end` on the page, as they are or,
    from 0 on, by their square roots."""

    low: float
    high: float
    start: float
    end: float
    root: bool = False

    def place(self, value: float) -> float:
        """Where a value stands, to a tenth of a unit."""
        share = (value - self.low) / (self.high - self.low)
        if self.root:
            share = math.sqrt(share)
        return round(self.start + share * (self.end - self.start), 1)


def round_step(span: float, parts: int) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that cuts `span` into at most `parts`."""
    raw = span / parts
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0):
        if factor * power >= raw * (1 - 1e-9):
            return factor * power
    return 10.0 * power  # pragma: no cover  # the factor 10 always suffices


def fit_scale(
    values: Sequence[float],
    start: float,
    end: float,
    parts: int,
    *,
    whole: bool = False,
    floor: float | None = None,
) -> tuple[Scale, tuple[Tick, ...]]:
    """An axis that holds all values, ending on round steps, and its ticks.

    whole: steps are whole numbers. floor: the axis begins there and not at the smallest value.
    Values that are as good as equal are put in the middle of an axis around them.
    """
    low = min(values) if floor is None else floor
    high = max(values)
    size = max(abs(low), abs(high))
    if high - low <= max(size * _ALIKE, _NOTHING):
        reach = 1.0 if whole or size <= _NOTHING else size * 0.1
        low, high = (low if floor is not None else low - reach), high + reach
    step = round_step(high - low, parts)
    if whole:
        step = max(1.0, float(math.ceil(step)))
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    scale = Scale(first * step, last * step, start, end)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**digits - round(step * 10**digits)) > 1e-6:
        digits += 1  # 2.5 needs one more decimal than 2
    return scale, tuple(
        Tick(scale.place(index * step), _tick(index * step, digits))
        for index in range(first, last + 1)
    )


def fit_counts(
    counts: Sequence[int], start: float, end: float, parts: int
) -> tuple[Scale, tuple[Tick, ...]]:
    """An axis of counts from 0, and its ticks: by square roots where one count is many times those
    in the middle, which it would press into a corner."""
    ordered = sorted(one for one in counts if one > 0)
    if not ordered or ordered[-1] <= _MANY_TIMES * ordered[len(ordered) // 2]:
        return fit_scale([*counts, _FEWEST], start, end, parts, whole=True, floor=0.0)
    steps = [factor * 10**power for power in range(12) for factor in (1, 2, 5)]
    high = next(step for step in (*steps, ordered[-1]) if step >= ordered[-1])
    scale = Scale(0.0, high, start, end, root=True)
    ticks = [Tick(scale.place(high), _tick(high, 0))]
    for step in reversed([0, *(one for one in steps if one < high)]):
        tick = Tick(scale.place(step), _tick(step, 0))
        if abs(tick.at - ticks[-1].at) >= abs(end - start) / (2 * parts):
            ticks.append(tick)
    return scale, tuple(reversed(ticks))


def _tick(value: float, digits: int) -> str:
    text = f"{value:.3g}" if abs(value) >= 1e6 else f"{value:z,.{digits}f}"
    return text.replace("-", MINUS)

"""The sick, one dot each: who was missed and who was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from covidreport.records import Counts

MOST_DOTS = 120
_PITCH = 14.0
_RADIUS = 5.0

DotKind = Literal["missed", "unscored", "found"]


@dataclass(frozen=True, slots=True)
class Dot:
    """One image: where it stands and what became of it."""

    x: float
    y: float
    kind: DotKind


@dataclass(frozen=True, slots=True)
class Tally:
    """Dots in rows of seven or more, the missed first, in a view box of width x height."""

    dots: tuple[Dot, ...]
    radius: float
    width: float
    height: float


def draw_tally(counts: Counts) -> Tally | None:
    """A dot for each positive; None where there are none, or too many to count by eye."""
    positives = counts.positives
    if not 0 < positives <= MOST_DOTS:
        return None
    kinds: list[DotKind] = ["missed"] * counts.fn
    kinds += ["unscored"] * counts.failed_positive
    kinds += ["found"] * counts.tp
    per_row = 7 if positives <= 28 else 10 if positives <= 60 else 15
    dots = tuple(
        Dot((i % per_row + 0.5) * _PITCH, (i // per_row + 0.5) * _PITCH, kind)
        for i, kind in enumerate(kinds)
    )
    rows = -(-positives // per_row)
    return Tally(dots, _RADIUS, min(positives, per_row) * _PITCH, rows * _PITCH)

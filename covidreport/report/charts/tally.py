"""Cases, one dot each: who was missed and who was found, and of many the false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from covidreport.records import Counts, NaturalFrequencies

MOST_DOTS = 120
_ICONS_PER_ROW = 40
_PITCH = 14.0
_RADIUS = 5.0

DotKind = Literal["missed", "unscored", "found", "alarm", "cleared"]


class Dot(Struct, frozen=True):
    """One image: where it stands and what became of it."""

    x: float
    y: float
    kind: DotKind


class Tally(Struct, frozen=True):
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
    return _place(kinds, 7 if positives <= 28 else 10 if positives <= 60 else 15)


def draw_icons(frequencies: NaturalFrequencies) -> Tally:
    """An icon array: a dot for each of all cases, those with the disease first."""
    of = frequencies
    kinds: list[DotKind] = ["missed"] * of.missed.n
    kinds += ["found"] * of.found
    kinds += ["alarm"] * of.false_alarms.n
    kinds += ["cleared"] * of.cleared
    return _place(kinds, _ICONS_PER_ROW)


def _place(kinds: Sequence[DotKind], per_row: int) -> Tally:
    dots = tuple(
        Dot((i % per_row + 0.5) * _PITCH, (i // per_row + 0.5) * _PITCH, kind)
        for i, kind in enumerate(kinds)
    )
    rows = -(-len(kinds) // per_row)
    return Tally(dots, _RADIUS, min(len(kinds), per_row) * _PITCH, rows * _PITCH)

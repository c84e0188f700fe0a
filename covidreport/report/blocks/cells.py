"""What stands in a cell and in a sentence: a figure with its evidence, a name, a few words."""

from __future__ import annotations

from msgspec import Struct

from covidreport.records import Estimate


class Text(Struct, frozen=True):
    """What data say: a name, a reason, a setting."""

    text: str
    note: str = ""
    sort: float | None = None
    """What a column is sorted by where that is not the text."""


class Strong(Struct, frozen=True):
    """Words of a sentence that are set off."""

    text: str


class Code(Struct, frozen=True):
    """What is to be read letter by letter."""

    text: str


class Link(Struct, frozen=True):
    """A name that leads to a place of the report; the name alone where that is not in it."""

    text: str
    target: str
    note: str = ""


class Count(Struct, frozen=True):
    """How many, and of how many; `failed` of them because they could not be scored.

    told: the column's head says of how many.
    """

    n: int | None
    of: int | None = None
    failed: int = 0
    told: bool = False


class Rate(Struct, frozen=True):
    """An estimate with its evidence; `before` and `note` stand around its interval.

    evidence: whether the fraction is shown where there is little room, too.
    """

    estimate: Estimate | None
    before: str = ""
    note: str = ""
    evidence: bool = False


class Difference(Struct, frozen=True):
    """A difference with its interval, to so many decimals; None is a dash.

    signed: with its sign where it is positive, too. level: of the interval.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    places: int = 3
    signed: bool = True
    level: float = 0.95


class PValue(Struct, frozen=True):
    """A p-value; None is a dash.

    significant: whether two runs are significantly different, after all corrections. unadjusted:
    the same before it was adjusted, which stands beside it.
    """

    p: float | None
    note: str = ""
    significant: bool = False
    unadjusted: float | None = None


class Spread(Struct, frozen=True):
    """Mean and standard deviation of several runs, from the smallest to the largest.

    undefined: how many of them have no such figure. places: decimals of the mean.
    """

    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    undefined: int = 0
    whole: bool = False
    """Whether single figures are counts."""


class Number(Struct, frozen=True):
    """A figure that has no interval, to so many decimals; None is a dash."""

    value: float | None
    places: int = 3
    note: str = ""


Cell = str | Text | Strong | Code | Link | Count | Rate | Difference | PValue | Spread | Number
Inlines = str | tuple[Cell, ...]
"""A sentence: a text of ours, or its pieces."""

"""Counts, rates and settings as text. `templates/script/wording.js` writes the first two alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from covidreport.text.words import clean

DASH = "–"
MINUS = "−"


def whole(number: int | None) -> str:
    """A count: `6200` is `6,200`; None is a dash."""
    return DASH if number is None else f"{number:,}".replace("-", MINUS)


def fraction(part: int | None, of: int | None) -> str:
    """`20 of 28`, `1,174 of 1,457`; a dash where one of them is not known."""
    return DASH if part is None or of is None else f"{whole(part)} of {whole(of)}"


def decimal(value: float | None, places: int = 3) -> str:
    """A rate or score to three decimals; None, NaN and infinity are a dash.

    Half-way between two it is the even one. What rounds to 0 has no sign.
    """
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:z.{places}f}".replace("-", MINUS)


def places_beside(value: float, bound: float, *, stated: bool = True) -> int:
    """The fewest decimals, from three, with which a value reads on its own side of a bound.

    0.4998 is under 0.50, and 0.500 would not say so. stated: the bound is shown as it was stated;
    else it is rounded as the value is. Ten for a value at the bound.
    """
    for places in range(3, 10):
        shown, rounded = round(value, places), round(bound, places)
        beside = bound if stated else rounded
        if shown != rounded and (shown - beside) * (value - bound) > 0:
            return places
    return 10


def decimal_beside(value: float, bound: float) -> str:
    """A rate as it reads beside a stated bound that it is not at, as `places_beside` has it."""
    return decimal(value, places_beside(value, bound))


def signed(value: float | None, places: int = 3) -> str:
    """A difference to three decimals with its sign: `+0.071`, `−0.036`, `0.000`."""
    text = decimal(value, places)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.–") else text


def portion_of(count: int, total: int) -> str:
    """A part of a whole to three decimals, `0.714`; empty where there is nothing to be a part of.

    What is not all and not none does not read as either: `0.999`, `0.001` at the ends.
    """
    return decimal(_thousandths(count, total) / 1000) if total else ""


def percent_of(count: int, total: int) -> str:
    """The same in percent, `71.4 %`: for the table of who was studied, as papers have it."""
    return f"{_thousandths(count, total) / 10:.1f} %" if total else ""


def _thousandths(count: int, total: int) -> int:
    found = round(1000 * count / total)
    return min(max(found, 1), 999) if 0 < count < total else found


def proportion(count: int, total: int) -> str:
    """Such as `0.355 (2,200 of 6,200)`; a dash where there is nothing to be a part of."""
    return f"{portion_of(count, total)} ({fraction(count, total)})" if total else DASH


def portion(value: float | None) -> str:
    """A probability or proportion to three decimals; what is not 0 and not 1 reads as neither."""
    if value is not None and 0 < value < 0.001:
        return "< 0.001"
    if value is not None and 0.999 < value < 1:
        return "> 0.999"
    return decimal(value)


def aligned(values: Sequence[float | None]) -> tuple[str, ...]:
    """A column of numbers of any size, such as losses, all to the same number of decimals.

    Four, or as many as give the largest of them four significant digits. None, NaN and infinity
    are a dash.
    """
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    digits = max(4, 3 - math.floor(math.log10(max(sizes)))) if sizes else 4
    return tuple(
        DASH if value is None or not math.isfinite(value) else _fixed(value, digits)
        for value in values
    )


def _fixed(value: float, digits: int) -> str:
    text = f"{value:.4g}" if abs(value) >= 1e7 or digits > 9 else f"{value:,.{digits}f}"
    return text.replace("-", MINUS)


def exact(value: object) -> str:
    """A setting as it was given: `1e-4` is `0.0001`, None a dash, a list is listed."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{clean(key)}: {exact(item)}" for key, item in value.items()) or DASH
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(exact(item) for item in value) or DASH
    return clean(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return DASH
    if value == int(value) and abs(value) < 1e15:
        return str(int(value)).replace("-", MINUS)
    plain = format(Decimal(repr(value)), "f") if abs(value) >= 1e-7 else repr(value)
    return plain.replace("-", MINUS)

"""P-values as text: one rule for how many digits, and another for bounds, which are cut."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from covidreport.text.numbers import DASH

LEAST = 0.001
"""The least that is written of a p-value."""
_ONE = "1.00"
"""What a p-value of 1 reads as; of a bound no other does, since it is cut."""


def format_p(value: float | None) -> str:
    """Such as `p = 0.032`, `p < 0.001`; `p unknown` for None. Digits as `p_value` has them."""
    if value is None:
        return "p unknown"
    shown = p_value(value)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


def p_value(value: float | None) -> str:
    """Two decimals, three under 0.1, four where 0.05 would be in doubt; None is a dash."""
    if value is None:
        return DASH
    return f"< {LEAST}" if value < LEAST else f"{value:.{_places(value)}f}"


def format_bounds(low: float, high: float | None) -> str:
    """What is known of a p-value: `p between 0.008 and 0.015`, `p at most 0.015`, `p at least
    0.10`, `p = 1.00`."""
    shown = show_bounds(low, high)
    if shown == _ONE:
        return f"p = {_ONE}"
    return "p " + (f"between {shown}".replace(" to ", " and ") if " to " in shown else shown)


def show_bounds(low: float, high: float | None) -> str:
    """The same without its name: `0.008 to 0.015`, `at most 0.015`, `at least 0.10`, `1.00`.

    A lower bound under 0.001 is none that a reader can use.
    """
    if low >= 1:
        return _ONE
    if high is None or high >= 1:
        return "may be < 0.001" if low < LEAST else f"at least {bound_p(low)}"
    if high < LEAST:
        return p_value(high)
    most = bound_p(high, above=True)
    return f"at most {most}" if low < LEAST else f"{bound_p(low)} to {most}"


def bound_p(value: float, *, above: bool = False) -> str:
    """The least that a p-value can be, or the most where `above`, with as many digits.

    Cut, never rounded up (the most never down): it must stay a bound.
    """
    if value >= 1:
        return _ONE
    given, places = Decimal(repr(float(value))), _places(value)
    rounding = ROUND_CEILING if above else ROUND_FLOOR
    return f"{given.quantize(Decimal(1).scaleb(-places), rounding):f}"


def _places(value: float) -> int:
    return 4 if 0.0495 <= value < 0.0505 else 3 if value < 0.1 else 2

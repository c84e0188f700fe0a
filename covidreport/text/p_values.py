"""P-values as text: one rule for how many digits, and another for bounds, which are cut."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from covidreport.text.numbers import DASH


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
    return "< 0.001" if value < 0.001 else f"{value:.{_places(value)}f}"


def bound_p(value: float) -> str:
    """The least that a p-value can be, with as many digits; `1` where it can be nothing else.

    Cut, never rounded up: it must stay a bound. Under 0.001 it has one digit that is not 0.
    """
    if value >= 1:
        return "1"
    given = Decimal(repr(float(value)))
    places = max(_places(value), -given.adjusted()) if value else 3
    return f"{given.quantize(Decimal(1).scaleb(-places), ROUND_FLOOR):f}"


def _places(value: float) -> int:
    return 4 if 0.0495 <= value < 0.0505 else 3 if value < 0.1 else 2

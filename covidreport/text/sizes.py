"""Sizes of files and memory, and speeds, to three digits."""

from __future__ import annotations

from covidreport.text.numbers import DASH

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def size(n_bytes: int | None) -> str:
    """Such as `42.7 MiB`; a dash for None."""
    if n_bytes is None:
        return DASH
    value, unit = float(n_bytes), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:  # 1,000 of one is written in the next
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} bytes" if unit == 0 else f"{digits(value)} {_UNITS[unit]}"


def digits(value: float | None) -> str:
    """To three digits, whole from 100 on: `0.0123`, `4.57`, `1,230`; a dash for None."""
    if value is None:
        return DASH
    if value >= 99.95:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if value >= 0.001 else f"{value:.2e}"

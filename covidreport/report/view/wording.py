"""Numbers, names and dashes: the one place where a figure becomes text."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal

from covidreport.compare.finding import format_p
from covidreport.records import Estimate
from covidreport.report.view.records import Figure
from covidreport.thresholds import CHOSEN_HERE, MARK

DASH = "–"
MINUS = "−"
_NAMES = {"covid-19": "COVID-19", "covid19": "COVID-19", "covid": "COVID"}


def clean(text: object) -> str:
    """Text as a reader may see it: one line, and nothing in it that can't be seen.

    Line breaks and tabs become spaces; other control characters, and those that turn the
    direction of what follows (a figure beside a name could be read backwards), become `�`.
    """
    flat = " ".join(str(text).split())
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(sign) in {"Cc", "Cs"} or _turns(sign)
        else sign
        for sign in flat
    )  # fmt: skip


def _turns(sign: str) -> bool:
    return "\u202a" <= sign <= "\u202e" or "\u2066" <= sign <= "\u2069" or sign in "\u200e\u200f"


def label_name(label: str) -> str:
    """A label as it is written in a sentence: `covid-19` is COVID-19, others stay as they are."""
    return _NAMES.get(label.lower(), clean(label))


def whole(number: int | None) -> str:
    """A count: `6200` is `6,200`; None is a dash."""
    return DASH if number is None else f"{number:,}".replace("-", MINUS)


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """`1 image`, `6,200 images`."""
    return f"{whole(number)} {noun if number == 1 else nouns or noun + 's'}"


def decimal(value: float | None) -> str:
    """A rate or score to three decimals; None, NaN and infinity are a dash."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.3f}".replace("-", MINUS)


def share(count: int, total: int) -> str:
    """A part in percent to one decimal, `71.4 %`; empty where there is nothing to be a part of.

    What is not all and not none does not read as either: `99.9 %`, `0.1 %` at the ends.
    """
    if not total:
        return ""
    tenths = round(1000 * count / total)
    if 0 < count < total:
        tenths = min(max(tenths, 1), 999)
    return f"{tenths / 10:.1f} %"


def signed(value: float | None) -> str:
    """A difference to three decimals with its sign: `+0.071`, `−0.036`, `0.000`."""
    text = decimal(value)
    return f"+{text}" if value is not None and value > 0 and text not in (DASH, "0.000") else text


def p_value(value: float | None) -> str:
    """Two decimals, three under 0.1, four where 0.05 would be in doubt; None is a dash."""
    return DASH if value is None else format_p(value).removeprefix("p = ").removeprefix("p ")


def aligned(values: Sequence[float | None]) -> tuple[str, ...]:
    """A column of figures of any size, such as losses, all to the same number of decimals.

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


def figure(estimate: Estimate | None) -> Figure:
    """An estimate with its evidence: `0.714 (20/28; 95 % CI 0.529 to 0.847)`."""
    if estimate is None or estimate.value is None or not math.isfinite(estimate.value):
        return Figure(DASH, text=DASH)
    value = decimal(estimate.value)
    fraction = ""
    if estimate.numerator is not None and estimate.denominator is not None:
        fraction = f"{whole(estimate.numerator)}/{whole(estimate.denominator)}"
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"{decimal(estimate.low)} to {decimal(estimate.high)}"
    mark = MARK if estimate.method == MARK else ""
    basis = f"95 % CI {interval}" if interval else mark and f"{mark}: {CHOSEN_HERE}"
    evidence = [part for part in (fraction, basis) if part]
    text = f"{value} ({'; '.join(evidence)})" if evidence else value
    return Figure(value, fraction, interval, text, mark)


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def humanise(key: str) -> str:
    """A key of a file as words: `learning_rate` is `learning rate`."""
    return clean(key).replace("_", " ")


def titled(text: str) -> str:
    """The same with a capital letter in front: `validation` is `Validation`."""
    return text[:1].upper() + text[1:]

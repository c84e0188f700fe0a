"""Names, plurals and lists."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

NOT_STATED = "not stated"
"""What stands where nobody stated anything."""
_NAMES = {"covid-19": "COVID-19", "covid19": "COVID-19", "covid": "COVID"}


def clean(text: object) -> str:
    """Text as a reader may see it: one line, and nothing in it that can't be seen.

    Line breaks and tabs become spaces; other control characters, and those that turn the
    direction of what follows (a number beside a name could be read backwards), become `�`.
    """
    flat = " ".join(str(text).split())
    if flat.isprintable():  # as nearly every text: none of its signs is of those kinds
        return flat
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


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """`1 image`, `6,200 images`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def listed(items: Sequence[str], most: int | None = None, last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; of more than `most` the first ones, `a, b, c and 3 more`."""
    if most is not None and len(items) > most:
        items = [*items[:most], f"{len(items) - most:,} more"]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def list_some(items: Sequence[str], most: int) -> str:
    """`a, b, c`; of more than `most` the first ones, `a, b, c and 3 more`."""
    return listed(items, most) if len(items) > most else ", ".join(items)


def humanise(key: str) -> str:
    """A key of a file as words: `learning_rate` is `learning rate`."""
    return clean(key).replace("_", " ")


def titled(text: str) -> str:
    """The same with a capital letter in front: `validation` is `Validation`."""
    return text[:1].upper() + text[1:]

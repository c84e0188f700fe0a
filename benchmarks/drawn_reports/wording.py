"""A difference in words, short enough to be read and long enough to be found."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from benchmarks.drawn_reports.records import Difference

_AROUND = 60
"""So many characters stand around what differs."""
_SHORT = 100


def describe_difference(difference: Difference) -> Iterator[str]:
    """One line, or three where both sides are long."""
    what, before, after = difference.what, difference.before, difference.after
    if before is None:
        yield f"{what}: {_cut(after or '', 0)}"
    elif after is None:
        yield f"{what}: {_cut(before, 0)}"
    elif len(before) + len(after) <= _SHORT:
        yield f"{what}: “{before}” -> “{after}”"
    else:
        same = takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))
        at = sum(1 for _ in same)
        yield f"{what}:"
        yield f"  - {_cut(before, at)}"
        yield f"  + {_cut(after, at)}"


def _cut(text: str, at: int) -> str:
    """What stands around a character, with signs where words are left out."""
    start, stop = max(0, at - _AROUND), at + 2 * _AROUND
    return f"{'…' if start else ''}{text[start:stop]}{'…' if stop < len(text) else ''}"

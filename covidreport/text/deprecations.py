"""What goes, in which version, and what takes its place: the one list, and its one sentence.

It warns from `since` on, and works as before until the version `goes`; docs/formats.md promises
that this is a later minor version. A test fails once that version is there.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class Deprecation(Struct, frozen=True):
    """What goes."""

    what: str
    instead: str
    since: str
    """The version that warns first."""
    goes: str
    """The version in which it is not there any more, at the earliest."""

    @property
    def sentence(self) -> str:
        """What a user is told who uses it."""
        return f"{self.what} is deprecated and goes with {self.goes}; use {self.instead}"


DEPRECATIONS: Final[Mapping[str, Deprecation]] = {
    "format csv": Deprecation(
        "the format `csv`", "`ranking-csv`, or `metrics-csv` for every figure", "0.2.0", "0.3.0"
    ),
    "command occlude": Deprecation(
        "`covidreport occlude`", "`covidreport evaluate --occlude`", "0.2.0", "0.3.0"
    ),
}


def find_deprecation(kind: str, name: str) -> Deprecation | None:
    """What is said of a format or command; None where it stays."""
    return DEPRECATIONS.get(f"{kind} {name}")


def warn_of(kind: str, name: str) -> None:
    """Warn a program that uses it, at the line that called ours."""
    found = find_deprecation(kind, name)
    if found is not None:
        warnings.warn(found.sentence, DeprecationWarning, stacklevel=3)

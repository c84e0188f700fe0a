"""The truth that each of several readers gave: attributes `reader:NAME:LABEL` as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from covidreport.records import UNKNOWN

READING: Final = "reader:"
"""How the attributes begin that hold what a reader says of a label: 1, 0, or blank."""
_CODES = {"1": 1, "0": 0, "": UNKNOWN}


def is_reading(name: str) -> bool:
    """Whether an attribute is a reader's, by its name."""
    return name.startswith(READING)


def part_reading(name: str) -> tuple[str, str]:
    """The reader and the label of such a name; empty where it states none."""
    reader, _, label = name.removeprefix(READING).partition(":")
    return reader.strip(), label.strip()


def list_readings(attributes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The attributes that are readers' truth, by `NAME:LABEL`: `(N,)` of 1, 0 and blanks."""
    return {
        name.removeprefix(READING): tuple(cells)
        for name, cells in attributes.items()
        if is_reading(name)
    }


def take_readings(readings: Mapping[str, Sequence[str]], label: str) -> dict[str, NDArray[np.int8]]:
    """What each reader says of a label, int8 `(N,)`: 1, 0 or `UNKNOWN`; of those who read any."""
    found = {}
    for name, cells in readings.items():
        reader, of = part_reading(name)
        if of == label and any(cells):
            found[reader] = np.fromiter(map(_CODES.__getitem__, cells), np.int8, len(cells))
    return found

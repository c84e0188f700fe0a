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


def read_readings(attributes: Mapping[str, Sequence[str]]) -> dict[str, NDArray[np.int8]]:
    """By the attribute's name, what a reader says of each image, int8 `(N,)`: 1, 0 or `UNKNOWN`."""
    return {
        name: np.fromiter(map(_CODES.__getitem__, cells), np.int8, len(cells))
        for name, cells in attributes.items()
        if is_reading(name)
    }


def take_readings(
    readings: Mapping[str, NDArray[np.int8]], label: str
) -> dict[str, NDArray[np.int8]]:
    """Those of one label by reader, of readers who read any image."""
    found = {}
    for name, codes in readings.items():
        reader, of = part_reading(name)
        if of == label and (codes != UNKNOWN).any():
            found[reader] = codes
    return found

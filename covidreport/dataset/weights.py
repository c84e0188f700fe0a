"""Sampling weights: for how many patients of a ward an image of an enriched set stands."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WEIGHT = "weight"
RENAME = (
    "sampling weights are finite numbers, 0 or more, stated for every image; rename the column if "
    "it is another weight, such as the patient's in kilograms"
)


def read_weights(cells: Sequence[str]) -> tuple[NDArray[np.float64], list[tuple[int | None, str]]]:
    """The weights `(N,)`, and what is wrong with the cells by row; None of a row is all of them."""
    values = np.array([_read_number(cell) for cell in cells], np.float64)
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    faults: list[tuple[int | None, str]] = [
        (row, f"{WEIGHT} is {cells[row]!r}: {RENAME}") for row in wrong.tolist()
    ]
    if values.size and not faults and not values.any():
        faults.append((None, f"every {WEIGHT} is 0: no image would count"))
    return values, faults


def _read_number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan

"""What a cell of a label column may say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covidreport.records import UNKNOWN

VALUES = {
    "0": 0,
    "0.0": 0,
    "false": 0,
    "1": 1,
    "1.0": 1,
    "true": 1,
    "": UNKNOWN,
    "null": UNKNOWN,
}
"""The truth by cell, compared in lower case: blank and null are unknown, which is not negative."""


def read_truth(cells: Sequence[str]) -> tuple[NDArray[np.int8], list[int]]:
    """int8 `(N,)` of a label's cells, and the rows whose cell is none of `VALUES`."""
    codes = {cell: VALUES.get(cell.strip().lower()) for cell in set(cells)}
    wrong = {cell for cell, code in codes.items() if code is None}
    rows = [row for row, cell in enumerate(cells) if cell in wrong] if wrong else []
    known = {cell: UNKNOWN if code is None else code for cell, code in codes.items()}
    return np.fromiter(map(known.__getitem__, cells), np.int8, len(cells)), rows


def looks_like_label(cells: Sequence[str]) -> bool:
    """Whether a column holds nothing but 0, 1 and blanks, and at least one 1."""
    codes = {VALUES.get(cell.strip().lower()) for cell in set(cells)}
    return None not in codes and 1 in codes

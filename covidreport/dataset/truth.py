"""What a cell of a label column may say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from covidreport.errors import UsageError
from covidreport.records import UNKNOWN

VALUES = {
    "0": 0,
    "false": 0,
    "1": 1,
    "true": 1,
    "": UNKNOWN,
    "null": UNKNOWN,
}
"""The truth by cell, compared in lower case and without `.0`: blank and null are unknown, which is
not negative."""


COMMON_MARKS = frozenset({"-1", "?", "u", "uncertain", "unknown", "na", "n/a", "nan"})
"""What other data sets write for an uncertain label; never taken for one unless it is named."""
_WHOLE = re.compile(r"([+-]?\d+)\.0+")


def name_values(uncertain: Sequence[str] = ()) -> Mapping[str, int]:
    """`VALUES` and the marks for an uncertain truth, which is unknown as a blank is.

    UsageError for a mark that means yes or no already: it would turn known truth into unknown.
    """
    taken = [mark for mark in uncertain if VALUES.get(normalise_cell(mark), UNKNOWN) != UNKNOWN]
    if taken:
        raise UsageError(
            f"{', '.join(map(repr, taken))} can't mark an uncertain label: it means "
            f"{'yes' if VALUES[normalise_cell(taken[0])] else 'no'} (`uncertain` in the "
            "configuration)"
        )
    return {**VALUES, **{normalise_cell(mark): UNKNOWN for mark in uncertain}}


def describe_values(uncertain: Sequence[str] = (), cell: str = "") -> str:
    """What a cell may say, for the message about one that says something else."""
    if uncertain:
        return f"0, 1, blank or an uncertain mark ({', '.join(uncertain)})"
    if normalise_cell(cell) in COMMON_MARKS:
        mark = cell.strip().replace('"', "")
        return f'0, 1 or blank; if it marks an uncertain label, configure uncertain = ["{mark}"]'
    return "0, 1 or blank"


def normalise_cell(cell: str) -> str:
    """A cell as it is compared: in lower case, and -1.0 as -1."""
    text = cell.strip().lower()
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def read_truth(
    cells: Sequence[str], values: Mapping[str, int] = VALUES
) -> tuple[NDArray[np.int8], list[int]]:
    """int8 `(N,)` of a label's cells, and the rows whose cell is none of `values`."""
    codes = {cell: values.get(normalise_cell(cell)) for cell in set(cells)}
    wrong = {cell for cell, code in codes.items() if code is None}
    rows = [row for row, cell in enumerate(cells) if cell in wrong] if wrong else []
    known = {cell: UNKNOWN if code is None else code for cell, code in codes.items()}
    return np.fromiter(map(known.__getitem__, cells), np.int8, len(cells)), rows


def looks_like_label(cells: Sequence[str], values: Mapping[str, int] = VALUES) -> bool:
    """Whether a column holds nothing but 0, 1, blanks and marks, and at least one 1."""
    codes = {values.get(normalise_cell(cell)) for cell in set(cells)}
    return None not in codes and 1 in codes

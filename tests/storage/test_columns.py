"""Columns of Arrow made and read without pandas: as pyarrow's own functions have them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from covidreport.records import Texts
from covidreport.storage.columns import (
    read_bytes_of,
    read_numbers,
    to_bytes,
    to_numbers,
    to_texts,
)

UNKNOWN = np.array([False, True] * 5)
"""More than the eight bits of a byte."""


def test_texts_are_those_of_pyarrow():
    texts = ["a", None, "", "Röntgen"]
    assert to_texts(texts).equals(pa.array(texts, pa.string()))


@pytest.mark.parametrize("cells", [["a", "", "bcd", "e"], ["a", "Röntgen", "", "e"], []])
@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 2), (1, 3), (2, 99)])
def test_some_rows_of_a_column_of_texts_are_those_of_pyarrow(cells, start, stop):
    """Whatever their alphabet; valid as Arrow checks it."""
    part = to_texts(Texts.of(cells), start, stop)
    part.validate(full=True)
    assert part.equals(pa.array(cells[start:stop], pa.string()))


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.float32, np.float64])
def test_numbers_are_those_of_pyarrow_and_come_back(kind):
    """With gaps and without, of a column that lies apart in memory, too."""
    values = np.arange(20).reshape(10, 2).astype(kind)[:, 1]
    assert to_numbers(values).equals(pa.array(values))
    gaps = to_numbers(values, UNKNOWN)
    assert gaps.equals(pa.array(values, mask=UNKNOWN))
    read = read_numbers(pa.table({"a": to_numbers(values), "b": gaps}), ["b", "a"])
    np.testing.assert_array_equal(read[:, 1], values)
    np.testing.assert_array_equal(read[:, 0], np.where(UNKNOWN, np.nan, values))


@pytest.mark.parametrize("start", [0, 1])
def test_bytes_come_back_from_any_part_of_a_column(start):
    """Cells that are not known are zeros."""
    cells = [None if unknown else bytes([i]) * 3 for i, unknown in enumerate(UNKNOWN)]
    joined = b"".join(each or b"\x09" * 3 for each in cells)
    column = to_bytes(joined, 3, ~UNKNOWN)
    assert column.equals(pa.array(cells, pa.binary(3)))
    joined, known = read_bytes_of(column.slice(start), 3)
    assert joined == b"".join(each or bytes(3) for each in cells[start:])
    np.testing.assert_array_equal(known, ~UNKNOWN[start:])
    assert read_bytes_of(column.slice(10), 3)[0] == b""

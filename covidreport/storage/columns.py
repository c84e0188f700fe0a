"""Columns of Arrow from Python and back, without pandas.

`pyarrow.array` and `to_numpy` of a whole column import it, whatever they are given: half a second
of every command.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from covidreport.records.texts import Texts

if TYPE_CHECKING:
    import pyarrow as pa


def to_texts(cells: Sequence[str | None], start: int = 0, stop: int | None = None) -> pa.Array:
    """As `pyarrow.array` of the texts from `start` to before `stop`; null where None."""
    import pyarrow as pa

    start, stop, _ = slice(start, stop).indices(len(cells))
    if isinstance(cells, Texts) and cells.joined.isascii():  # a character is a byte of Arrow's
        ends = np.frombuffer(cells.ends, np.int64)[start : stop + 1]
        joined = cells.joined[ends[0] : ends[-1]].encode()
        offsets = (ends - ends[0]).astype(np.int32)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(joined)]
        return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)
    builder = pa.lib.StringBuilder()
    builder.append_values(cells[start:stop])
    return builder.finish()


def to_numbers(values: NDArray[Any], unknown: NDArray[np.bool_] | None = None) -> pa.Array:
    """As `pyarrow.array` of numbers, null where `unknown`."""
    import pyarrow as pa

    valid = None
    if unknown is not None and unknown.any():
        valid = pa.py_buffer(np.packbits(~unknown, bitorder="little"))
    buffers = [valid, pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def read_numbers(table: pa.Table, columns: Sequence[str]) -> NDArray[np.float64]:
    """Columns of numbers side by side, `(N, K)`; NaN where they are null."""
    batches = table.select(columns).to_batches()
    parts = [batch.to_tensor(null_to_nan=True).to_numpy() for batch in batches]
    return np.vstack([np.empty((0, len(columns))), *parts])


def to_bytes(joined: bytes, size: int, known: NDArray[np.bool_]) -> pa.Array:
    """Cells of `size` bytes each, which stand one behind the other; null where not `known`."""
    import pyarrow as pa

    buffers = [pa.py_buffer(np.packbits(known, bitorder="little")), pa.py_buffer(joined)]
    return pa.Array.from_buffers(pa.binary(size), len(known), buffers)


def read_bytes_of(column: pa.Array, size: int) -> tuple[bytes, NDArray[np.bool_]]:
    """What `to_bytes` was given; zeros where cells are null."""
    n = len(column)
    if n == 0:
        return b"", np.zeros(0, np.bool_)
    valid, data = column.buffers()
    known = np.ones(n, np.bool_)
    if valid is not None:
        bits = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")
        known = bits[column.offset : column.offset + n].astype(np.bool_)
    table = np.frombuffer(data, np.uint8, n * size, column.offset * size).reshape(n, size)
    return np.where(known[:, np.newaxis], table, np.uint8(0)).tobytes(), known

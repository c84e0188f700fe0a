"""Reads a data frame from the data of an installed R package (its lazy-load database).

Only what the tests need of R's serialization format, version 3, XDR: lists, numbers, strings,
factors (R Internals, section 1.8). The file itself stays where the package put it.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_NULL, _SYMBOL, _PAIRS, _CHARS = 254, 1, 2, 9
_REFERENCE, _LOGICAL, _INTEGER, _REAL, _STRINGS, _LIST = 255, 10, 13, 14, 16, 19


def read_r_data_frame(package: str, name: str) -> dict[str, np.ndarray]:
    """The columns by name; factors as strings. Skips the test where the package is not installed.

    The folder of R packages is Debian's unless R_LIBS_SITE names another one.
    """
    library = Path(os.environ.get("R_LIBS_SITE") or "/usr/lib/R/site-library")
    folder = library / package / "data"
    if not (folder / "Rdata.rdx").exists():
        pytest.skip(f"needs the data of R's {package}: apt install r-cran-{package.lower()}")
    index = _Reader(gzip.decompress((folder / "Rdata.rdx").read_bytes())).read()
    where = dict(zip(index[1]["names"], index[0], strict=True))["variables"]
    start, length = dict(zip(where[1]["names"], where[0], strict=True))[name]
    packed = (folder / "Rdata.rdb").read_bytes()[start : start + length]
    # Four bytes of length before what zlib packed.
    values, attributes = _Reader(zlib.decompress(packed[4:])).read()
    names = attributes["names"]
    return {each: _as_column(value) for each, value in zip(names, values, strict=True)}


def _as_column(value: Any) -> np.ndarray:
    if not isinstance(value, tuple):
        return np.array(value)
    codes, attributes = value
    levels = attributes.get("levels")
    return np.array(codes if levels is None else [levels[code - 1] for code in codes])


class _Reader:
    """One serialized object; with attributes it is (value, attributes)."""

    def __init__(self, data: bytes) -> None:
        assert data[:2] == b"X\n"
        self.data, self.at = data, 14
        self.at += 4 + struct.unpack(">i", data[14:18])[0]
        self.symbols: list[str] = []

    def take(self, form: str, count: int) -> list[Any]:
        size = struct.calcsize(form)
        values = struct.unpack_from(f">{count}{form}", self.data, self.at)
        self.at += size * count
        return list(values)

    def read(self) -> Any:
        (flags,) = self.take("i", 1)
        kind = flags & 255
        value: Any
        if kind == _NULL:
            return None
        if kind == _REFERENCE:
            return self.symbols[(flags >> 8) - 1]
        if kind == _SYMBOL:
            self.symbols.append(self.read())
            return self.symbols[-1]
        if kind == _PAIRS:
            return self.read_pairs(flags)
        (count,) = self.take("i", 1)
        if kind == _CHARS:
            self.at += max(0, count)
            return self.data[self.at - count : self.at].decode() if count >= 0 else None
        if kind in (_INTEGER, _LOGICAL):
            value = self.take("i", count)
        elif kind == _REAL:
            value = self.take("d", count)
        elif kind in (_STRINGS, _LIST):
            value = [self.read() for _ in range(count)]
        else:
            raise ValueError(f"R type {kind}")
        return (value, self.read()) if flags & 512 else value

    def read_pairs(self, flags: int) -> dict[str, Any]:
        assert flags & 1024
        name, value, rest = self.read(), self.read(), self.read()
        return {name: value} | (rest or {})

"""The files behind a data set: what the file system says at a glance, digests of their bytes."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, overload

import numpy as np
from numpy.typing import NDArray

from covidreport.records import Dataset
from covidreport.storage.address import Address, find_address
from covidreport.storage.files import open_regular
from covidreport.storage.objects import REQUESTS, identify_objects
from covidreport.storage.stamps import let_clock_pass, proves

UNREADABLE = "unreadable"
"""Stands for the digest of a file that can't be read; decoding it will say why."""

_BLOCK = 32
"""Files a job: a thread's turn costs as much as hashing a small file."""


class FileStamps:
    """The stamps of a data set's files, int64 `(N, 4)` as in `Stamp`; -1 where there is no file."""

    def __init__(self, table: NDArray[np.int64]) -> None:
        self.table = table

    def same_as(self, then: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool `(N,)`: which files are proven to have the bytes that they had at these stamps."""
        same: NDArray[np.bool_] = (self.table == then).all(axis=1)
        return same & proves(self.table[:, 2], self.table[:, 3])


_STAMP = struct.Struct("<qQqQ")
_64_BITS = 0xFFFF_FFFF_FFFF_FFFF
"""What is kept of an mtime: a program may set one of after 2262, whose nanoseconds are more."""
_NO_FILE = b"\xff" * _STAMP.size


def stamp_files(dataset: Dataset) -> FileStamps:
    """Look every file up once, without opening any."""
    return stamp_paths(_prefix(dataset), dataset.paths)


def stamp_paths(prefix: str, paths: Sequence[str]) -> FileStamps:
    """The stamps of `prefix` + each path, without opening any; as `stamp_file` of each."""
    if find_address(prefix) is not None:
        found = identify_objects(prefix, paths)
        return FileStamps(
            np.frombuffer(b"".join(each or _NO_FILE for each in found), "<i8").reshape(-1, 4)
        )
    numbers = bytearray(_NO_FILE) * len(paths)
    for row, path in enumerate(paths):
        try:
            there = os.stat(prefix + path)  # noqa: PTH116 - 100,000 Path objects take a second
        except OSError:
            continue
        # as fast as two numbers into arrays, and five times as fast as a `Stamp` of each
        _STAMP.pack_into(
            numbers, row * _STAMP.size,
            there.st_size, there.st_mtime_ns & _64_BITS, there.st_ctime_ns, there.st_ino,
        )  # fmt: skip
    table = np.frombuffer(numbers, "<i8").reshape(-1, 4)
    changed = table[:, 2]
    let_clock_pass(int(changed[changed <= time.time_ns()].max(initial=0)))
    return FileStamps(table)


class Digests(Sequence[str]):
    """SHA-256 of each file's bytes, in hexadecimal; `UNREADABLE` for one that can't be read.

    A sequence of texts that takes 32 bytes an image. sha256: bytes of all digests, one behind the
    other; readable: bool `(N,)`.
    """

    __hash__ = None  # type: ignore[assignment]  # equal to a tuple of the same texts

    def __init__(self, sha256: bytes, readable: NDArray[np.bool_]) -> None:
        self.sha256 = sha256
        self.readable = readable

    @classmethod
    def of(cls, texts: Iterable[str]) -> Digests:
        """Digests given as texts; what is such a column already is given back."""
        if isinstance(texts, cls):
            return texts
        listed = list(texts)
        raw = b"".join(bytes(32) if t == UNREADABLE else bytes.fromhex(t) for t in listed)
        return cls(raw, np.array([text != UNREADABLE for text in listed], np.bool_))

    def sort(self) -> list[int]:
        """The rows of those that are readable, by digest; equal ones in their order."""
        order = np.frombuffer(self.sha256, "S32").argsort(kind="stable")
        rows: list[int] = order[self.readable[order]].tolist()
        return rows

    def __len__(self) -> int:
        return len(self.readable)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        row = range(len(self))[index]
        if not self.readable[row]:
            return UNREADABLE
        return self.sha256[32 * row : 32 * row + 32].hex()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Digests):
            return self.sha256 == other.sha256 and bool(
                np.array_equal(self.readable, other.readable)
            )
        return isinstance(other, tuple) and tuple(self) == other

    def __repr__(self) -> str:
        return f"Digests({list(self)!r})"


def hash_files(
    dataset: Dataset,
    *,
    jobs: int | None = None,
    known: Digests | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Digests:
    """SHA-256 of each file's bytes, `(N,)`; `UNREADABLE` for one that can't be read.

    jobs: threads, by default one a core, of a store `REQUESTS`. known: digests from an earlier
    time; the files of those that are readable there are not opened. advance: is told how many more
    files are done.
    """
    n = len(dataset)
    table = np.zeros((n, 32), np.uint8)
    readable = np.zeros(n, np.bool_)
    if known is not None:
        table[:] = np.frombuffer(known.sha256, np.uint8).reshape(n, 32)
        readable[:] = known.readable
    prefix = _prefix(dataset)
    missing: list[int] = np.flatnonzero(~readable).tolist()
    advance(n - len(missing))
    remote = find_address(prefix) is not None
    size = 1 if remote else _BLOCK
    blocks = [missing[start : start + size] for start in range(0, len(missing), size)]

    def hash_block(rows: Sequence[int]) -> list[bytes | None]:
        return [_hash_file(prefix + dataset.paths[row]) for row in rows]

    if blocks:
        threads = REQUESTS if remote else os.cpu_count()
        with ThreadPoolExecutor(max_workers=jobs or threads) as pool:
            for rows, found in zip(blocks, pool.map(hash_block, blocks), strict=True):
                for row, digest in zip(rows, found, strict=True):
                    if digest is not None:
                        table[row] = np.frombuffer(digest, np.uint8)
                        readable[row] = True
                advance(len(rows))
    return Digests(table.tobytes(), readable)


def _prefix(dataset: Dataset) -> str:
    return prefix_of(dataset.root)


def prefix_of(root: Path) -> str:
    """The root's absolute path, with a separator behind; `..` in it is left to the file system."""
    return f"{root.absolute()}{'/' if find_address(root) else os.sep}"


def _hash_file(path: str) -> bytes | None:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None


def for_library(source: Path) -> Path | IO[bytes]:
    """A file for a library that opens paths of this machine alone: an object as its bytes."""
    return io.BytesIO(source.read_bytes()) if isinstance(source, Address) else source

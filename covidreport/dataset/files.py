"""The files behind a data set: size and time of change at a glance, digests of their bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from covidreport.records import Dataset

UNREADABLE = "unreadable"
"""Stands for the digest of a file that can't be read; decoding it will say why."""

FileKey = tuple[str, int, int]
"""Absolute path, size in bytes and time of change in ns: equal keys are taken for equal bytes."""

_BLOCK = 32
"""Files a job: a thread's turn costs as much as hashing a small file."""


class FileStamps(NamedTuple):
    """Sizes and times of change of a data set's files, int64 `(N,)`; -1 where there is no file."""

    sizes_bytes: NDArray[np.int64]
    mtimes_ns: NDArray[np.int64]


def stamp_files(dataset: Dataset) -> FileStamps:
    """Look every file up once, without opening any."""
    prefix = _prefix(dataset)
    sizes, times = [], []
    for path in dataset.paths:
        try:
            found = os.stat(prefix + path)  # noqa: PTH116 - 100,000 Path objects take a second
        except OSError:
            sizes.append(-1)
            times.append(-1)
        else:
            sizes.append(found.st_size)
            times.append(found.st_mtime_ns)
    return FileStamps(np.array(sizes, np.int64), np.array(times, np.int64))


def list_keys(dataset: Dataset, stamps: FileStamps) -> list[FileKey]:
    """The key of each file, under which a cache keeps its digest."""
    prefix = _prefix(dataset)
    columns = zip(
        dataset.paths, stamps.sizes_bytes.tolist(), stamps.mtimes_ns.tolist(), strict=True
    )
    return [(prefix + path, size, time) for path, size, time in columns]


def hash_files(
    dataset: Dataset,
    *,
    jobs: int | None = None,
    known: Callable[[FileKey], str | None] | None = None,
    stamps: FileStamps | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[str, ...]:
    """SHA-256 of each file's bytes, in hexadecimal; `UNREADABLE` for one that can't be read.

    jobs: threads, by default one a core. known: gives the digest of a key that was hashed before,
    such as the `get` of a dict (of `list_keys` to digests); those files are not opened. stamps: of
    `stamp_files`, where they were taken already. advance: is told how many more files are done.
    """
    digests: list[str | None] = [None] * len(dataset)
    if known is not None:
        keys = list_keys(dataset, stamp_files(dataset) if stamps is None else stamps)
        digests = [known(key) for key in keys]
    prefix = _prefix(dataset)
    missing = [row for row, digest in enumerate(digests) if digest is None]
    advance(len(dataset) - len(missing))
    blocks = [missing[start : start + _BLOCK] for start in range(0, len(missing), _BLOCK)]

    def hash_block(rows: Sequence[int]) -> list[str]:
        return [_hash_file(prefix + dataset.paths[row]) for row in rows]

    if blocks:
        with ThreadPoolExecutor(max_workers=jobs or os.cpu_count()) as pool:
            for rows, found in zip(blocks, pool.map(hash_block, blocks), strict=True):
                for row, digest in zip(rows, found, strict=True):
                    digests[row] = digest
                advance(len(rows))
    return tuple(digest or UNREADABLE for digest in digests)


def _prefix(dataset: Dataset) -> str:
    """The root's absolute path, with a separator behind; `..` in it is left to the file system."""
    return f"{dataset.root.absolute()}{os.sep}"


def _hash_file(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - see stamp_files
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return UNREADABLE

"""Digests of image files, remembered from one time to the next by size and time of change."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covidreport.cache import USED_MARK, cache_folder, cache_limit
from covidreport.dataset.files import Digests, FileStamps, hash_files, stamp_files
from covidreport.records import Dataset
from covidreport.store import write_atomic

KIND = "digests"


def digest_files(
    dataset: Dataset,
    *,
    stamps: FileStamps | None = None,
    verify: bool = False,
    use_cache: bool = True,
    advance: Callable[[int], None] = lambda _: None,
) -> Digests:
    """The sha256 of each file, `(N,)`: remembered where size and time of change are as they were.

    stamps: of `stamp_files`, where they were taken already. verify: read every file. What is read
    is remembered, in the cache folder.
    """
    if stamps is None:
        stamps = stamp_files(dataset)
    known = None if verify or not use_cache else _recall(dataset, stamps)
    if known is not None and known.readable.all():
        advance(len(dataset))
        return known
    digests = hash_files(dataset, known=known, advance=advance)
    if use_cache and cache_limit() > 0:
        _remember(dataset, stamps, digests)
    return digests


def locate_entry(dataset: Dataset, kind: str = KIND) -> Path:
    """The cache's entry for the same paths under the same root, whatever their truth."""
    name = hashlib.sha256(str(dataset.root.resolve()).encode())
    name.update("\0".join(dataset.paths).encode())
    return cache_folder() / kind / name.hexdigest()


def _recall(dataset: Dataset, stamps: FileStamps) -> Digests | None:
    """The digests of files whose size and time of change are as they were; others not readable."""
    file = locate_entry(dataset, KIND) / "digests.npy"
    try:
        table: NDArray[np.void] = np.load(file)
    except (OSError, ValueError, EOFError):
        return None
    if table.dtype != _ROW or len(table) != len(dataset):
        return None
    same = (table["size"] == stamps.sizes_bytes) & (table["mtime"] == stamps.mtimes_ns)
    return Digests(table["sha256"].tobytes(), same)


_ROW = np.dtype([("size", "<i8"), ("mtime", "<i8"), ("sha256", "u1", (32,))])


def _remember(dataset: Dataset, stamps: FileStamps, digests: Digests) -> None:
    table = np.zeros(len(dataset), _ROW)
    # a file that could not be read is read again
    table["size"] = np.where(digests.readable, stamps.sizes_bytes, -2)
    table["mtime"] = stamps.mtimes_ns
    table["sha256"] = np.frombuffer(digests.sha256, np.uint8).reshape(-1, 32)
    sink = io.BytesIO()
    np.save(sink, table)
    folder = locate_entry(dataset, KIND)
    write_atomic(folder / "digests.npy", sink.getvalue())
    (folder / USED_MARK).touch()

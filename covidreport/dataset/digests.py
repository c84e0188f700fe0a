"""Digests of image files, remembered from one time to the next by size and time of change."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covidreport.cache import USED_MARK, cache_folder, cache_limit
from covidreport.dataset.files import UNREADABLE, FileStamps, hash_files, stamp_files
from covidreport.records import Dataset
from covidreport.store import write_atomic

KIND = "digests"


def digest_files(
    dataset: Dataset,
    *,
    verify: bool = False,
    use_cache: bool = True,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[str, ...]:
    """The sha256 of each file, `(N,)`: remembered where size and time of change are as they were.

    verify: read every file. What is read is remembered, in the cache folder.
    """
    stamps = stamp_files(dataset)
    known = {} if verify or not use_cache else _recall(dataset, stamps)
    keep = use_cache and cache_limit() > 0
    if len(known) == len(dataset):
        advance(len(dataset))
        return tuple(known[i] for i in range(len(dataset)))
    rows = {path: known.get(i) for i, path in enumerate(dataset.paths)}
    prefix = len(str(dataset.root.absolute())) + 1
    digests = hash_files(dataset, known=lambda key: rows.get(key[0][prefix:]), stamps=stamps)
    advance(len(dataset))
    if keep:
        _remember(dataset, stamps, digests)
    return digests


def locate_entry(dataset: Dataset, kind: str = KIND) -> Path:
    """The cache's entry for the same paths under the same root, whatever their truth."""
    name = hashlib.sha256(str(dataset.root.resolve()).encode())
    name.update("\0".join(dataset.paths).encode())
    return cache_folder() / kind / name.hexdigest()


def _recall(dataset: Dataset, stamps: FileStamps) -> dict[int, str]:
    """The digests, by index, of files whose size and time of change are as they were."""
    file = locate_entry(dataset) / "digests.npy"
    try:
        table: NDArray[np.void] = np.load(file)
    except (OSError, ValueError, EOFError):
        return {}
    if table.dtype != _ROW or len(table) != len(dataset):
        return {}
    same = (table["size"] == stamps.sizes_bytes) & (table["mtime"] == stamps.mtimes_ns)
    return {i: bytes(table["sha256"][i]).hex() for i in np.flatnonzero(same).tolist()}


_ROW = np.dtype([("size", "<i8"), ("mtime", "<i8"), ("sha256", "u1", (32,))])


def _remember(dataset: Dataset, stamps: FileStamps, digests: tuple[str, ...]) -> None:
    table = np.zeros(len(dataset), _ROW)
    table["size"] = stamps.sizes_bytes
    table["mtime"] = stamps.mtimes_ns
    read = [digest != UNREADABLE for digest in digests]
    table["size"][~np.array(read)] = -2  # a file that could not be read is read again
    raw = b"".join(
        bytes.fromhex(d) if ok else bytes(32) for d, ok in zip(digests, read, strict=True)
    )
    table["sha256"] = np.frombuffer(raw, np.uint8).reshape(-1, 32)
    sink = io.BytesIO()
    np.save(sink, table)
    folder = locate_entry(dataset)
    write_atomic(folder / "digests.npy", sink.getvalue())
    (folder / USED_MARK).touch()

"""Digests of image files, cached by the stamps of the files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from covidreport.dataset.files import Digests, FileStamps, hash_files, stamp_files
from covidreport.records import Dataset
from covidreport.storage.cache import name_entry, read_cached_bytes, write_cached_bytes

KIND = "digests"
_LAYOUT = 2
"""Counted up when `_ROW` changes."""


def digest_files(
    dataset: Dataset,
    *,
    stamps: FileStamps | None = None,
    verify: bool = False,
    use_cache: bool = True,
    advance: Callable[[int], None] = lambda _: None,
) -> Digests:
    """The sha256 of each file, `(N,)`: the cached one where its stamp proves that it is as it was.

    stamps: of `stamp_files`, where they were taken already. verify: read every file. What is read
    is cached.
    """
    if stamps is None:
        stamps = stamp_files(dataset)
    known = None if verify or not use_cache else _read_cached(dataset, stamps)
    if known is not None and known.readable.all():
        advance(len(dataset))
        return known
    digests = hash_files(dataset, known=known, advance=advance)
    if use_cache:
        _write_cached(dataset, stamps, digests)
    return digests


def name_files(dataset: Dataset) -> str:
    """A digest of the paths under this root, in their order, whatever their truth."""
    name = hashlib.sha256(str(dataset.root.resolve()).encode(errors="surrogatepass"))
    name.update("\0".join(dataset.paths).encode(errors="surrogatepass"))
    return name.hexdigest()


_ROW = np.dtype([("stamp", "<i8", (4,)), ("sha256", "u1", (32,))])


def _read_cached(dataset: Dataset, stamps: FileStamps) -> Digests | None:
    """The digests of files that are proven to be as they were; others not readable."""
    data = read_cached_bytes(KIND, _name_entry(dataset))
    if data is None:
        return None
    table = np.frombuffer(data, _ROW)
    return Digests(table["sha256"].tobytes(), stamps.same_as(table["stamp"]))


def _write_cached(dataset: Dataset, stamps: FileStamps, digests: Digests) -> None:
    table = np.zeros(len(dataset), _ROW)
    # a file that could not be read is read again: no stamp is 0 all through
    table["stamp"][digests.readable] = stamps.table[digests.readable]
    table["sha256"] = np.frombuffer(digests.sha256, np.uint8).reshape(-1, 32)
    write_cached_bytes(KIND, _name_entry(dataset), table.tobytes())


def _name_entry(dataset: Dataset) -> str:
    return name_entry([_LAYOUT, name_files(dataset)])

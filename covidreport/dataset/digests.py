"""Digests of image files, remembered from one time to the next by the stamps of the files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from covidreport.cache import read_kept, write_kept
from covidreport.dataset.files import Digests, FileStamps, hash_files, stamp_files
from covidreport.records import Dataset

KIND = "digests"


def digest_files(
    dataset: Dataset,
    *,
    stamps: FileStamps | None = None,
    verify: bool = False,
    use_cache: bool = True,
    advance: Callable[[int], None] = lambda _: None,
) -> Digests:
    """The sha256 of each file, `(N,)`: remembered where its stamp proves that it is as it was.

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
    if use_cache:
        _remember(dataset, stamps, digests)
    return digests


def name_entry(dataset: Dataset) -> str:
    """The name of the cache's entries for these paths under this root, whatever their truth."""
    name = hashlib.sha256(str(dataset.root.resolve()).encode(errors="surrogatepass"))
    name.update("\0".join(dataset.paths).encode(errors="surrogatepass"))
    return name.hexdigest()


_ROW = np.dtype([("stamp", "<i8", (4,)), ("sha256", "u1", (32,))])


def _recall(dataset: Dataset, stamps: FileStamps) -> Digests | None:
    """The digests of files that are proven to be as they were; others not readable."""
    kept = read_kept(KIND, name_entry(dataset))
    if kept is None or len(kept) != len(dataset) * _ROW.itemsize:
        return None
    table = np.frombuffer(kept, _ROW)
    return Digests(table["sha256"].tobytes(), stamps.same_as(table["stamp"]))


def _remember(dataset: Dataset, stamps: FileStamps, digests: Digests) -> None:
    table = np.zeros(len(dataset), _ROW)
    # a file that could not be read is read again: no stamp is 0 all through
    table["stamp"][digests.readable] = stamps.table[digests.readable]
    table["sha256"] = np.frombuffer(digests.sha256, np.uint8).reshape(-1, 32)
    write_kept(KIND, name_entry(dataset), table.tobytes())

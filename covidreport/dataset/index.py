"""What a manifest said the last time, if neither it nor a file that it names has changed since.

What proves that is the stamps of the files; where a system has none that do, bytes decide. Reading
100,000 rows and checking them takes longer than looking whether anything changed. What is
cached suffices to know that evaluations are still those of these images, and to do no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.dataset.files import FileStamps, prefix_of, stamp_paths
from covidreport.dataset.layout import ManifestSettings
from covidreport.storage.cache import read_cached, write_cached
from covidreport.storage.stamps import Stamp, is_unchanged, stamp_file

KIND = "index"
REVISION = 5
"""Counted up when the reading of a manifest changes what is made of it."""


class DataQuery(Struct, frozen=True):
    """Which images are meant, as the command line and the configuration say it."""

    source: Path
    split: str | None
    labels: tuple[str, ...] | None = None
    group: str | None = None
    name: str | None = None
    uncertain: tuple[str, ...] = ()
    manifest: ManifestSettings | None = None


class KnownData(Struct, frozen=True):
    """What identifies the images of a split and their truth, without naming them."""

    dataset: str
    split: str
    labels: tuple[str, ...]
    n_images: int
    n_groups: int | None
    fingerprint: str
    units: str = ""
    """A digest of patients and attributes: what metrics depend on beside images and truth."""
    label_fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Of `fingerprint_labels`."""


class _Entry(Struct, frozen=True):
    """An answer, and the stamps of the manifest and of each file that it names."""

    known: KnownData
    manifest: Stamp
    prefix: str
    paths: str
    """Behind `prefix`, with NUL between them."""
    stamps: bytes
    """int64 `(N, 4)`, little-endian."""


def stamp_manifest(query: DataQuery) -> Stamp | None:
    """The stamp of a manifest; None where the source is a folder or not there.

    Nor is there one for all tables and lists that `[manifest]` may name.
    """
    alone = query.manifest is None and query.source.is_file()
    return stamp_file(query.source) if alone else None


def write_known(
    query: DataQuery,
    known: KnownData,
    manifest: Stamp | None,
    root: Path,
    paths: Sequence[str],
    stamps: FileStamps,
) -> None:
    """Cache the answer to a question, with the stamps that were taken before anything was read.

    Does nothing where the source is no manifest file, or where there is no cache.
    """
    if manifest is None:
        return
    table = stamps.table.astype("<i8").tobytes()
    entry = _Entry(known, manifest, prefix_of(root), "\0".join(paths), table)
    write_cached(KIND, _facts(query), entry)


def read_known(query: DataQuery) -> KnownData | None:
    """The answer of the last time, if manifest and files are proven to be those of then.

    None where anything differs, or nothing is cached. No file is opened but the entry itself.
    """
    manifest = stamp_manifest(query)
    if manifest is None:
        return None
    entry = read_cached(KIND, _facts(query), _Entry)
    if entry is None or not is_unchanged(entry.manifest, manifest):
        return None
    stamps = np.frombuffer(entry.stamps, "<i8").reshape(-1, 4)
    now = stamp_paths(entry.prefix, entry.paths.split("\0"))
    return entry.known if now.same_as(stamps).all() else None


def _facts(query: DataQuery) -> object:
    return [REVISION, replace(query, source=query.source.resolve())]

"""The cache: what is slow to make, under a key of all that decides it.

Whoever has a record calls `cached`: its kind, the facts that decide it, how it is made. The version
of covidreport is one of the facts, so what another one wrote is never read. Below that, bytes stand
under a name: arrays of a row an image (digests, surveys), which would take several times the room
and time as JSON; converted models; and what outlives a version. What writes files of its own, as
TensorRT and memory maps do, has the entry's folder.

What is read decides figures, so bytes are read with a checksum (XXH3, 64 bits: 9 GB/s where CRC-32
has 1.5). What does not agree with its own is dropped, made again and counted, for the command to
say. A cache that is off, full or closed costs time alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import xxhash
from msgspec import Struct

from covidreport import __version__
from covidreport.errors import StoreError, WriteError
from covidreport.storage.cache_folder import (
    USED_MARK,
    cache_limit,
    locate_cache,
    make_room,
    note_damage,
    remove_entry,
)
from covidreport.storage.codec import decode, encode
from covidreport.storage.write import write_atomic

T = TypeVar("T")
Made = TypeVar("Made")

DATA_FILE = "data"
"""In an entry that is one value: its bytes, behind a mark and their checksum."""
_MARK = b"covcach1"


class CacheKind(Struct, frozen=True):
    """A kind of entries: what they are, the room that makes them, who may look into them."""

    what: str
    room: str
    private: bool = False
    """For the eyes of the owner alone."""


KINDS: Mapping[str, CacheKind] = {
    "cases": CacheKind("cases of a report: who missed which image", "report"),
    "classes": CacheKind("errors of a run by true class", "report"),
    "referral": CacheKind("referral of uncertain images", "report"),
    "cohorts": CacheKind("whom the images of a run show", "report"),
    "comparisons": CacheKind("pairwise comparisons of runs", "compare"),
    "curves": CacheKind("counts of a run at every threshold", "report"),
    "digests": CacheKind("digests of image files", "dataset"),
    "drawings": CacheKind("charts drawn to SVG", "report"),
    "engines": CacheKind("engines that TensorRT compiled", "inference"),
    "fp16-models": CacheKind("models converted to fp16", "inference"),
    "groups": CacheKind("crossed and compared groups of a run", "report"),
    "headers": CacheKind("what DICOM headers say of patients", "dataset", private=True),
    "index": CacheKind("what a manifest held", "dataset"),
    "made-here": CacheKind("which files this machine computed", "storage"),
    "models": CacheKind("digests of model files", "storage"),
    "patients": CacheKind("figures of runs by patient", "compare"),
    "pixels": CacheKind("decoded images", "images"),
    "repeats": CacheKind("configurations compared over seeds", "report"),
    "sites": CacheKind("figures of a run by site", "report"),
    "stored-runs": CacheKind("copies of run folders in object stores", "storage", private=True),
    "surveys": CacheKind("what images are like, for the audit", "dataset"),
    "trials": CacheKind("what networks took that were tried before a fit", "train"),
    "tried-models": CacheKind("models that were opened without harm", "inference"),
    "truths": CacheKind("runs by the truth of each reader", "report"),
    "weak-spots": CacheKind("parts of the cases that runs miss most", "report"),
    "paired-studies": CacheKind("experiments that two studies share", "report"),
    "weighted": CacheKind("runs by weighted rates", "report"),
}
"""Every kind by its name, which is the folder of the cache that its entries stand in."""


def cached(kind: str, facts: object, make: Callable[[], Made], record: type[T]) -> T | Made:
    """What `make` gives, or gave before for equal `facts` in this version of covidreport.

    facts: all that the value depends on, in records or the types of JSON, with a number that its
    method counts up. record: what the value is, such as `dict[str, LabelCurve]`. None is given and
    not cached.
    """
    name = _name_record(facts)
    found = _read(kind, name, record)
    if found is not None:
        return found
    value = make()
    if value is not None:
        _write(kind, name, value)
    return value


def read_cached(kind: str, facts: object, record: type[T]) -> T | None:
    """The record that is cached for these facts; None where none is, or where it is damaged."""
    return _read(kind, _name_record(facts), record)


def write_cached(kind: str, facts: object, value: object) -> None:
    """Cache a record for these facts; one with a number without end, which JSON has not, is not."""
    _write(kind, _name_record(facts), value)


def _read(kind: str, name: str, record: type[T]) -> T | None:
    data = read_cached_bytes(kind, name)
    try:
        return None if data is None else decode(json.loads(data), record)
    except (StoreError, ValueError):
        return None


def _write(kind: str, name: str, value: object) -> None:
    with suppress(ValueError):
        write_cached_bytes(kind, name, json.dumps(encode(value)).encode())


def _name_record(facts: object) -> str:
    return name_entry([__version__, facts])


def name_entry(facts: object) -> str:
    """The name of an entry: the sha256 of facts, whatever the order of keys."""
    return hashlib.sha256(encode_facts(facts)).hexdigest()


def encode_facts(facts: object) -> bytes:
    """Facts as JSON: equal ones give equal bytes."""
    return json.dumps(facts, sort_keys=True, default=encode).encode()


def read_cached_bytes(kind: str, name: str) -> bytes | None:
    """The bytes under a name as they were written; None where none are, or damaged ones."""
    if cache_limit() == 0:
        return None
    folder = _locate(kind, name)
    try:
        with (folder / DATA_FILE).open("rb") as file:
            head = file.read(16)
            data = file.read()
    except OSError:
        return None
    if head != _head(kind, name, data):
        note_damage(kind)
        return None
    with suppress(OSError):
        (folder / USED_MARK).touch()
    return data


def write_cached_bytes(kind: str, name: str, data: bytes) -> bool:
    """Put bytes under a name; False where the cache is off, full or closed."""
    content = _head(kind, name, data) + data
    folder = open_entry(kind, name, len(content))
    if folder is None:
        return False
    try:
        write_atomic(folder / DATA_FILE, content, flush=False)  # the checksum tells
    except WriteError:
        return False
    return True


def has_entry(kind: str, name: str, file: str = DATA_FILE) -> bool:
    """Whether there is an entry with this file, damaged or not."""
    return cache_limit() > 0 and (_locate(kind, name) / file).is_file()


def open_entry(kind: str, name: str, new_bytes: int = 0) -> Path | None:
    """The folder of an entry, made and marked as used, for files of the caller's own.

    None where the cache is off or closed, or where `new_bytes` more find no room in it.
    """
    folder = _locate(kind, name)
    try:
        if cache_limit() == 0 or (new_bytes and not make_room(new_bytes)):
            return None
        mode = 0o700 if KINDS[kind].private else 0o777
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        (folder / USED_MARK).touch()
    except OSError:
        return None
    return folder


def remove_cached(kind: str, name: str) -> None:
    """Delete an entry, if there is one."""
    remove_entry(_locate(kind, name))


def _locate(kind: str, name: str) -> Path:
    assert kind in KINDS, kind
    return locate_cache() / kind / name


def _head(kind: str, name: str, data: bytes) -> bytes:
    """What stands before cached bytes: a checksum of them and of where they stand."""
    digest = xxhash.xxh3_64(f"{kind}/{name}".encode())
    digest.update(data)
    return _MARK + digest.digest()

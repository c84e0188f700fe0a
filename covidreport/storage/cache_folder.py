"""The cache folder: where it is, how large it may be, what goes first, what was found damaged.

Every entry is a folder `kind/name` and safe to delete at any time; what is in it is
`storage.cache`'s to say. This module loads nothing: each command asks it at its end.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from covidreport.errors import NO_ROOM, UsageError
from covidreport.storage.address import explain_address

DEFAULT_LIMIT_BYTES = 20 * 10**9
RESERVE_BYTES = 10**9
"""Of the disk, at least this much is left free."""
USED_MARK = "used"
"""A file in an entry whose modification time says when the entry was last used."""
in_use: set[Path] = set()
"""Entries that this process works in: to make room it removes none of them."""
NOWHERE = Path(os.devnull)
"""No folder can be made below it, on any system."""


def locate_cache() -> Path:
    """Where the cache stands: `COVIDREPORT_CACHE`, else the user's cache folder of the system.

    Whether one can stand there is `explain_no_cache`'s to say.
    """
    named = os.environ.get("COVIDREPORT_CACHE")
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or _find_home()) / "covidreport" / "cache"
    if sys.platform == "darwin":
        return _find_home() / "Library" / "Caches" / "covidreport"
    return Path(os.environ.get("XDG_CACHE_HOME") or _find_home() / ".cache") / "covidreport"


def _find_home() -> Path:
    """The user's home; a place where nothing can be made where he has none, as in containers."""
    try:
        return Path.home()
    except RuntimeError:
        return NOWHERE


def explain_no_cache() -> str | None:
    """Why there is no cache: its folder can't be made, or not be written to; None where it can."""
    folder = locate_cache()
    if folder not in _closed:
        _closed[folder] = _try_folder(folder)
    return _closed[folder]


_closed: dict[Path, str | None] = {}
"""By cache folder that was tried, why it is none."""
_missed: list[str] = []


def _try_folder(folder: Path) -> str | None:
    if folder.is_relative_to(NOWHERE):
        return "no home folder is known"
    if (address := explain_address(folder)) is not None:
        return address
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", dir=folder)
        os.close(handle)
        Path(name).unlink()
    except OSError as error:
        return f"{folder} can't be written to ({error.strerror or error})"
    return None


def take_missed() -> str | None:
    """Why there was no cache where one was wanted, since this was asked last."""
    why = _missed[0] if _missed else None
    _missed.clear()
    return why


def cache_limit() -> int:
    """The cache's largest size in bytes: `COVIDREPORT_CACHE_BYTES`, else 20 GB; 0 is no cache.

    It is 0 as well where the folder is none: whoever wants to cache something asks here first.
    """
    limit = _read_limit()
    why = explain_no_cache() if limit else None
    if why is not None:
        _missed.append(why)
    return limit if why is None else 0


def _read_limit() -> int:
    text = os.environ.get("COVIDREPORT_CACHE_BYTES")
    if not text:
        return DEFAULT_LIMIT_BYTES
    try:
        limit = int(float(text))
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"COVIDREPORT_CACHE_BYTES is {text!r}; a number of bytes is wanted, such as 5e9"
        ) from error
    return max(limit, 0)


class CacheEntry(Struct, frozen=True):
    """One thing in the cache: `kind` is the folder that it stands in."""

    kind: str
    path: Path
    size_bytes: int
    used_s: float
    """When it was last used, in seconds since 1970."""


def list_entries() -> tuple[CacheEntry, ...]:
    """What is in the cache, the least recently used first."""
    try:
        return tuple(sorted(_entries(locate_cache()), key=lambda entry: (entry.used_s, entry.path)))
    except OSError:
        return ()  # not even to be looked into


def _entries(folder: Path) -> Iterator[CacheEntry]:
    for kind in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not kind.is_dir():
            continue
        for entry in sorted(kind.iterdir()):
            try:
                mark = entry / USED_MARK
                used = (mark if mark.exists() else entry).stat().st_mtime
                yield CacheEntry(kind.name, entry, measure_bytes(entry), used)
            except FileNotFoundError:
                continue  # another process has just removed it


def measure_bytes(path: Path) -> int:
    """What a file or folder takes on disk: a sparse file counts as what is filled of it."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    facts = [file.stat() for file in files]
    return sum(getattr(fact, "st_blocks", -(-fact.st_size // 512)) * 512 for fact in facts)


_damaged: Counter[str] = Counter()
_counting = threading.Lock()


def note_damage(kind: str, things: int = 1) -> None:
    """Count what is cached and damaged: it is dropped and made again."""
    with _counting:
        _damaged[kind] += things


def take_damage() -> Mapping[str, int]:
    """How much was found damaged, by kind, since this was asked last."""
    with _counting:
        found = dict(sorted(_damaged.items()))
        _damaged.clear()
    return found


_taken: dict[Path, int] = {}
"""By cache folder, the bytes that stood in it when it was measured, and those asked for since."""


def make_room(size_bytes: int) -> bool:
    """Remove the least recently used entries until `size_bytes` more fit; False if they can't.

    Fit: under the limit, and with a reserve left on the disk. What is there is measured at the
    first call, and again where that and what was asked for since would not fit: a report caches
    hundreds of small things. What other processes add meanwhile is not seen before that.
    """
    limit, folder = cache_limit(), locate_cache()
    if limit == 0 or size_bytes > limit:
        return False
    total = _taken.get(folder)
    if total is None or total + size_bytes > limit:
        entries = list(list_entries())
        total = sum(entry.size_bytes for entry in entries)
        entries = [entry for entry in entries if entry.path not in in_use]
        while entries and total + size_bytes > limit:
            oldest = entries.pop(0)
            remove_entry(oldest.path)
            total -= oldest.size_bytes
    _taken[folder] = total + size_bytes
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(folder).free > size_bytes + RESERVE_BYTES
    except OSError:
        return False  # nobody can say


def reserve_bytes(handle: int, size_bytes: int) -> None:
    """Take room on the disk for an open file; an OSError of `NO_ROOM` where there is none.

    A file that only says how long it is ends the process by SIGBUS when it is mapped and the disk
    is full by then. Where the file system can't reserve, that is how it stays.
    """
    if size_bytes and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(handle, 0, size_bytes)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise


def remove_entry(path: Path) -> None:
    """Delete one entry; it is no fault if another process was quicker."""
    with suppress(OSError):  # not even to be looked into, where the folder is somebody else's
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def clear_cache() -> tuple[CacheEntry, ...]:
    """Delete every entry and give what was deleted."""
    entries = list_entries()
    for entry in entries:
        remove_entry(entry.path)
    return entries

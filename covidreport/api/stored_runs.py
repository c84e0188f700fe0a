"""Run folders of object stores for a command, as copies on this machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from covidreport.errors import UnreachableError
from covidreport.locks import hold_lock
from covidreport.records import Noted, OnEvent, ignore_events
from covidreport.storage.address import Address, locate_runs
from covidreport.storage.cache import name_entry, open_entry
from covidreport.storage.cache_folder import in_use
from covidreport.storage.copied import Use
from covidreport.storage.copies import KIND, LOCK_FILE, StoredFolder

_without_cache: Final[list[tempfile.TemporaryDirectory[str]]] = []
"""Copies where there is no cache. They end with the process: a report that was loaded reads on."""


@contextmanager
def open_stored(
    places: Sequence[str | os.PathLike[str]],
    on_event: OnEvent = ignore_events,
    uses: Sequence[Use] | None = None,
) -> Iterator[list[Path]]:
    """The places, each that is an address as the copy of what is there; others as they are.

    uses: what each is for; to read, where it is left out. A place below another one is in its copy,
    so that a run is known again. To write, one process of this machine has a copy, and others wait
    for it; what was written is put into the store at the end, also of a call that failed. Raises
    UsageError, StoreError, WriteError and UnreachableError as `StoredFolder`.
    """
    located = [each if isinstance(each, Path) else locate_runs(each) for each in places]
    asked = uses or [Use.READ] * len(located)
    roots = _find_roots([
        (each, use) for each, use in zip(located, asked, strict=True) if _is_copied(each, use)
    ])  # fmt: skip
    with ExitStack() as stack:
        opened = {root: _open(root, use, on_event, stack) for root, use in roots.items()}
        written = [opened[root] for root, use in roots.items() if use is not Use.READ]
        try:
            yield [
                _find_copy(each, opened) if _is_copied(each, use) else each
                for each, use in zip(located, asked, strict=True)
            ]
        except UnreachableError:
            raise  # what is done stays in the copy, and is put with the next call
        except Exception:
            _put_back(written, on_event)
            raise
        _put_back(written, on_event)


def _is_copied(place: Path, use: Use) -> bool:
    """Whether a place is an address of runs; the file of a baseline is read where it is."""
    is_file = use is Use.READ and place.suffix.lower() == ".json"
    return isinstance(place, Address) and not is_file


def _find_roots(places: Sequence[tuple[Path, Use]]) -> Mapping[str, Use]:
    """The addresses that lie in no other one, in one order for all processes, so that none waits
    for one that waits for it; each with the most that is done below it."""
    asked: dict[str, Use] = {}
    for place, use in places:
        address = str(place).rstrip("/")
        asked[address] = max(use, asked.get(address, use))
    roots: dict[str, Use] = {}
    for address in sorted(asked):  # what lies above another comes before it
        above = next((root for root in roots if address.startswith(f"{root}/")), None)
        if above is None:
            roots[address] = asked[address]
        elif asked[address] is not Use.READ:
            roots[above] = max(roots[above], Use.WRITE)
    return roots


def _find_copy(place: Path, opened: Mapping[str, StoredFolder]) -> Path:
    address = str(place).rstrip("/")
    root = next(each for each in opened if f"{address}/".startswith(f"{each}/"))
    return opened[root].folder.joinpath(*address.removeprefix(root).strip("/").split("/"))


def _open(address: str, use: Use, on_event: OnEvent, stack: ExitStack) -> StoredFolder:
    entry = open_entry(KIND, name_entry(address))
    if entry is None:
        _without_cache.append(tempfile.TemporaryDirectory(prefix="covidreport-"))
        entry = Path(_without_cache[-1].name)
    in_use.add(entry)
    busy = Noted(f"{address}: another process works on its copy here, and is waited for")
    with ExitStack() as reading:
        holder = reading if use is Use.READ else stack
        holder.enter_context(hold_lock(entry / LOCK_FILE, lambda: on_event(busy)))
        stored = StoredFolder(address, entry)
        stored.copy(new=use is Use.MAKE)
    return stored


def _put_back(opened: Iterable[StoredFolder], on_event: OnEvent) -> None:
    for each in opened:
        if each.put_back():
            on_event(Noted(f"{each.address}: what was written is put there"))

"""Run folders of object stores for a command, as copies on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from covidreport.errors import UnreachableError
from covidreport.locks import hold_lock
from covidreport.records import Noted, OnEvent
from covidreport.storage.address import Address
from covidreport.storage.cache import name_entry, open_entry
from covidreport.storage.copies import KIND, LOCK_FILE, StoredFolder


@contextmanager
def open_stored(
    places: Sequence[Path], on_event: OnEvent, *, put_back: bool = False
) -> Iterator[list[Path]]:
    """The places, each that is an address as the copy of what is there; others as they are.

    One process of this machine has a copy, others wait for it. put_back: what was evaluated in it
    is put into the store at the end, also of a command that failed. Raises UsageError, StoreError,
    WriteError and UnreachableError as `StoredFolder`.
    """
    with ExitStack() as stack:
        opened: dict[int, StoredFolder] = {}
        for at, place in sorted(enumerate(places), key=lambda each: str(each[1])):
            if isinstance(place, Address):
                opened[at] = _open(place, on_event, stack)
        try:
            yield [opened[at].folder if at in opened else each for at, each in enumerate(places)]
        except UnreachableError:
            raise  # what is done stays in the copy, and is put with the next call
        except Exception:
            _put_back(opened.values() if put_back else (), on_event)
            raise
        _put_back(opened.values() if put_back else (), on_event)


def _open(place: Address, on_event: OnEvent, stack: ExitStack) -> StoredFolder:
    entry = open_entry(KIND, name_entry(str(place)))
    if entry is None:  # without a cache
        entry = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="covidreport-")))
    busy = Noted(f"{place}: another process works on its copy here, and is waited for")
    stack.enter_context(hold_lock(entry / LOCK_FILE, lambda: on_event(busy)))
    stored = StoredFolder(str(place), entry)
    stored.copy()
    return stored


def _put_back(opened: Iterable[StoredFolder], on_event: OnEvent) -> None:
    for each in opened:
        if each.put_back():
            on_event(Noted(f"{each.address}: what was evaluated is put there"))

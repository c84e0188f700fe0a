"""Run folders in an object store, as the commands have them: copies on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from covidreport.storage.address import Address


@contextmanager
def show_stored(places: Sequence[Path], *, put_back: bool = False) -> Iterator[Sequence[Path]]:
    """As `open_stored`, with what it tells on stderr; nothing is loaded where all are paths."""
    if not any(isinstance(place, Address) for place in places):
        yield places
        return
    from covidreport.api.stored_runs import open_stored
    from covidreport.cli.terminal import say_note
    from covidreport.records import Noted
    from covidreport.records.events import Event

    def tell(event: Event) -> None:
        if isinstance(event, Noted):
            say_note(event.text)

    with open_stored(places, tell, put_back=put_back) as here:
        yield here

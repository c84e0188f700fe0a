"""Run folders in an object store, as the commands have them: copies on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from covidreport.storage.address import Address

if TYPE_CHECKING:
    from covidreport.storage.copied import Use


@contextmanager
def show_stored(values: Mapping[str, Any], uses: Mapping[str, Use]) -> Iterator[Mapping[str, Any]]:
    """What a command was given, with the copy in place of each address; what is told of them is
    shown on stderr. Nothing is loaded where there is none.

    uses: of the parameters that name runs, one or several, what the command does with them.
    """
    lists = {name: values[name] for name in uses if isinstance(values.get(name), list | tuple)}
    alone = {name: values[name] for name in uses if isinstance(values.get(name), Address)}
    places = [*alone.values(), *(each for every in lists.values() for each in every)]
    if not any(isinstance(place, Address) for place in places):
        yield values
        return
    from covidreport.api.stored_runs import open_stored
    from covidreport.cli.terminal import say_note
    from covidreport.records import Noted
    from covidreport.records.events import Event

    def tell(event: Event) -> None:
        if isinstance(event, Noted):
            say_note(event.text)

    asked = [*(uses[name] for name in alone)]
    asked += [uses[name] for name, every in lists.items() for _ in every]
    with open_stored(places, tell, asked) as here:
        found = iter(here)
        opened: dict[str, Any] = {name: next(found) for name in alone}
        opened |= {name: [next(found) for _ in every] for name, every in lists.items()}
        yield {**values, **opened}

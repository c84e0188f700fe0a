"""An item of a checklist, and where a report may answer it."""

from __future__ import annotations

from msgspec import Struct


class Item(Struct, frozen=True):
    """What an item asks for, in our words, under its own number.

    anchors: of a report, each of which answers it or a part of it; none where only the authors can,
    in their text.
    """

    number: str
    topic: str
    anchors: tuple[str, ...] = ()


class Part(Struct, frozen=True):
    """Items under the heading that the checklist has for them."""

    title: str
    items: tuple[Item, ...]


class Checklist(Struct, frozen=True):
    """A guideline for papers; source: where its items and their full wording are published."""

    title: str
    source: str
    parts: tuple[Part, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """All of them, in their order."""
        return tuple(item for part in self.parts for item in part.items)

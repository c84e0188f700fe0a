"""Where the ids of a drawn report stand, in words: links are compared by what they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element

_NAMED_BY_WORDS = frozenset({"dd", "dt", "figure", "li", "p", "table", "td", "th", "tr"})
_NUMBERED = re.compile(r"-\d+$")


class Places:
    """The ids that one walk over a page finds.

    known: those of an earlier walk, each with where it stands; by them links are put into words.
    found: those of this walk.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known
        self.found: dict[str, str] = {}
        self._waiting: list[tuple[str, bool]] = []

    def note(self, element: Element) -> None:
        """Meet an element: its id, if it has one, leads to what is read next."""
        if element.get("id"):
            self._waiting.append((element.get("id", ""), element.tag in _NAMED_BY_WORDS))

    def arrive(self, around: Iterable[str], words: str) -> None:
        """The ids that were met lead here: to the sections around, or to a row or sentence."""
        if not self._waiting:
            return
        sections = list(around)
        for name, by_words in self._waiting:
            self.found[name] = " › ".join([*sections, *([words] if words and by_words else [])])
        self._waiting = []

    def describe_link(self, address: str) -> str:
        """An address as it stands; one within the page by where it leads."""
        if not address.startswith("#"):
            return address
        return f"to {self.known.get(address[1:], 'nowhere')}"

    def name_ids(self, value: object, key: str = "") -> object:
        """The script's data with ids in words: numbered ones, and what is called an anchor."""
        if isinstance(value, dict):
            return {self._word(name): self.name_ids(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [self.name_ids(each) for each in value]
        return self._word(value, anchor=key == "anchor") if isinstance(value, str) else value

    def _word(self, text: str, *, anchor: bool = False) -> str:
        return self.known.get(text, text) if anchor or _NUMBERED.search(text) else text

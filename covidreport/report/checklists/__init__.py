"""Checklists of reporting guidelines, answered by the places of a report that hold something.

An item is reported where one of its places in the report holds a figure or a text that somebody
stated; whether that says all that the item asks for is for its authors to judge.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from covidreport.report.blocks import Section
from covidreport.report.checklists.claim import CLAIM
from covidreport.report.checklists.items import Checklist, Item
from covidreport.report.checklists.stard import STARD
from covidreport.report.checklists.tripod_ai import TRIPOD_AI
from covidreport.report.places import Place, find_places

CHECKLISTS: Mapping[str, Checklist] = {"stard": STARD, "tripod-ai": TRIPOD_AI, "claim": CLAIM}
"""By the names that `export --checklist` takes."""


class AnsweredItem(Struct, frozen=True):
    """An item, and the places of the report that answer it; none where it is not reported."""

    item: Item
    places: tuple[Place, ...]


def answer_items(
    checklist: Checklist, sections: tuple[Section, ...]
) -> Mapping[str, tuple[AnsweredItem, ...]]:
    """The items by the titles of their parts, answered from the sections of a report."""
    places = {place.anchor: place for place in find_places(sections) if place.told}
    return {
        part.title: tuple(
            AnsweredItem(item, tuple(places[name] for name in item.anchors if name in places))
            for item in part.items
        )
        for part in checklist.parts
    }

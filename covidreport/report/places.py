"""The places of a report that a link leads to, and whether anything is told there."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from covidreport.report.blocks import (
    Block,
    Cell,
    Chart,
    Code,
    Count,
    Difference,
    Facts,
    Grid,
    Group,
    Inlines,
    Items,
    Link,
    Note,
    Number,
    Pictures,
    Prose,
    PValue,
    Rate,
    Section,
    Spread,
    Strong,
    Table,
    Text,
    walk_blocks,
)
from covidreport.text import DASH, NOT_STATED

_SAID = frozenset({"plain", "sentence", "assured"})
"""Tones of prose that tell something of the study; others lead through the report."""


class Place(Struct, frozen=True):
    """A section, a group or a fact. told: whether it holds a figure or a text that is stated."""

    anchor: str
    section: str
    title: str
    told: bool

    @property
    def words(self) -> str:
        """Where that is, in words: `Study: Setting`."""
        return self.title if self.title == self.section else f"{self.section}: {self.title}"


def find_places(sections: tuple[Section, ...]) -> Iterator[Place]:
    """Every place of these sections, in reading order."""
    for section in sections:
        told = any(map(tells, walk_blocks(section.blocks)))
        yield Place(section.id, section.title, section.title, told)
        for block in walk_blocks(section.blocks):
            if isinstance(block, Group) and block.id:
                told = any(map(tells, walk_blocks(block.blocks)))
                yield Place(block.id, section.title, block.title, told)
            elif isinstance(block, Facts):
                for fact in block.facts:
                    if fact.id:
                        yield Place(fact.id, section.title, fact.name, _is_told(fact.value))


def tells(block: Block) -> bool:
    """Whether a block holds a figure or a text that is stated; a group by itself holds nothing."""
    match block:
        case Prose(words, tone):
            return tone in _SAID and _says(words)
        case Items(items):
            return any(map(_says, items))
        case Facts(facts):
            return any(_is_told(fact.value) for fact in facts)
        case Table(columns=columns, rows=rows):
            kept = [place for place, column in enumerate(columns) if column.kind != "name"]
            return any(_is_told(row.cells[place]) for row in rows for place in kept)
        case Grid(rows=rows):
            return any(cell.text for row in rows for cell in row.cells)
        case Pictures(pictures=pictures):
            return bool(pictures)
        case Note() | Chart():
            return True
        case Group():
            return False


def _says(words: Inlines) -> bool:
    return bool(words) if isinstance(words, str) else any(map(_is_told, words))


def _is_told(cell: Cell) -> bool:
    """Whether a cell holds anything but what stands for nothing."""
    match cell:
        case str() as text:
            return bool(text.strip())
        case Text(text) | Strong(text) | Code(text) | Link(text):
            return text.strip() not in ("", DASH, NOT_STATED)
        case Rate(estimate):
            return estimate is not None and estimate.value is not None
        case Count(value) | Difference(value) | PValue(value) | Spread(value) | Number(value):
            return value is not None

"""Going through the blocks of sections: each in order, where links lead, what is explained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from covidreport.report.blocks.cells import Text
from covidreport.report.blocks.kinds import Block, Facts, Group, Note, Section
from covidreport.report.blocks.tables import Table

TERM = "metric-"
"""How the id of a row begins that explains a metric: heads of columns lead to it."""


def walk_blocks(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """Every block in reading order, groups before what stands in them."""
    for block in blocks:
        yield block
        if isinstance(block, Group):
            yield from walk_blocks(block.blocks)


def list_targets(sections: tuple[Section, ...]) -> frozenset[str]:
    """The ids that a link can lead to."""
    ids = {section.id for section in sections}
    for section in sections:
        for block in walk_blocks(section.blocks):
            if isinstance(block, Group | Note) and block.id:
                ids.add(block.id)
            elif isinstance(block, Table):
                ids.update(row.id for row in block.rows if row.id)
            elif isinstance(block, Facts):
                ids.update(fact.id for fact in block.facts if fact.id)
    return frozenset(ids)


def list_terms(sections: tuple[Section, ...]) -> Mapping[str, tuple[str, str]]:
    """The metrics that the sections explain: by title, where and in which words."""
    found = {}
    for section in sections:
        for block in walk_blocks(section.blocks):
            for row in block.rows if isinstance(block, Table) else ():
                title, *rest = row.cells
                if row.id.startswith(TERM) and isinstance(title, Text) and isinstance(rest[0], str):
                    found[title.text] = row.id, rest[0]
    return found

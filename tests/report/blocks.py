"""Reads a report's sections as data: their blocks, and their cells as text."""

from __future__ import annotations

from collections.abc import Iterator

from covidreport.records import ReportData
from covidreport.report.blocks import (
    Block,
    Chart,
    Fact,
    Facts,
    Grid,
    Group,
    Items,
    Note,
    Prose,
    Section,
    Table,
    walk_blocks,
)
from covidreport.report.cells import write_cell, write_line
from covidreport.report.charts.lines import TitledLines
from covidreport.report.charts.scatter import Scatter
from covidreport.report.view import view_report


def build(data: ReportData, name: str) -> Section:
    """The first section of that name, that of the ranked images."""
    return build_all(data, name)[0]


def build_all(data: ReportData, name: str) -> tuple[Section, ...]:
    """All sections of that name."""
    return view_report(data).sections[name]


def find_group(section: Section | Group, title: str) -> Group:
    """The first group of that title, at any depth."""
    return next(
        one for one in list_blocks(section) if isinstance(one, Group) and one.title == title
    )


def list_runs(data: ReportData) -> list[Group]:
    """What the report says of each run by itself, in its order."""
    return [one for one in build(data, "runs").blocks if isinstance(one, Group)]


def find_run(data: ReportData, name: str) -> Group:
    """What the report says of one run by itself."""
    return find_group(build(data, "runs"), name)


def list_grids(section: Section | Group) -> list[Grid]:
    """All grids, in reading order."""
    return [one for one in list_blocks(section) if isinstance(one, Grid)]


def list_blocks(section: Section | Group) -> list[Block]:
    """All blocks at any depth, in reading order."""
    return list(walk_blocks(section.blocks))


def list_tables(section: Section | Group) -> list[Table]:
    """All tables, in reading order."""
    return [one for one in list_blocks(section) if isinstance(one, Table)]


def list_sentences(section: Section | Group) -> list[str]:
    """What prose and lists say, in reading order."""
    return list(_sentences(section))


def _sentences(section: Section | Group) -> Iterator[str]:
    for one in list_blocks(section):
        if isinstance(one, Prose):
            yield write_line(one.words)
        elif isinstance(one, Items):
            yield from map(write_line, one.items)


def say(section: Section | Group, tone: str) -> list[str]:
    """The sentences of one tone."""
    blocks = list_blocks(section)
    return [write_line(one.words) for one in blocks if isinstance(one, Prose) and one.tone == tone]


def list_charts(section: Section | Group) -> list[Chart]:
    """All pictures, in reading order."""
    return [one for one in list_blocks(section) if isinstance(one, Chart)]


def list_drawings(chart: Chart) -> list[TitledLines]:
    """What a chart of lines draws, label by label."""
    drawn = list(chart.drawing) if isinstance(chart.drawing, tuple) else []
    return [one for one in drawn if isinstance(one, TitledLines)]


def list_scatters(chart: Chart) -> list[Scatter]:
    """The same points for a wide and for a narrow page."""
    drawn = list(chart.drawing) if isinstance(chart.drawing, tuple) else []
    return [one for one in drawn if isinstance(one, Scatter)]


def find_table(section: Section | Group, caption: str) -> Table:
    """The one table whose caption begins so."""
    (table,) = (one for one in list_tables(section) if one.caption.startswith(caption))
    return table


def list_notes(section: Section | Group) -> list[Note]:
    """All findings, in reading order."""
    return [one for one in list_blocks(section) if isinstance(one, Note)]


def list_facts(section: Section | Group) -> dict[str, str]:
    """All facts by their names."""
    facts = (f for one in list_blocks(section) if isinstance(one, Facts) for f in one.facts)
    return {fact.name: read_fact(fact) for fact in facts}


def read_fact(fact: Fact) -> str:
    """What stands under its name."""
    return write_cell(fact.value).line


def list_titles(section: Section | Group) -> list[str]:
    """The titles of its groups."""
    return [one.title for one in list_blocks(section) if isinstance(one, Group) and one.title]


def read_values(table: Table) -> list[list[str]]:
    """The values of its cells without their notes, row by row."""
    return [[write_cell(cell).value for cell in row.cells] for row in table.rows]


def read_lines(table: Table) -> list[list[str]]:
    """Its cells with their notes, row by row."""
    return [[write_cell(cell).line for cell in row.cells] for row in table.rows]


def read_notes(table: Table) -> list[list[str]]:
    """The notes of its cells, row by row."""
    return [[write_cell(cell).note for cell in row.cells] for row in table.rows]

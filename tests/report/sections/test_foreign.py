"""The sections on changed and on foreign pictures: what stands open, and what below."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.report.blocks import Group, Prose, Table
from covidreport.report.cells import write_cell, write_line
from tests.report.blocks import build, build_all, find_group, list_blocks
from tests.report.disturbed import make_disturbed, make_foreign
from tests.report.study import many_runs


@pytest.fixture
def ten(study):
    """Ten runs that were shown both; the first calls 20 of 40 negatives more upside down."""
    data = many_runs(study, 10)
    names = [row.run for row in data.rankings[0].rows]
    return replace(
        data,
        disturbed=tuple(make_disturbed(name, 2) for name in names),
        foreign=tuple(make_foreign(name, 20 if name == names[0] else 0) for name in names),
    )


def _open_tables(section):
    return [block for block in section.blocks if isinstance(block, Table)]


def _said(section):
    return [write_line(each.words) for each in section.blocks if isinstance(each, Prose)]


def _texts(table, row):
    return [write_cell(cell).line for cell in table.rows[row].cells]


def test_there_is_no_section_without_such_pictures(study):
    """Nor one of changes."""
    assert not any(build_all(study, name) for name in ("disturbed", "foreign"))


def test_more_is_said_where_false_alarms_do_not_explain_it(ten):
    """Of 24 of 40 with 4 as they are, and of nothing else; the false alarms turn their sign."""
    section = build(ten, "foreign")
    changes, folders = _open_tables(section)
    first, other = (_texts(changes, row) for row in (0, 1))
    said = "0.600 (24 of 40; 95 % CI 0.500 to 0.700; more)"
    assert [cell for cell in first if "more" in cell] == [said]
    assert not [cell for cell in other if "more" in cell]
    assert [column.title for column in folders.columns] == ["Run", "All negatives", "lateral"]
    rows = find_group(section, "How surely")
    (table,) = (block for block in list_blocks(rows) if isinstance(block, Table))
    turned = next(row for row in range(6) if _texts(table, row)[1] == "Upside down")
    assert _texts(table, turned)[2:7] == [
        "0.200 (0.100 to 0.600)", "24 of 40", "20", "0", "+0.500 (95 % CI +0.400 to +0.600)",
    ]  # fmt: skip


def test_of_many_runs_eight_stand_open_and_the_rest_is_told_of(ten):
    """In both sections; all of them are in the folded table."""
    for name, tables in (("disturbed", 1), ("foreign", 2)):
        section = build(ten, name)
        assert [len(each.rows) for each in _open_tables(section)] == [8] * tables
        assert [each for each in _said(section) if each.startswith("2 more runs stand")]
    every = find_group(build(ten, "foreign"), "How surely")
    (table,) = (block for block in list_blocks(every) if isinstance(block, Table))
    assert len(table.rows) == 10 * len(ten.foreign[0].kinds)


def test_single_pictures_have_their_score_and_whether_it_is_called(ten):
    """Folded, a row a run."""
    group = find_group(build(ten, "foreign"), "Pictures that show nothing")
    assert isinstance(group, Group)
    assert group.state == "folded"
    (table,) = (block for block in list_blocks(group) if isinstance(block, Table))
    assert _texts(table, 0)[1:] == ["0.500", "0.625 (called)", "0.750 (called)", "0.875 (called)"]

"""Every table of the page stands in Markdown with the same cells, and none stands there alone.

Cells that have the same place are the same figure: `0.714` over `0.529 to 0.847` on the page is
`0.714 (20 of 28; 95 % CI 0.529 to 0.847)` in Markdown, whose readers have no place to look the
fraction up. Tables of another shape have a test of their own: Markdown has one line of heads and no
column for each case, and sets no tables side by side.
"""

from __future__ import annotations

import re

from tests.report.same.conftest import read_formats
from tests.report.study import many_runs
from tests.report.tables import Cell, ReadTable, read_grids, read_tables

SHAPED = {"signs", "counts"}
"""Classes of tables that Markdown has in another shape."""
FRACTION = r"[\d,]+ of [\d,]+; "


def _is_same(shown: Cell, plain: str) -> bool:
    """Whether a cell of Markdown says what the cell of the page says, and at most its fraction."""
    text, note = shown
    bare = re.sub(r"[\d.]+ % CI ", "", plain)
    if "missed; " in note or "alarm" in note:  # what stands before the fraction
        bare = re.sub(f"; {FRACTION}", "; ", bare, count=1)
    if f"{text} {note}" == bare or f"{text} {note.replace(', ', ' (')})" == bare:
        return True  # a count, and of how many
    if not note:
        return (
            bare == text
            or re.fullmatch(rf"{re.escape(text)} \([\d,]+ of [\d,]+\)", bare) is not None
        )
    return re.fullmatch(rf"{re.escape(text)} \(({FRACTION})?{re.escape(note)}\)", bare) is not None


def _assert_same_rows(shown: ReadTable, plain: ReadTable) -> None:
    assert [len(row) for row in shown.rows if len(row) > 1] == [
        len(row) for row in plain.rows if not _divides(row)
    ]
    for ours, theirs in zip(shown.rows, plain.rows, strict=True):
        if len(ours) == 1 and len(theirs) > 1:
            assert _divides(theirs)
            assert ours[0][0] in {text for text, _ in theirs}
            continue
        for cell, (text, _) in zip(ours, theirs, strict=True):
            assert _is_same(cell, text), (cell, text)


def _divides(row) -> bool:
    """Whether a row is the line between the runs that can't be told from the best and the rest."""
    return sum(bool(text) for text, _ in row) == 1 and any(
        text.startswith("Above: ") for text, _ in row
    )


def test_every_section_has_the_same_tables_cell_by_cell(formats):
    """In the same order, with the same captions and heads."""
    seen = 0
    for name, page, text in formats.pairs():
        shown = [one for one in read_tables(page) if not one.kind & SHAPED]
        plain = [one for one in read_tables(text) if not _is_reshaped(one)]
        assert [one.caption for one in shown] == [one.caption for one in plain], name
        for ours, theirs in zip(shown, plain, strict=True):
            seen += 1
            (head,) = ours.head
            titles = [f"{title} ({note})" if note else title for title, note in head]
            assert titles == [title for title, _ in theirs.head[0]]
            _assert_same_rows(ours, theirs)
    assert seen > 10


def _is_reshaped(table: ReadTable) -> bool:
    return table.caption.startswith(
        (
            "Missed cases by run: ",
            "Confusion matrices of ",
            "Counts: actual in rows",
            "The matrices of ",
            "True class against what was called, of ",
        )
    )


def test_markdown_has_no_section_that_the_page_has_not(formats):
    """And none twice."""
    assert len(formats.text) == len(formats.page)
    assert [text for _, _, text in formats.pairs()] == list(formats.text.values())


def test_the_grid_of_cases_has_the_same_signs(formats):
    """A column a case on the page, a sign a case in Markdown; how many missed a case stands below
    the column there, and in the list of cases here."""
    if "cases" not in formats.page:
        assert formats.document["cases"] is None
        return
    parts = next((page, text) for name, page, text in formats.pairs() if name == "cases")
    grids = [one for one in read_tables(parts[0]) if "signs" in one.kind]
    if formats.document["cases"] is None:
        assert grids == []
        return
    (grid,) = grids
    plain, listed, *_ = read_tables(parts[1])

    assert grid.caption == plain.caption
    *rows, totals = grid.rows
    assert len(rows) == len(formats.document["cases"]["runs"])
    for ours, theirs in zip(rows, plain.rows, strict=True):
        texts = [text for text, _ in ours]
        assert [texts[0], texts[1], "".join(texts[2:])] == [text for text, _ in theirs]
    column = [title for title, _ in listed.head[0]].index(f"Missed by (of {len(rows)})")
    assert [text for text, _ in totals[2:]] == [row[column][0] for row in listed.rows]


def test_grids_have_the_same_cells(formats):
    """Open and folded ones: heads over several columns stand in each of them in Markdown."""
    seen = 0
    for name, page, text in formats.pairs():
        shown = read_grids(page)
        plain = [
            one for one in read_tables(text) if one.caption in {each.caption for each in shown}
        ]
        assert [one.caption for one in shown] == [one.caption for one in plain], name
        for ours, theirs in zip(shown, plain, strict=True):
            seen += 1
            assert ours.head == theirs.head
            assert [_bare(row) for row in ours.rows] == [_bare(row) for row in theirs.rows]
    assert seen > 4


def _bare(row) -> list[str]:
    """The texts of a row without the names of counts, which Markdown has no room for."""
    names = "(true|false) (positives|negatives) ?"
    return [re.sub(r" \(\)$", "", re.sub(names, "", text)) for text, _ in row]


def test_matrices_of_all_runs_have_two_rows_a_run(formats):
    """Whatever is folded."""
    page = formats.page["matrices"]
    rows = [row for one in read_grids(page) for row in one.rows]

    assert len(rows) == 2 * sum(
        bool(each["evaluation"] or each["others"]) for each in formats.document["runs"]
    )


def test_runs_that_are_shown_in_short_are_in_both(study):
    """Of very many runs: neither has their matrices but in the section of all."""
    many = read_formats("many", many_runs(study, 62))

    test_every_section_has_the_same_tables_cell_by_cell(many)
    test_grids_have_the_same_cells(many)
    test_matrices_of_all_runs_have_two_rows_a_run(many)
    counts = [one for one in read_tables(many.text["Runs"]) if one.caption.startswith("Counts: ")]
    assert 0 < len(counts) < 2 * 62

"""Every table of the page stands in Markdown with the same cells, and none stands there alone.

Cells that have the same place are the same figure: `0.714` over `0.529 to 0.847` on the page is
`0.714 (20/28; 95 % CI 0.529 to 0.847)` in Markdown, whose readers have no place to look the
fraction up. Tables of another shape have a test of their own: Markdown has one line of heads and no
column for each case, and sets no tables side by side.
"""

from __future__ import annotations

import re

from tests.report.same.conftest import read_formats
from tests.report.study import many_runs
from tests.report.tables import Cell, ReadTable, read_tables

SHAPED = {"signs", "matrices-table", "matrix"}
"""Classes of tables that Markdown has in another shape."""
FRACTION = r"[\d,]+/[\d,]+; "


def _is_same(shown: Cell, plain: str) -> bool:
    """Whether a cell of Markdown says what the cell of the page says, and at most its fraction."""
    text, note = shown
    bare = plain.replace("95 % CI ", "")
    if "missed; " in note or "alarm" in note:  # what stands before the fraction
        bare = re.sub(f"; {FRACTION}", "; ", bare, count=1)
    if not note:
        return (
            bare == text or re.fullmatch(rf"{re.escape(text)} \([\d,]+/[\d,]+\)", bare) is not None
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
        ("Who missed whom: ", "Confusion matrices of ", "Counts: actual in rows")
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


def _unfold(table: ReadTable, spans: list[int]) -> list[list[str]]:
    """The rows of a table of matrices, with the run's name in both; its cells as Markdown has
    them. A dash in place of a matrix fills its columns."""
    rows, name = [], ""
    for place, row in enumerate(table.rows):
        cells = list(row)
        if place % 2 == 0:
            name = f"{cells[0][0]} ({cells[0][1]})"
            cells = cells[1:]
        texts = [f"{text} ({note})" if note else text for text, note in cells]
        if len(texts) < 1 + sum(spans):
            texts = [texts[0], *_fill(texts[1:], spans)]
        rows.append([name, *texts])
    return rows


def _fill(texts: list[str], spans: list[int]) -> list[str]:
    filled: list[str] = []
    for span in spans:
        if texts[0] == "–":
            filled += ["–"] * span
            texts = texts[1:]
        else:
            filled += texts[:span]
            texts = texts[span:]
    return filled


def test_matrices_of_all_runs_are_the_same(formats):
    """Open and folded ones on the page, all in one table in Markdown, two rows a run."""
    page, text = next((page, text) for name, page, text in formats.pairs() if name == "matrices")
    shown = [one for one in read_tables(page) if "matrices-table" in one.kind]
    (plain,) = read_tables(text)
    splits, labels, answers = shown[0].head
    width = len(answers) // len(labels)
    heads = [f"{labels[i // width][0]}, {answer}" for i, (answer, _) in enumerate(answers)]
    rows = [row for table in shown for row in _unfold(table, [width] * len(labels))]

    assert [[text for text, _ in row] for row in plain.rows] == rows
    assert len(rows) == 2 * sum(
        bool(each["evaluation"] or each["others"]) for each in formats.document["runs"]
    )
    titles = [title for title, _ in plain.head[0]][2:]
    assert [title.rsplit(" (", 1)[0] for title in titles] == heads
    assert [name for name, _ in splits[2:]] == list(
        dict.fromkeys(_titled(title.rsplit(" (", 1)[1][:-1]) for title in titles)
    )


def _titled(text: str) -> str:
    return text[:1].upper() + text[1:]


def test_matrices_of_a_run_are_those_of_its_counts(formats):
    """Each label's table on the page is two rows of the run's counts in Markdown."""
    page, text = next((page, text) for name, page, text in formats.pairs() if name == "runs")
    shown = [one for one in read_tables(page) if "matrix" in one.kind]
    counts = [one for one in read_tables(text) if one.caption.startswith("Counts: ")]
    rows = [[text for text, _ in row] for one in counts for row in one.rows]
    wanted = [(table.caption, *row) for table in shown for row in table.rows]

    assert len(rows) == len(wanted) > 5
    for (label, (actual, _), *cells), theirs in zip(wanted, rows, strict=True):
        # A note is what a count means and its share; a label without failures lacks a column.
        shares = [re.findall(r"[\d.]+ %", note) for _, note in cells]
        texts = [
            " ".join([text, *(f"({one})" for one in share)])
            for (text, _), share in zip(cells, shares, strict=True)
        ]
        assert theirs[:2] == [label, actual]
        assert theirs[2 : 2 + len(texts)] == texts
        assert set(theirs[2 + len(texts) :]) <= {"0"}


def test_runs_that_are_shown_in_short_are_in_both(study):
    """Of very many runs: neither has their matrices but in the section of all."""
    many = read_formats("many", many_runs(study, 62))

    test_every_section_has_the_same_tables_cell_by_cell(many)
    test_matrices_of_a_run_are_those_of_its_counts(many)
    test_matrices_of_all_runs_are_the_same(many)
    counts = [one for one in read_tables(many.text["Runs"]) if one.caption.startswith("Counts: ")]
    assert 0 < len(counts) < 2 * 62

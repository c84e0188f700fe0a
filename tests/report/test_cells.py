"""How cells are written: a value, what stands beneath it, and both in one line."""

from __future__ import annotations

import pytest

from covidreport.records import Estimate
from covidreport.report.blocks import (
    Code,
    Column,
    Count,
    Difference,
    Grid,
    GridCell,
    GridRow,
    Head,
    Link,
    Number,
    PValue,
    Rate,
    Spread,
    Strong,
    Text,
)
from covidreport.report.cells import (
    Written,
    flatten_heads,
    flatten_rows,
    sort_number,
    write_cell,
    write_line,
)

FOUND = Estimate(20 / 28, 0.529, 0.847, 20, 28, "wilson")


@pytest.mark.parametrize(
    ("cell", "value", "note", "line"),
    [
        (Text("a\nb", "c"), "a b", "c", "a b (c)"),
        (Link("run", "run-1"), "run", "", "run"),
        (Strong("8 of 28"), "8 of 28", "", "8 of 28"),
        (Code("tp / n"), "tp / n", "", "tp / n"),
        (Count(1200, 6200), "1,200", "of 6,200", "1,200 of 6,200"),
        (Count(8, 28, told=True), "8", "", "8"),
        (Count(8, 28, 2), "8", "of 28, 2 not scored", "8 of 28 (2 not scored)"),
        (Count(None, 28), "–", "", "–"),
        (Rate(FOUND), "0.714", "0.529 to 0.847", "0.714 (20 of 28; 95 % CI 0.529 to 0.847)"),
        (
            Rate(FOUND, "8 missed", "lowest"),
            "0.714",
            "8 missed; 0.529 to 0.847; lowest",
            "0.714 (8 missed; 20 of 28; 95 % CI 0.529 to 0.847; lowest)",
        ),
        (Rate(Estimate(0.5, numerator=1, denominator=2)), "0.500", "", "0.500"),
        (
            Rate(Estimate(0.5, numerator=1, denominator=2), evidence=True),
            "0.500",
            "1 of 2",
            "0.500 (1 of 2)",
        ),
        (Rate(None, note="no cases"), "–", "no cases", "– (no cases)"),
        (Difference(0.0714, -0.1, 0.2), "+0.071", "−0.100 to +0.200",
         "+0.071 (95 % CI −0.100 to +0.200)"),
        (Difference(0.5, 0.1, 0.9, level=0.9833), "+0.500", "+0.100 to +0.900",
         "+0.500 (98.33 % CI +0.100 to +0.900)"),
        (Difference(2.25, 1.0, 3.0, places=1, signed=False), "2.2", "1.0 to 3.0",
         "2.2 (95 % CI 1.0 to 3.0)"),
        (Difference(None), "–", "", "–"),
        (PValue(0.0496), "0.0496", "", "0.0496"),
        (PValue(0.01, "exact", significant=True), "≠ 0.010", "exact", "≠ 0.010 (exact)"),
        (PValue(0.28, unadjusted=0.031), "0.28", "0.031", "0.28 (0.031)"),
        (PValue(None), "–", "", "–"),
        (Spread(8.5, 0.7, 8, 9, whole=True), "8.5 ± 0.7", "8 to 9", "8.5 ± 0.7 (8 to 9)"),
        (
            Spread(0.9, None, 0.9, 0.9, undefined=1),
            "0.900",
            "0.900 to 0.900; 1 run without",
            "0.900 (0.900 to 0.900; 1 run without)",
        ),
        (Spread(None, None, None, None), "–", "", "–"),
        (Number(0.12345, 2), "0.12", "", "0.12"),
        (Number(None), "–", "", "–"),
        ("as `it` is", "as `it` is", "", "as `it` is"),
    ],
)  # fmt: skip
def test_a_cell_is_written_once(cell, value, note, line):
    """By hand, as the page and Markdown show them."""
    assert write_cell(cell) == Written(value, note, line)


def test_a_sentence_has_its_figures_with_their_evidence():
    """In one line."""
    words = ("It found ", Rate(FOUND), ", ", Link("by name", "gone"), ".")
    assert write_line(words) == (
        "It found 0.714 (20 of 28; 95 % CI 0.529 to 0.847), by name."
    )  # fmt: skip


def test_columns_are_sorted_by_numbers_that_are_not_rounded_away():
    """A text that says what it is sorted by goes by it; other texts by what is shown."""
    assert sort_number(Rate(FOUND)) == 0.714286
    assert sort_number(Count(1200)) == 1200
    assert sort_number(Text("the best", sort=2.0)) == 2.0
    assert [sort_number(each) for each in (Text("a"), Link("b", "c"), Count(None))] == [None] * 3


def test_a_grid_has_each_head_and_cell_as_often_as_it_spans():
    """Two labels over two answers each; a run's name over two rows, a dash over two columns."""
    grid = Grid(
        "Matrices",
        (Column("Run", kind="name"), Column("actual")),
        ((Head("covid-19", 2), Head("normal", 2)), (Head("no"), Head("yes")) * 2),
        (
            GridRow(
                (Head("a", 2), Head("no")), (GridCell("1"), GridCell("2"), GridCell("–", span=2))
            ),
            GridRow((Head("yes"),), tuple(GridCell(text) for text in "3456")),
        ),
        "counts",
    )  # fmt: skip

    assert flatten_heads(grid) == ["covid-19, no", "covid-19, yes", "normal, no", "normal, yes"]
    assert [heads for heads, _ in flatten_rows(grid)] == [("a", "no"), ("a", "yes")]
    assert ["".join(cell.text for cell in cells) for _, cells in flatten_rows(grid)] == [
        "12––", "3456",
    ]  # fmt: skip

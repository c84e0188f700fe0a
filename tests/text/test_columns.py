"""Columns and lines of a terminal: what goes first, where a line may end, and that nothing is lost.

Widths are counted by hand.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.text.columns import (
    FULL,
    Column,
    draw_table,
    lay_out,
    measure,
    wrap,
    wrap_cell,
    wrap_name,
)

COLUMNS = (
    Column("rank", "figure"),
    Column("run", "name"),
    Column("missed", "figure"),
    Column("sensitivity", "figure", 1),
    Column("(95 % CI)", "figure", 2, "intervals"),
)
ROWS = (
    ("1", "exp15-vgg16-bce-frozen", "8 of 28", "0.714", "(0.529 to 0.847)"),
    ("2", "exp3-resnet18-bce", "10 of 28", "0.643", "(0.458 to 0.793)"),
)
# 4 + 22 + 8 + 11 + 16 and four gaps of 2
WHOLE = 69


def test_a_table_has_all_columns_where_they_fit():
    """Figures at the right, no blanks behind the last one."""
    assert draw_table(COLUMNS, ROWS, WHOLE) == [
        "rank  run                       missed  sensitivity         (95 % CI)",
        "   1  exp15-vgg16-bce-frozen   8 of 28        0.714  (0.529 to 0.847)",
        "   2  exp3-resnet18-bce       10 of 28        0.643  (0.458 to 0.793)",
    ]


def test_one_column_less_where_one_sign_is_missing_and_it_is_said():
    """The largest `goes` first; beneath stands what it is called and what shows it."""
    *lines, note = draw_table(COLUMNS, ROWS, WHOLE - 1)
    assert [line.split()[-1] for line in lines] == ["sensitivity", "0.714", "0.643"]
    assert note == "No room for intervals; 69 columns or --json show all."


def test_a_column_that_always_stands_stays_and_names_are_broken_behind_a_hyphen():
    """At 30 columns: rank, run in what is left, missed; no name is cut."""
    lines = draw_table(COLUMNS, ROWS, 30)
    assert lines[:5] == [
        "rank  run               missed",
        "   1  exp15-vgg16-     8 of 28",
        "      bce-frozen",
        "   2  exp3-resnet18-  10 of 28",
        "      bce",
    ]
    assert lines[5:7] == ["No room for sensitivity,", "    intervals; 69 columns or"]


def test_from_140_columns_on_names_are_wrapped_before_a_column_goes():
    """Five names of 40 signs each want 208 columns; in lines of 12 they need 68."""
    columns = [Column(str(place), "name", place) for place in range(5)]
    row = ["-".join(["abcdefghi"] * 4)] * 5
    assert len(lay_out(columns, [row], FULL - 1).kept) == 3
    layout = lay_out(columns, [row], FULL)
    assert len(layout.kept) == 5
    assert sum(layout.widths) + 8 <= FULL
    assert layout.full == FULL


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["one two", "  three"]),
        ("one  two", ["one  two"]),
        ("  one two three", ["  one two", "  three"]),
        ("a /srv/data/manifest.csv b", ["a", "  /srv/data/manifest.csv", "  b"]),
        ("do `a b c d e` now", ["do", "  `a b c d e`", "  now"]),
        ("", [""]),
    ],
)
def test_a_sentence_ends_a_line_between_words(text, lines):
    """At ten columns; a path or a command that is longer is whole in a line of its own."""
    assert wrap(text, 10, 2) == lines


def test_wide_signs_take_two_columns():
    """Two for each of Chinese, none for an accent that stands over the sign before it."""
    assert measure("肺炎") == 4
    assert measure("e\u0301") == 1
    assert wrap("肺炎 肺炎", 8) == ["肺炎", "肺炎"]


@given(st.text("ab-_. 肺", max_size=60), st.integers(2, 20))
def test_no_sign_of_a_name_is_lost_and_no_line_is_too_wide(name, width):
    """Whatever it is; only blanks at the end of a line go."""
    lines = wrap_name(name, width)
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")
    assert max(map(measure, lines)) <= width


@given(st.lists(st.text("abc1", min_size=1, max_size=9), max_size=12), st.integers(10, 40))
def test_a_text_is_broken_between_words_alone(words, width):
    """The words come out as they went in."""
    lines = wrap_cell(" ".join(words), "text", width)
    assert " ".join(lines).split() == words
    assert max(map(measure, lines), default=0) <= width

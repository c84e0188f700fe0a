"""Names, plurals and lists, asserted to the letter."""

from __future__ import annotations

from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.text import clean, label_name, list_some, listed

TURNING = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Signs that turn the direction of what follows."""


def test_labels_and_lists_read_well():
    """As in a sentence."""
    assert label_name("covid-19") == "COVID-19"
    assert label_name("Lung_Opacity") == "Lung_Opacity"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c"], last="or") == "a, b or c"
    assert listed(["a", "b", "c"], most=3) == "a, b and c"
    assert listed(["a", "b", "c", "d"], most=2) == "a, b and 2 more"
    assert [list_some("abc"[:n], 2) for n in (0, 2, 3)] == ["", "a, b", "a, b and 1 more"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\tand  more", "two lines and more"),
        ("\u202eevil", "\ufffdevil"),
        ("a\x00b\x1bc", "a\ufffdb\ufffdc"),
        ("run-\udcff", "run-\ufffd"),
        ("Lungenentzündung ☃", "Lungenentzündung ☃"),
    ],
)
def test_names_hold_nothing_that_can_not_be_seen(text, shown):
    """A sign that turns the direction of text could make a figure read backwards."""
    assert clean(text) == shown


@given(st.text())
def test_cleaned_text_is_one_line_that_utf8_holds(text):
    """Whatever a name holds, and cleaning twice changes nothing."""
    shown = clean(text)

    assert len(shown.splitlines()) <= 1
    assert not [sign for sign in shown if category(sign) in ("Cc", "Cs") or sign in TURNING]
    assert shown.encode().decode() == shown
    assert clean(shown) == shown

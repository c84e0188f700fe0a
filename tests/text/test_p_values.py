"""P-values as text: the same digits wherever one is written, and bounds that stay bounds."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import covidreport
from covidreport.text import bound_p, format_bounds, format_p, p_value, show_bounds

PACKAGE = Path(covidreport.__file__).parent
BELOW = ("text", "metrics", "records", "storage", "images", "inference", "dataset")
"""Rooms that know no `text`, or write nothing of figures."""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.00"), (0.2, "0.20"), (0.0312, "0.031"), (0.05, "0.0500"), (0.0504, "0.0504"),
        (0.0506, "0.051"), (0.001, "0.001"), (0.00099, "< 0.001"), (0.0, "< 0.001"), (None, "–"),
    ],
)  # fmt: skip
def test_p_values_have_the_digits_that_matter(value, text):
    """Two, three under 0.1, four where it would be in doubt on which side of 0.05 it lies."""
    assert p_value(value) == text


def test_a_sentence_has_the_same_digits():
    """With its sign; what nobody knows is said to be unknown."""
    assert [format_p(p) for p in (0.2, 0.0001, None)] == ["p = 0.20", "p < 0.001", "p unknown"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.00"), (3.5, "1.00"), (0.999, "0.99"), (0.29, "0.29"), (0.1251, "0.12"),
        (0.0439, "0.043"), (0.05009, "0.0500"), (0.000244, "0.000"), (0.0, "0.000"),
    ],
)  # fmt: skip
def test_a_bound_is_cut(value, text):
    """Rounded up it would claim more than is known."""
    assert bound_p(value) == text


@given(st.floats(0, 1))
def test_a_bound_stays_a_bound(value):
    """For any p-value, and within one of its last digit."""
    shown = Decimal(bound_p(value))

    assert shown <= Decimal(repr(value))
    assert Decimal(repr(value)) - shown < Decimal(10) ** int(shown.as_tuple().exponent)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (1.0, 1.0, "p = 1.00"), (1.0, None, "p = 1.00"), (0.999, 1.0, "p at least 0.99"),
        (0.0012, 0.0149, "p between 0.001 and 0.015"), (0.1, None, "p at least 0.10"),
        (0.0009, 0.0149, "p at most 0.015"), (0.0009, None, "p may be < 0.001"),
        (0.0001, 0.0002, "p < 0.001"), (0.0009, 1.0, "p may be < 0.001"),
    ],
)  # fmt: skip
def test_bounds_of_1_read_as_a_p_value_of_1_does(low, high, text):
    """One form everywhere; a bound under 1 never has it."""
    assert format_bounds(low, high) == text
    assert show_bounds(low, high).endswith(p_value(1.0)) is (low == 1)


def test_no_other_room_rounds_rates_or_p_values():
    """Whoever writes one asks here: no format to three decimals, or to percents, elsewhere."""
    own = re.compile(r":[^{}:\"' ]*(?:\.3f|%)\}")
    found = [
        f"{file.relative_to(PACKAGE)}: {line.strip()}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if file.relative_to(PACKAGE).parts[0] not in BELOW
        for line in file.read_text(encoding="utf-8").splitlines()
        if own.search(line)
    ]

    assert not found

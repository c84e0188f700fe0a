"""Numbers, names and dashes, asserted to the letter."""

from __future__ import annotations

import math

import pytest

from covidreport.records import Estimate
from covidreport.text import (
    aligned,
    decimal,
    decimal_beside,
    exact,
    format_estimate,
    fraction,
    percent_of,
    plural,
    portion,
    portion_of,
    proportion,
    show_ends,
    show_value,
    signed,
    whole,
)


def test_a_figure_carries_its_evidence():
    """The cell of the design: value, fraction and interval in one string."""
    shown = format_estimate(Estimate(20 / 28, 0.52943, 0.84749, 20, 28, "wilson"))

    assert shown.text == "0.714 (20 of 28; 95 % CI 0.529 to 0.847)"
    assert (shown.value, shown.fraction, shown.interval) == ("0.714", "20 of 28", "0.529 to 0.847")


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.8063, None, None, 1174, 1457), "0.806 (1,174 of 1,457)"),
        (Estimate(0.8712), "0.871"),
        (Estimate(0.5, 0.4, 0.6), "0.500 (95 % CI 0.400 to 0.600)"),
        (Estimate(None), "–"),
        (Estimate(math.nan), "–"),
        (None, "–"),
    ],
)
def test_a_figure_says_what_is_known_of_it(estimate, text):
    """What is missing is left out; what is undefined is a dash and never 0."""
    assert format_estimate(estimate).text == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (1.0, "1.000"),
        (0.0005, "0.001"),
        (-0.02686, "−0.027"),
        (math.inf, "–"),
        (1 / 16, "0.062"),
        (3 / 16, "0.188"),
        (-1 / 16, "−0.062"),
        (-0.0004, "0.000"),
    ],
)
def test_rates_have_three_decimals(value, text):
    """And a minus that is one; half-way between two the even one; nothing has no sign."""
    assert decimal(value) == text


def test_counts_have_a_comma_for_thousands():
    """Everywhere the same one."""
    assert [whole(n) for n in (0, 628, 6200, 1234567, None)] == [
        "0", "628", "6,200", "1,234,567", "–",
    ]  # fmt: skip
    assert [plural(n, "image") for n in (0, 1, 6200)] == ["0 images", "1 image", "6,200 images"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([2.5, 0.0668, None], ("2.5000", "0.0668", "–")),
        ([-0.026861, math.nan], ("−0.02686", "–")),
        ([0.000123, 0.00001], ("0.0001230", "0.0000100")),
        ([12345.678], ("12,345.6780",)),
        ([], ()),
        ([None], ("–",)),
        ([0.0], ("0.0000",)),
    ],
)
def test_a_column_of_losses_has_the_same_decimals(values, texts):
    """Four at least, and enough for small ones."""
    assert aligned(values) == texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-4, "0.0001"),
        (0.9, "0.9"),
        (2.0, "2"),
        (2.5e-9, "2.5e−09"),
        (20, "20"),
        (True, "yes"),
        (False, "no"),
        (None, "–"),
        ("", "–"),
        ([], "–"),
        (["features.0", "features.2"], "features.0, features.2"),
        ({"size": 224, "on": True}, "size: 224; on: yes"),
        (math.nan, "–"),
    ],
)
def test_settings_are_shown_as_they_were_given(value, text):
    """A learning rate of 1e-4 is not rounded to 0.000."""
    assert exact(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.071, "+0.071"), (-0.0357, "−0.036"), (0.0, "0.000"), (0.0004, "0.000"), (None, "–")],
)
def test_differences_have_their_sign(value, text):
    """But for one that rounds to nothing."""
    assert signed(value) == text


@pytest.mark.parametrize(
    ("count", "total", "text"),
    [(20, 28, "0.714"), (1, 6200, "0.001"), (6199, 6200, "0.999"), (0, 9, "0.000"), (0, 0, "")],
)
def test_what_is_not_all_does_not_read_as_all(count, total, text):
    """Nor what is not nothing as nothing."""
    assert portion_of(count, total) == text
    assert percent_of(count, total) == (f"{100 * float(text):.1f} %" if text else "")


def test_a_share_is_written_with_what_it_is_of():
    """A dash where that is nothing."""
    assert proportion(2200, 6200) == "0.355 (2,200 of 6,200)"
    assert proportion(1999, 2000) == "0.999 (1,999 of 2,000)"
    assert proportion(0, 0) == "–"
    assert fraction(1174, 1457) == "1,174 of 1,457"
    assert fraction(None, 28) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8, "0.800"),
        (0.0004, "< 0.001"),
        (0.9996, "> 0.999"),
        (0.0, "0.000"),
        (1.0, "1.000"),
        (None, "–"),
    ],
)
def test_probabilities_have_three_decimals(value, text):
    """What is possible does not read as impossible, nor as certain."""
    assert portion(value) == text


@pytest.mark.parametrize(
    ("estimate", "value", "ends"),
    [
        (Estimate(20 / 28, 0.52943, 0.84749, 20, 28, "wilson"), "0.714", "(0.529 to 0.847)"),
        (Estimate(0.5, None, None, 14, 28, "exploratory"), "0.500", "(exploratory)"),
        (Estimate(-0.1), "−0.100", ""),
        (Estimate(None), "–", ""),
        (None, "–", ""),
    ],
)
def test_a_terminal_has_the_same_figures_with_less_around(estimate, value, ends):
    """Value and interval, of the same digits as in the report."""
    assert (show_value(estimate), show_ends(estimate)) == (value, ends)


@pytest.mark.parametrize(
    ("value", "bound", "text"),
    [
        (1 / 6, 0.5, "0.167"),
        (0.4998, 0.5, "0.4998"),
        (0.50004, 0.5, "0.50004"),
        (0.7365, 0.7366, "0.7365"),
        (0.5, 0.5, "0.5000000000"),
    ],
)
def test_a_rate_beside_a_bound_shows_its_side(value, bound, text):
    """Rounded as everywhere, unless that would put it on the bound or beyond."""
    assert decimal_beside(value, bound) == text

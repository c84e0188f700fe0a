"""Numbers, names and dashes, asserted to the letter."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.records import Estimate
from covidreport.report.view.wording import (
    aligned,
    clean,
    decimal,
    exact,
    figure,
    label_name,
    listed,
    plural,
    whole,
)


def test_a_figure_carries_its_evidence():
    """The cell of the design: value, fraction and interval in one string."""
    shown = figure(Estimate(20 / 28, 0.52943, 0.84749, 20, 28, "wilson"))

    assert shown.text == "0.714 (20/28; 95 % CI 0.529 to 0.847)"
    assert (shown.value, shown.fraction, shown.interval) == ("0.714", "20/28", "0.529 to 0.847")


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.8063, None, None, 1174, 1457), "0.806 (1,174/1,457)"),
        (Estimate(0.8712), "0.871"),
        (Estimate(0.5, 0.4, 0.6), "0.500 (95 % CI 0.400 to 0.600)"),
        (Estimate(None), "–"),
        (Estimate(math.nan), "–"),
        (None, "–"),
    ],
)
def test_a_figure_says_what_is_known_of_it(estimate, text):
    """What is missing is left out; what is undefined is a dash and never 0."""
    assert figure(estimate).text == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.000"), (1.0, "1.000"), (0.0005, "0.001"), (-0.02686, "−0.027"), (math.inf, "–")],
)
def test_rates_have_three_decimals(value, text):
    """And a minus that is one."""
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


def test_labels_and_lists_read_well():
    """As in a sentence."""
    assert label_name("covid-19") == "COVID-19"
    assert label_name("Lung_Opacity") == "Lung_Opacity"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


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
    assert shown.encode().decode() == shown
    assert clean(shown) == shown

"""Subgroups: by hand, what is compared, and how ages become bands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.metrics import band_ages, count_labels, estimate_subgroups, wilson
from covidreport.metrics.subgroups import list_lowest
from covidreport.records import Counts


def _images(*groups: tuple[str, Counts]):
    """Images that have these counts: truth, predicted, failed and the attribute's values."""
    rows: list[tuple[object, ...]] = []
    for value, c in groups:
        kinds = [
            (c.tn, 0, False, False), (c.fp, 0, True, False), (c.fn, 1, False, False),
            (c.tp, 1, True, False), (c.failed_positive, 1, False, True),
            (c.failed_negative, 0, False, True), (c.unknown, -1, True, False),
        ]  # fmt: skip
        for n, *row in kinds:
            rows += [(*row, value)] * n
    truth, predicted, failed, values = zip(*rows, strict=True)
    return np.array(truth, dtype=np.int8), np.array(predicted), np.array(failed), values


WOMEN = Counts(tn=90, fp=10, fn=3, tp=9)
MEN = Counts(tn=70, fp=30, fn=1, tp=15, failed_positive=1, failed_negative=2, unknown=4)


def test_each_value_has_its_counts_and_wilson_intervals():
    """By hand: 9 of 12 and 90 of 100; 15 of 17 and 70 of 102, the failed ones as wrong answers."""
    found = estimate_subgroups(*_images(("M", MEN), ("F", WOMEN)))
    women, men = found.groups
    assert (women.value, women.counts, men.value, men.counts) == ("F", WOMEN, "M", MEN)
    assert women.sensitivity.value == 9 / 12
    assert (women.sensitivity.low, women.sensitivity.high) == wilson(9, 12)
    assert (men.sensitivity.value, men.specificity.value) == (15 / 17, 70 / 102)
    assert found.not_stated is None


def test_the_worst_group_is_named_for_each_rate():
    """Women are missed more often, men alarmed more often."""
    found = estimate_subgroups(*_images(("M", MEN), ("F", WOMEN)))
    assert (found.worst_sensitivity, found.worst_specificity) == ("F", "M")


@pytest.mark.parametrize(("positives", "worst"), [(9, "F"), (10, "X")])
def test_a_group_under_ten_positives_is_shown_and_never_compared(positives, worst):
    """None of 9 found is the worst figure by far and is not named."""
    few = Counts(tn=50, fp=0, fn=positives, tp=0)
    found = estimate_subgroups(*_images(("M", MEN), ("F", WOMEN), ("X", few)))
    shown = next(group for group in found.groups if group.value == "X")
    assert shown.sensitivity.value == 0
    assert ("sensitivity" in shown.compared) is (positives >= 10)
    assert "specificity" in shown.compared
    assert found.worst_sensitivity == worst


def test_one_group_alone_is_not_the_worst():
    """There is nothing to compare it with."""
    found = estimate_subgroups(*_images(("F", WOMEN), ("X", Counts(tn=3, fp=0, fn=1, tp=1))))
    assert (found.worst_sensitivity, found.worst_specificity) == (None, None)


def test_images_without_a_value_are_counted_apart_and_never_compared():
    """Not stated is no group of its own: 0 of 20 found, and the worst is still F."""
    blank = Counts(tn=20, fp=80, fn=20, tp=0)
    found = estimate_subgroups(*_images(("M", MEN), ("", blank), ("F", WOMEN)))
    assert [group.value for group in found.groups] == ["F", "M"]
    assert found.not_stated is not None
    assert (found.not_stated.counts, found.not_stated.compared) == (blank, ())
    assert found.worst_sensitivity == "F"


def test_a_group_without_positives_has_no_sensitivity():
    """A dash; its specificity stands."""
    found = estimate_subgroups(*_images(("F", WOMEN), ("X", Counts(tn=12, fp=0, fn=0, tp=0))))
    empty = found.groups[1]
    assert (empty.sensitivity.value, empty.specificity.value) == (None, 1.0)


def test_of_equal_rates_the_one_with_more_cases_is_named():
    """10 of 20 says more than 5 of 10."""
    small, large = Counts(50, 0, 5, 5), Counts(50, 0, 10, 10)
    found = estimate_subgroups(*_images(("a", small), ("b", large), ("F", WOMEN)))
    assert found.worst_sensitivity == "b"


def test_where_all_rates_are_equal_none_is_the_worst():
    """Nobody is alarmed: a specificity of 1 is not low. A group too small to compare changes
    nothing of it."""
    found = estimate_subgroups(
        *_images(("F", Counts(50, 0, 5, 5)), ("M", Counts(90, 0, 3, 9)), ("X", Counts(2, 2, 20, 1)))
    )
    assert (found.worst_sensitivity, found.worst_specificity) == ("X", None)
    assert list_lowest(found.groups, "specificity") == ()


def test_all_groups_that_tie_for_the_lowest_are_listed():
    """5 of 10 and 10 of 20 against 9 of 12; the one with more cases first."""
    groups = [("a", Counts(50, 0, 5, 5)), ("b", Counts(50, 0, 10, 10)), ("F", WOMEN)]
    found = estimate_subgroups(*_images(*groups))
    assert list_lowest(found.groups, "sensitivity") == ("b", "a")
    assert list_lowest(found.groups, "specificity") == ("F",)


_rows = st.tuples(
    st.integers(-1, 1), st.booleans(), st.booleans(), st.sampled_from(["", "F", "M", "other"])
)


@given(st.lists(_rows, min_size=1, max_size=60))
def test_the_groups_add_up_to_all_images(rows):
    """No image is lost between them, whatever is unknown of it."""
    truth, predicted, failed, values = zip(*rows, strict=True)
    arrays = np.array(truth, dtype=np.int8), np.array(predicted), np.array(failed)
    found = estimate_subgroups(*arrays, values)
    parts = [*found.groups, *([found.not_stated] if found.not_stated else [])]
    (whole,) = count_labels(arrays[0][:, np.newaxis], arrays[1][:, np.newaxis], arrays[2])
    for name in Counts.__struct_fields__:
        assert sum(getattr(part.counts, name) for part in parts) == getattr(whole, name)


def test_values_that_do_not_fit_are_refused():
    """One value for each image."""
    truth, predicted, failed, _ = _images(("F", WOMEN))
    with pytest.raises(ValueError, match="2 values for 112 images"):
        estimate_subgroups(truth, predicted, failed, ["F", "M"])


@pytest.mark.parametrize(
    ("cell", "band"),
    [
        ("0", "0 to 17"), ("17", "0 to 17"), ("17.9", "0 to 17"), ("18", "18 to 39"),
        ("59.9", "40 to 59"), ("60", "60 to 79"), ("80", "80 and over"), ("120", "80 and over"),
        (" 57 ", "40 to 59"), ("057Y", "40 to 59"), ("006M", "0 to 17"), ("240m", "18 to 39"),
        ("003W", "0 to 17"), ("010D", "0 to 17"),
        ("", ""), ("411", ""), ("-3", ""), ("unknown", ""), ("57Z", ""), ("5-7", ""), ("nan", ""),
    ],
)  # fmt: skip
def test_ages_in_bands_of_completed_years(cell, band):
    """Numbers and DICOM's age strings; what is no age of a person is unknown."""
    assert band_ages([cell]) == (band,)


def test_bands_are_stated_by_their_edges():
    """Below the first edge an age is unknown: nobody said where it belongs."""
    assert band_ages(["15", "20", "64", "65"], [18, 65]) == (
        "",
        "18 to 64",
        "18 to 64",
        "65 and over",
    )


@pytest.mark.parametrize("edges", [[], [40, 18], [18, 18], [17.5, 40]])
def test_edges_that_make_no_bands_are_refused(edges):
    """They rise, and are whole years."""
    with pytest.raises(ValueError, match="age bands"):
        band_ages(["20"], edges)

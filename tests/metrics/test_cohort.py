"""Table 1, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.metrics import count_groups, count_shared, count_unknown, list_columns, read_ages
from covidreport.records import AgeSummary, Scores

LABELS = ("covid-19", "normal")
TRUTH = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 0], [1, 1], [-1, 0]], np.int8)
"""Seven images: three of each label, of which one has both; one has none, one is unknown."""
SEX = ("F", "F", "M", "", "M", "F", "M")
VIEW = ("PA", "AP", "PA", "PA", "AP", "PA", "")
AGES = ("34", "35", "061Y", "x", "130", "95", "20")


def _scores(groups=None):
    attributes = {"sex": SEX, "view": VIEW, "age": ("18 to 39",) * 7}
    return Scores(
        tuple(f"{i}.png" for i in range(7)), LABELS, TRUTH, np.zeros((7, 2), np.float32), "logit",
        (None,) * 7, groups, attributes, ages=read_ages({"age": AGES}),
    )  # fmt: skip


def test_ages_are_completed_years():
    """Of what DICOM writes too; slips and blanks are unknown, and from 90 on all are 90."""
    read = read_ages({"sex": SEX, "Patient Age": ("34.9", "061Y", "018M", "x", "130", "95", "")})
    assert read is not None
    assert read.tolist() == [34, 61, 1, -1, -1, 90, -1]
    assert read_ages({"sex": SEX}) is None


def test_images_stand_in_the_column_of_each_of_their_labels():
    """Without patients; an age from 90 on counts as 90, and bands of ages are no row of it."""
    every, covid, normal, none = list_columns(_scores())

    assert [each.label for each in (every, covid, normal, none)] == ["", *LABELS, None]
    assert [each.images for each in (every, covid, normal, none)] == [7, 3, 3, 1]
    assert covid.patients is None
    assert covid.values == {"sex": {"F": 3, "": 0}, "view": {"AP": 1, "PA": 2, "": 0}}
    assert normal.values["sex"] == {"F": 1, "M": 1, "": 1}
    assert covid.age == AgeSummary(3, 0, 35.0, 34.5, 62.5)  # 34, 35, 90
    assert none.age == AgeSummary(0, 1, None, None, None)
    assert every.age == AgeSummary(5, 2, 35.0, 34.0, 61.0)  # 20, 34, 35, 61, 90
    assert set(every.several.values()) == {0}


def test_patients_are_described_by_their_images_of_the_column():
    """The lowest age; several values where these differ; and none where no image states one."""
    groups = ("a", "a", "b", "b", "c", "d", "a")
    every, covid, normal, none = list_columns(_scores(groups))

    assert [each.patients for each in (every, covid, normal, none)] == [4, 2, 2, 1]
    assert covid.age == AgeSummary(2, 0, 62.0, 48.0, 76.0)  # a 34, d 90
    assert every.age == AgeSummary(3, 1, 61.0, 40.5, 75.5)  # a 20, b 61, d 90
    assert every.several == {"sex": 1, "view": 1}  # a is F twice and M once, PA and AP
    assert every.values["sex"] == {"F": 1, "M": 2, "": 0}
    assert covid.several == {"sex": 0, "view": 1}
    assert covid.values["sex"]["F"] == 2
    assert normal.values["sex"] == {"F": 1, "M": 1, "": 0}  # b's second image states no sex
    for column in (every, covid, normal, none):
        for name, values in column.values.items():
            assert sum(values.values()) + column.several[name] == column.patients


def test_an_attribute_of_one_value_is_described():
    """It parts no images, and is a row of the table with what is missing of it."""
    source = ("A", "A", "", "A", "A", "A", "A")
    every, covid, *_ = list_columns(replace(_scores(), single={"source": source}))
    assert every.values["source"] == {"A": 6, "": 1}
    assert covid.values["source"] == {"A": 3, "": 0}


@pytest.mark.parametrize(
    ("groups", "shared"), [(None, 1), (("a", "a", "a", "b", "c", "d", "e"), 2)]
)
def test_who_has_several_labels_is_counted(groups, shared):
    """An image, or a patient whose images differ."""
    assert count_shared(_scores(groups)) == shared


def test_unknown_truth_and_patients_of_some_images_are_counted():
    """By label; None where patients are not known."""
    assert count_unknown(_scores()) == {"covid-19": 1}
    positive = TRUTH[:, 0] == 1
    assert count_groups(("a", "a", "b", "b", "c", "d", "a"), positive) == 2
    assert count_groups(None, positive) is None

"""One answer for each patient, from the answers to the images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from covidreport.metrics import count_by_patient, count_labels
from covidreport.records import Counts

RULES = ("any", "majority", "all")


def _count(rows, rule):
    """rows: the patient of each image, its truth (1, 0, -1), and `yes`, `no` or `failed`."""
    names = sorted({row[0] for row in rows})
    return count_by_patient(
        np.array([row[1] for row in rows], np.int8),
        np.array([row[2] == "yes" for row in rows]),
        np.array([row[2] == "failed" for row in rows]),
        np.array([names.index(row[0]) for row in rows]),
        rule,
    )


DRAWN = [
    ("a", 1, "yes"), ("a", 1, "no"), ("a", 1, "no"), ("a", 0, "yes"),
    ("b", 1, "yes"), ("b", 1, "yes"), ("b", 1, "failed"),
    ("c", 1, "no"), ("c", 0, "yes"),
    ("d", 1, "failed"),
    ("e", 1, "yes"), ("e", -1, "no"),
    ("f", 0, "no"), ("f", 0, "yes"),
    ("g", 0, "failed"), ("g", 0, "failed"), ("g", 0, "no"),
    ("h", 0, "no"), ("h", -1, "yes"),
    ("i", 0, "failed"),
    ("j", 0, "yes"), ("j", 0, "yes"),
    ("k", -1, "yes"), ("k", -1, "failed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("any", Counts(tn=1, fp=3, fn=1, tp=3, failed_positive=1, failed_negative=1, unknown=1)),
        ("majority", Counts(2, 2, 2, 2, 1, 1, 1)),
        ("all", Counts(3, 1, 3, 1, 1, 1, 1)),
    ],
)
def test_eleven_patients_counted_by_hand(rule, expected):
    """Positive are a to e, by their positive images alone; negative f to j; k leaves no trace.

    | patient | images that count | any | majority | all |
    | --- | --- | --- | --- | --- |
    | a | yes, no, no | found | missed | missed |
    | b | yes, yes, failed | found | found | missed |
    | c | no (his negative image was called, which finds nobody) | missed | missed | missed |
    | d | failed | not scored | not scored | not scored |
    | e | yes (the other is of unknown truth) | found | found | found |
    | f | no, yes | alarm | cleared (one of two is not more than half) | cleared |
    | g | failed, failed, no | alarm | alarm | cleared |
    | h | no (the other is of unknown truth) | cleared | cleared | cleared |
    | i | failed | not scored | not scored | not scored |
    | j | yes, yes | alarm | alarm | alarm |
    """
    assert _count(DRAWN, rule) == expected


def test_one_called_negative_and_one_missed_positive_image_is_a_missed_patient():
    """The negative image was called positive: what was found is not what he has."""
    rows = [("a", 1, "no"), ("a", 0, "yes")]
    assert all(_count(rows, rule) == Counts(0, 0, 1, 0) for rule in RULES)


_IMAGES = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from((1, 0, -1)), st.sampled_from(("yes", "no", "failed"))
    ),
    min_size=1,
    max_size=30,
)


@given(_IMAGES, st.sampled_from(RULES))
def test_one_image_a_patient_gives_the_counts_of_images(images, rule):
    """By every rule, those that failed and those of unknown truth included."""
    rows = [(f"{i:02}", truth, answer) for i, (_, truth, answer) in enumerate(images)]
    truth = np.array([row[1] for row in rows], np.int8)[:, None]
    called = np.array([row[2] == "yes" for row in rows])[:, None]
    failed = np.array([row[2] == "failed" for row in rows])
    assert _count(rows, rule) == count_labels(truth, called, failed)[0]


@given(_IMAGES)
def test_patients_add_up_and_any_finds_the_most_and_clears_the_fewest(images):
    """Majority lies between any and all, and all rules have the same patients."""
    counts = [_count(images, rule) for rule in RULES]
    assert {each.total for each in counts} == {len({row[0] for row in images})}
    assert len({(each.positives, each.negatives, each.unknown) for each in counts}) == 1
    assert [each.tp for each in counts] == sorted((each.tp for each in counts), reverse=True)
    assert [each.tn for each in counts] == sorted(each.tn for each in counts)


@given(_IMAGES, st.sampled_from(RULES))
def test_images_of_unknown_truth_change_nothing(images, rule):
    """But for the patients of whom nothing is known."""
    known = [row for row in images if row[1] != -1]
    if known:
        assert astuple(_count(images, rule))[:-1] == astuple(_count(known, rule))[:-1]

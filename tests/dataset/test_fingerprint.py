from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from covidreport.dataset import fingerprint, fingerprint_labels
from covidreport.dataset.split import take_labels, take_rows
from tests.dataset.manifests import make_dataset

DIGESTS = ("11", "22", "33")


def test_the_encoding_is_the_one_that_is_documented():
    """Written out by hand: counts and lengths as 64-bit little-endian numbers before every text."""

    def texts(*items: str) -> bytes:
        lengths = [len(items), *(len(item) for item in items)]
        return struct.pack(f"<{len(lengths)}Q", *lengths) + "".join(items).encode()

    expected = hashlib.sha256(
        b"covidreport.dataset/1"
        + texts("covid-19", "normal")
        + texts("a", "b", "c")
        + bytes([1, 0, 0, 1, 255, 0])
        + texts("train", "validation", "train")
        + texts(*DIGESTS)
    )
    assert fingerprint(make_dataset(), DIGESTS) == expected.hexdigest()


@given(st.permutations(range(3)))
@settings(deadline=None)
def test_the_order_of_rows_does_not_count(order):
    """A manifest that was sorted differently describes the same data."""
    dataset = make_dataset()
    assert dataset.splits is not None
    moved = replace(
        dataset,
        ids=tuple(dataset.ids[i] for i in order),
        truth=dataset.truth[order],
        splits=tuple(dataset.splits[i] for i in order),
    )
    assert fingerprint(moved, [DIGESTS[i] for i in order]) == fingerprint(dataset, DIGESTS)


def test_the_order_of_labels_does_not_count():
    """Labels are matched by name."""
    swapped = make_dataset(labels=("normal", "covid-19"), truth=make_dataset().truth[:, ::-1])
    assert fingerprint(swapped, DIGESTS) == fingerprint(make_dataset(), DIGESTS)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ("covid-19", "healthy")},
        {"ids": ("a", "b", "d")},
        {"truth": np.array([[1, 0], [0, 1], [0, 0]], np.int8)},
        {"truth": np.array([[1, 0], [0, 1], [1, 0]], np.int8)},
        {"splits": ("train", "validation", "validation")},
        {"splits": None},
    ],
    ids=["label", "id", "unknown to negative", "unknown to positive", "split", "no splits"],
)
def test_labels_ids_truth_and_split_count(changes):
    """Anything that changes a figure changes the fingerprint."""
    assert fingerprint(make_dataset(**changes), DIGESTS) != fingerprint(make_dataset(), DIGESTS)


def test_the_bytes_of_the_files_count():
    """One other digest is other data."""
    assert fingerprint(make_dataset(), ("11", "22", "34")) != fingerprint(make_dataset(), DIGESTS)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"root": Path("elsewhere")},
        {"paths": ("x/a.png", "x/b.png", "x/c.png")},
        {"groups": None},
        {"attributes": {}},
    ],
)
def test_names_places_groups_and_attributes_do_not_count(changes):
    """Moved files are the same images, and a new attribute changes no score."""
    assert fingerprint(make_dataset(**changes), DIGESTS) == fingerprint(make_dataset(), DIGESTS)


@settings(deadline=None)
@given(
    st.lists(st.text(max_size=4), min_size=3, max_size=3, unique=True),
    st.lists(st.text(max_size=4), min_size=3, max_size=3, unique=True),
)
def test_different_ids_never_read_alike(one, other):
    """`ab`, `c` is not `a`, `bc`: every text goes in with its length."""
    same = sorted(one) == sorted(other)
    truth = np.zeros((3, 2), np.int8)
    digests = [
        fingerprint(make_dataset(ids=tuple(ids), truth=truth, splits=None), ["", "", ""])
        for ids in (one, other)
    ]
    assert (digests[0] == digests[1]) == same


def test_a_digest_for_every_image_is_asked_for():
    """Fewer would leave images out unseen."""
    with pytest.raises(ValueError, match="2 digests for 3 images"):
        fingerprint(make_dataset(), ("11", "22"))


def test_that_of_a_label_is_the_one_that_is_documented():
    """Written out by hand: the images, then the name of the label and its truth alone."""

    def texts(*items: str) -> bytes:
        lengths = [len(items), *(len(item) for item in items)]
        return struct.pack(f"<{len(lengths)}Q", *lengths) + "".join(items).encode()

    images = (
        b"covidreport.label/1"
        + texts("a", "b", "c")
        + texts("train", "validation", "train")
        + texts(*DIGESTS)
    )
    found = fingerprint_labels(make_dataset(), DIGESTS)
    assert found == {
        "covid-19": hashlib.sha256(images + texts("covid-19") + bytes([1, 0, 255])).hexdigest(),
        "normal": hashlib.sha256(images + texts("normal") + bytes([0, 1, 0])).hexdigest(),
    }


def test_other_labels_do_not_count_for_that_of_a_label():
    """A model of one label and one of many are compared on the label that both have."""
    dataset = make_dataset()
    alone = fingerprint_labels(take_labels(dataset, ["covid-19"]), DIGESTS)
    assert alone == {"covid-19": fingerprint_labels(dataset, DIGESTS)["covid-19"]}
    mended = make_dataset(truth=np.array([[1, 0], [0, 1], [-1, 1]], np.int8))
    before, after = (fingerprint_labels(each, DIGESTS) for each in (dataset, mended))
    assert (before["covid-19"] == after["covid-19"], before["normal"] == after["normal"]) == (
        True, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": ("a", "b", "d")},
        {"truth": np.array([[1, 0], [0, 1], [0, 0]], np.int8)},
        {"splits": ("train", "validation", "validation")},
        {"splits": None},
    ],
)
def test_images_split_and_its_own_truth_count_for_that_of_a_label(changes):
    """Anything that changes a figure of the label changes it."""
    one, other = (fingerprint_labels(make_dataset(**each), DIGESTS) for each in (changes, {}))
    assert one["covid-19"] != other["covid-19"]


@given(st.permutations(range(3)))
@settings(deadline=None)
def test_the_order_of_rows_does_not_count_for_that_of_a_label(order):
    """As for the whole."""
    dataset = make_dataset()
    moved = take_rows(dataset, order)
    found = fingerprint_labels(moved, [DIGESTS[i] for i in order])
    assert found == fingerprint_labels(dataset, DIGESTS)

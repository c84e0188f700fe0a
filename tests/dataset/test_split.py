from __future__ import annotations

import pytest

from covidreport.dataset import select_split
from covidreport.errors import DatasetError
from tests.dataset.manifests import make_dataset


@pytest.mark.parametrize("split", ["train", "Train", " TRAIN "])
def test_a_split_is_its_images_in_their_order(split):
    """Every column is cut alike, and case does not count."""
    dataset = select_split(make_dataset(), split)
    assert dataset.ids == ("a", "c")
    assert dataset.paths == ("a.png", "c.png")
    assert dataset.truth.tolist() == [[1, 0], [-1, 0]]
    assert dataset.splits == ("train", "train")
    assert dataset.groups == ("p1", "p1")
    assert dataset.attributes == {"view": ("PA", "")}
    assert (dataset.name, dataset.labels) == ("small", ("covid-19", "normal"))


def test_no_split_is_all_images():
    """None asks for nothing."""
    dataset = make_dataset()
    assert select_split(dataset, None) is dataset


def test_columns_that_are_not_there_stay_away():
    """No groups before, none after."""
    assert select_split(make_dataset(groups=None), "train").groups is None


def test_an_empty_split_lists_the_ones_there_are():
    """With their sizes, so that a misspelt name is seen at once."""
    dataset = make_dataset(splits=("train", "", "train"))
    with pytest.raises(DatasetError) as caught:
        select_split(dataset, "Val")
    assert caught.value.faults == (
        "no image is in the split 'val'; there are: (blank) (1 images), train (2 images)",
    )


def test_a_split_of_data_without_splits_is_refused():
    """It says that there is nothing to choose from."""
    with pytest.raises(DatasetError, match="the data has no splits: leave the split out"):
        select_split(make_dataset(splits=None), "test")

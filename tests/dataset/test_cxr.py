from __future__ import annotations

import os
from pathlib import Path

import pytest

from covidreport.dataset import guess_labels, read_dataset, select_split

CXR = Path(
    os.environ.get("COVIDREPORT_CXR", Path(__file__).parents[2].parent / "shared/data/cxr")
).resolve()
pytestmark = pytest.mark.skipif(
    not (CXR / "manifest.csv").is_file(),
    reason="no radiographs: set COVIDREPORT_CXR to their folder",
)


@pytest.mark.parametrize(
    ("split", "positives", "n_patients"),
    [
        ("train", [70, 300, 300], 460),
        ("validation", [30, 125, 125], 190),
        ("test", [18, 75, 75], 111),
        (None, [118, 500, 500], 761),
    ],
)
def test_a_real_manifest_gives_the_counts_of_its_own_table(split, positives, n_patients):
    """Images a label and patients a split, as the data set's README counts them."""
    dataset = select_split(read_dataset(CXR, ["covid-19", "normal", "pneumonia"]), split)
    assert dataset.truth.sum(axis=0).tolist() == positives
    assert dataset.groups is not None
    assert len(set(dataset.groups)) == n_patients


def test_its_labels_are_guessed_right():
    """View, sex, age and source are attributes."""
    assert guess_labels(CXR) == ("covid-19", "normal", "pneumonia")
    assert sorted(read_dataset(CXR).attributes) == ["age", "sex", "source", "view"]


def test_its_images_are_class_folders_too():
    """The same images, read without the manifest, carry the same labels."""
    from_folders = read_dataset(CXR / "images")
    from_manifest = read_dataset(CXR, from_folders.labels)
    truth = dict(zip(from_manifest.ids, from_manifest.truth.tolist(), strict=True))
    assert {f"images/{path}" for path in from_folders.ids} == set(truth)
    for path, row in zip(from_folders.ids, from_folders.truth.tolist(), strict=True):
        assert truth[f"images/{path}"] == row

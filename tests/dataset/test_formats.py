"""Published data sets, recognised from files laid out like theirs, and what comes out, by hand."""

from __future__ import annotations

import pytest

from covidreport.dataset import read_dataset
from covidreport.dataset.formats import FORMATS, NORMALS, recognise
from tests.dataset.published import LOOK_ALIKES, OTHERS

EXPECTED: dict[str, tuple[dict[str, list[int]], list[str] | None, list[str] | None, dict]] = {
    "nih": (
        {"edema": [1, 0, 1], "no finding": [0, 1, 0], "pneumonia": [1, 0, 0]},
        ["train", "train", "test"], ["1", "1", "2"], {},
    ),
    "chexpert": (
        {"no finding": [-1, -1, 1], "pneumonia": [1, -1, 0]},
        ["train", "train", "valid"], ["patient00001", "patient00002", "patient64541"],
        {"Frontal/Lateral Lateral": 1, "view LL": 1},
    ),
    "mimic-cxr": (
        {"pneumonia": [1, -1]}, ["train", "validate"], ["10000032", "11000033"],
        {"view LATERAL": 1},
    ),
    "covidx": (
        {"covid-19": [1, 0, 0, 1]}, ["train", "train", "val", "test"], ["p1", "p2", "p4", "p3"], {},
    ),
    "covid-radiography": (
        {
            "covid-19": [1, 1, 0, 0, 0], "lung opacity": [0, 0, 1, 0, 0],
            "normal": [0, 0, 0, 1, 0], "viral pneumonia": [0, 0, 0, 0, 1],
        },
        None, None, {"folder masks": 4},
    ),
    "ieee8023": (
        {"covid-19": [1, -1, 0], "pneumonia": [1, -1, 0], "no finding": [0, -1, 1]},
        None, ["2", "3", "4"], {"view L": 1, "modality CT": 1},
    ),
    "rsna": ({"pneumonia": [1, 0, 0]}, None, None, {}),
    "siim": (
        {"negative for pneumonia": [0, 0, 1], "typical appearance": [1, 1, 0]}, None, None, {},
    ),
    "vindr": (
        {"pneumonia": [1, 0, 1], "other diseases": [0, 0, 1], "no finding": [0, 1, 0]},
        ["train", "train", "test"], None, {},
    ),
    "padchest": (
        {
            "normal": [0, 1, -1, -1], "pneumonia": [1, 0, -1, -1], "infiltrates": [1, 0, -1, -1],
        },
        None, ["P1", "P2", "P3", "P4"], {"view L": 1},
    ),
    "bimcv": (
        {
            "covid-19": [1, -1, 0, -1], "pneumonia": [1, 0, 0, -1], "normal": [0, 0, 1, -1],
        },
        None, ["sub-S03044", "sub-S03045", "sub-S03046", "sub-S03047"], {"view ll": 1},
    ),
    "kermany": (
        {"normal": [0, 1, 0, 0, 1], "pneumonia": [1, 0, 1, 1, 0]},
        ["test", "train", "train", "train", "val"],
        ["person1_virus", "IM-0115", "person1_bacteria", "person1_bacteria", "NORMAL2-IM-1427"], {},
    ),
    "actualmed": (
        {"covid-19": [1, -1, 0], "no finding": [0, -1, 1]}, None, ["ANON1", "ANON2", "ANON2"], {},
    ),
    "huggingface": (
        {"covid-19": [1, 0, 1], "normal": [0, 1, 0]}, ["train", "train", "test"], None, {},
    ),
}  # fmt: skip
"""Truth by label, splits, patients, and what is left out, of each look-alike."""


def test_every_format_has_a_look_alike():
    """One that is added is tried too."""
    assert list(FORMATS) == list(LOOK_ALIKES) == list(EXPECTED)


@pytest.mark.parametrize("name", FORMATS)
def test_a_published_format_is_recognised_and_read(tmp_path, name):
    """By its files and columns, also one folder further up; images are where the words say."""
    folder = tmp_path / "archive"
    LOOK_ALIKES[name](folder)
    for place in (folder, tmp_path):
        found = recognise(place)
        assert found is not None
        assert (found.name, found.data, found.missing) == (name, folder, ())
    published = FORMATS[name]
    labels = [each for each in published.labels if name != "padchest" or each in EXPECTED[name][0]]
    data = read_dataset(folder, labels or None, manifest=found.words)
    truth, splits, patients, left_out = EXPECTED[name]
    for label, column in truth.items():
        assert data.truth[:, data.labels.index(label)].tolist() == column, label
    assert list(data.splits or ()) == (splits or [])
    assert list(data.groups or ()) == (patients or [])
    assert data.left_out == left_out
    assert published.target in data.labels
    assert published.target not in NORMALS


@pytest.mark.parametrize("name", FORMATS)
def test_another_folder_is_no_published_format(tmp_path, name):
    """Nor is one that is named and lacks the files."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "metadata.csv").write_text("image,text\na.png,b\n")
    assert recognise(tmp_path / "x", name) is None


def test_covidx_of_three_classes(tmp_path):
    """Earlier versions have no column of sources, and tell pneumonia apart."""
    OTHERS["covidx"](tmp_path)
    found = recognise(tmp_path)
    data = read_dataset(tmp_path, manifest=found.words)
    assert data.labels == ("covid-19", "normal", "pneumonia")
    assert data.paths == ("data/train/a.png", "data/train/b.jpg", "data/test/c.png")
    assert data.truth.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_what_of_an_archive_is_not_there_is_told(tmp_path):
    """NIH's lists, say: then there are no splits, and it is said why."""
    LOOK_ALIKES["nih"](tmp_path)
    (tmp_path / "train_val_list.txt").unlink()
    (tmp_path / "test_list.txt").unlink()
    found = recognise(tmp_path)
    assert found.missing == ("train_val_list.txt", "test_list.txt")
    assert read_dataset(tmp_path, manifest=found.words).splits is None

"""Marks for an uncertain label in a study file: masked in the loss, refused where they mean yes."""

from __future__ import annotations

import csv

import pytest

from covidreport.errors import DatasetError
from covidreport.store import read_json
from tests.train.conftest import LABELS, draw_images
from train.command import FitOptions, run_fit
from train.study import StudyError, read_study

STUDY = """\
{marks}
labels = ["covid-19", "normal", "pneumonia"]
[[experiment]]
number = 1
architecture = "tiny"
weights = "none"
loss = "bce"
optimizer = "adam"
learning_rate = 0.01
epochs = 1
batch_size = 4
image_size = 32
"""


@pytest.fixture
def marked(tmp_path):
    """Ten images of each split; one cell of the first is `?`, another image has `?` in all."""

    def draw(mute=False):
        manifest = draw_images(tmp_path / "data", {"train": 10, "validation": 10})
        with manifest.open(newline="") as file:
            rows = list(csv.reader(file))
        rows[1][1] = "?"
        if mute:
            rows[2][1:4] = ["?"] * 3
        with manifest.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        return manifest

    return draw


def _study(folder, marks='uncertain = ["?"]'):
    path = folder / "study.toml"
    path.write_text(STUDY.format(marks=marks))
    return path


def test_a_mark_that_is_named_is_an_unknown_truth(tmp_path, marked):
    """The run is fitted, its record names the marks, and that image is no positive of its label."""
    manifest = marked()
    assert run_fit(FitOptions(str(_study(tmp_path)), manifest, tmp_path / "runs")) == 0
    (run,) = (tmp_path / "runs").glob("*/run.json")
    record = read_json(run)
    assert record["data"]["uncertain"] == ["?"]
    assert record["data"]["splits"]["train"]["positives"] == dict.fromkeys(LABELS, 3)


def test_a_mark_that_is_not_named_is_refused(tmp_path, marked):
    """The message says how to name it."""
    options = FitOptions(str(_study(tmp_path, "")), marked(), tmp_path / "runs")
    with pytest.raises(DatasetError, match="uncertain"):
        run_fit(options)


def test_an_image_without_any_known_label_is_refused_before_an_epoch(tmp_path, marked):
    """A batch of such images would have no loss; the image is named."""
    options = FitOptions(str(_study(tmp_path)), marked(mute=True), tmp_path / "runs")
    with pytest.raises(DatasetError, match=r"1 images without any known label.*train-1"):
        run_fit(options)
    assert list((tmp_path / "runs").glob("[!.]*")) == []  # its lock is there


@pytest.mark.parametrize(("marks", "said"), [('["1"]', "it means yes"), ('"?"', "a list of")])
def test_marks_that_can_not_be_are_said(tmp_path, marks, said):
    """Yes and no can't be uncertain, and one text is no list."""
    with pytest.raises(StudyError, match=said):
        read_study(_study(tmp_path, f"uncertain = {marks}"), check_models=False)

"""What is wrong with the data stops a fit before its first epoch."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image

from covidreport.errors import DatasetError
from tests.train.conftest import draw_images, read_json


@pytest.fixture
def source(tmp_path):
    """Nine pictures to train on, six to measure."""
    return draw_images(tmp_path / "d", {"train": 9, "validation": 6, "test": 6})


def rewrite(manifest, change):
    """The manifest with each of its rows, a dictionary, changed in place."""
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        change(number, row)
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def share_patients(splits):
    """One patient has the first picture of each of these splits."""
    seen = set()

    def change(number, row):
        first = row["split"] in splits and row["split"] not in seen
        seen.add(row["split"])
        row["patient_id"] = "both" if first else f"p{number}"

    return change


def test_patients_in_both_splits_stop_it(write_study, fit, without_export, source, tmp_path):
    """Nothing is written; who knows better says so, and run.json says it too."""
    rewrite(source, share_patients({"train", "validation"}))
    study = write_study("number = 1\nepochs = 1")
    with pytest.raises(DatasetError, match="--ignore patients-in-several-splits") as stopped:
        fit(study, data=source)
    assert "1 fault" in str(stopped.value)
    assert [each.name for each in (tmp_path / "runs").iterdir()] == [".lock"]
    assert fit(study, data=source, ignored=["patients-in-several-splits"]) == 0
    run = read_json(tmp_path / "runs" / "exp1-tiny-bce" / "run.json")
    assert run["ignored_findings"] == ["patients-in-several-splits"]


def test_splits_that_are_not_used_are_not_judged(write_study, fit, without_export, source, capsys):
    """A patient who stands in a third one is another's fault; what need not be ignored is told."""
    rewrite(source, share_patients({"validation", "test"}))
    study = write_study("number = 1\nepochs = 1")
    assert fit(study, data=source, ignored=["patients-in-several-splits"]) == 0
    assert "patients-in-several-splits is ignored and was not found" in capsys.readouterr().err


def test_a_label_without_positives_stops_it(write_study, fit, without_export, source):
    """Nothing can be learned of it, and \"missed 0\" would be said of every epoch."""

    def change(_, row):
        if row["split"] == "validation":
            row["covid-19"], row["normal"] = "0", str(int(row["pneumonia"] == "0"))

    rewrite(source, change)
    study = write_study("number = 1\nepochs = 1")
    with pytest.raises(DatasetError, match="No image has covid-19 in validation"):
        fit(study, data=source)
    assert fit(study, data=source, ignored=["label-without-positives"]) == 0


def test_grey_levels_that_16_bits_leave_unused_stop_it(write_study, fit, without_export, source):
    """12 bits in files of 16 would be trained on 17 levels of grey."""
    for path in sorted((source.parent / "images").iterdir()):
        pixels = np.asarray(Image.open(path)).astype(np.uint16) * 16
        Image.fromarray(pixels).save(path)
    study = write_study("number = 1\nepochs = 1")
    with pytest.raises(DatasetError, match="--ignore fewer-bits-in-use"):
        fit(study, data=source)


def test_what_is_fitted_is_not_looked_at_again(
    write_study, fit, without_export, source, monkeypatch
):
    """Once a run is there nothing is audited for it; for another one it is."""
    study = write_study("number = 1\nepochs = 1")
    assert fit(study, data=source) == 0

    def refuse(*_words):
        raise DatasetError(str(source), ["audited"])

    monkeypatch.setattr("train.command.refuse_faulty", refuse)
    assert fit(study, data=source) == 0
    with pytest.raises(DatasetError, match="audited"):
        fit(write_study("number = 1\nepochs = 1", "number = 2\nepochs = 1"), data=source)

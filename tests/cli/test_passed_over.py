"""Files of class folders that are not read are counted and named: nobody reports on a part."""

from __future__ import annotations

import json

import pytest

from covidreport.store import read_evaluation
from tests.cli.command import write_model
from tests.images.pictures import smooth, write_png


@pytest.fixture
def folders(tmp_path):
    """Two splits of two classes with one picture each, and files of other kinds beside them."""
    for split in ("train", "validation"):
        for label in ("covid-19", "normal", "pneumonia"):
            place = tmp_path / "data" / split / label
            place.mkdir(parents=True)
            (place / "a.png").write_bytes(write_png(smooth(8, 8), 8, 0))
    covid = tmp_path / "data" / "validation" / "covid-19"
    for name in ("b.heic", "c.HEIC", "d.jxl", "e", ".hidden"):
        (covid / name).write_bytes(b"RIFF")
    (tmp_path / "data" / "train" / "normal" / "f.avif").write_bytes(b"BM")
    (tmp_path / "data" / "README.txt").write_text("of no class")
    write_model(tmp_path / "runs" / "base", 100)
    return tmp_path


def test_evaluate_and_audit_name_what_they_pass_over(covidreport, folders):
    """Of the evaluated split alone, by kind; it stays with the evaluation."""
    said = "4 files of the class folders are of kinds that are not read"
    done = covidreport("evaluate", "runs", "--data", "data", "--provider", "cpu")
    assert done.code == 0
    assert said in done.err
    assert "2 .heic, 1 .jxl, 1 without a suffix" in done.err
    evaluation = read_evaluation(folders / "runs" / "base" / "evaluations" / "data-validation")
    (finding,) = [f for f in evaluation.findings if f.code == "files-passed-over"]
    assert "validation/covid-19/b.heic" in finding.evidence
    assert "f.avif" not in finding.evidence
    audit = json.loads(covidreport("audit", "data", "--json").out)
    (found,) = [f for f in audit["findings"] if f["code"] == "files-passed-over"]
    assert "1 .avif" in found["evidence"]


def test_init_and_predict_say_it_as_well(covidreport, folders):
    """Before anything is evaluated, and where no truth is known."""
    assert "5 files of the class folders" in covidreport("init", "data").err
    done = covidreport("predict", "runs/base", "data/validation", "--provider", "cpu")
    assert done.code == 0
    assert "4 files are of kinds that are not read" in done.err


def test_a_folder_of_nothing_else_is_refused_with_what_there_is(covidreport, folders):
    """Who has HEIC alone learns why there are no images."""
    for file in (folders / "data").rglob("*.png"):
        file.unlink()
    done = covidreport("evaluate", "runs", "--data", "data", "--provider", "cpu")
    assert done.code == 2
    assert "of kinds that are not read: 2 .heic" in done.err
    assert "there are 2 .heic" in covidreport("predict", "runs/base", "data").err

"""Sites on real radiographs: by an attribute that has both classes at each, by one that has not,
and as a kit whose counts come back."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from covidreport.store import read_evaluation
from tests.onnx_models import write_brightness_model

CXR = os.environ.get("COVIDREPORT_CXR")
pytestmark = pytest.mark.skipif(CXR is None, reason="needs COVIDREPORT_CXR")


@pytest.fixture
def radiographs(tmp_path):
    """The positives of a split and as many others, and a run that looks at darkness."""
    folder = Path(str(CXR))
    rows = list(csv.DictReader((folder / "manifest.csv").read_text().splitlines()))
    split = [row for row in rows if row["split"] == "validation"]
    taken = [row for row in split if row["covid-19"] == "1"]
    taken += [row for row in split if row["covid-19"] == "0"][: len(taken)]
    with (tmp_path / "manifest.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(taken[0]))
        writer.writeheader()
        writer.writerows(taken)
    (tmp_path / "images").symlink_to(folder / "images")
    write_darkness(tmp_path / "runs" / "dark", 150)
    return tmp_path, taken


def write_darkness(folder: Path, limit: int) -> None:
    """A run that calls covid-19 what is darker than `limit`."""
    write_brightness_model(
        folder / "model.onnx", (-0.1, 0.1, 0.02), (limit / 10, -limit / 10, -1.0)
    )


def test_views_are_sites_and_sources_tell_the_label(radiographs, covidreport):
    """Positives by view as the manifest has them; a source has positives alone, or none."""
    _, rows = radiographs
    words = ("--data", "manifest.csv", "--provider", "cpu", "--threshold", "0.5")
    assert covidreport("evaluate", "runs", *words).code == 0
    found = {}
    for by in ("view", "source"):
        done = covidreport("render", "runs", "--site", by, "--format", "json", "--output", "-")
        assert done.code == 0, done.err
        sites = json.loads(done.out)["sites"]
        (run,) = sites["runs"]
        counts = [each["counts"] for each in run["figures"]]
        found[by] = {
            name: (each["tp"] + each["fn"], each["tn"] + each["fp"])
            for name, each in zip(sites["names"], counts, strict=True)
        }
        stated = Counter((row[by], row["covid-19"]) for row in rows)
        assert found[by] == {
            name: (stated[name, "1"], stated[name, "0"]) for name in {row[by] for row in rows}
        }
    assert len(found["view"]) == 3
    assert found["source"] == {"ieee8023": (30, 0), "nih": (0, 30)}


def test_an_answer_on_radiographs_is_that_of_a_plain_evaluation(radiographs, covidreport):
    """Patients have several images: both rates have the intervals of effective samples."""
    folder, rows = radiographs
    words = ("--data", "manifest.csv", "--provider", "cpu")
    assert covidreport("kit", "runs", "--threshold", "0.5", "--by", "view").code == 0
    done = covidreport("evaluate", "kit.zip", *words, "--counts-only", "answer.json")
    assert done.code == 0, done.err
    assert [row["path"] for row in rows if Path(row["path"]).stem in done.out] == []
    assert covidreport("evaluate", "runs", *words, "--threshold", "0.5").code == 0
    done = covidreport("import-counts", "answer.json", "--name", "there")
    assert done.code == 0, done.err
    evaluations = folder / "runs" / "dark" / "evaluations"
    brought = read_evaluation(evaluations / "there-all")
    (plain,) = (read_evaluation(each) for each in evaluations.glob("*-validation"))
    assert brought.counts["covid-19"] == plain.counts["covid-19"]
    for metric in ("sensitivity", "specificity"):
        own, other = (each.estimates["covid-19"][metric] for each in (plain, brought))
        assert other.value == own.value
        assert other.low == pytest.approx(own.low, abs=0.02)
        assert other.high == pytest.approx(own.high, abs=0.02)
    assert brought.estimates["covid-19"]["roc_auc"].low is None
    assert brought.estimates["covid-19"]["ppv"].low is None

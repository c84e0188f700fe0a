"""`covidreport import-readers`: docs/readers.md runs, and runs stand beside the readers."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t
from sklearn.metrics import roc_auc_score

from covidreport.store import read_evaluation, read_scores
from tests.cli.command import write_model
from tests.datasets import write_flat_dataset

PAGE = (Path(__file__).parents[2] / "docs" / "readers.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE.split("## Several")[0], flags=re.DOTALL)
    for line in block.splitlines()
]  # fmt: skip
BRIGHT = [(95 + 5 * i, "covid-19", "validation") for i in range(8)]
DARK = [(30 + 8 * i, "normal", "validation") for i in range(10)]
TRUTH = np.array([1] * 8 + [0] * 10)
RATINGS = {
    "ann": [5, 5, 4, 2, 5, 4, 1, 5, 1, 1, 2, 1, 3, 1, 1, 4, 1, 2],
    "bob": [5, 4, 3, 3, 5, 5, 2, 4, 1, 2, 1, 1, 4, 1, 2, 3, 1, 1],
    "cy": [3, 5, 5, 4, 5, 1, 3, 5, 2, 1, 1, 4, 1, 1, 5, 1, 2, 1],
}
"""Of eight images with covid-19, then ten without."""


def _write_readings(path, ratings=RATINGS, skip=()):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "reader", "rating", "seconds"])
        for name, row in ratings.items():
            for i, rating in enumerate(row):
                if (name, i) not in skip:
                    writer.writerow([f"{i:03}.png", name, rating, 12])


@pytest.fixture
def project(tmp_path):
    """A run that calls all images with covid-19 and two others positive, and three readers."""
    write_flat_dataset(tmp_path / "data", [*BRIGHT, *DARK])
    write_model(tmp_path / "runs" / "net", 92)
    (tmp_path / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    _write_readings(tmp_path / "readings.csv")
    return tmp_path


def _read(project, name):
    return read_evaluation(project / "runs" / name / "evaluations" / "data-validation")


def test_the_page_runs_and_the_report_has_each_run_beside_the_readers(project, covidreport):
    """Areas by scikit-learn; readers and run in one ranking; the t interval from its parts."""
    done = covidreport("evaluate", "runs")
    assert done.code == 0, done.err
    for line in COMMANDS:
        done = covidreport(*shlex.split(line)[1:])
        assert done.code == 0, (line, done.err)
    for name, row in RATINGS.items():
        called = np.array(row) >= 4
        counts = _read(project, name).counts["covid-19"]
        assert counts.tp == called[TRUTH == 1].sum()
        assert counts.fp == called[TRUTH == 0].sum()
        assert json.loads((project / "runs" / name / "run.json").read_text())["group"] == "readers"
    done = covidreport("render", "--format", "json", "--output", "-")
    document = json.loads(done.out)
    assert [len(each["rows"]) for each in document["rankings"]] == [4]
    study = document["readers"]
    areas = {name: roc_auc_score(TRUTH, row) for name, row in RATINGS.items()}
    assert study["readers"] == sorted(areas, key=lambda name: -areas[name])
    average = np.mean([*areas.values()])
    assert study["average"]["value"] == pytest.approx(average)
    (net,) = study["runs"]
    assert net["run"] == "net"
    brightness = [value for value, _, _ in (*BRIGHT, *DARK)]
    assert net["roc_auc"]["value"] == pytest.approx(roc_auc_score(TRUTH, brightness))
    for word, other in (("average", average), ("best", max(areas.values()))):
        assert net[word]["value"] == pytest.approx(net["roc_auc"]["value"] - other)
        assert net[word]["low"] < net[word]["value"] < net[word]["high"]
    margin = t.ppf(0.975, study["freedom"]) * study["error"]
    assert study["average"]["low"] == pytest.approx(average - margin)
    assert study["one_shot_error"] == pytest.approx(study["error"], rel=0.25)
    calls = np.array([*RATINGS.values()]) >= 4
    assert study["sensitivity"]["value"] == pytest.approx(calls[:, TRUTH == 1].mean())
    assert study["specificity"]["value"] == pytest.approx(1 - calls[:, TRUTH == 0].mean())
    assert study["sensitivity"]["low"] < study["sensitivity"]["value"]
    done = covidreport("tune", "runs/ann", "--target-sensitivity", "0.9", "--split", "validation")
    assert "not tuned: ann" in done.err
    covidreport("score", "runs", "--threshold", "0.3", "--write")
    assert _read(project, "ann").thresholds_from == "call"
    page = covidreport("render", "--format", "markdown", "--output", "-").out
    assert "Beside radiologists" in page
    assert "3 radiologists read these images" in page
    assert "| Average | " in page
    assert "the intervals of sensitivity and specificity are approximate." in page


def test_without_readers_there_is_no_section(project, covidreport):
    """And no field of the report's data has anything of them."""
    covidreport("evaluate", "runs")
    assert (
        json.loads(covidreport("render", "--format", "json", "--output", "-").out)["readers"]
        is None
    )
    assert (
        "Beside radiologists"
        not in covidreport("render", "--format", "markdown", "--output", "-").out
    )


def test_a_rating_is_a_score_on_its_scale_and_the_call_lies_between_two(project, covidreport):
    """From 1 to 5 a 4 is 0.75; the first rating above the middle is a call, unless said."""
    covidreport("import-readers", "readings.csv", "--scale", "1,5")
    assert _read(project, "ann").thresholds == {"covid-19": (0.5 + 0.75) / 2}
    covidreport("import-readers", "readings.csv", "--scale", "1,5", "--call", "3")
    found = _read(project, "ann")
    assert found.thresholds == {"covid-19": (0.25 + 0.5) / 2}
    assert found.labels == ("covid-19",)
    path = project / "runs" / "ann" / "evaluations" / "data-validation" / "scores.parquet"
    assert read_scores(path).scores[:, 0].tolist() == [(r - 1) / 4 for r in RATINGS["ann"]]


def test_calls_alone_are_a_scale_of_two(project, covidreport):
    """Whose area is half the sum of sensitivity and specificity."""
    calls = {"dee": [int(rating >= 3) for rating in RATINGS["bob"]]}
    _write_readings(project / "calls.csv", calls)
    done = covidreport("import-readers", "calls.csv", "--scale", "0,1")
    assert done.code == 0, done.err
    estimates = _read(project, "dee").estimates["covid-19"]
    half = (estimates["sensitivity"].value + estimates["specificity"].value) / 2
    assert estimates["roc_auc"].value == pytest.approx(half)


def test_an_image_that_was_not_read_counts_against_the_reader(project, covidreport):
    """A positive as missed, with a warning; the others have all."""
    _write_readings(project / "readings.csv", skip={("ann", 0)})
    done = covidreport("import-readers", "readings.csv", "--scale", "1,5")
    assert done.code == 0, done.err
    assert "1 of 18 images have no score of ann" in done.err
    assert _read(project, "ann").counts["covid-19"].failed_positive == 1
    assert _read(project, "bob").counts["covid-19"].failed_positive == 0
    covidreport("evaluate", "runs")
    report = json.loads(covidreport("render", "--format", "json", "--output", "-").out)
    found = [_read(project, name).estimates["covid-19"]["sensitivity"].value for name in RATINGS]
    assert report["readers"]["sensitivity"]["value"] == pytest.approx(np.mean(found))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--scale 5", "--scale 5: LOW,HIGH is wanted"),
        ("--scale 1,4", "line 2: the rating '5' is no number from 1 to 4"),
        ("--scale 1,5 --call 1", "--call 1: a rating above 1 and up to 5 is wanted"),
        ("--scale 1,5 --label tb", "tb is no label of the data"),
        ("--scale 1,5 --reader-column who", "there is no column who"),
    ],
)
def test_wrong_readings_are_refused_and_leave_nothing(project, covidreport, words, said):
    """Each fault with its line; no reader is written while another's row is faulty."""
    done = covidreport("import-readers", "readings.csv", *words.split())
    assert done.code == 2
    assert said in done.err
    assert [path.name for path in (project / "runs").iterdir()] == ["net"]


def test_a_reader_is_called_as_no_run(project, covidreport):
    """And an image that is twice, or not of the data, is named before anything is written."""
    _write_readings(project / "readings.csv", {"net": RATINGS["ann"]})
    done = covidreport("import-readers", "readings.csv", "--scale", "1,5")
    assert done.code == 2
    assert "net: a run is called so already" in done.err
    _write_readings(project / "readings.csv", {"ann": RATINGS["ann"], "bob": [1] * 19})
    done = covidreport("import-readers", "readings.csv", "--scale", "1,5")
    assert done.code == 2
    assert "'018.png' is no image of data" in done.err
    assert [path.name for path in (project / "runs").iterdir()] == ["net"]

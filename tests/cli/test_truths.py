"""Several readers' truth, from docs/readers.md to the report: planted, and on real radiographs."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from covidreport.storage.cache_folder import list_entries
from covidreport.store import read_scores
from tests.cli.command import write_model
from tests.datasets import write_flat_dataset

CXR = Path(
    os.environ.get("COVIDREPORT_CXR", Path(__file__).parents[2].parent / "shared/data/cxr")
).resolve()
PAGE = (Path(__file__).parents[2] / "docs" / "readers.md").read_text()
_, PART = PAGE.split("## Several readers’ truth")
COMMANDS = re.findall(r"```sh\n(.*?)```", PART, flags=re.DOTALL)[0].splitlines()
SETTINGS = re.findall(r"```toml\n(.*?)```", PART, flags=re.DOTALL)[0]
HEAD = re.findall(r"```csv\n(.*?)```", PART, flags=re.DOTALL)[0].splitlines()[0]
SICK, WELL = (65, 70, 110, 120, 130, 140, 150), (20, 25, 30, 35, 40, 45, 62, 75)
TRUTH = dict.fromkeys(SICK, 1) | dict.fromkeys(WELL, 0)
READINGS: dict[str, dict[int, int | None]] = {
    "ann": {**TRUTH, 20: None},
    "bob": {**TRUTH, 65: 0, 70: 0, 75: None},
    "cy": {**TRUTH, 70: 0, 75: 1},
}
"""By the grey of an image, which no two share."""


def _write_readings(path, readings, name):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD.split(","))
        for reader, said in readings.items():
            writer.writerows(
                [name(image), reader, code] for image, code in said.items() if code is not None
            )


@pytest.fixture
def project(tmp_path):
    """Two runs: `low` calls what is brighter than 60, `high` what is brighter than 100."""
    rows = [(grey, "covid-19" if TRUTH[grey] else "normal", "validation") for grey in TRUTH]
    write_flat_dataset(tmp_path / "data", rows)
    for name, limit in (("low", 60), ("high", 100)):
        write_model(tmp_path / "runs" / name, limit)
    (tmp_path / "covidreport.toml").write_text(f'provider = "cpu"\n{SETTINGS}')
    at = {grey: f"{place:03}.png" for place, grey in enumerate(TRUTH)}
    _write_readings(tmp_path / "data" / "readings.csv", READINGS, at.__getitem__)
    return tmp_path


def _render(covidreport):
    return json.loads(covidreport("render", "--format", "json", "--output", "-").out)


def test_the_page_runs_and_each_readers_truth_is_judged_by(project, covidreport):
    """Of two runs the one is first by bob's truth, the other by all others'; counted by hand."""
    for line in COMMANDS:
        done = covidreport(*shlex.split(line)[1:])
        assert done.code == 0, (line, done.err)
    document = _render(covidreport)
    assert "truths" in {entry.kind for entry in list_entries()}  # no other test's study has one
    assert [row["run"] for row in document["rankings"][0]["rows"]] == ["low", "high"]
    truths = document["truths"]
    assert (truths["tied"], truths["compared"], truths["same"]) == (1, 14, 13)
    found = {each["name"] or each["kind"]: each for each in truths["truths"]}
    assert list(found) == ["dataset", "majority", "ann", "bob", "cy"]
    said = {
        name: (each["images"], each["positives"], each["first"]) for name, each in found.items()
    }
    assert said == {
        "dataset": (15, 7, ["low"]), "majority": (14, 6, ["low"]), "ann": (14, 7, ["low"]),
        "bob": (14, 5, ["high"]), "cy": (15, 7, ["low"]),
    }  # fmt: skip
    counts = {
        name: [(run["counts"]["fn"], run["counts"]["fp"]) for run in each["figures"]]
        for name, each in found.items()
    }
    assert counts == {
        "dataset": [(0, 2), (2, 0)], "majority": [(0, 2), (1, 0)], "ann": [(0, 2), (2, 0)],
        "bob": [(0, 3), (0, 0)], "cy": [(0, 2), (2, 0)],
    }  # fmt: skip
    greys = [grey for grey, code in READINGS["bob"].items() if code is not None]
    area = roc_auc_score([READINGS["bob"][grey] for grey in greys], greys)
    assert found["bob"]["figures"][0]["roc_auc"]["value"] == pytest.approx(area)
    (low,) = [each for each in document["runs"] if each["run"]["name"] == "low"]
    own = low["evaluation"]["estimates"]["covid-19"]["sensitivity"]
    assert found["dataset"]["figures"][0]["sensitivity"] == own
    (finding,) = [each for each in document["findings"] if each["code"] == "best-run-by-truth"]
    assert finding["what"] == "Another run would be first by the truth of bob"
    page = covidreport("render", "--format", "markdown", "--output", "-").out
    for words in (
        "It is that of the readers’ majority on 13 of 14 images",
        "1 image has no majority",
        "By the data set’s low is first; by bob high",
        "| high | 0.714 (5 of 7; 95 % CI 0.359 to 0.918) | 0.833 (95 % CI 0.436 to 0.970) |",
    ):
        assert words in page


def test_agreement_and_the_images_that_readers_differ_on(project, covidreport):
    """Kappa by scikit-learn; the tied image first, each with who said what, and its picture."""
    covidreport("evaluate", "--thumbnails")
    document = _render(covidreport)
    pairs = document["truths"]["pairs"]
    assert [(each["first"], each["second"]) for each in pairs] == [
        ("ann", "bob"), ("ann", "cy"), ("bob", "cy")
    ]  # fmt: skip
    for each in pairs:
        one, other = READINGS[each["first"]], READINGS[each["second"]]
        read = [grey for grey in TRUTH if None not in (one[grey], other[grey])]
        kappa = cohen_kappa_score([one[grey] for grey in read], [other[grey] for grey in read])
        assert each["agreement"]["kappa"]["value"] == pytest.approx(kappa)
    assert document["truths"]["agreement"]["images"] == 15
    split = document["cases"]["split"]
    said = [(each["positive"], each["negative"], each["truth"]) for each in split]
    assert said[0] == (["cy"], ["ann"], False)
    assert sorted(said[1:]) == [(["ann"], ["bob", "cy"], True), (["ann", "cy"], ["bob"], True)]
    assert split[0]["case"]["answers"] == ["yes", "no"]
    names = {each["case"]["name"] for each in split}
    assert names <= set(document["cases"]["pictures"])
    covidreport("render", "--format", "html")
    page = (project / "report.html").read_text()
    assert "1 of 2 readers for; false alarm of 1 of 2 runs" in page
    assert page.count('id="split-') >= 3


def test_readings_that_change_need_no_model_again(project, covidreport):
    """They are taken over with the scores that stand; without them there is no section."""
    covidreport("evaluate")
    scores = project / "runs" / "low" / "evaluations" / "data-validation" / "scores.parquet"
    assert read_scores(scores).readings["cy:covid-19"][-1] == "1"
    file = project / "data" / "readings.csv"
    file.write_text(file.read_text().replace("014.png,cy,1", "014.png,cy,0"))
    done = covidreport("evaluate")
    assert "2 of 2" in done.err or "reused" in done.err, done.err
    assert read_scores(scores).readings["cy:covid-19"][-1] == "0"
    (project / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    covidreport("evaluate")
    document = _render(covidreport)
    assert document["truths"] is None
    assert document["cases"]["split"] == []


@pytest.mark.skipif(
    not (CXR / "manifest.csv").is_file(),
    reason="no radiographs: set COVIDREPORT_CXR to their folder",
)
def test_readers_of_real_radiographs(tmp_path, covidreport):
    """Twelve of a public set, read by three whose errors are drawn: counted from their rows."""
    with (CXR / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    sick = [row for row in rows if row["covid-19"] == "1"][:6]
    chosen = [*sick, *(row for row in rows if row["covid-19"] == "0")][:12]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "images").symlink_to(CXR / "images")
    with (tmp_path / "data" / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(
            file, ["path", "covid-19", "normal", "pneumonia"], extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(chosen)
    rng = np.random.default_rng(7)
    truth = np.array([int(row["covid-19"]) for row in chosen])
    calls = np.where(rng.random((3, 12)) < 0.25, 1 - truth, truth)
    readings = {
        name: dict(zip((row["path"] for row in chosen), each.tolist(), strict=True))
        for name, each in zip(("r1", "r2", "r3"), calls, strict=True)
    }
    _write_readings(tmp_path / "data" / "readings.csv", readings, str)
    write_model(tmp_path / "runs" / "bright", 160)
    (tmp_path / "covidreport.toml").write_text(f'provider = "cpu"\n{SETTINGS}')
    done = covidreport("evaluate", "--thumbnails")
    assert done.code == 0, done.err
    document = _render(covidreport)
    (scores,) = (tmp_path / "runs").glob("*/evaluations/*/scores.parquet")
    stored = read_scores(scores)
    at = [stored.sample_ids.index(row["path"]) for row in chosen]
    yes = stored.scores[at, stored.labels.index("covid-19")] > 0
    votes = calls.sum(axis=0) >= 2
    majority = document["truths"]["truths"][1]
    assert (majority["positives"], document["truths"]["tied"]) == (votes.sum(), 0)
    (counts,) = [each["counts"] for each in majority["figures"]]
    assert counts["tp"] == (yes & votes).sum()
    assert counts["fp"] == (yes & ~votes).sum()
    split = document["cases"]["split"]
    assert len(split) == ((calls.sum(axis=0) % 3) > 0).sum()
    assert {each["case"]["name"] for each in split} <= set(document["cases"]["pictures"])

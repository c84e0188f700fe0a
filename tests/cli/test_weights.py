"""An enriched set, from docs/groups.md to the report: another run is the ward's best."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import pytest

from covidreport.storage.cache_folder import list_entries
from tests.cli.command import write_model
from tests.datasets import write_flat_dataset

PAGE = (Path(__file__).parents[2] / "docs" / "groups.md").read_text()
_, PART = PAGE.split("## An enriched set")
COMMANDS = re.findall(r"```sh\n(.*?)```", PART, flags=re.DOTALL)[0].splitlines()
TRUTH = {**dict.fromkeys((65, 70, 80, 110, 120, 130), 1), **dict.fromkeys((20, 30, 40, 90, 95), 0)}
WEIGHTS = {65: 1, 70: 1, 80: 1, 110: 10, 120: 10, 130: 10, 20: 1, 30: 1, 40: 1, 90: 50, 95: 50}
"""By the grey of an image. Dark cases are what the set is enriched with."""


def _weigh(manifest, weights):
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, grey in zip(rows, TRUTH, strict=True):
        row["weight"] = weights(grey)
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def project(tmp_path):
    """Two runs: `low` calls what is brighter than 60, `high` what is brighter than 100."""
    rows = [(grey, "covid-19" if TRUTH[grey] else "normal", "validation") for grey in TRUTH]
    write_flat_dataset(tmp_path / "data", rows)
    _weigh(tmp_path / "data" / "manifest.csv", WEIGHTS.__getitem__)
    for name, limit in (("low", 60), ("high", 100)):
        write_model(tmp_path / "runs" / name, limit)
    (tmp_path / "covidreport.toml").write_text(
        'data = "data"\nprovider = "cpu"\nspecificity_floor = 0.0\n'
    )
    return tmp_path


def _render(covidreport, *words):
    return json.loads(covidreport("render", "--format", "json", "--output", "-", *words).out)


def test_the_page_runs_and_the_ward_is_told(project, covidreport):
    """Counted by hand: `high` misses 3 of 6 cases, which stand for 3 of 33 patients."""
    for line in COMMANDS:
        done = covidreport(*shlex.split(line)[1:])
        assert done.code == 0, (line, done.err)
    assert "weighted" in {entry.kind for entry in list_entries()}
    document = _render(covidreport)
    assert [row["run"] for row in document["rankings"][0]["rows"]] == ["low", "high"]
    found = document["weighted"]
    assert (found["low"], found["high"], found["asked"]) == (1.0, 50.0, False)
    low, high = (next(e for e in found["runs"] if e["run"] == name) for name in ("low", "high"))
    rates = high["rates"]
    assert rates["sensitivity"]["estimate"]["value"] == pytest.approx(30 / 33)
    assert rates["sensitivity"]["total"] == 33
    assert rates["sensitivity"]["size"] == pytest.approx(33**2 / 303)  # Kish's (Σw)² / Σw²
    assert rates["specificity"]["estimate"]["value"] == 1.0
    assert low["rates"]["specificity"]["estimate"]["value"] == pytest.approx(3 / 103)
    assert low["rates"]["ppv"]["estimate"]["value"] == pytest.approx(33 / 133)
    assert high["rates"]["npv"]["estimate"]["value"] == pytest.approx(103 / 106)
    assert (low["rank"], high["rank"]) == (1, 2)
    assert high["sensitivity"]["value"] == pytest.approx(-3 / 33)
    assert high["sensitivity"]["low"] < -3 / 33 < high["sensitivity"]["high"]


def test_another_run_may_be_first_by_weight_and_answers_where_that_is_asked(project, covidreport):
    """Without the light cases `low` finds as many, and gives more false alarms."""
    _weigh(project / "data" / "manifest.csv", lambda grey: WEIGHTS[grey] if grey > 85 else 0)
    assert covidreport("evaluate", "runs").code == 0
    document = _render(covidreport)
    assert document["rankings"][0]["rows"][0]["run"] == "low"
    assert [each["run"] for each in document["weighted"]["runs"]] == ["high", "low"]
    (finding,) = [e for e in document["findings"] if e["code"] == "best-run-by-weight"]
    assert finding["what"] == "Another run is first by the images' weights: high"
    page = covidreport("render", "--format", "markdown", "--output", "-").out
    answer = page[page.index("## Answer") : page.index("## What this is not")]
    assert "as asked" not in answer
    assert "By them high is first; the ranking, which counts images, has another." in page
    page = covidreport("render", "--format", "markdown", "--output", "-", "--rank-weighted").out
    answer = page[page.index("## Answer") : page.index("## What this is not")]
    said = "By the images’ weights, as asked, high comes first: weighted sensitivity 1.000"
    assert said in answer.replace("**", "")
    assert answer.index("as asked") < answer.index("misses the fewest")
    (project / "covidreport.toml").write_text(
        'data = "data"\nspecificity_floor = 0.0\nrank_weighted = true\n'
    )
    assert _render(covidreport)["weighted"]["asked"] is True


def test_weights_of_a_later_evaluation_are_not_mixed_with_earlier_ones(project, covidreport):
    """A run whose images were stored with others says so, and the rest stand; again, all do."""
    assert covidreport("evaluate", "runs").code == 0
    _weigh(project / "data" / "manifest.csv", lambda grey: 1 + grey)
    assert covidreport("evaluate", "runs/low").code == 0
    found = _render(covidreport)["weighted"]
    assert [each["run"] for each in found["runs"]] == ["low"]
    (excluded,) = found["excluded"]
    assert excluded["run"] == "high"
    assert "stored with other weights" in excluded["reason"]
    assert covidreport("evaluate", "runs").code == 0
    assert len(_render(covidreport)["weighted"]["runs"]) == 2


def test_without_weights_nothing_is_said_of_them(project, covidreport):
    """Nor where that is asked for."""
    manifest = project / "data" / "manifest.csv"
    lines = [line.rpartition(",")[0] for line in manifest.read_text().splitlines()]
    manifest.write_text("\n".join(lines) + "\n")
    assert covidreport("evaluate", "runs").code == 0
    assert _render(covidreport, "--rank-weighted")["weighted"] is None

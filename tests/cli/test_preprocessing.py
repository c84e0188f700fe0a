"""Models that are described otherwise than they were made: `adopt` and `evaluate` say so."""

from __future__ import annotations

import csv
import json

import pytest

from covidreport.store import read_evaluation
from tests.cli.test_folds import write_column
from tests.datasets import write_flat_dataset
from tests.evaluate.test_feeding import WAYS, draw_rows, write_net

KEY = "evaluations/data-validation"
CODE = "preprocessing-suspected"


@pytest.fixture
def project(tmp_path):
    """Data with a split to look at, and two runs of one model: well and ill described."""
    write_flat_dataset(tmp_path / "data", [*draw_rows("validation", 12, 1), *draw_rows("tuning")])
    (tmp_path / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    write_net(tmp_path / "runs" / "well", "0 to 1", WAYS["0 to 1"])
    write_net(tmp_path / "runs" / "ill", "0 to 1", WAYS["0 to 255"])
    return tmp_path


def _findings(project, run):
    evaluation = read_evaluation(project / "runs" / run / KEY)
    return [each for each in evaluation.findings if each.code == CODE]


def _document(done):
    return json.loads(done.out)["preprocessing"]


def test_evaluate_says_which_run_is_fed_otherwise_and_the_report_shows_it(project, covidreport):
    """On the terminal, in the evaluation, and with what to do in the report's findings."""
    done = covidreport("evaluate", "--check-preprocessing")
    assert done.code == 0, done.err
    assert "ill: ROC AUC of COVID-19 as described 0.5" in done.out
    assert "well: ROC AUC of COVID-19 as described 0.9" in done.out
    assert "BGR and crop: the same answers, these images can't tell" in done.out
    assert done.err.count("when it is fed otherwise than described: 0 to 1") == 1
    (finding,) = _findings(project, "ill")
    assert '"range": [0, 1], "mean": null, "std": null under `input` in its run.json' in (
        finding.remedy
    )
    assert _findings(project, "well") == []
    done = covidreport("render", "--format", "markdown", "--output", "report.md")
    assert done.code == 0, done.err
    assert "fed otherwise than described: 0 to 1" in (project / "report.md").read_text()


def test_what_stands_is_tried_once_and_stays(project, covidreport):
    """An evaluation that is kept keeps what was found; scores are those of the description."""
    assert covidreport("evaluate").code == 0
    assert _findings(project, "ill") == []
    before = (project / "runs" / "ill" / KEY / "scores.parquet").read_bytes()
    first = covidreport("evaluate", "--check-preprocessing", "--json")
    assert len(_findings(project, "ill")) == 1
    stored = (project / "runs" / "ill" / KEY / "evaluation.json").read_bytes()
    again = covidreport("evaluate", "--check-preprocessing", "--json")
    assert _document(again) == _document(first)
    assert "Feeding" not in again.err
    assert covidreport("evaluate").code == 0
    assert (project / "runs" / "ill" / KEY / "evaluation.json").read_bytes() == stored
    assert (project / "runs" / "ill" / KEY / "scores.parquet").read_bytes() == before
    facts = {each["run"]: each for each in _document(first)}
    assert set(facts["ill"]["tried"]) == {
        "0 to 1", "-1 to 1", "ImageNet's normalisation", "inverted", "pad",
    }  # fmt: skip
    assert (facts["well"]["split"], facts["well"]["images"]) == ("tuning", 120)


def test_the_models_of_folds_are_tried_each(project, covidreport):
    """The one that is described ill is named in its own evaluation and in that over all folds, once
    and for good."""
    manifest = project / "data" / "manifest.csv"
    splits = [row["split"] for row in csv.DictReader(manifest.read_text().splitlines())]
    write_column(manifest, [str(i % 2) if s == "validation" else "" for i, s in enumerate(splits)])
    for fold, run in enumerate(("well", "ill")):
        file = project / "runs" / run / "run.json"
        described = json.loads(file.read_text())
        file.write_text(json.dumps({**described, "configuration": "both", "fold": fold}))
    done = covidreport("evaluate", "--check-preprocessing", "--json")
    assert done.code == 0, done.err
    assert [each["run"] for each in _document(done)] == ["well", "ill"]
    (finding,) = _findings(project, "ill")
    assert _findings(project, "well") == []
    stored = project / "runs" / "well" / "evaluations" / "data-folds" / "evaluation.json"
    of_folds = read_evaluation(stored)
    assert [each for each in of_folds.findings if each.code == CODE] == [finding]
    before = stored.read_bytes()
    again = covidreport("evaluate", "--check-preprocessing", "--json")
    assert _document(again) == _document(done)
    assert "Feeding" not in again.err
    assert covidreport("evaluate").code == 0
    assert stored.read_bytes() == before
    report = covidreport("render", "--format", "markdown", "--output", "-")
    assert "fed otherwise than described: 0 to 1" in report.out


def test_a_changed_description_is_tried_anew(project, covidreport):
    """The finding goes with the scores that it was about."""
    covidreport("evaluate", "--check-preprocessing")
    write_net(project / "runs" / "ill", "0 to 1", WAYS["0 to 1"])
    covidreport("evaluate", "--check-preprocessing")
    assert _findings(project, "ill") == []


def test_the_settings_ask_for_it_and_the_option_takes_it_back(project, covidreport):
    """As for every option."""
    file = project / "covidreport.toml"
    file.write_text("check_preprocessing = true\n" + file.read_text())
    assert "preprocessing" not in covidreport("evaluate", "--no-check-preprocessing", "--json").out
    assert len(_document(covidreport("evaluate", "--json"))) == 2
    file.write_text("check_preprocessing = 1\n" + 'data = "data"\n')
    done = covidreport("evaluate")
    assert done.code == 2
    assert "`check_preprocessing` is 1; true or false is wanted" in done.err


def test_without_another_split_it_is_said(project, covidreport):
    """Nothing is tried on the images that are evaluated."""
    write_flat_dataset(project / "data", draw_rows("validation", 12, 1))
    done = covidreport("evaluate", "--check-preprocessing")
    assert done.code == 0, done.err
    assert "was not tried: the data has no split besides validation" in done.err


def test_adopt_tries_it_where_data_are_known(project, covidreport):
    """For every model in one pass, and changes nothing."""
    done = covidreport("adopt", "runs/well", "runs/ill")
    assert done.code == 0, done.err
    assert "well: ROC AUC of COVID-19 as described 0.9" in done.err
    assert "ill tells COVID-19 better when it is fed otherwise than described: 0 to 1" in done.err
    written = json.loads((project / "runs" / "ill" / "run.json").read_text())
    assert written["input"]["range"] == [0, 255]

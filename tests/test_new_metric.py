"""A new metric is one function and one line in the table: then every output has it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import covidreport
from covidreport.gate.limits import read_limit
from covidreport.integrations.dvc import list_metrics as list_dvc_metrics
from covidreport.integrations.mlflow.facts import gather_facts
from covidreport.integrations.model_card import render_model_card
from covidreport.integrations.open_metrics import render_open_metrics
from covidreport.metrics import ALL_METRICS, CountMetric
from covidreport.metrics.rates import CountArrays, Ratio
from covidreport.report.csv import render_csv
from covidreport.report.json import render_json
from covidreport.storage.runs import discover_runs, read_evaluations
from tests.gate.runs import judge, outcomes
from tests.integrations.run_folders import write_scored_run
from tests.metrics_page import PAGE, write_metrics_table, write_page
from tests.report.blocks import build, list_tables, read_values

COUNT_OF_JACCARD = (4, 5)
"""Of the good run: 4 of 4 found with 1 false alarm."""


def jaccard(counts: CountArrays) -> Ratio:
    """What answers and truth have in common of all that either calls positive."""
    return Ratio(counts.tp, counts.tp + counts.fp + counts.fn)


@pytest.fixture
def jaccard_line(monkeypatch):
    """The one line."""
    line = CountMetric(
        jaccard, "Jaccard index", "The overlap of answers and truth",
        "tp / (tp + false alarms + missed)", "higher", "Wilson", aliases=("threat_score",),
    )  # fmt: skip
    monkeypatch.setitem(ALL_METRICS, "jaccard", line)


@pytest.fixture
def run_folder(jaccard_line, tmp_path):
    """A run that was evaluated with it."""
    write_scored_run(tmp_path / "good")
    return tmp_path / "good"


def test_an_evaluation_has_it_with_its_interval(run_folder):
    """4 of 5, as every proportion."""
    (evaluation,), _ = read_evaluations(discover_runs([run_folder])[0])
    found = evaluation.estimates["covid-19"]["jaccard"]

    assert (found.numerator, found.denominator) == COUNT_OF_JACCARD
    assert found.method == "wilson"
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.8 <= found.high


def test_a_metric_stands_in_its_function_and_in_the_table():
    """Nothing else of the package, of which CSV, frames and all others walk the table, names it."""
    package = Path(covidreport.__file__).parent
    named = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if re.search(r"\bmcc\b", file.read_text(encoding="utf-8"), re.IGNORECASE)
    }

    assert named == {"metrics/rates.py", "metrics/table.py"}


def test_the_report_and_its_files_have_it(run_folder):
    """HTML's and Markdown's tables with words and formula, JSON, CSV and the frames."""
    report = covidreport.load(run_folder)

    header, first = render_csv(report.data).splitlines()[:2]
    column = header.split(",").index("jaccard")
    assert first.split(",")[column] == "0.8"
    assert header.split(",")[column + 1 : column + 3] == ["jaccard_low", "jaccard_high"]
    (run,) = json.loads(render_json(report.data))["runs"]
    assert run["evaluation"]["estimates"]["covid-19"]["jaccard"]["value"] == 0.8
    frame = report.estimates
    rows = frame[(frame["metric"] == "jaccard") & (frame["label"] == "covid-19")]
    assert list(rows["value"]) == [0.8]
    figures = list_tables(build(report.data, "methods"))[0]
    assert "Jaccard index" in {row[0] for row in read_values(figures)}
    runs = list_tables(build(report.data, "runs"))
    shown = {row[0]: row[1] for row in read_values(runs[0])}
    assert shown["Jaccard index"] == "0.800"


def test_other_tools_have_it(run_folder):
    """DVC, MLflow and a model card, under its key."""
    (run,) = discover_runs([run_folder])
    evaluations, _ = read_evaluations(run)

    assert list_dvc_metrics(evaluations[0])["covid-19"]["jaccard"]["value"] == 0.8
    assert gather_facts(run, evaluations, None).metrics["tiny-validation/covid-19/jaccard"] == 0.8
    card = render_model_card(covidreport.load(run_folder).data)
    assert '- type: jaccard\n      value: 0.8\n      name: "Jaccard index, COVID-19"' in card


def test_it_can_be_limited_and_stands_in_the_verdict(run_folder):
    """By its own name and the other one, and OpenMetrics has it."""
    (run,) = discover_runs([run_folder])
    texts = ("threat_score>=0.9", "jaccard.low>=0.1")
    verdict = judge(run, None, *(read_limit(text, "covid-19") for text in texts))

    judged = outcomes(verdict)
    assert judged["covid-19 jaccard"] == "fail"
    assert judged["covid-19 jaccard.low"] == "pass"
    assert 'label="covid-19",metric="jaccard",end="value"} 0.8' in render_open_metrics([verdict])


def test_the_page_of_metrics_has_it(jaccard_line):
    """Which is written from the table."""
    assert "| `jaccard` | Jaccard index |" in write_metrics_table()


def test_the_page_of_metrics_is_the_table():
    """`python -m tests.metrics_page` writes it again."""
    assert PAGE.read_text(encoding="utf-8") == write_page()

"""The model card: front matter that the Hub reads, figures with intervals, limits of use."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.integrations.model_card import render_model_card
from covidreport.records import Estimate
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.storage.runs import read_run
from tests.integrations.run_folders import write_scored_run
from tests.integrations.verdicts import HOSTILE


def _card(folder, name=None):
    write_scored_run(folder, name)
    data = collect_report([read_run(folder)], ReportChoices("covid-19", 0.5))
    return data, render_model_card(data)


def _front(card):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed here")
    start, front, _ = card.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(front)


def test_the_front_matter_has_the_results(tmp_path):
    """Task, data set with split and fingerprint, and each defined figure as a number: 4 of 4 found,
    5 of 6 cleared."""
    front = _front(_card(tmp_path / "good")[1])
    assert front["pipeline_tag"] == "image-classification"
    ((model,),) = [front["model-index"]]
    assert model["name"] == "good"
    (result,) = model["results"]
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"]["name"] == "tiny, validation split"
    assert result["dataset"]["split"] == "validation"
    assert result["dataset"]["revision"] == "f" * 64
    figures = {each["name"]: (each["type"], each["value"]) for each in result["metrics"]}
    assert figures["Sensitivity, COVID-19"] == ("recall", 1.0)
    assert figures["Specificity, COVID-19"] == ("specificity", pytest.approx(5 / 6))
    assert all(isinstance(value, float) for _, value in figures.values())


def test_the_text_has_intervals_and_limits(tmp_path):
    """Each rate with its numbers and interval (Wilson's 4 of 4: 0.510 to 1); what it is not for."""
    _, card = _card(tmp_path / "good")
    assert "1.000 (4 of 4; 95 % CI 0.510 to 1.000)" in card
    assert "## Limits of use\n\n- Research software, no medical device" in card
    assert "## Training\n\n- architecture: tiny" in card
    assert card.index("Limits of use") < card.index("## Metrics on")


def test_a_hostile_name_is_data(tmp_path):
    """It stays one scalar of the front matter, and text in the page."""
    _, card = _card(tmp_path / "good", HOSTILE)
    name = _front(card)["model-index"][0]["name"]
    assert "\"c\" 'd'" in name
    assert "<script>" in name
    assert "<script>" not in card.split("---\n", 2)[2]


def test_tiny_and_undefined_figures(tmp_path):
    """`1e-05` would be a text to YAML's readers; what is undefined is left out."""
    data, _ = _card(tmp_path / "good")
    (reported,) = data.runs
    figures = {"covid-19": {"ppv": Estimate(1e-05), "npv": Estimate(None)}}
    changed = replace(reported.evaluation, estimates=figures)
    card = render_model_card(replace(data, runs=(replace(reported, evaluation=changed),)))
    (metric,) = _front(card)["model-index"][0]["results"][0]["metrics"]
    assert (metric["type"], metric["value"]) == ("precision", 1e-05)


def test_the_command_writes_it(covidreport, tmp_path):
    """`export --model-card` puts it where it is asked for."""
    write_scored_run(tmp_path / "good")
    done = covidreport("export", "good", "--model-card", "good/README.md")
    assert (done.code, done.out.strip()) == (0, "good/README.md")
    assert (tmp_path / "good" / "README.md").read_text().startswith("---\nlibrary_name: onnx\n")

"""Figures of an evaluation: evaluate and score give the same, and older ones are brought up."""

from __future__ import annotations

import csv
import json

import pytest

from covidreport.store import read_evaluation, read_scores
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

KEY = "evaluations/data-validation"


@pytest.fixture
def study(covidreport, tmp_path):
    """A run evaluated on twelve images of six patients, with sex and age."""
    rows = [(100 + 12 * i, "covid-19" if i % 2 else "normal", "validation") for i in range(12)]
    manifest = write_flat_dataset(
        tmp_path / "data", rows, patients=[f"p{i // 2}" for i in range(12)]
    )
    _add_columns(manifest, sex=lambda i: "FM"[i // 2 % 2], age=lambda i: 30 + i)
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    (tmp_path / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    assert covidreport("evaluate").code == 0
    return tmp_path


def _add_columns(manifest, **columns):
    with manifest.open(newline="") as file:
        head, *rows = csv.reader(file)
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*head, *columns])
        writer.writerows(
            [*row, *(column(i) for column in columns.values())] for i, row in enumerate(rows)
        )


def _file(study):
    return study / "runs" / "a" / KEY / "evaluation.json"


def test_evaluate_and_score_give_the_same_file(covidreport, study):
    """Attributes come from the data set once, and from the scores ever after."""
    before = _file(study).read_bytes()
    details = read_evaluation(_file(study)).score_metrics
    assert list(details.subgroups) == ["sex", "age"]
    assert details.plan.normal == "normal"
    figures = read_evaluation(_file(study)).estimates["covid-19"]
    assert figures["accuracy"].method.endswith("over groups")
    assert covidreport("score", "--write").code == 0
    assert _file(study).read_bytes() == before


def test_an_evaluation_of_an_earlier_version_gets_its_figures_without_a_model(covidreport, study):
    """Without details in the one file and attributes in the other, nothing is run again."""
    before = _file(study).read_bytes()
    value = json.loads(before)
    del value["details"]
    _file(study).write_text(json.dumps(value))
    done = covidreport("evaluate")
    assert (done.code, "1 of 1 run is unchanged" in done.err) == (0, True)
    assert _file(study).read_bytes() == before


@pytest.mark.made_anew
def test_intervals_of_an_earlier_version_are_made_again_without_a_model(
    covidreport, study, monkeypatch
):
    """What was stored by other statistics is computed anew from its scores."""
    before = _file(study).read_bytes()
    with monkeypatch.context() as earlier:
        earlier.setattr("covidreport.metrics.stated.STATISTICS", 1)
        assert covidreport("score", "--write").code == 0
    assert _file(study).read_bytes() != before
    done = covidreport("evaluate")
    assert (done.code, "1 of 1 run is unchanged" in done.err) == (0, True)
    assert _file(study).read_bytes() == before


def test_attributes_that_were_added_are_taken_up(covidreport, study):
    """A column `view` in the manifest: subgroups by it, and the scores stay as they were."""
    scores = read_scores(_file(study).parent / "scores.parquet")
    _add_columns(study / "data" / "manifest.csv", view=lambda i: ("PA", "AP")[i // 6])
    done = covidreport("evaluate")
    assert (done.code, "1 of 1 run is unchanged" in done.err) == (0, True)
    assert list(read_evaluation(_file(study)).score_metrics.subgroups) == ["sex", "age", "view"]
    after = read_scores(_file(study).parent / "scores.parquet")
    assert after.attributes["view"] == ("PA",) * 6 + ("AP",) * 6
    assert (after.scores == scores.scores).all()
    assert covidreport("score", "--write").code == 0
    assert "view" in read_evaluation(_file(study)).score_metrics.subgroups


def test_the_configuration_says_which_figures(covidreport, study):
    """Another interval, other points and a prevalence are applied to what stands."""
    config = study / "covidreport.toml"
    config.write_text(
        config.read_text() + 'interval = "clopper-pearson"\nspecificities = [0.8]\n'
        "sensitivities = []\nprevalence = 0.02\n"
    )
    assert covidreport("evaluate").code == 0
    details = read_evaluation(_file(study)).score_metrics
    label = details.labels["covid-19"]
    assert (details.plan.interval, label.prevalence) == ("clopper-pearson", 0.02)
    assert [point.at for point in label.sensitivity_at] == [0.8]
    assert label.specificity_at == ()
    assert details.labels["normal"].prevalence is None


def test_a_prevalence_that_was_changed_needs_no_scoring(covidreport, study):
    """`render` takes it, and what it says is what `evaluate` would have stored, byte for byte."""
    config, stored = study / "covidreport.toml", _file(study).read_bytes()
    config.write_text(config.read_text() + "prevalence = 0.02\n")
    words = ("render", "--format", "json", "--output", "-")
    found = json.loads(covidreport(*words).out)["runs"][0]["evaluation"]["score_metrics"]
    assert _file(study).read_bytes() == stored
    label = found["labels"]["covid-19"]
    assert label["prevalence"] == 0.02
    assert label["ppv"]["method"] == "mover-r of the likelihood ratio over groups"
    assert covidreport("evaluate").code == 0
    assert _file(study).read_bytes() != stored
    assert json.loads(covidreport(*words).out)["runs"][0]["evaluation"]["score_metrics"] == found


def test_a_verdict_is_not_given_at_another_prevalence_than_the_report_s(covidreport, study):
    """What is stored is at 0.1, and the settings say 0.02: neither run nor baseline is judged."""
    config = study / "covidreport.toml"
    text = config.read_text()
    config.write_text(f"{text}prevalence = 0.1\n")
    assert covidreport("evaluate").code == 0
    config.write_text(f"{text}prevalence = 0.1\nspecificity_floor = 0.1\n")
    (run,) = (study / "runs").iterdir()
    assert covidreport("baseline", "set", run, "--output", "set.json").code == 0
    absolute = ("gate", run, "--limit", "ppv_at_prevalence>=0.0001")
    relative = ("gate", run, "--baseline", "set.json", "--limit", "ppv_at_prevalence>=baseline")
    assert covidreport(*absolute).code == covidreport(*relative).code == 0
    config.write_text(f"{text}prevalence = 0.02\nspecificity_floor = 0.1\n")
    for words in (absolute, relative):
        done = covidreport(*words)
        assert done.code == 3
        said = " ".join(done.out.split())
        assert "is not at a prevalence of 0.02, which the configuration states" in said
        assert "`covidreport score --write` computes it again" in said
    assert covidreport("gate", run, "--limit", "missed<=99").code == 0
    assert covidreport("score", "--write").code == 0
    assert covidreport(*absolute).code == 0
    done = covidreport(*relative)
    assert done.code == 3
    again = "make the baseline again with `covidreport baseline set`"
    assert again in " ".join(done.out.split())


def test_a_normal_label_that_is_none_is_refused_before_work(covidreport, study):
    """The message names it and the labels that there are."""
    config = study / "covidreport.toml"
    config.write_text(config.read_text() + 'normal = "healthy"\n')
    done = covidreport("evaluate")
    assert done.code == 2
    assert "'healthy', which is no label of the data; its labels are covid-19, normal" in done.err


@pytest.mark.parametrize(
    "line",
    ['interval = "wald"', "specificities = 0.9", "sensitivities = [1.5]", "prevalence = 0"],
)
def test_settings_that_can_not_be_are_refused(covidreport, study, line):
    """Each by its name."""
    config = study / "covidreport.toml"
    config.write_text(config.read_text() + line + "\n")
    done = covidreport("score")
    assert done.code == 2
    assert f"`{line.split()[0]}` is" in done.err

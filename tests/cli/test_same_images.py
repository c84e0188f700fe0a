"""Every command is about the same images, whichever were evaluated last."""

from __future__ import annotations

import json
import re

import pytest

import covidreport as package
from covidreport.store import write_run
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

OCCLUDE = ("--occlude", "centre")
SPLITS = {"train": 4, "validation": 10, "test": 12}
"""As many images, half of them positive and two of those missed by `shy`; five positives are the
fewest with which an area of 1 without the lungs is suspicious."""


@pytest.fixture
def study(tmp_path):
    """Two runs and three splits; nothing was evaluated yet."""
    rows = []
    for split, images in SPLITS.items():
        rows += [(90, "covid-19", split)] * 2 + [(120, "covid-19", split)] * (images // 2 - 2)
        rows += [(20, "normal", split)] * (images // 2)
    write_flat_dataset(tmp_path / "data", rows)
    write_brightness_model(tmp_path / "runs" / "shy" / "model.onnx")
    write_brightness_model(tmp_path / "runs" / "keen" / "model.onnx", offsets=(-8.5, 10.0, -1.0))
    return tmp_path


def _evaluate(covidreport, *splits):
    for split in splits:
        done = covidreport("evaluate", "runs", "--data", "data", "--split", split)
        assert done.code == 0, done.err


def _seen(covidreport, study):
    """The split that each command took by itself, and what all of them said on stderr."""
    said = {}
    done = said["list"] = covidreport("list", "--json")
    seen = {"list": json.loads(done.out)["rankings"][0]["split"]}
    done = said["render"] = covidreport("render", "--format", "json", "--output", "-")
    seen["render"] = json.loads(done.out)["split"]
    said["baseline set"] = covidreport("baseline", "set", "runs/keen", "--output", "set.json")
    seen["baseline set"] = json.loads((study / "set.json").read_text())["split"]
    said["export"] = covidreport("export", "runs/keen", "--model-card", "card.md")
    card = (study / "card.md").read_text()
    (seen["export"],) = [each for each in SPLITS if f"Metrics on data, {each} split" in card]
    done = said["gate"] = covidreport("gate", "runs", "--json", "--limit", "missed<=100")
    (seen["gate"],) = {each["split"] for each in json.loads(done.out)["verdicts"]}
    seen["load"] = package.load().data.split
    assert {name: done.code for name, done in said.items()} == dict.fromkeys(said, 0)
    return seen, {name: done.err for name, done in said.items()}


COMMANDS = ("list", "render", "baseline set", "export", "gate", "load")


def test_what_was_evaluated_last_decides_nothing(covidreport, study):
    """Test, then train are newer: each command takes validation and says what is newer."""
    _evaluate(covidreport, "validation", "test", "train")
    seen, said = _seen(covidreport, study)
    assert seen == dict.fromkeys(COMMANDS, "validation")
    for text in said.values():
        assert "data, train was evaluated later: --split train" in text


def test_the_configured_split_holds_in_every_command(covidreport, study):
    """Test is configured, validation is newer; where the configured one is newest, nobody says."""
    (study / "covidreport.toml").write_text('data = "data"\nsplit = "Test"\n')
    _evaluate(covidreport, "test", "validation")
    seen, said = _seen(covidreport, study)
    assert seen == dict.fromkeys(COMMANDS, "test")
    for text in said.values():
        assert "`split` of the configuration" in text
        assert "data, validation was evaluated later" in text
    _evaluate(covidreport, "train")
    assert covidreport("evaluate", "--force").code == 0
    assert "evaluated later" not in covidreport("list").err


def test_an_option_goes_before_the_configuration_and_nothing_is_said(covidreport, study):
    """Who says which split he wants need not be told of another."""
    (study / "covidreport.toml").write_text('data = "data"\nsplit = "test"\n')
    _evaluate(covidreport, "validation", "test")
    done = covidreport("render", "--split", "Validation", "--format", "json", "--output", "-")
    assert json.loads(done.out)["split"] == "validation"
    assert "later" not in done.err


def test_a_configured_split_without_an_evaluation_is_said(covidreport, study):
    """No other split takes its place; `list` shows the runs and why it ranks none."""
    (study / "covidreport.toml").write_text('data = "data"\nsplit = "test"\n')
    _evaluate(covidreport, "validation")
    for words in (["render"], ["export", "runs/keen", "--model-card", "card.md"]):
        done = covidreport(*words)
        assert done.code == 2
        assert "split test (`split` of the configuration); there is: data validation" in done.err
    assert covidreport("baseline", "set", "runs/keen").code == 3
    assert not (study / "baseline.json").exists()
    done = covidreport("list")
    assert done.code == 0
    assert "no ranking: nothing was evaluated on any data set, split test" in done.err


def test_the_only_split_is_taken_and_of_several_one_must_be_named(covidreport, study):
    """There is no validation: test alone is meant; with train beside it nobody knows."""
    _evaluate(covidreport, "test")
    assert set(_seen(covidreport, study)[0].values()) == {"test"}
    _evaluate(covidreport, "train")
    for words in (
        ["render"],
        ["gate", "runs", "--limit", "missed<=9"],
        ["baseline", "set", "runs/keen"],
    ):
        done = covidreport(*words)
        assert done.code == 2
        assert "there are the splits test, train" in done.err
        assert "--split" in done.err


def test_the_baseline_s_split_goes_before_validation(covidreport, study):
    """Gate, ci, render and list take it; a new baseline does not take that of the old one."""
    _evaluate(covidreport, "test", "validation")
    assert covidreport("baseline", "set", "runs/keen", "--split", "test").code == 0
    assert json.loads(covidreport("list", "--json").out)["rankings"][0]["split"] == "test"
    assert package.load().data.split == "test"
    done = covidreport("gate", "runs/shy", "--json")
    assert json.loads(done.out)["verdicts"][0]["split"] == "test"
    assert covidreport("baseline", "set", "runs/keen").code == 0
    assert json.loads((study / "baseline.json").read_text())["split"] == "validation"


def test_a_configured_split_that_is_not_the_baseline_s_is_wrong_usage(covidreport, study):
    """Gate and ci name both and judge nothing until an option says which; reports need neither."""
    (study / "covidreport.toml").write_text('data = "data"\nsplit = "validation"\n')
    _evaluate(covidreport, "validation", "test")
    assert covidreport("baseline", "set", "runs/keen", "--split", "test").code == 0
    for words in (["gate", "runs/shy"], ["ci", "runs"]):
        done = covidreport(*words, "--output-dir", "verdict")
        assert done.code == 2
        assert "'validation'" in done.err
        assert "'test'" in done.err
        assert "--split" in done.err
        done = covidreport(*words, "--split", "test", "--output-dir", "verdict")
        assert done.code in (0, 1, 4), done.err
        verdicts = json.loads((study / "verdict" / "verdict.json").read_text())["verdicts"]
        assert {each["split"] for each in verdicts} == {"test"}
    text = (study / "verdict" / "report.html").read_text()
    assert "data, test split" in text  # `ci` reports on what it judged
    assert json.loads(covidreport("list", "--json").out)["rankings"][0]["split"] == "validation"


def test_the_configured_data_set_goes_before_a_newer_one(covidreport, study):
    """Other images under another name are said to be newer, and not taken."""
    (study / "covidreport.toml").write_text('data = "data"\n')
    _evaluate(covidreport, "validation")
    write_flat_dataset(study / "elsewhere", [(120, "covid-19", "validation"), (9, "normal", "")])
    done = covidreport("evaluate", "--data", "elsewhere", "--split", "validation")
    assert done.code == 0, done.err
    done = covidreport("list", "--json")
    assert json.loads(done.out)["rankings"][0]["dataset"] == "data"
    assert "elsewhere, validation was evaluated later: --dataset elsewhere" in done.err
    done = covidreport("gate", "runs", "--limit", "missed<=9", "--json")
    assert {each["dataset"] for each in json.loads(done.out)["verdicts"]} == {"data"}


def test_evaluate_takes_the_only_split_of_the_data(covidreport, tmp_path):
    """Where nobody says which and there is no validation."""
    write_flat_dataset(tmp_path / "data", [(120, "covid-19", "test"), (9, "normal", "test")])
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    done = covidreport("evaluate", "--data", "data")
    assert done.code == 0, done.err
    assert (tmp_path / "runs" / "a" / "evaluations" / "data-test").is_dir()


def _read_parts(covidreport, study):
    """The Markdown report by section, without what the runs' own ones and the provenance say, and
    without how many of their parts a text of limited length leaves out."""
    done = covidreport("render", "--split", "validation", "--format", "markdown")
    assert done.code == 0, done.err
    text = re.sub(r"\nLeft out to stay under .*\n", "", (study / "report.md").read_text())
    parts = text.split("\n## ")
    return {part.split("\n")[0]: part for part in parts if not part.startswith(("Runs", "Prov"))}


def test_variants_and_other_data_change_no_section_but_their_own(covidreport, study):
    """Matrices and the answer are those of the usual evaluation.

    What `--occlude` itself finds stands among the findings, and by the answer. The other data set
    is named behind it, and has a section of its own; so have shortcuts.
    """
    for name in ("shy", "keen"):
        write_run(study / "runs" / name, {"name": name, "block": "1"})
    _evaluate(covidreport, "validation", "test")
    before = _read_parts(covidreport, study)
    assert {"Confusion matrices", "Answer"} <= set(before)
    done = covidreport("evaluate", "--data", "data", "--split", "validation", *OCCLUDE)
    assert done.code == 0, done.err
    write_flat_dataset(study / "elsewhere", [(120, "covid-19", "validation"), (9, "normal", "")])
    done = covidreport("evaluate", "--data", "elsewhere", "--split", "validation")
    assert done.code == 0, done.err
    done = covidreport("evaluate", "--data", "data", "--split", "test", *OCCLUDE)
    assert done.code == 0, done.err
    (study / "covidreport.toml").write_text('data = "data"\n')
    after = _read_parts(covidreport, study)
    assert before.pop("Findings") != after.pop("Findings")
    assert "On data set “elsewhere”, " in after["Answer"]
    after["Answer"] = re.sub(r"These figures are of data set “data”\. .*\n+", "", after["Answer"])
    assert "elsewhere" in after.pop("Data sets side by side")
    assert "Middle blacked out" in after.pop("Shortcuts")
    study_before, study_after = before.pop("Study"), after.pop("Study")
    assert "elsewhere" not in study_before  # Table 1 of every data set
    assert "elsewhere" in study_after
    limits = "What this is not"
    assert "2 data sets" in after[limits]
    assert (
        before.pop(limits).split("- An interval")[1] == after.pop(limits).split("- An interval")[1]
    )
    found = "- warning: 2 runs still tell COVID-19 with the lungs blacked out\n"
    answers = [
        parts.pop("Answer").split("To be read")[0].replace(found, "").strip()
        for parts in (before, after)
    ]
    assert answers[0] == answers[1]
    assert before == after


def test_an_occluded_ranking_says_so_in_its_title(covidreport, study):
    """Beside the usual one, which has no variant."""
    _evaluate(covidreport, "validation")
    covidreport("evaluate", "--data", "data", "--split", "validation", *OCCLUDE)
    done = covidreport("score", "runs", "--split", "validation", "--write")
    assert done.code == 0, done.err
    titles = [line for line in done.out.splitlines() if "ranked by missed" in line]
    assert len(set(titles)) == len(titles)
    assert all("occlude" in line for line in titles[1:])


def test_the_patients_of_the_positives_are_counted_alike(covidreport, tmp_path):
    """Six positives of two patients, six negatives of six: audit, report and card say 2."""
    rows = [(120, "covid-19", "validation")] * 6 + [(20, "normal", "validation")] * 6
    patients = ["a"] * 3 + ["b"] * 3 + [f"n{i}" for i in range(6)]
    write_flat_dataset(tmp_path / "data", rows, patients=patients)
    write_brightness_model(tmp_path / "runs" / "shy" / "model.onnx")
    assert covidreport("evaluate", "--data", "data").code == 0
    said = [covidreport("audit", "data").out.replace("\n", " ")]
    for words in (
        ["render", "--format", "markdown", "--output", "-"],
        ["render", "--format", "json", "--output", "-"],
    ):
        said.append(covidreport(*words).out)
    covidreport("export", "runs/shy", "--model-card", "card.md")
    said.append((tmp_path / "card.md").read_text())
    for text in said:
        assert "6 positives of 2 patients, counted as 2 independent cases" in text
        assert "in proportion" not in text


def test_a_target_that_is_no_label_is_said_in_every_format(covidreport, study):
    """HTML too, which drew curves of it."""
    _evaluate(covidreport, "validation")
    (study / "covidreport.toml").write_text('target = "flu"\n')
    for name in ("html", "markdown", "json", "csv"):
        done = covidreport("render", "--format", name, "--output", f"out.{name}")
        assert done.code == 0, done.err
        assert "was not evaluated for flu" in (study / f"out.{name}").read_text()


def test_only_the_files_of_the_asked_split_have_to_be_there(covidreport, study):
    """A file of test is missing: validation is evaluated, test and the whole audit are refused."""
    (study / "data" / "017.png").unlink()
    _evaluate(covidreport, "validation")
    assert covidreport("audit", "data", "--split", "validation").code in (0, 1)
    for words in (["evaluate", "runs", "--split", "test", "--data", "data"], ["audit", "data"]):
        done = covidreport(*words)
        assert done.code == 2
        assert "no such file: 017.png" in done.err


def test_runs_on_other_images_each_have_a_rank_of_their_own(covidreport, study):
    """One run saw yesterday's manifest: no sentence says that it can't be ranked."""
    done = covidreport("evaluate", "runs/shy", "--data", "data", "--split", "validation")
    assert done.code == 0, done.err
    manifest = study / "data" / "manifest.csv"
    lines = manifest.read_text().splitlines()
    dropped = next(line for line in reversed(lines) if ",validation" in line)
    manifest.write_text("\n".join(line for line in lines if line != dropped) + "\n")
    done = covidreport("evaluate", "runs/keen", "--data", "data", "--split", "validation")
    assert done.code == 0, done.err
    covidreport("render", "--format", "markdown", "--format", "html", "--output", "out")
    text = (study / "out" / "report.md").read_text()
    assert "alone was evaluated on these very images" in text
    assert "1 of ranking 2" in text
    for wrong in ("the only run", "can't be ranked", "No ranked run", "counts alone", "1 runs"):
        assert wrong not in text.split("## Methods")[0]

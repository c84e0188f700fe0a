"""`rank_at` in covidreport.toml: what runs are tuned for, and at what every command reads them."""

from __future__ import annotations

import json

import pytest

from covidreport.evaluate.thresholds import Thresholds
from covidreport.records import RankAt
from covidreport.settings import find_settings
from tests.evaluate.scored import write_scored_run

TARGET = "covid-19"
SETTINGS = 'rank_at = {specificity = 0.75}\nsplit = "test"\n[tune]\nsplit = "calibration"\n'


@pytest.fixture
def runs(tmp_path):
    """Two runs on a split to tune on and one to report, evaluated at 0.5; no model, no image.

    A specificity of 0.75 clears three of four negatives: on `calibration` the threshold of `low` is
    from 0.3 on, that of `high` from 0.6 on. On `test` at 0.5 `low` misses 2 of 4 with 0 false
    alarms and `high` 0 with 2; at thresholds of their own `low` misses 0 with 1 false alarm, and
    `high` 1 with 1.
    """
    scores = {
        "low": (([0.4, 0.9], [0.1, 0.2, 0.3, 0.35]), ([0.4, 0.45, 0.6, 0.7], [0.1, 0.1, 0.2, 0.4])),
        "high": (
            ([0.7, 0.9], [0.1, 0.2, 0.6, 0.65]),
            ([0.55, 0.7, 0.8, 0.9], [0.1, 0.2, 0.55, 0.7]),
        ),
    }  # fmt: skip
    for name, (calibration, test) in scores.items():
        folder = tmp_path / "runs" / name
        write_scored_run(folder, "calibration", *calibration)
        write_scored_run(folder, "test", *test)
    (tmp_path / "covidreport.toml").write_text(SETTINGS)
    return tmp_path / "runs"


TUNED = {"low": (0, 1), "high": (1, 1)}


def _is_tuned(run, threshold):
    """Whether a threshold clears three of the four negatives of the tuning split, and no more."""
    low, high = {"low": (0.3, 0.35), "high": (0.6, 0.65)}[run]
    return low <= threshold + 1e-6 < high


def _tune(covidreport):
    done = covidreport("tune", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def _list(covidreport, code=0):
    done = covidreport("list", "--json")
    assert done.code == code, done.err
    return json.loads(done.out)["rankings"], done.err


def test_tune_takes_target_and_split_from_it(covidreport, runs):
    """No option; what it says next needs none either."""
    tuned = _tune(covidreport)
    assert tuned["split"] == "calibration"
    assert (tuned["target"]["metric"], tuned["target"]["value"]) == ("specificity", 0.75)
    found = {each["run"]: each["fits"][TARGET]["threshold"] for each in tuned["runs"]}
    assert found.keys() == TUNED.keys()
    assert all(_is_tuned(run, at) for run, at in found.items())
    said = " ".join(covidreport("tune").err.split())
    assert "next: `covidreport evaluate runs --split test` applies them" in said


def test_without_tuned_thresholds_every_command_names_tune(covidreport, runs):
    """Nothing is ranked at 0.5 in their place."""
    for command in (("score",), ("render",), ("gate", "runs", "--limit", "missed<=1"), ("list",)):
        done = covidreport(*command)
        said = " ".join((done.out + done.err).split())
        assert done.code == {"render": 2, "list": 0}.get(command[0], 3), said
        assert "a specificity of 0.75 for covid-19, tuned on calibration (`rank_at`)" in said
        assert "it has none: run `covidreport tune runs/" in said
    assert _list(covidreport)[0] == []


def test_thresholds_for_another_target_or_of_another_split_are_not_taken(covidreport, runs):
    """Each is told with what it was tuned for; other labels may have what they have."""
    for options, words in (
        (("--target-sensitivity", "0.9"), "a sensitivity of 0.9, tuned on calibration"),
        (("--target-specificity", "0.75", "--split", "test"), "0.75, tuned on test"),
    ):
        assert covidreport("tune", *options).code == 0
        done = covidreport("score")
        assert done.code == 3
        assert words in " ".join(done.err.split())
    _tune(covidreport)
    assert covidreport("tune", "--label", "normal", "--target-sensitivity", "0.5").code == 0
    assert covidreport("score").code == 0


def test_list_render_gate_and_load_read_what_stands_at_the_tuned_thresholds(covidreport, runs):
    """Counted by hand above; the order turns round, and no file is changed."""
    _tune(covidreport)
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    (ranking,), _ = _list(covidreport)
    rows = {each["run"]: each for each in ranking["rows"]}
    assert [*rows] == ["low", "high"]
    assert {run: (row["missed"], row["false_alarms"]) for run, row in rows.items()} == TUNED
    assert all(_is_tuned(run, row["threshold"]) for run, row in rows.items())
    assert {each["thresholds_from"] for each in ranking["rows"]} == {"tuned on calibration"}
    assert covidreport("render", "--format", "json", "--output", "report.json").code == 0
    report = json.loads((runs.parent / "report.json").read_text())
    assert [each["run"] for each in report["rankings"][0]["rows"]] == ["low", "high"]
    gated = json.loads(
        covidreport("gate", "runs", "--baseline", "runs/low", "--json").out
    )  # of the two the baseline is judged as well
    counts = {each["run"]: each["counts"] for each in gated["verdicts"]}
    assert (counts["high"]["fn"], counts["high"]["fp"]) == (1, 1)
    assert _is_tuned("high", gated["verdicts"][0]["thresholds"][TARGET])
    assert {path: path.read_bytes() for path in before} == before


def test_the_split_that_is_tuned_on_keeps_fixed_thresholds(covidreport, runs):
    """They would be exploratory there; an option goes before `rank_at` on every split."""
    _tune(covidreport)
    (runs.parent / "covidreport.toml").write_text(SETTINGS.replace('"test"', '"calibration"'))
    (ranking,), _ = _list(covidreport)
    assert {each["threshold"] for each in ranking["rows"]} == {0.5}
    assert "exploratory" not in covidreport("score").out
    assert "0.4 (option)" in covidreport("score", "--split", "test", "--threshold", "0.4").out
    asked = covidreport("score", "--split", "calibration", "--thresholds", "tuned")
    assert "exploratory" in asked.out


def test_what_an_option_wrote_is_read_at_the_tuned_thresholds_again(covidreport, runs):
    """A table is never partly at other thresholds than the settings say."""
    _tune(covidreport)
    assert covidreport("score", "runs/low", "--threshold", "0.5", "--write").code == 0
    (ranking,), _ = _list(covidreport)
    assert {each["run"]: each["missed"] for each in ranking["rows"]} == {"low": 0, "high": 1}


def test_one_run_without_thresholds_is_not_ranked_and_the_others_are(covidreport, runs):
    """Said by `list`, shown in the report; as is one that holds counts alone."""
    _tune(covidreport)
    (runs / "high" / "thresholds.json").unlink()
    rankings, said = _list(covidreport)
    assert [[row["run"] for row in each["rows"]] for each in rankings] == [["low"]]
    assert "run high is not ranked: runs are ranked at a threshold for" in " ".join(said.split())
    text = covidreport("render", "--format", "markdown", "--output", "-").out
    assert "covidreport tune runs/high" in text


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("0.95", "one target is wanted"),
        ("{}", "one target is wanted"),
        ("{specificity = 0.9, sensitivity = 0.9}", "one target is wanted"),
        ("{auc = 0.9}", "one target is wanted"),
        ("{specificity = 95}", "`rank_at.specificity` is 95; a fraction above 0 and up to 1"),
    ],
)
def test_what_is_no_target_is_refused(covidreport, tmp_path, value, fault):
    """With what is wanted."""
    (tmp_path / "covidreport.toml").write_text(f"rank_at = {value}\n")
    done = covidreport("list")
    assert done.code == 2
    assert fault in " ".join(done.err.split())


def test_the_settings_say_it_once(tmp_path):
    """For the target label, on `[tune] split` or else `tuning`; beside fixed thresholds."""
    file = tmp_path / "covidreport.toml"
    file.write_text('rank_at = {sensitivity = 1}\ntarget = "x"\nthreshold = 0.4\n')
    settings = find_settings(tmp_path)
    assert settings.rank_at == RankAt("x", "sensitivity", 1.0, "tuning")
    thresholds = settings.evaluate.thresholds
    assert thresholds is not None
    assert thresholds.tuned
    assert thresholds.on_split("Tuning") == Thresholds(0.4, {}, "configuration")
    assert thresholds.on_split("test") == thresholds

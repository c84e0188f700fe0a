"""`covidreport plan`: what is asked, what is taken from runs at hand, what is written."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.compare.cases import write_scored

STATED = ("--sensitivity", "0.85", "--correlation", "0.6")
GOALS = ("--half-width", "0.1", "--at-least", "0.7", "--difference", "0.2", "--margin", "0.1")


def write_agreeing(folder, runs=4, patients=100, images=2):
    """Runs on patients with two images each; all of a patient is found or missed by chance that
    images of him share."""
    rng = np.random.default_rng(0)
    n = patients * images
    truth = np.repeat([1, 0], n // 2)
    groups = [f"p{i // images}" for i in range(n)]
    patient = np.repeat(rng.standard_normal(patients), images)
    image = rng.standard_normal(n)
    for run in range(runs):
        own = rng.standard_normal(n)
        latent = np.sqrt(0.4) * patient + np.sqrt(0.3) * image + np.sqrt(0.3) * own
        score = np.where(truth == 1, 0.5 + 0.1 * (latent + 1), 0.5 - 0.1 * (1.5 + own))
        write_scored(folder, f"r{run}", truth, np.clip(score, 0.01, 0.99), groups=groups)


def test_a_plan_as_a_table(covidreport):
    done = covidreport("plan", *STATED, *GOALS)
    assert done.code == 0
    assert "a sensitivity within ± 0.1" in done.out
    assert "To show a sensitivity of at least 0.7 takes" in done.out
    assert "1 positive image of each patient is taken" in done.out


def test_a_plan_as_json(covidreport):
    """59 of 59 show 0.95 with 95 % confidence (Wilks 1941)."""
    done = covidreport("plan", "--sensitivity", "0.9999", "--at-least", "0.95", "--json")
    plan = json.loads(done.out)
    assert plan["schema"] == "covidreport.plan/1"
    (goal,) = plan["goals"]
    assert goal["needed"]["positives"] == goal["needed"]["patients"] == 59
    assert plan["at_hand"] is None


def test_what_so_many_show(covidreport):
    """The odds are those that a verdict on 28 positives states: 0.406 and 0.165."""
    done = covidreport(
        "plan", *STATED, "--margin", "0.1", "--positives", "28", "--json",
    )  # fmt: skip
    at_hand = json.loads(done.out)["at_hand"]
    assert at_hand["positives"] == 28
    strict = at_hand["odds"][0]
    assert strict["equal_fails"] == pytest.approx(0.406, abs=1e-3)
    assert strict["worse_passes"] == pytest.approx(0.165, abs=1e-3)
    shown = covidreport("plan", *STATED, "--margin", "0.1", "--positives", "28").out
    assert "0.406" in shown
    assert "0.165" in shown


def test_runs_at_hand_say_how_far_they_agree(covidreport, tmp_path):
    """Drawn with correlations of 0.4 within patients and 0.7 between runs."""
    write_agreeing(tmp_path / "runs")
    done = covidreport("plan", "runs", "--sensitivity", "0.85", "--difference", "0.2", "--json")
    assert done.code == 0, done.err
    plan = json.loads(done.out)
    assumed = plan["assumptions"]
    assert assumed["shares"] == [0, 1]
    assert assumed["within"] == pytest.approx(0.4, abs=0.25)
    assert assumed["between"] == pytest.approx(0.7, abs=0.15)
    assert plan["runs"] == 4
    needed = plan["goals"][0]["needed"]
    assert needed["positives"] == 2 * needed["patients"]


def test_what_is_stated_goes_before_runs_at_hand(covidreport, tmp_path):
    write_agreeing(tmp_path / "runs")
    done = covidreport(
        "plan", "runs", *STATED, "--half-width", "0.1", "--images-per-patient", "1", "--json"
    )
    assumed = json.loads(done.out)["assumptions"]
    assert assumed["between"] == 0.6
    assert assumed["shares"] == [1]
    assert json.loads(done.out)["estimated"] == ["within"]
    said = covidreport("plan", "runs", *STATED, "--half-width", "0.1").out
    assert "on an image: 0.60, stated" in said
    assert "on average, estimated from 4 runs at hand" in said


@pytest.mark.parametrize("name", ["plan.html", "plan.md"])
def test_a_plan_is_written(covidreport, tmp_path, name):
    covidreport("plan", *STATED, *GOALS, "--positives", "28", "--output", name)
    text = (tmp_path / name).read_text()
    assert "A study of COVID-19" in text
    assert text.count("<svg class=") == (4 if name.endswith("html") else 0)
    assert "What a verdict on 28 positive images is worth" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--sensitivity"),
        (("--sensitivity", "0.85"), "--half-width"),
        (("--sensitivity", "0.85", "--difference", "0.1"), "--correlation"),
        (("--sensitivity", "0.85", "--at-least", "0.9"), "can't be shown"),
        (("--sensitivity", "1.5", "--half-width", "0.1"), "between 0 and 1"),
        (
            ("--sensitivity", "0.85", "--half-width", "0.1", "--images-per-patient", "1.5"),
            "--within",
        ),
        (("--sensitivity", "0.85", "--half-width", "0.1", "--output", "plan.pdf"), ".html or .md"),
        (("nothing", "--sensitivity", "0.85", "--half-width", "0.1"), "nothing"),
    ],
)
def test_what_is_missing_is_said(covidreport, words, said):
    done = covidreport("plan", *words)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_runs_without_scores_are_said_to_tell_nothing(covidreport, tmp_path):
    counts = "run,split,label,tn,fp,fn,tp\na,validation,covid-19,90,5,2,3\n"
    (tmp_path / "counts.csv").write_text(counts)
    covidreport("import-counts", "counts.csv", "--output", "runs")
    done = covidreport("plan", "runs", "--sensitivity", "0.85", "--half-width", "0.1")
    assert done.code == 2
    assert "no run there has a rank and scores" in done.err

"""What the tables and options of the command line say of runs against each other."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.evaluate.scored import write_scored_run


@pytest.fixture
def runs(tmp_path):
    """Five runs on 28 positives, from good to poor."""
    rng = np.random.default_rng(3)
    sick, well = rng.normal(size=28), rng.normal(size=200)
    for place, shift in enumerate(np.linspace(2.2, -1.5, 5)):
        positives = 1 / (1 + np.exp(-(sick + shift + 0.7 * rng.normal(size=28))))
        negatives = 1 / (1 + np.exp(-(well - 1.8 + 0.7 * rng.normal(size=200))))
        for split in ("validation", "train"):
            name = tmp_path / "runs" / f"run-{place}"
            write_scored_run(name, split, positives.tolist(), negatives.tolist())
    return tmp_path / "runs"


def test_list_ranks_what_was_evaluated_last_and_marks_the_group(covidreport, runs):
    """The mark, the verdict and what can be significant; --json has every pair."""
    done = covidreport("list", "runs")
    assert done.code == 0, done.err
    assert done.out.count("ranked by missed covid-19") == 1
    document = json.loads(covidreport("list", "runs", "--json").out)
    (ranking,) = document["rankings"]
    made = ranking["comparisons"]
    assert (made["basis"], len(made["sensitivity"])) == ("scores", 10)
    first, *others = made["rank_evidence"]
    alike = [each["run"] for each in others if not each["significantly_different"]]
    assert 0 < len(alike) < 4
    lines = done.out.splitlines()
    marked = [words[1] for words in map(str.split, lines) if words[2:3] == ["≈"]]
    assert marked == alike
    assert f"≈ {first['run']} is not significantly different from" in done.out
    assert "A difference of fewer than" in " ".join(done.out.split())


def test_score_compares_the_runs_of_one_split(covidreport, runs):
    """The one that is asked for, else validation."""
    done = covidreport("score", "runs", "--threshold", "0.4")
    assert done.code == 0, done.err
    assert done.out.count("ranked by missed covid-19") == 1
    assert " ".join(done.out.split()).count("after 10 comparisons") == 1


def test_a_baseline_and_a_margin_are_options_and_settings(covidreport, runs, tmp_path):
    """Options win over covidreport.toml; both stand in the report."""
    (tmp_path / "covidreport.toml").write_text('baseline = "run-3"\nmargin = 0.2\n')
    words = " ".join(covidreport("list", "runs").out.split())
    assert "Compared with the baseline run-3, named in the settings (4 comparisons)" in words
    assert "At most 0.2 less sensitive than run-3" in words
    words = " ".join(
        covidreport("list", "runs", "--baseline", "run-2", "--margin", "0.1").out.split()
    )
    assert "Compared with the baseline run-2, named on the command line (4 comparisons)" in words
    assert "At most 0.1 less sensitive than run-2" in words
    done = covidreport("render", "runs", "--format", "markdown", "--output", "-", "--margin", "0.3")
    assert "At most 0.3 less sensitive than run-3" in done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--baseline", "run-9"), "'run-9' is none of these runs; there are: run-0"),
        (("--margin", "5"), "--margin 5: give a fraction between 0 and 1"),
    ],
)
def test_a_plan_that_makes_no_sense_is_wrong_usage(covidreport, runs, words, message):
    """Exit code 2 and the way to mend it."""
    for command in ("list", "render"):
        done = covidreport(command, "runs", *words)
        assert done.code == 2
        assert message in done.err


def test_a_margin_of_the_configuration_is_checked(covidreport, runs, tmp_path):
    """With the file's name, as every setting."""
    (tmp_path / "covidreport.toml").write_text("margin = 2\n")
    done = covidreport("list", "runs")
    assert done.code == 2
    assert "`margin` is 2; a fraction between 0 and 1 is wanted" in done.err


def test_nothing_evaluated_is_listed_without_a_ranking(covidreport, tmp_path):
    """A run folder alone is no reason to fail."""
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "run.json").write_text('{"schema": "covidreport.run/1"}')
    done = covidreport("list", "runs", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["rankings"] == []

"""docs/hospitals.md: its commands run as they stand, on two hospitals and on two data sets."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest

from covidreport.settings import read_settings
from tests.cli.command import ROWS, write_model
from tests.datasets import write_flat_dataset

PAGE = (Path(__file__).parents[2] / "docs" / "hospitals.md").read_text(encoding="utf-8")
BY_ATTRIBUTE, BY_DATASET, BY_KIT = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def _list_commands(block: str) -> list[list[str]]:
    lines = (shlex.split(line, comments=True) for line in block.splitlines())
    return [words[1:] for words in lines if words]


def _state_hospitals(manifest: Path) -> None:
    """A column more: the first images of each class are of one hospital, the last of another."""
    rows = list(csv.reader(manifest.read_text().splitlines()))
    stated = ["hospital", *("Ahus" if place % 2 else "Bern" for place in range(len(rows) - 1))]
    with manifest.open("w", newline="") as stream:
        csv.writer(stream).writerows([*row, each] for row, each in zip(rows, stated, strict=True))


@pytest.fixture
def study(tmp_path):
    for name in ("inside", "outside"):
        write_flat_dataset(tmp_path / name, ROWS if name == "inside" else ROWS[::-1])
        _state_hospitals(tmp_path / name / "manifest.csv")
    write_model(tmp_path / "runs" / "a", 100)
    return tmp_path


def test_the_commands_by_attribute_run(study, covidreport):
    """After one evaluation; the page has the section and what two sites can't say."""
    assert covidreport("evaluate", "runs", "--data", "inside", "--provider", "cpu").code == 0
    for words in _list_commands(BY_ATTRIBUTE):
        done = covidreport(*words)
        assert done.code == 0, done.err
        text = (study / "report.html").read_text()
        assert "2 sites, by hospital." in text
        assert "With 2 sites neither the range" in text
    assert "at their worst site" in text


def test_the_commands_by_data_set_run(study, covidreport):
    """The first evaluates, the second shows both."""
    for words in _list_commands(BY_DATASET):
        done = covidreport(*words)
        assert done.code == 0, done.err
    assert "2 sites, a data set each." in (study / "report.html").read_text()


def test_the_commands_of_a_kit_run(study, covidreport):
    """On images of the other hospital; its name stands in the report."""
    assert covidreport("evaluate", "runs", "--data", "inside", "--provider", "cpu").code == 0
    (study / "outside").rename(study / "there")
    for words in _list_commands(BY_KIT):
        done = covidreport(*words)
        assert done.code == 0, done.err
    text = (study / "report.html").read_text()
    assert "2 sites, a data set each." in text
    assert "bern" in text


def test_the_settings_of_the_page_are_read(tmp_path):
    """As the options beside them."""
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "covidreport.toml").write_text(block)
    rule = read_settings(tmp_path / "covidreport.toml").choose_report().sites
    assert rule is not None
    assert (rule.by, rule.rank) == ("hospital", "worst")


def test_an_order_that_is_none_is_refused(study, covidreport):
    """With those that there are."""
    done = covidreport("render", "runs", "--site", "hospital", "--rank-sites", "best")
    assert done.code == 2
    assert "--rank-sites best: one of pooled, worst is wanted" in done.err


def test_without_a_ranked_run_it_is_said_so(study, covidreport):
    """A run that calls all of them positive has no rank, and so no sites."""
    write_model(study / "runs" / "a", -1000)
    assert covidreport("evaluate", "runs", "--data", "inside", "--provider", "cpu").code == 0
    words = ("--site", "hospital", "--format", "markdown", "--output", "-")
    done = covidreport("render", "runs", *words)
    assert "Nothing is said by site: no run is ranked" in done.out

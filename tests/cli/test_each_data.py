"""`covidreport evaluate --data a --data b`: one data set after the other, each by its own name."""

from __future__ import annotations

import json

import pytest

from covidreport.store import read_evaluation
from tests.cli.command import ROWS, write_model
from tests.datasets import write_flat_dataset

OTHER = [(80, "covid-19", "validation"), (130, "covid-19", "validation"),
         (90, "normal", "validation"), (140, "normal", "validation")]  # fmt: skip


@pytest.fixture
def study(tmp_path):
    """Above 100 is positive: one of three is missed on `inside`, one of two on `outside`."""
    write_flat_dataset(tmp_path / "inside", ROWS)
    write_flat_dataset(tmp_path / "outside", OTHER)
    write_model(tmp_path / "runs" / "a", 100)
    return tmp_path


def _evaluate(*sources, words=()):
    data = [word for source in sources for word in ("--data", source)]
    return ("evaluate", "runs", *data, "--provider", "cpu", *words)


def _read(study, name):
    return read_evaluation(study / "runs" / "a" / "evaluations" / f"{name}-validation")


def test_each_is_evaluated_and_ranked_and_the_report_shows_both(study, covidreport):
    """A table for each on stdout; counted by hand."""
    done = covidreport(*_evaluate("inside", "outside/manifest.csv", "inside"))

    assert done.code == 0, done.err
    titles = [line for line in done.out.splitlines() if "ranked by missed" in line]
    assert ["inside" in titles[0], "outside" in titles[1], len(titles)] == [True, True, 2]
    assert "data set outside: outside/manifest.csv" in done.err
    missed = [_read(study, name).counts["covid-19"].missed for name in ("inside", "outside")]
    assert missed == [1, 1]
    done = covidreport("render", "--format", "markdown", "--output", "-")
    assert (
        "These figures are of data set “outside”. On data set “inside”, a misses 1 of 3" in done.out
    )


def test_list_ranks_on_each(study, covidreport):
    """On the one that a report is of first."""
    covidreport(*_evaluate("inside", "outside"))
    document = json.loads(covidreport("list", "--json").out)

    assert [each["dataset"] for each in document["rankings"]] == ["outside", "inside"]


def test_json_is_one_document_with_each_by_name(study, covidreport):
    """Each as the document of one data set."""
    done = covidreport(*_evaluate("inside", "outside", words=["--json"]))

    document = json.loads(done.out)
    assert list(document["datasets"]) == ["inside", "outside"]
    alone = json.loads(covidreport(*_evaluate("outside", words=["--json"])).out)
    assert document["datasets"]["outside"] == alone
    assert alone["evaluations"] == {"a": "runs/a/evaluations/outside-validation"}


def test_two_folders_of_one_name_have_their_parent_s_in_front(study, covidreport):
    """Whichever is named first, so that the same command files them alike."""
    (study / "one").mkdir()
    (study / "two").mkdir()
    (study / "inside").rename(study / "one" / "data")
    (study / "outside").rename(study / "two" / "data")
    for sources in (("one/data", "two/data"), ("two/data", "one/data")):
        assert covidreport(*_evaluate(*sources)).code == 0
    names = {each.name for each in (study / "runs" / "a" / "evaluations").iterdir()}

    assert names == {"one-data-validation", "two-data-validation"}
    assert _read(study, "two-data").n_images == 4


def test_the_configured_name_is_that_of_the_configured_data(study, covidreport):
    """The other goes by its folder."""
    (study / "covidreport.toml").write_text('data = "inside"\nname = "clinic"\n')
    done = covidreport(*_evaluate("inside", "outside"))

    assert done.code == 0, done.err
    assert _read(study, "clinic").n_images == 7
    assert _read(study, "outside").n_images == 4


def test_one_that_is_not_there_is_said_before_the_work(study, covidreport):
    """Nothing is evaluated."""
    done = covidreport(*_evaluate("inside", "gone"))

    assert done.code == 2
    assert "gone: no such file or folder (from --data)" in done.err
    assert not (study / "runs" / "a" / "evaluations").exists()


def test_a_failure_on_one_is_the_exit_code_of_both(study, covidreport):
    """The other is evaluated all the same."""
    for file in (study / "outside").glob("*.png"):
        file.write_bytes(b"no picture")
    done = covidreport(*_evaluate("outside", "inside"))

    assert done.code == 3
    assert _read(study, "inside").n_images == 7


def test_a_list_of_the_settings_is_evaluated_where_no_option_says_otherwise(study, covidreport):
    """The first is what other commands take, and what the report compares with."""
    settings = study / "covidreport.toml"
    settings.write_text('data = ["inside", "outside"]\n')
    done = covidreport("evaluate", "runs", "--data", "outside", "--provider", "cpu")
    assert done.code == 0, done.err
    assert [each.name for each in (study / "runs" / "a" / "evaluations").iterdir()] == [
        "outside-validation"
    ]
    settings.write_text('data = ["inside", "outside"]\nname = "clinic"\n')
    assert covidreport("evaluate", "runs", "--provider", "cpu").code == 0
    assert _read(study, "clinic").n_images == 7
    assert _read(study, "outside").n_images == 4
    text = covidreport("render", "--format", "markdown", "--output", "-").out
    assert "Differences are to clinic, the data set that this report ranks" in text
    assert json.loads(covidreport("audit", "--json").out)["dataset"] == "clinic"


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ('["inside", "gone"]', "gone: no such file or folder (from `data` in"),
        ("[]", "`data` is []; a path, or a list of different paths, is wanted"),
        ('["inside", "inside"]', "a path, or a list of different paths, is wanted"),
        ("3", "`data` is 3; a path, or a list of different paths, is wanted"),
    ],
)
def test_a_list_that_means_nothing_is_refused(study, covidreport, stated, said):
    """Before anything is evaluated; once."""
    (study / "covidreport.toml").write_text(f"data = {stated}\n")
    done = covidreport("evaluate", "runs", "--provider", "cpu")

    assert done.code == 2
    assert " ".join(done.err.split()).count(said) == 1
    assert not (study / "runs" / "a" / "evaluations").exists()

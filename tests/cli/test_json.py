"""What `--json` prints of commands that otherwise print a table or the names of files."""

from __future__ import annotations

import json

import pytest

from tests.cli.command import ROWS, write_project


@pytest.fixture
def call(tmp_path, covidreport):
    """Call a command with --json, and read what it prints; at 100 one of three is missed."""
    write_project(tmp_path, base=100)

    def _call(*words):
        done = covidreport(*words, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    return _call


def test_init_counts_each_split(call):
    """As the rows say."""
    document = call("init", "data/manifest.csv", "--output", "other.toml")
    assert (document["file"], document["target"]) == ("other.toml", "covid-19")
    for split in document["splits"]:
        rows = [label for _, label, of in ROWS if of == split["name"]]
        assert split["images"] == len(rows)
        assert split["positives"] == {each: rows.count(each) for each in split["positives"]}
        assert set(split["unknown"].values()) == {0}
    assert [split["name"] for split in document["splits"]] == ["train", "validation"]


def test_predict_counts_what_each_label_was_called(call, tmp_path):
    """What is brighter than 100."""
    document = call("predict", "runs/base", "data")
    covid = next(each for each in document["labels"] if each["label"] == "covid-19")
    brighter = sum(brightness > 100 for brightness, *_ in ROWS)
    assert (covid["positive"], covid["negative"]) == (brighter, len(ROWS) - brighter)
    assert (document["images"], document["failures"]) == (len(ROWS), [])
    assert (tmp_path / document["file"]).is_file()


def test_predict_names_what_failed(tmp_path, covidreport):
    """The document is whole where an image failed, too."""
    write_project(tmp_path, base=100)
    (tmp_path / "data" / "broken.png").write_bytes(b"no picture")
    done = covidreport("predict", "runs/base", "data", "--json")
    assert done.code == 3
    document = json.loads(done.out)
    assert [each["image"] for each in document["failures"]] == ["broken.png"]
    assert {each["failed"] for each in document["labels"]} == {1}


def test_score_states_counts_before_and_after(call):
    """Below 0.5 lies what is darker: at 90 nobody is missed, and one more is called so."""
    call("evaluate")
    document = call("score", "runs", "--threshold", "covid-19=0.2")
    (evaluation,) = document["evaluations"]
    covid = evaluation["labels"]["covid-19"]
    assert covid["before"] == {"threshold": 0.5, "missed": 1, "false_alarms": 1}
    assert covid["after"] == {"threshold": 0.2, "missed": 0, "false_alarms": 1}
    assert not document["written"]
    assert document["rankings"][0]["rows"][0]["missed"] == 0


def test_files_that_are_written_are_listed(call, tmp_path):
    """Each one, and they are there."""
    call("evaluate")
    for words in (
        ("render", "--format", "csv", "--format", "json", "--output", "reports"),
        ("baseline", "set", "runs/base"),
        ("export", "runs/base", "--dvc", "dvc", "--model-card", "card.md"),
    ):
        files = call(*words)["files"]
        assert files
        assert all((tmp_path / file).is_file() for file in files)


def test_a_report_on_stdout_leaves_no_room_for_json(tmp_path, covidreport):
    """Two documents on one stream are none."""
    write_project(tmp_path, base=100)
    covidreport("evaluate")
    done = covidreport("render", "--output", "-", "--json")
    assert (done.code, done.out) == (2, "")
    assert "--json lists the files" in done.err

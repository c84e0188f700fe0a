"""`covidreport init`: what it recognises, writes, asks, and never takes for the target."""

from __future__ import annotations

import tomllib

import pytest

from covidreport.dataset import read_dataset
from covidreport.dataset.formats import FORMATS
from covidreport.settings import read_settings
from tests.dataset.manifests import write_images, write_manifest
from tests.dataset.published import DECIDED, LOOK_ALIKES, OTHERS


def settings_of(tmp_path):
    """What was written, as the commands read it."""
    return read_settings(tmp_path / "covidreport.toml").evaluate


@pytest.mark.parametrize("name", FORMATS)
def test_an_archive_takes_one_command(covidreport, tmp_path, name):
    """What is written is read again as it was shown, with a target that is a disease."""
    LOOK_ALIKES[name](tmp_path / "archive")
    done = covidreport("init", "archive", *DECIDED.get(name, ()))
    assert done.code == 0, done.err
    assert f"read as {FORMATS[name].title}" in done.err.replace("\n", " ")
    written = settings_of(tmp_path)
    assert written.target == FORMATS[name].target
    data = read_dataset(written.data, written.labels, manifest=written.manifest)
    assert f"{len(data)} images" in done.err
    for k, label in enumerate(data.labels):
        shown = next(line.split() for line in done.out.splitlines() if line.startswith(label))
        there = dict.fromkeys(sorted(set(data.splits or ["all"])), 0)
        for row, split in enumerate(data.splits or ["all"] * len(data)):
            there[split] += int(data.truth[row, k] == 1)
        figures = [int(word) for word in shown[len(label.split()) :] if word.isdecimal()]
        assert figures == list(there.values()), label
    for reason, n in data.left_out.items():
        assert f"{reason}: {n}" in done.err


@pytest.mark.parametrize(
    ("name", "said"),
    [("chexpert", "--blank unknown or --blank negative"),
     ("covid-radiography", "--covid-is-pneumonia or --covid-is-not-pneumonia")],
)  # fmt: skip
def test_what_is_in_doubt_is_asked_for(covidreport, tmp_path, name, said):
    """Without a terminal that is an error with the options, and nothing is written."""
    LOOK_ALIKES[name](tmp_path / "archive")
    done = covidreport("init", "archive")
    assert done.code == 2
    assert said in done.err.replace("\n", " ")
    assert not (tmp_path / "covidreport.toml").exists()


def test_whether_covid_19_is_pneumonia_decides_the_truth(covidreport, tmp_path):
    """Both answers, in a set that tells three classes apart."""
    OTHERS["covidx"](tmp_path / "archive")
    for option, pneumonia in (("--covid-is-pneumonia", [1, 0, 1]),
                              ("--covid-is-not-pneumonia", [0, 0, 1])):  # fmt: skip
        assert covidreport("init", "archive", option, "--force").code == 0
        written = settings_of(tmp_path)
        data = read_dataset(written.data, written.labels, manifest=written.manifest)
        assert data.truth[:, data.labels.index("pneumonia")].tolist() == pneumonia


def test_uncertain_columns_are_labels_and_normal_is_no_target(covidreport, tmp_path):
    """-1.0 in covid-19 is a mark; nothing is dropped for it."""
    text = "path,normal,covid-19\na.png,1.0,0.0\nb.png,0.0,-1.0\nc.png,0.0,1.0\n"
    write_manifest(tmp_path / "data", text, ["a.png", "b.png", "c.png"])
    done = covidreport("init", "data/manifest.csv")
    assert done.code == 0, done.err
    written = tomllib.loads((tmp_path / "covidreport.toml").read_text())
    assert written["labels"] == ["normal", "covid-19"]
    assert written["uncertain"] == ["-1"]
    assert written["target"] == "covid-19"
    assert "covid-19  1 (1 unknown)" in done.out.replace("   ", "  ").replace("   ", "  ")


def test_only_normal_is_no_target_at_all(covidreport, tmp_path):
    """The line is there, to be filled in."""
    write_manifest(tmp_path / "data", "path,Normal\na.png,1\n", ["a.png"])
    assert covidreport("init", "data").code == 0
    text = (tmp_path / "covidreport.toml").read_text()
    assert "target" not in tomllib.loads(text)
    assert '# target = "LABEL"' in text


def test_a_column_of_words_is_read_as_classes(covidreport, tmp_path):
    """With semicolons too; the words are the labels."""
    text = "path;label\na.png;Normal\nb.png;COVID-19\n"
    write_manifest(tmp_path / "data", text, ["a.png", "b.png"])
    done = covidreport("init", "data/manifest.csv")
    assert done.code == 0, done.err
    written = settings_of(tmp_path)
    assert (written.labels, written.target) == (("covid-19", "normal"), "covid-19")
    assert written.manifest.classes == "label"


def test_a_format_that_is_named_and_not_there(covidreport, tmp_path):
    """What was looked for is said; a name that is none, with those that are."""
    write_images(tmp_path / "archive", "a/x.png")
    done = covidreport("init", "archive", "--like", "nih")
    assert done.code == 2
    assert "Data_Entry_2017*.csv" in done.err
    assert "one of nih, chexpert" in covidreport("init", "archive", "--like", "x").err

"""`covidreport split`: a column of the manifest, and what is refused."""

from __future__ import annotations

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def write_manifest(folder, patients=30, extra=""):
    folder.mkdir(exist_ok=True)
    lines = [f"path,covid-19,normal,patient_id,split,note{extra}"]
    for i in range(patients * 2):
        patient = i // 2
        covid = int(patient % 5 == 0)
        split = "train" if patient < 20 else "test"
        lines.append(f'{i:03}.png,{covid},{1 - covid},p{patient},{split},"a, b"')
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


def read(file):
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def test_folds_are_written_by_patient(covidreport, tmp_path):
    """30 patients of two images, 6 of them with COVID-19: 12 images in each fold, 2 or 4 of them
    with it; the files need not be there, and all else of the manifest stays."""
    file = write_manifest(tmp_path / "data")
    before = read(file)
    done = covidreport("split", "data/manifest.csv", "--folds", "5")
    assert done.code == 0, done.err
    after = read(file)
    assert [{k: v for k, v in row.items() if k != "fold"} for row in after] == before
    for fold in "12345":
        rows = [row for row in after if row["fold"] == fold]
        assert len(rows) == 12
        assert sum(row["covid-19"] == "1" for row in rows) in (2, 4)
    assert len({(row["patient_id"], row["fold"]) for row in after}) == 30


def test_the_same_again_is_asked_for_by_force(covidreport, tmp_path):
    file = write_manifest(tmp_path / "data")
    covidreport("split", "data", "--folds", "5")
    first = file.read_bytes()
    done = covidreport("split", "data", "--folds", "5")
    assert done.code == 2
    assert "has a column 'fold' already; --force replaces it" in done.err
    assert covidreport("split", "data", "--folds", "5", "--force").code == 0
    assert file.read_bytes() == first


def test_splits_by_shares(covidreport, tmp_path):
    file = write_manifest(tmp_path / "data")
    done = covidreport(
        "split", "data", "--parts", "0.6,0.2,0.2", "--force", "--json",
    )  # fmt: skip
    parts = json.loads(done.out)["parts"]
    assert [(each["name"], each["images"]) for each in parts] == [
        ("train", 36), ("validation", 12), ("test", 12),
    ]  # fmt: skip
    assert sum(each["labels"]["covid-19"] for each in parts) == 12
    assert {row["split"] for row in read(file)} == {"train", "validation", "test"}


def test_folds_within_a_split(covidreport, tmp_path):
    """The held-out test images are in no fold."""
    file = write_manifest(tmp_path / "data")
    assert covidreport("split", "data", "--folds", "4", "--within", "train").code == 0
    for row in read(file):
        assert (row["fold"] == "") == (row["split"] == "test")


def test_folds_by_lists(covidreport, tmp_path):
    file = write_manifest(tmp_path / "data")
    names = [row["path"] for row in read(file)]
    (tmp_path / "a.txt").write_text("\n".join(names[:30]))
    (tmp_path / "b.txt").write_text("\n".join(names[30:]))
    assert covidreport("split", "data", "--list", "a.txt", "--list", "b.txt").code == 0
    assert [row["fold"] for row in read(file)] == ["1"] * 30 + ["2"] * 30


def test_class_folders_get_a_manifest(covidreport, tmp_path):
    for kind in ("covid-19", "normal"):
        (tmp_path / "data" / kind).mkdir(parents=True)
        for i in range(4):
            (tmp_path / "data" / kind / f"{i}.png").touch()
    done = covidreport("split", "data", "--folds", "2")
    assert done.code == 0, done.err
    rows = read(tmp_path / "data" / "manifest.csv")
    assert [row["fold"] for row in rows].count("1") == 4
    assert {row["path"] for row in rows if row["covid-19"] == "1"} == {
        f"covid-19/{i}.png" for i in range(4)
    }
    assert "no column names the patients" in done.err


def test_a_parquet_manifest_keeps_its_types(covidreport, tmp_path):
    (tmp_path / "data").mkdir()
    table = pa.table({"path": ["a.png", "b.png"], "covid-19": [1, 0], "age": [61.5, None]})
    pq.write_table(table, tmp_path / "data" / "manifest.parquet")
    assert covidreport("split", "data", "--folds", "2").code == 0
    after = pq.read_table(tmp_path / "data" / "manifest.parquet")
    assert after.drop_columns(["fold"]).equals(table)
    assert sorted(after["fold"].to_pylist()) == ["1", "2"]


def test_a_label_that_a_fold_lacks_is_said(covidreport, tmp_path):
    write_manifest(tmp_path / "data", patients=10)
    done = covidreport("split", "data", "--folds", "4")
    assert done.code == 0
    assert "no image with covid-19 in" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say one of --folds, --parts and --list"),
        (("--folds", "2", "--parts", "0.5,0.5"), "say one of"),
        (("--parts", "0.5,0.6", "--force"), "add up to 1"),
        (("--parts", "0.5,half", "--force"), "shares are numbers"),
        (("--parts", "0.25,0.25,0.25,0.25", "--force"), "name 4 different parts"),
        (("--parts", "0.5,0.5"), "has a column 'split' already"),
        (("--folds", "2", "--names", "a,b"), "--names is for --parts"),
        (("--folds", "2", "--within", "tuning"), "no image is in the split 'tuning'"),
        (("--folds", "40"), "30 patients can't be in 40 parts"),
        (("--folds", "2", "--output", "folds.csv"), "paths are relative to the manifest's folder"),
        (("--folds", "2", "--output", "data/folds.parquet"), "is written as .csv"),
    ],
)
def test_what_does_not_fit_is_refused(covidreport, tmp_path, words, said):
    file = write_manifest(tmp_path / "data")
    before = file.read_bytes()
    done = covidreport("split", "data", *words)
    assert done.code == 2, done.err
    assert said in done.err
    assert file.read_bytes() == before


ENTRIES = """File;Finding;Person;Age;View
a;COVID;1;058Y;PA
b;COVID|Pneumonia;1;058Y;PA
c;;2;030Y;AP
d;Pneumonia;;041Y;PA
e;Normal;3;020Y;Lateral
f;Normal;4;020Y;PA
"""
WORDS = """data = "archive"
labels = ["covid-19", "pneumonia"]

[manifest]
file = "entries.csv"
path = "images/{File}.png"
id = "File"
classes = "Finding"
between = "|"
rename = {COVID = "covid-19"}
patient = "Person"
age = "Age"
view = "View"
exclude = {view = ["Lateral"]}
"""


def test_of_tables_that_manifest_reads_a_manifest_is_made(covidreport, tmp_path):
    """With what was read, a blank for what nobody knows; it is read without `[manifest]`."""
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "entries.csv").write_text(ENTRIES)
    (tmp_path / "covidreport.toml").write_text(WORDS)
    done = covidreport("split", "--folds", "2")
    assert done.code == 0, done.err
    rows = read(folder / "manifest.csv")
    assert [row.pop("fold") for row in rows if row["id"] in "ab"] in (["1", "1"], ["2", "2"])
    assert all(row.pop("fold") in ("1", "2") for row in rows if row["id"] not in "ab")
    assert rows == [
        {"path": f"images/{each}.png", "id": each, "covid-19": covid, "pneumonia": pneumonia,
         "patient_id": patient, "view": view, "age": age}
        for each, covid, pneumonia, patient, age, view in (
            ("a", "1", "0", "1", "58", "PA"), ("b", "1", "1", "1", "58", "PA"),
            ("c", "", "", "2", "30", "AP"), ("d", "0", "1", "", "41", "PA"),
            ("f", "0", "0", "4", "20", "PA"),
        )
    ]  # fmt: skip
    assert (folder / "entries.csv").read_text() == ENTRIES
    again = covidreport("split", "--folds", "2")
    assert again.code == 2
    assert "is there already; --force replaces it" in again.err
    own = covidreport("split", "--folds", "2", "--output", "archive/entries.csv", "--force")
    assert own.code == 2
    assert (folder / "entries.csv").read_text() == ENTRIES


def test_without_data_the_error_says_where_they_are_named(covidreport, tmp_path):
    """Neither an argument nor the configuration."""
    done = covidreport("split", "--folds", "2")
    assert done.code == 2
    assert "no data is named" in done.err

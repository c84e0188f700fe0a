"""Names that are not UTF-8, and names that no folder can have."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from covidreport.store import read_scores
from tests.cli.command import CODE, ROOT, write_model

ODD = os.fsdecode(b"caf\xe9")
IMAGES = {
    "covid-19": {os.fsdecode(b"\xe9.png"): 120, "b.png": 110, "c.png": 90},
    "normal": {"d.png": 105, "e.png": 20, "f.png": 40},
    "pneumonia": {"g.png": 30},
}
"""Base calls what is brighter than 100 covid-19: it misses `c.png`, and `d.png` is a false alarm"""


@pytest.fixture
def study(tmp_path):
    """Class folders twice, the second under a name that is not UTF-8, and three runs."""
    try:
        (tmp_path / ODD).mkdir()
    except OSError as error:
        pytest.skip(f"this file system has UTF-8 names alone: {error}")
    for label, images in IMAGES.items():
        folder = tmp_path / "data" / "validation" / label
        folder.mkdir(parents=True)
        for name, value in images.items():
            Image.fromarray(np.full((32, 32), value, np.uint8)).save(folder / name)
    (tmp_path / "data" / "validation" / "normal" / os.fsdecode(b"\xe9.heic")).write_bytes(b"")
    shutil.copytree(tmp_path / "data", tmp_path / ODD / "data")
    for name in ("base", "other", ODD):
        write_model(tmp_path / "runs" / name, 100)
    (tmp_path / "covidreport.toml").write_text('data = "data"\nprovider = "cpu"\n')
    return tmp_path


def _call(study, *words):
    """The exit code and what was printed, as bytes: names are printed as they are."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "160"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words], cwd=study, env=environment, capture_output=True,
        check=False, timeout=120,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert b"Traceback" not in said, said
    assert b"defect" not in said, said
    return done.returncode, said


def test_names_that_are_not_utf_8_are_spelt_and_judged_as_ever(study, covidreport):
    """The run whose model can't be opened fails by name; data and images count as any.

    Two commands of a process of their own take and print such names; the others are called here.
    """

    def judge(*words):
        done = covidreport(*words)
        said = done.out + done.err
        assert "Traceback" not in said, said
        assert "defect" not in said, said
        return done.code, said

    code, said = _call(study, "evaluate", "--thumbnails")
    assert code == 3
    assert rb"run caf\xe9 was not evaluated: runs/caf\xe9/model.onnx" in said
    place = study / "runs" / "base" / "evaluations" / "data-validation"
    scores = read_scores(place / "scores.parquet")
    assert scores.sample_ids[2] == r"validation/covid-19/\xe9.png"
    counts = json.loads((place / "evaluation.json").read_text())["counts"]["covid-19"]
    assert {cell: counts[cell] for cell in ("tp", "fn", "fp", "tn")} == {
        "tp": 2, "fn": 1, "fp": 1, "tn": 3,
    }  # fmt: skip

    assert judge("evaluate", "runs/base")[0] == 0  # unchanged
    assert judge("evaluate", "runs/other", "--force", "--data", f"{ODD}/data")[0] == 0
    for kind in ("html", "markdown", "json", "csv"):
        output = f"{ODD}/report.{kind}"
        assert judge("render", "--format", kind, "--output", output)[0] == 0
        assert (study / output).read_bytes().decode()
    assert judge("list")[0] == 0
    assert judge("audit", "--data", f"{ODD}/data")[0] == 0
    assert judge("predict", "runs/base", f"{ODD}/data", "--output", "p.csv")[0] == 0
    assert r"validation/covid-19/\xe9.png" in (study / "p.csv").read_text()

    for command in ("gate", "ci"):
        words = ("--baseline", "runs/base", "--output-dir", f"{ODD}/verdict")
        assert judge(command, "runs/other", *words)[0] == 0
        code, said = judge(command, f"runs/{ODD}", *words)
        assert (code, r"caf\xe9 could not be judged" in said) == (3, True), said
    code, said = _call(study, "init", f"{ODD}/data", "--output", "new.toml")
    assert (code, b"is not UTF-8" in said) == (2, True), said


NAMES = ["x" * 256, "é" * 128, "../up", "a/b", "a\\b", ".", "..", ".hidden", " ", "a\0b", ODD]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_that_no_folder_can_have_is_refused(tmp_path, covidreport, name):
    """Before anything is read or written, by both commands that make folders from names."""
    (tmp_path / "scores.csv").write_text("id,covid-19\n")
    words = ("--run", name, "--activation", "sigmoid")
    done = covidreport("import-scores", "scores.csv", *words)
    assert (done.code, "a name for a folder is wanted" in done.err) == (2, True), done.err

    table = "run,split,label,tn,fp,fn,tp\n"
    if name not in (ODD, "a\0b", " "):  # no CSV file in UTF-8 holds these, and blanks are cut off
        (tmp_path / "counts.csv").write_text(f"{table}{name},validation,covid-19,1,2,3,4\n")
        done = covidreport("import-counts", "counts.csv")
        assert (done.code, "can't be a folder's name" in done.err) == (2, True), done.err
    (tmp_path / "counts.csv").write_text(f"{table}paper,validation,covid-19,1,2,3,4\n")
    done = covidreport("import-counts", "counts.csv", "--name", name)
    assert (done.code, "can't be a folder's name" in done.err) == (2, True), done.err
    assert not (tmp_path / "runs").exists()


def test_a_data_set_and_a_split_that_make_too_long_a_name_are_refused(tmp_path, covidreport):
    """Each of them fits; an evaluation's folder is called after both."""
    rows = f"run,split,label,tn,fp,fn,tp\npaper,{'s' * 200},covid-19,1,2,3,4\n"
    (tmp_path / "counts.csv").write_text(rows)
    done = covidreport("import-counts", "counts.csv", "--name", "d" * 200)
    assert (done.code, "together are too long" in done.err) == (2, True), done.err

"""What is damaged where work is kept gives no other score; it is made again, and that is said."""

from __future__ import annotations

import shutil

import pytest

from covidreport.storage.cache_folder import locate_cache
from covidreport.store import read_scores
from tests.cli.command import run_command, write_study
from tests.damage import DAMAGES, flip_byte

EVALUATE = ("evaluate", "runs", "--data", "data/manifest.csv", "--provider", "cpu")
SAID = "parts of the cache were damaged and were made again"


@pytest.fixture
def study(covidreport, tmp_path):
    """Run a was evaluated once; b is a copy of its model that was not."""
    write_study(tmp_path, a=100)
    assert covidreport(*EVALUATE).code == 0
    (tmp_path / "runs" / "b").mkdir()
    shutil.copy(tmp_path / "runs" / "a" / "model.onnx", tmp_path / "runs" / "b")
    return tmp_path


def _scores(study, run):
    file = study / "runs" / run / "evaluations" / "data-validation" / "scores.parquet"
    return read_scores(file).scores.tolist()


@pytest.mark.parametrize("name", ["pixels.u8", "rows.bin"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_pixels_give_no_other_score(study, covidreport, damage, name):
    """Images are decoded again; the same model has the same scores."""
    (file,) = locate_cache().glob(f"pixels/*/{name}")
    damage(file)

    done = covidreport(*EVALUATE)

    assert done.code == 0, done.err
    assert done.err.count(SAID) == 1
    assert _scores(study, "b") == _scores(study, "a")
    assert SAID not in covidreport(*EVALUATE, "--force").err


def test_damage_everywhere_stops_nobody(study):
    """Every file of the cache at once, as the command itself sees it."""
    files = [file for file in sorted(locate_cache().glob("*/*/*")) if file.stat().st_size]
    kinds = {"digests", "index", "made-here", "models", "pixels"}
    assert {file.parts[-3] for file in files} == kinds
    for file in files:
        flip_byte(file)

    done = run_command(study, *EVALUATE)

    assert done.returncode == 0, done.stderr
    assert done.stderr.count(SAID) == 1
    assert _scores(study, "b") == _scores(study, "a")


def test_what_gate_advises_of_damaged_scores_works(study, covidreport):
    """It could not judge, evaluate computes them again, and then it can; render leaves them out."""
    file = study / "runs" / "a" / "evaluations" / "data-validation" / "scores.parquet"
    whole = file.read_bytes()
    flip_byte(file)

    damaged = covidreport("gate", "runs/a", "--limit", "missed<=3")
    rendered = covidreport("render", "runs", "--format", "markdown", "--output", "report.md")
    again = covidreport(*EVALUATE)
    judged = covidreport("gate", "runs/a", "--limit", "missed<=3")

    assert damaged.code == 3
    assert "was damaged or exchanged" in damaged.out
    assert "covidreport evaluate" in damaged.out.replace("\n", " ")
    assert rendered.code == 0, rendered.err
    assert "a is evaluated again" in again.err
    assert file.read_bytes() == whole
    assert judged.code in (0, 1), judged.out

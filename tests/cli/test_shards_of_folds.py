"""Runs of folds in shards: each machine has its part of every fold."""

from __future__ import annotations

import csv
import re
import shutil

import pytest

from covidreport.store import read_evaluation, write_run
from tests.cli.command import run_command, write_model
from tests.cli.test_shards import NAME, merge, read_files, shard, study, template

__all__ = ["merge", "shard", "study", "template"]  # fixtures


@pytest.fixture
def folds(study):
    """Two configurations of two folds, the second without a run of fold 2, beside a run that is
    scored on all; one image in no fold, and a patient whose images are in all shards."""
    with (study / "data/manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for i, row in enumerate(rows):
        row["fold"] = "" if i == 11 else str(1 + int(row["patient_id"][1:]) % 2)
    with (study / "data/manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    shutil.rmtree(study / "runs/new")
    shutil.rmtree(study / "runs/soft")
    for name, fold, limit in (("f1", 1, 90), ("f2", 2, 110), ("g1", 1, 100)):
        folder = write_model(study / "runs" / name, limit).parent
        write_run(folder, {"fold": fold, "configuration": "both" if name[0] == "f" else "half"})
    return study


def test_runs_of_folds_are_cut_fold_by_fold(folds, covidreport, shard, merge, tmp_path_factory):
    """Merged they are the files of one machine, what is put together of all folds too."""
    other = tmp_path_factory.mktemp("whole") / "study"
    shutil.copytree(folds, other)
    words = ("evaluate", "--batch-size", "2")
    whole = run_command(other, *words, COVIDREPORT_CACHE=str(other / "cache"))
    assert (whole.returncode, "no run of fold 2" in whole.stderr) == (3, True)
    shard(2, 3, 1, of=3)
    assert not list(folds.glob("runs/*/evaluations"))
    done = merge()
    assert (done.code, "no run of fold 2" in done.err) == (3, True)
    ours, theirs = read_files(folds / "runs"), read_files(other / "runs")
    theirs.pop("g1/evaluations/data-folds/failure.json")  # a merge leaves what stands
    assert ours == theirs
    assert "f1/evaluations/data-folds/scores.parquet" in ours
    covidreport("evaluate", "--batch-size", "2")
    assert {n: d for n, d in read_files(folds / "runs").items() if n in ours} == ours


def test_runs_of_folds_alone_are_merged_too(folds, shard, merge):
    """Of images in no fold the digests are read, as no part holds them."""
    for name in ("base", "g1"):
        shutil.rmtree(folds / "runs" / name)
    shard(1, 2, of=2)
    done = merge()
    assert done.code == 0, done.err
    found = read_evaluation(folds / "runs/f1/evaluations/data-folds")
    assert found.n_images == 22


def test_a_part_of_a_fold_that_is_missing_is_named(folds, shard, merge):
    """And the configuration has no evaluation; the run beside it has its own."""
    shard(1, 2, of=2)
    shutil.rmtree(folds / f"parts/{NAME}/f2/2-of-2")
    done = merge()
    assert done.code == 3
    assert re.search(r"fold 2 \(f2\): missing in parts.* 2/2", done.err)
    assert (folds / "runs/base/evaluations" / NAME / "evaluation.json").exists()
    assert not (folds / "runs/f1/evaluations/data-folds").exists()


def test_folds_that_the_data_have_not_are_told_of_by_each_shard(folds, covidreport):
    """The other runs leave their parts."""
    write_run(folds / "runs/g1", {"fold": 7, "configuration": "half"})
    done = covidreport("evaluate", "--batch-size", 2, "--shard", "1/2")
    assert (done.code, "fold 7 is none of the data, which has 1 and 2" in done.err) == (3, True)
    assert sorted(path.name for path in (folds / f"parts/{NAME}").iterdir()) == ["base", "f1", "f2"]
    manifest = folds / "data/manifest.csv"
    manifest.write_text(manifest.read_text().replace(",fold", ",sheet"))
    done = covidreport("evaluate", "--batch-size", 2, "--shard", "1/2", "--parts", "other")
    assert (done.code, "the data has no column `fold`" in done.err) == (3, True)
    assert [path.name for path in (folds / f"other/{NAME}").iterdir()] == ["base"]


def test_shards_of_images_in_no_fold_are_scored_by_each_model(folds, shard, merge, covidreport):
    """As on one machine: a split to tune on."""
    manifest = folds / "data/manifest.csv"
    text = re.sub(r",[12]$", ",", manifest.read_text(), flags=re.MULTILINE)
    manifest.write_text(text)
    shard(1, 2, of=2)
    assert merge().code == 0
    merged = read_files(folds / "runs")
    assert f"f2/evaluations/{NAME}/scores.parquet" in merged
    assert covidreport("evaluate", "--batch-size", 2, "--force").code == 0
    assert read_files(folds / "runs") == merged


def test_what_is_to_be_known_of_the_images_is_told_once(folds, shard):
    """Not once for each fold."""
    (folds / "covidreport.toml").write_text(
        'data = "data"\nprovider = "cpu"\nmax_failed_share = 0.1\n[manifest]\n'
        'patient = "patient_id"\nattributes = ["sex"]\nexclude = {age = ["30"]}\n'
    )
    done = shard(1, of=2)
    assert len(list((folds / f"parts/{NAME}").iterdir())) == 4
    assert done.err.count("age 30: 1") == 1, done.err

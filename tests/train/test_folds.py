"""Each experiment once a fold, fitted on the images of the others."""

from __future__ import annotations

import csv
import shutil

import pytest

from covidreport.dataset import read_dataset
from covidreport.errors import UsageError
from covidreport.storage.folds import join_folds
from covidreport.storage.runs import discover_runs
from tests.train.conftest import LABELS, draw_images, read_json
from train.listing import list_rows
from train.study import read_study


@pytest.fixture
def own(tmp_path, manifest):
    """Data that may be written to."""
    shutil.copytree(manifest.parent, tmp_path / "data")
    return tmp_path / "data" / "manifest.csv"


def test_each_fold_is_left_out_once(fit, write_study, own, tmp_path, without_export):
    """Folds are of the training split; a model sees the others, and says so in its run.json."""
    assert fit(write_study("number = 1", "number = 2"), data=own, folds=2) == 0
    dataset = read_dataset(own, LABELS)
    assert dataset.folds is not None
    assert dataset.splits is not None
    placed = set(zip(dataset.splits, dataset.folds, strict=True))
    assert placed == {("train", "1"), ("train", "2"), ("validation", "")}
    for fold in ("1", "2"):
        run = read_json(tmp_path / "runs" / f"exp1-tiny-bce-fold{fold}" / "run.json")
        assert (run["configuration"], run["fold"]) == ("exp1-tiny-bce", fold)
        inside = dataset.folds.count(fold)
        assert run["data"]["left_out"]["images"] == inside
        assert run["data"]["splits"]["train"]["images"] == 20 - inside
        assert run["data"]["splits"]["validation"]["images"] == 13
    found = join_folds(discover_runs([tmp_path / "runs"]))
    assert [(run.name, len(run.members)) for run in found] == [
        ("exp1-tiny-bce", 2), ("exp2-tiny-bce", 2),
    ]  # fmt: skip
    before = own.read_bytes()
    assert fit(write_study("number = 1", "number = 2"), data=own, folds=2) == 0
    assert own.read_bytes() == before


def test_a_study_states_its_folds_and_seeds(fit, write_study, own, tmp_path, without_export):
    """Each fold of each seed; `configuration` is the name without either."""
    study = write_study("number = 1")
    study.write_text("seeds = [0, 1]\nfolds = 2\n" + study.read_text())
    assert fit(study, data=own) == 0
    names = {folder.name for folder in (tmp_path / "runs").glob("exp*")}
    assert names == {f"exp1-tiny-bce-seed{seed}-fold{fold}" for seed in "01" for fold in "12"}
    run = read_json(tmp_path / "runs" / "exp1-tiny-bce-seed1-fold2" / "run.json")
    assert (run["configuration"], run["seed"], run["fold"]) == ("exp1-tiny-bce", 1, "2")
    (tmp_path / "runs" / "exp1-tiny-bce-seed1-fold1" / "run.json").unlink()
    listed = [row["status"] for row in list_rows(read_study(study), tmp_path / "runs")]
    assert listed == ["2 of 2 folds finished", "1 of 2 folds finished; not fitted"]
    assert fit(study, data=own) == 0
    found = join_folds(discover_runs([tmp_path / "runs"]))
    assert [run.name for run in found] == ["exp1-tiny-bce, seed 0", "exp1-tiny-bce, seed 1"]


def test_under_folds_an_epoch_is_chosen_on_training_patients(
    fit, write_study, tmp_path, without_export
):
    """A tenth of them, which is not trained on; never the fold that is evaluated, nor another."""
    study = write_study("number = 1\nexported_epoch = { best = 'accuracy', split = 'validation' }")
    own = draw_images(tmp_path / "own", {"train": 60, "validation": 13})
    assert fit(study, data=own, folds=2, ignored=["shortcut-attributes"]) == 0
    dataset = read_dataset(own, LABELS)
    for fold in ("1", "2"):
        run = read_json(tmp_path / "runs" / f"exp1-tiny-bce-fold{fold}" / "run.json")
        splits = run["data"]["splits"]
        assert splits["selection"]["split"] == run["exported_epoch"]["split"]
        assert "tenth" in splits["selection"]["split"]
        others = 60 - dataset.folds.count(fold)
        assert splits["selection"]["images"] == 3
        assert splits["selection"]["positives"] == dict.fromkeys(LABELS, 1)
        assert splits["train"]["images"] == others - 3
        assert splits["validation"]["images"] == 13


def test_too_few_patients_to_choose_on_are_said(fit, write_study, own, tmp_path):
    """Of ten images there is no tenth with every label: the fit says so, and what to do."""
    study = write_study("number = 1\nexported_epoch = { best = 'accuracy', split = 'validation' }")
    assert fit(study, data=own, folds=2) == 3
    run = read_json(tmp_path / "runs" / "exp1-tiny-bce-fold1" / "run.json")
    assert "too few training patients to choose an epoch on a tenth of them" in run["reason"]


def test_other_folds_are_another_fit(fit, write_study, own, without_export):
    """A run folder of one partition is not taken for that of another."""
    study = write_study("number = 1")
    assert fit(study, data=own, folds=2) == 0
    with own.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["fold"] = {"1": "2", "2": "1"}.get(row["fold"], "")
    with own.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert fit(study, data=own, folds=2) == 3
    with pytest.raises(UsageError, match="has 2 folds"):
        fit(study, data=own, folds=3)


@pytest.fixture
def published(own, monkeypatch):
    """The same images as an archive would publish them, and the words that say how to read it."""
    with own.open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = own.with_name("entries.csv")
    with table.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["File", "Finding", "Part", "Person"])
        for i, row in enumerate(rows):
            finding = next(label for label in LABELS if row[label] == "1")
            writer.writerow(
                [row["path"].split("/")[1], finding.upper(), row["split"], f"p{i // 2}"]
            )
    own.unlink()
    settings = own.parents[1] / "covidreport.toml"
    settings.write_text(
        'data = "data"\n[manifest]\nfile = "entries.csv"\npath = "images/{File}"\n'
        'classes = "Finding"\nsplit = "Part"\npatient = "Person"\n'
    )
    monkeypatch.chdir(own.parents[1])
    return own.parent


def test_tables_that_manifest_reads_are_fitted_on(
    fit, write_study, published, manifest, tmp_path, without_export
):
    """By the words of covidreport.toml, as evaluate reads them; other data have none."""
    assert fit(write_study("number = 1"), data=published) == 0
    run = read_json(tmp_path / "runs" / "exp1-tiny-bce" / "run.json")
    assert run["data"]["splits"]["train"]["images"] == 20
    assert run["data"]["splits"]["validation"]["images"] == 13
    plain = fit(write_study("number = 1"), data=manifest, out=tmp_path / "other")
    assert plain == 0
    other = read_json(tmp_path / "other" / "exp1-tiny-bce" / "run.json")
    history = (tmp_path / "runs" / "exp1-tiny-bce" / "history.csv").read_text()
    assert (tmp_path / "other" / "exp1-tiny-bce" / "history.csv").read_text() == history
    assert other["data"]["splits"]["train"]["images"] == 20


def test_folds_are_written_into_no_table_of_others(fit, write_study, published):
    """The error names the command that makes a manifest of them."""
    with pytest.raises(UsageError, match="covidreport split --folds 2"):
        fit(write_study("number = 1"), data=published, folds=2)

from __future__ import annotations

import shutil

import onnx
import pytest
import torch

from covidreport.dataset import read_dataset, select_split
from covidreport.images import read_pixels
from covidreport.inference.session import open_session
from tests.train.conftest import DEFAULTS, LABELS, draw_images, read_history, read_json
from train.command import FitOptions, run_export, run_fit
from train.run_record import read_settings
from train.study import read_study


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, manifest):
    """One experiment that was fitted for 8 epochs: its run folder."""
    folder = tmp_path_factory.mktemp("fitted")
    study = folder / "study.toml"
    entry = 'number = 7\nblock = "b"\ndescription = "words"\nepochs = 8\nlearning_rate = 0.01'
    study.write_text(f'name = "small"\n{DEFAULTS}\n[[experiment]]\n{entry}\n')
    assert run_fit(FitOptions(str(study), manifest, folder / "runs", workers=2)) == 0
    return folder / "runs" / "exp7-tiny-bce"


def test_a_run_folder_says_what_was_fitted_on_what(fitted, manifest):
    """run.json holds settings, seed, start, data with fingerprints, versions, device, evidence."""
    run = read_json(fitted / "run.json")
    assert (run["schema"], run["status"]) == ("covidreport.run/1", "finished")
    assert (run["name"], run["experiment"], run["block"]) == ("exp7-tiny-bce", "7", "b")
    assert run["hyperparameters"]["learning_rate"] == 0.01
    assert "gamma" not in run["hyperparameters"]
    assert run["started_from"]["weights"] == "none"
    assert run["started_from"]["trained_parameters"] == run["started_from"]["parameters"] > 50_000
    assert (fitted / run["data"]["source"]).resolve() == manifest.resolve()
    assert set(run["data"]["fingerprints"]) == {"train", "validation"}
    assert run["data"]["labels"] == list(LABELS)
    assert run["data"]["splits"]["train"]["positives"] == dict(zip(LABELS, (7, 7, 6), strict=True))
    assert run["exported_epoch"] == {"rule": "last", "metric": None, "split": None, "epoch": 8}
    assert run["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert run["device"]["type"] == "cpu"
    checked = run["export"]["checked_against_torch"]
    assert checked["largest_relative_difference"] <= checked["tolerance"] == 1e-4
    assert sorted(path.name for path in fitted.iterdir()) == [
        ".lock", "history.csv", "model.onnx", "reference", "run.json", "weights.pt",
    ]  # fmt: skip


def test_history_has_a_row_an_epoch_and_learning_shows(fitted):
    """Columns are those of the design, covid-19 false negatives among them; the loss falls."""
    rows = read_history(fitted / "history.csv")
    assert list(rows[0]) == [
        "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
        "train_false_negatives", "validation_false_negatives", "validation_false_positives",
        "validation_roc_auc", "validation_average_precision", "learning_rate",
    ]  # fmt: skip
    assert [row["epoch"] for row in rows] == [str(n) for n in range(1, 9)]
    assert float(rows[-1]["train_loss"]) < 0.6 * float(rows[0]["train_loss"])
    assert float(rows[-1]["validation_accuracy"]) > 0.8


def test_the_exported_model_gives_the_recorded_figures(fitted, manifest):
    """ONNX Runtime on evaluated pixels gives the last epoch's accuracy and missed images."""
    session = open_session(fitted / "model.onnx")
    dataset = select_split(read_dataset(manifest, LABELS), "validation")
    assert session.spec.labels == LABELS
    assert (session.spec.dtype, session.spec.batch) == ("uint8", None)
    right = missed = 0
    for path, truth in zip(dataset.paths, dataset.truth, strict=True):
        pixels = read_pixels(dataset.root / path, session.spec.pixels)
        answer = session.run(pixels.transpose(2, 0, 1)[None])[0] > 0
        right += int((answer == truth).sum())
        missed += int(truth[0] and not answer[0])
    last = read_history(fitted / "history.csv")[-1]
    assert float(last["validation_accuracy"]) == pytest.approx(right / (3 * len(dataset)))
    assert float(last["validation_false_negatives"]) == missed


def test_the_exported_file_tells_nothing_of_this_machine(fitted):
    """Metadata is the contract and the run's name; no node carries a stack trace."""
    model = onnx.load(fitted / "model.onnx")
    keys = {entry.key for entry in model.metadata_props}
    assert {"covidreport.labels", "covidreport.size", "covidreport.run"} <= keys
    assert all(key.startswith("covidreport.") for key in keys)
    data = (fitted / "model.onnx").read_bytes()
    assert b".py" not in data
    assert b"site-packages" not in data


def test_settings_are_read_back_from_run_json(fitted):
    """What run.json says is exactly what the study said."""
    run = read_json(fitted / "run.json")
    study = read_study(fitted.parents[1] / "study.toml")
    assert read_settings(run, fitted) == study.experiments[0].settings


def test_exporting_again_gives_the_same_bytes(fitted, tmp_path):
    """`export` rebuilds model.onnx from weights.pt, checked as before."""
    copy = tmp_path / "runs" / fitted.name
    shutil.copytree(fitted, copy)
    before = (copy / "model.onnx").read_bytes()
    (copy / "model.onnx").unlink()
    source = (fitted / read_json(fitted / "run.json")["data"]["source"]).resolve()
    assert run_export(copy, source) == str(copy / "model.onnx")
    assert (copy / "model.onnx").read_bytes() == before


def test_the_same_seed_gives_the_same_run(write_study, fit, tmp_path):
    """Twice, with other numbers of threads: equal bytes of model, history and weights."""
    study = write_study("number = 1\naugmentation = 'study-2020'\nsampling = 'class-balanced'")
    for out, workers in (("a", 1), ("b", 3)):
        assert fit(study, out=tmp_path / out, workers=workers) == 0
    for name in ("model.onnx", "history.csv"):
        first, second = ((tmp_path / out / "exp1-tiny-bce" / name).read_bytes() for out in "ab")
        assert first == second, name


def test_the_best_epoch_is_exported_and_recorded(write_study, fit, without_export, tmp_path):
    """`best` by validation loss exports the epoch of the smallest one, not the last."""
    rule = "exported_epoch = { best = 'loss', split = 'validation' }"
    study = write_study(
        f"number = 1\nepochs = 6\nlearning_rate = 0.05\n{rule}",
        "number = 2\nepochs = 6\nlearning_rate = 0.05",
    )
    assert fit(study) == 0
    folder = tmp_path / "runs" / "exp1-tiny-bce"
    losses = [float(row["validation_loss"]) for row in read_history(folder / "history.csv")]
    best = losses.index(min(losses)) + 1
    recorded = read_json(folder / "run.json")["exported_epoch"]
    assert recorded == {"rule": "best", "metric": "loss", "split": "validation", "epoch": best}
    weights = torch.load(folder / "weights.pt", weights_only=True)
    last = torch.load(tmp_path / "runs" / "exp2-tiny-bce" / "weights.pt", weights_only=True)
    same = all(torch.equal(weights[key], last[key]) for key in weights)
    assert same == (best == 6)


def test_the_epoch_can_be_chosen_on_a_third_split(write_study, fit, without_export, tmp_path):
    """A split that is neither trained on nor reported has columns of its own in the history."""
    source = draw_images(tmp_path / "d", {"train": 9, "validation": 6, "tuning": 6})
    rule = "exported_epoch = { best = 'accuracy', split = 'tuning' }"
    assert fit(write_study(f"number = 1\nepochs = 2\n{rule}"), data=source) == 0
    folder = tmp_path / "runs" / "exp1-tiny-bce"
    rows = read_history(folder / "history.csv")
    values = [float(row["selection_accuracy"]) for row in rows]
    run = read_json(folder / "run.json")
    assert run["exported_epoch"]["epoch"] == values.index(max(values)) + 1
    assert set(run["data"]["fingerprints"]) == {"train", "validation", "tuning"}


def test_no_epoch_that_calls_all_positive_is_chosen(
    write_study, fit, without_export, tmp_path, capsys
):
    """It misses nobody; the last one is exported, and run.json and the command say why."""
    rule = "exported_epoch = { best = 'false_negatives', split = 'validation' }"
    study = write_study(f"number = 1\nlearning_rate = 1e-9\npositive_weight = 1e9\n{rule}")
    assert fit(study, out=tmp_path / "other") == 0
    recorded = read_json(tmp_path / "other" / "exp1-tiny-bce" / "run.json")["exported_epoch"]
    assert recorded["epoch"] == 2
    assert recorded["none_chosen"].startswith("no epoch could be chosen by false_negatives")
    assert "no epoch could be chosen" in capsys.readouterr().err


def test_the_study_as_it_was_runs(write_study, fit, without_export, tmp_path):
    """As-run loss, counted pneumonia, augmented validation in training mode, on a small network."""
    defaults = """
train_labels = "pneumonia-counts-as-covid-19"
augmentation = "study-2020"
validation_augmentation = "study-2020"
validation_mode = "training"
train_figures = "second-pass"
gamma = 2
alpha = 0.25
"""
    entry = "number = 1\nloss = 'batch-mean-log-focal-as-run'\nepochs = 2"
    assert fit(write_study(entry, defaults=defaults)) == 0
    folder = tmp_path / "runs" / "exp1-tiny-focal-as-run"
    run = read_json(folder / "run.json")
    assert run["data"]["splits"]["train"]["positives"]["covid-19"] == 7 + 6
    assert run["data"]["splits"]["validation"]["positives"]["covid-19"] == 5
    losses = [float(row["train_loss"]) for row in read_history(folder / "history.csv")]
    assert all(-0.027 < loss < 0 for loss in losses)


def test_validation_in_training_mode_moves_the_statistics(
    write_study, fit, without_export, tmp_path
):
    """What the 2020 study did: batch norm went on learning from validation images."""
    study = write_study(
        "number = 1\nepochs = 1", "number = 2\nepochs = 1\nvalidation_mode = 'training'"
    )
    assert fit(study) == 0
    first, second = (
        torch.load(tmp_path / "runs" / f"exp{n}-tiny-bce" / "weights.pt", weights_only=True)
        for n in (1, 2)
    )
    assert torch.equal(first["features.0.weight"], second["features.0.weight"])
    assert not torch.equal(first["features.1.running_mean"], second["features.1.running_mean"])

from __future__ import annotations

import pkgutil
import shutil
from pathlib import Path

import pytest
import torch

from covidreport.errors import RunError, UsageError
from tests.train.conftest import draw_images, read_history, read_json
from train.command import run_export
from train.study import StudyError


def test_finished_runs_are_skipped_and_others_never_overwritten(
    write_study, fit, without_export, tmp_path, capsys
):
    """A second call changes nothing; other settings are refused, unless --overwrite is said."""
    study = write_study("number = 1\nepochs = 1")
    assert fit(study) == 0
    folder = tmp_path / "runs" / "exp1-tiny-bce"
    before = (folder / "run.json").read_bytes()
    assert fit(study) == 0
    assert (folder / "run.json").read_bytes() == before
    assert "fitted already" in capsys.readouterr().err
    (folder / "evaluations").mkdir()
    assert fit(study, overrides={"epochs": 2}) == 3
    assert "epochs was 1, is now 2" in capsys.readouterr().err
    assert (folder / "run.json").read_bytes() == before
    assert fit(study, overrides={"epochs": 2}, overwrite=True) == 0
    assert read_json(folder / "run.json")["overrides"] == {"epochs": 2}
    assert len(read_history(folder / "history.csv")) == 2
    assert not (folder / "evaluations").exists()


def test_a_loss_that_is_not_finite_fails_that_run_and_no_other(
    write_study, fit, without_export, tmp_path, capsys
):
    """The reason names epoch, batch and images; the next one is fitted; the exit code is 3."""
    study = write_study(
        "number = 1\noptimizer = 'sgd'\nlearning_rate = 1e38\nepochs = 3", "number = 2\nepochs = 1"
    )
    assert fit(study) == 3
    failed = read_json(tmp_path / "runs" / "exp1-tiny-bce" / "run.json")
    assert failed["status"] == "failed"
    assert "in epoch 1, batch 2 of 4" in failed["reason"]
    assert failed["reason"].count("train-") == 6
    assert not (tmp_path / "runs" / "exp1-tiny-bce" / "model.onnx").exists()
    assert read_json(tmp_path / "runs" / "exp2-tiny-bce" / "run.json")["status"] == "finished"
    assert "1 of 2 runs failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("where", "stage"),
    [("train.fit.start_model", "prepare"), ("train.loop.Passes.train", "fit"),
     ("train.fit.export_model", "export")],
)  # fmt: skip
def test_whatever_is_raised_fails_one_experiment_and_is_tried_again(
    write_study, fit, without_export, monkeypatch, tmp_path, capsys, where, stage
):
    """Its stage and reason are kept, the next one is fitted, and the same command mends it."""
    study = write_study("number = 1\nepochs = 1", "number = 2\nepochs = 1")
    module, _, name = where.rpartition(".")
    owner = pkgutil.resolve_name(module)
    usual, calls = getattr(owner, name), []

    def fails_first(*words, **more):
        calls.append(words)
        if len(calls) == 1:
            raise KeyError("no such thing")
        return usual(*words, **more)

    monkeypatch.setattr(owner, name, fails_first)
    assert fit(study) == 3
    failed = read_json(tmp_path / "runs" / "exp1-tiny-bce" / "run.json")
    assert (failed["status"], failed["stage"]) == ("failed", stage)
    assert failed["reason"] == "KeyError: 'no such thing'"
    assert f"exp1-tiny-bce failed: {stage}: KeyError" in capsys.readouterr().err
    assert read_json(tmp_path / "runs" / "exp2-tiny-bce" / "run.json")["status"] == "finished"
    (tmp_path / "runs" / "exp1-tiny-bce" / ".weights.pt.1.part").write_bytes(b"half")
    assert fit(study) == 0
    mended = read_json(tmp_path / "runs" / "exp1-tiny-bce" / "run.json")
    assert (mended["status"], "reason" in mended) == ("finished", False)
    assert not list(tmp_path.glob("runs/*/.*.part"))


def test_a_file_where_a_folder_is_wanted_fails_that_run_alone(
    write_study, fit, without_export, tmp_path, capsys
):
    """Its failure can't be written, and is said."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "exp1-tiny-bce").write_text("mine")
    assert fit(write_study("number = 1\nepochs = 1", "number = 2\nepochs = 1")) == 3
    assert "nor could run.json be written" in capsys.readouterr().err
    assert (tmp_path / "runs" / "exp1-tiny-bce").read_text() == "mine"
    assert read_json(tmp_path / "runs" / "exp2-tiny-bce" / "run.json")["status"] == "finished"


def test_an_image_that_cant_be_read_is_recorded_and_never_dropped(
    write_study, fit, without_export, tmp_path, capsys
):
    """Training goes on without it; in validation it counts as missed; run.json names it."""
    source = draw_images(tmp_path / "d", {"train": 9, "validation": 6})
    for name in ("train-4", "validation-0"):
        (tmp_path / "d" / "images" / f"{name}.png").write_bytes(f"no image: {name}".encode())
    study = write_study("number = 1\nepochs = 1\nlearning_rate = 1e-30")
    assert fit(study, data=source) == 0
    run = read_json(tmp_path / "runs" / "exp1-tiny-bce" / "run.json")
    failed = {failure["sample_id"] for failure in run["data"]["failures"]}
    assert {Path(name).stem for name in failed} == {"train-4", "validation-0"}
    assert run["data"]["splits"]["train"] == {
        "split": "train", "images": 9, "unreadable": 1,
        "positives": {"covid-19": 3, "normal": 3, "pneumonia": 3},
    }  # fmt: skip
    (row,) = read_history(tmp_path / "runs" / "exp1-tiny-bce" / "history.csv")
    assert float(row["validation_false_negatives"]) >= 1
    assert float(row["validation_accuracy"]) <= 15 / 18
    assert "warning: image" in capsys.readouterr().err


def test_nothing_starts_where_weights_lack(write_study, fit, tmp_path):
    """Every experiment whose weights can't be had is named before any is fitted."""
    study = write_study(
        "number = 1", "number = 2\nweights = 'gone.pt'", "number = 3\nweights = 'gone.pt'"
    )
    with pytest.raises(StudyError, match=r"experiments 2, 3: .*there is no file"):
        fit(study)
    assert not list((tmp_path / "runs").glob("exp*"))


def test_data_that_is_not_there_is_named(write_study, fit, tmp_path):
    """A missing manifest is wrong usage."""
    with pytest.raises(UsageError, match="no such file or folder"):
        fit(write_study("number = 1"), data=tmp_path / "nowhere")


def test_weights_need_not_be_kept(write_study, fit, without_export, tmp_path):
    """Without weights.pt, `export` says what is missing."""
    assert fit(write_study("number = 1\nepochs = 1"), keep_weights=False) == 0
    folder = tmp_path / "runs" / "exp1-tiny-bce"
    assert not (folder / "weights.pt").exists()
    with pytest.raises(RunError, match=r"weights\.pt: is not there"):
        run_export(folder, None)


def test_the_same_images_elsewhere_are_the_same_fit(
    write_study, fit, without_export, manifest, tmp_path
):
    """A data set that was moved is skipped over; one whose files changed is refused."""
    study = write_study("number = 1\nepochs = 1")
    assert fit(study) == 0
    moved = tmp_path / "moved"
    shutil.copytree(manifest.parent, moved)
    assert fit(study, data=moved / "manifest.csv") == 0
    image = moved / "images" / "train-1.png"
    image.write_bytes((moved / "images" / "train-2.png").read_bytes())
    assert fit(study, data=moved / "manifest.csv") == 3


def test_other_weights_under_the_same_name_are_another_fit(
    write_study, fit, without_export, tmp_path, capsys
):
    """The digest of a file of weights is part of what a run is."""
    study = write_study("number = 1\nepochs = 1", "number = 2\nepochs = 1")
    assert fit(study) == 0
    start = tmp_path / "start.pt"
    for number, code in (("1", 0), ("2", 3)):
        shutil.copy(tmp_path / "runs" / f"exp{number}-tiny-bce" / "weights.pt", start)
        with torch.no_grad():
            state = torch.load(start, weights_only=True)
            state["classifier.bias"] += float(number)
            torch.save(state, start)
        again = write_study("number = 3\nepochs = 1\nweights = 'start.pt'", name="again")
        assert fit(again) == code
    assert "sha256 was" in capsys.readouterr().err

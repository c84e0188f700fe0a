"""Run folders are found, named, ordered and never hidden by a broken file."""

from __future__ import annotations

import pytest

from covidreport.errors import UsageError
from covidreport.runs import discover_runs, read_run
from covidreport.store import write_run


def _make(folder, **settings):
    folder.mkdir(parents=True)
    write_run(folder, {"name": folder.name, **settings})
    return folder


def test_runs_are_found_at_any_depth_in_natural_order(tmp_path):
    """exp2 comes before exp10, and a run's own folders are not searched."""
    for name in ("exp10", "exp2", "exp1"):
        _make(tmp_path / "study" / name)
    (tmp_path / "study" / "exp1" / "evaluations" / "cxr").mkdir(parents=True)
    (tmp_path / "study" / ".hidden").mkdir()
    assert [run.name for run in discover_runs([tmp_path])] == ["exp1", "exp2", "exp10"]


def test_a_model_alone_is_a_run_named_after_its_folder(tmp_path):
    """A newly exported model needs no run.json to be found."""
    folder = tmp_path / "candidate"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"x")
    (run,) = discover_runs([folder])
    assert (run.name, run.model) == ("candidate", folder / "model.onnx")


def test_a_run_given_twice_is_found_once(tmp_path):
    """The folder and the folder above it name one run."""
    folder = _make(tmp_path / "exp1")
    assert len(discover_runs([tmp_path, folder])) == 1


def test_two_runs_of_one_name_are_refused(tmp_path):
    """Both places are said: figures of one must not stand under the other's name."""
    _make(tmp_path / "a" / "exp1")
    _make(tmp_path / "b" / "exp1")
    with pytest.raises(UsageError, match="two runs are called 'exp1'"):
        discover_runs([tmp_path])


def test_nothing_found_says_what_a_run_folder_is(tmp_path):
    """An empty and a missing folder are wrong usage with a way out."""
    with pytest.raises(UsageError, match=r"a run folder holds run\.json"):
        discover_runs([tmp_path])
    with pytest.raises(UsageError, match="no such folder"):
        discover_runs([tmp_path / "none"])


def test_a_broken_run_json_does_not_hide_the_run(tmp_path):
    """The run is there under its folder's name, with what is wrong."""
    folder = tmp_path / "exp1"
    folder.mkdir()
    (folder / "run.json").write_text("{")
    (folder / "history.csv").write_text("loss\n1\n")
    run = read_run(folder)
    assert run.name == "exp1"
    assert len(run.settings["unreadable"]) == 2


def test_settings_are_read_by_their_words(tmp_path):
    """Block, experiment, description and hyper-parameters come from run.json."""
    run = read_run(
        _make(tmp_path / "x", block="4b", experiment=15, description="d", hyperparameters={"a": 1})
    )
    assert (run.block, run.experiment, run.description) == ("4b", "15", "d")
    assert run.hyperparameters == {"a": 1}

"""Run folders are found, named, ordered and never hidden by a broken file."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import pytest

from covidreport.errors import UsageError
from covidreport.storage.runs import discover_runs, read_run
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


def test_two_runs_of_one_name_are_refused_and_no_other(tmp_path):
    """Both places are said: figures of one must not stand under the other's name."""
    first, second = _make(tmp_path / "a" / "exp1"), _make(tmp_path / "b" / "exp1")
    _make(tmp_path / "c")
    runs = discover_runs([tmp_path])
    assert [run.name for run in runs] == [f"exp1 ({first})", f"exp1 ({second})", "c"]
    assert runs[0].faults == runs[1].faults == (
        f"two runs are called 'exp1': {first} and {second}; rename all but one (the folder, or "
        "`name` in its run.json)",
    )  # fmt: skip
    assert runs[2].faults == ()


def test_a_broken_run_takes_no_name_from_a_sound_one(tmp_path):
    """A run.json that is no JSON leaves its folder's name, which another run has by right."""
    _make(tmp_path / "a", name="b")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "run.json").write_text("{")
    sound, broken = discover_runs([tmp_path])
    assert (sound.name, sound.faults) == ("b", ())
    assert broken.name == f"b ({tmp_path / 'b'})"
    assert len(broken.faults) == 1


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
    assert run.faults == (
        f"{folder / 'run.json'}: is not valid JSON (Expecting property name enclosed in double "
        "quotes: line 1 column 2 (char 1))",
    )
    assert run.notes == (f"{folder / 'history.csv'}: line 1: no column `epoch`",)


def test_settings_are_read_by_their_words(tmp_path):
    """Block, experiment, description and hyper-parameters come from run.json."""
    run = read_run(
        _make(tmp_path / "x", block="4b", experiment=15, description="d", hyperparameters={"a": 1})
    )
    assert (run.block, run.experiment, run.description) == ("4b", "15", "d")
    assert run.hyperparameters == {"a": 1}


def _models(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


def _discover(folder):
    """The names of the models by run, and what was said."""
    notes = []
    runs = discover_runs([folder], notes.append)
    return {run.name: run.model and run.model.name for run in runs}, notes


def test_one_model_of_any_name_makes_a_run(tmp_path):
    """best.onnx alone in a folder is that run's model; a loose file beside the runs is named."""
    _models(tmp_path / "a", "best.onnx")
    _models(tmp_path / "b", "model.onnx")
    _models(tmp_path, "exp1.onnx")
    assert _discover(tmp_path) == (
        {"a": "best.onnx", "b": "model.onnx"},
        [f"{tmp_path / 'exp1.onnx'}: of no run; name what is to be one, such as `covidreport "
         f"evaluate {tmp_path / 'exp1.onnx'}`, or give each a folder of its own"],
    )  # fmt: skip


def test_a_folder_of_one_model_and_nothing_below_is_a_run(tmp_path):
    """`covidreport evaluate exported/` with exported/net.onnx finds it; empty folders are none."""
    _models(tmp_path / "exported", "net.onnx")
    (tmp_path / "exported" / "logs").mkdir()
    assert _discover(tmp_path / "exported") == ({"exported": "net.onnx"}, [])


def test_model_onnx_goes_before_others_which_are_listed(tmp_path):
    """Exporters put a quantised copy beside it."""
    _models(tmp_path / "a", "model.onnx", "model_quantized.onnx", "model_fp16.onnx")
    found, notes = _discover(tmp_path)
    assert found == {"a": "model.onnx"}
    assert notes == [
        "a: model.onnx is run, and not model_fp16.onnx, model_quantized.onnx beside it"
    ]


def test_several_models_without_a_word_are_ambiguous(tmp_path):
    """run.json says which; where it does not, the run has that fault; without it there is none."""
    _models(_make(tmp_path / "said", model="b.onnx"), "a.onnx", "b.onnx")
    silent = _models(_make(tmp_path / "silent"), "a.onnx", "b.onnx")
    loose = _models(tmp_path / "loose", "a.onnx", "b.onnx")
    notes = []
    said, unsaid = discover_runs([tmp_path], notes.append)
    assert (said.model.name, said.faults) == ("b.onnx", ())
    assert unsaid.faults == (
        f"{silent}: holds a.onnx and b.onnx; say which is meant with `model` in run.json, or call "
        "it model.onnx",
    )
    assert notes == [
        f"{loose / 'a.onnx'}, {loose / 'b.onnx'}: of no run; name what is to be one, such as "
        f"`covidreport evaluate {loose / 'a.onnx'}`, or give each a folder of its own",
        "said: b.onnx is run, and not a.onnx beside it",
    ]


def _link(place):
    place.symlink_to("gone")


def _loop(place):
    place.symlink_to(place.name)


def _socket(place):
    with socket.socket(socket.AF_UNIX) as end, contextlib.chdir(place.parent):
        end.bind(place.name)  # the whole path may be longer than a socket's name


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda place: place.mkdir(), "is a folder, and a file is wanted"),
        (os.mkfifo, "is a pipe, and a file is wanted"),
        (_socket, "is a socket, and a file is wanted"),
        (lambda place: place.symlink_to("/dev/zero"), "is a device, and a file is wanted"),
        (_link, "is a link to gone, which is not there"),
        (_loop, "can't be read (Too many levels of symbolic links)"),
    ],
)
@pytest.mark.parametrize("name", ["model.onnx", "run.json"])
def test_what_is_no_file_is_named_and_never_opened(tmp_path, make, words, name):
    """It makes a run all the same, whose fault it is."""
    folder = tmp_path / "a"
    folder.mkdir()
    make(folder / name)
    (run,) = discover_runs([tmp_path])
    assert run.faults == (f"{folder / name}: {words}",)


@pytest.mark.parametrize("name", ["history.csv", "best.onnx"])
def test_a_pipe_under_another_name_blocks_nothing(tmp_path, name):
    """A history is only a note; the only ONNX file is the model."""
    folder = _make(tmp_path / "a")
    os.mkfifo(folder / name)
    (run,) = discover_runs([tmp_path])
    assert (*run.faults, *run.notes) == (f"{folder / name}: is a pipe, and a file is wanted",)


@pytest.mark.parametrize(
    "named", ["../good/model.onnx", "{good}/model.onnx", "linked/model.onnx", "other.onnx",
              "C:\\model.onnx", "x\\..\\..\\good\\model.onnx", "."],
)  # fmt: skip
def test_a_model_of_another_run_is_none_of_this(tmp_path, named):
    """By a path, a folder that is a link, or a link: `model` names a file in the run folder."""
    good = _models(tmp_path / "good", "model.onnx")
    folder = _models(_make(tmp_path / "bad", model=named.format(good=good)), "model.onnx")
    (folder / "linked").symlink_to(good)
    (folder / "other.onnx").symlink_to(good / "model.onnx")
    bad, sound = discover_runs([tmp_path])
    assert (bad.model, sound.faults) == (None, ())
    assert len(bad.faults) == 1
    assert "is not in the run folder" in bad.faults[0] or named == "."


def test_model_onnx_may_be_a_link(tmp_path):
    """Whoever makes such a run has put that model into it."""
    good = _models(tmp_path / "good", "model.onnx")
    folder = _make(tmp_path / "bad", model="model.onnx")
    (folder / "model.onnx").symlink_to(good / "model.onnx")
    bad, _ = discover_runs([tmp_path])
    assert (bad.model, bad.faults) == (folder / "model.onnx", ())


def test_a_named_model_below_the_run_folder_is_found(tmp_path):
    """`onnx/best.onnx` lies in the run folder."""
    folder = _make(tmp_path / "a", model="onnx/best.onnx")
    _models(folder / "onnx", "best.onnx")
    assert read_run(folder).model == folder / "onnx" / "best.onnx"


def test_folders_that_are_links_to_themselves_are_searched_once(tmp_path):
    """Two loops would else be walked two to the power of forty times."""
    _make(tmp_path / "a")
    for name in ("loop", "pool"):
        (tmp_path / name).symlink_to(tmp_path)
    assert [run.name for run in discover_runs([tmp_path])] == ["a"]


def test_a_tree_without_end_is_left_with_a_note(tmp_path):
    """Fifty folders in each other are no tree of runs."""
    _make(tmp_path / "runs" / "a")
    (tmp_path / "runs").joinpath(*["d"] * 50).mkdir(parents=True)
    found, notes = _discover(tmp_path / "runs")
    assert found == {"a": None}
    assert len(notes) == 1
    assert notes[0].endswith("/d/d: what lies below is too deep to be searched")


def test_a_folder_that_can_not_be_looked_into_is_told_as_a_run(tmp_path, monkeypatch):
    """Nobody knows what it holds, so it is not passed over."""
    _make(tmp_path / "a")
    (tmp_path / "shut").mkdir()
    scan = os.scandir

    def refuse(place):
        if Path(place).name == "shut":
            raise PermissionError(13, "Permission denied")
        return scan(place)

    monkeypatch.setattr(os, "scandir", refuse)
    sound, shut = discover_runs([tmp_path])
    assert (sound.name, sound.faults) == ("a", ())
    assert shut.faults == (f"{tmp_path / 'shut'}: can't be looked into (Permission denied)",)


def test_a_name_that_is_not_utf8_is_spelt(tmp_path):
    """Every file can hold the name that is shown."""
    _models(tmp_path / os.fsdecode(b"caf\xe9"), "model.onnx")
    (run,) = discover_runs([tmp_path])
    assert run.name == "caf\\xe9"

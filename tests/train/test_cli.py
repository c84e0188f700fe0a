from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from covidreport.errors import UsageError
from tests.forking import run_python
from tests.train.test_grid import held_elsewhere
from train import cli
from train.device import find_device, prepare_device
from train.settings import FitSettings
from train.study import StudyError

ROOT = Path(__file__).parents[2]
COMMANDS = ("fit", "list", "show", "export", "draw")


def call(*args: object):
    return CliRunner().invoke(cli.app, [str(arg) for arg in args], catch_exceptions=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command):
    """`--help` ends in an example that names the command."""
    result = call(command, "--help")
    assert result.exit_code == 0
    assert f"Example: python -m train {command}" in " ".join(result.stdout.split())


def test_help_and_list_load_no_torch():
    """Looking at a study takes no two seconds of loading."""
    code = (
        "import sys; from train import cli; sys.argv = ['train', 'list', '--study', 'demo']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'onnxruntime' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "demo1-bce" in done.stdout


def test_list_tells_how_the_run_folders_stand(write_study, tmp_path):
    """Finished, failed with its reason, interrupted, fitted by another process, or not at all."""
    study = write_study(*(f"number = {n}\nname = 'run{n}'" for n in range(1, 6)))
    for n, record in enumerate(
        (
            {"status": "finished"},
            {"status": "failed", "reason": "too hot"},
            {"status": "running"},
            {"status": "running"},
        ),
        1,
    ):
        folder = tmp_path / "runs" / f"run{n}"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"schema": "covidreport.run/1", **record}))
    (tmp_path / "runs" / "run3" / ".lock").touch()  # of a process that has ended
    command = ("list", "--study", study, "--out", tmp_path / "runs", "--json")
    with held_elsewhere(tmp_path / "runs" / "run4" / ".lock"):
        rows = json.loads(call(*command).stdout)
    assert [row["status"] for row in rows] == [
        "finished", "failed: too hot", "interrupted", "running", "not fitted",
    ]  # fmt: skip
    assert not (tmp_path / "runs" / "run5").exists()
    assert "too hot" in call("list", "--study", study, "--out", tmp_path / "runs").stdout


def test_show_gives_every_setting_with_defaults_filled_in():
    """Experiment 15 of the corrected study, as it would be fitted."""
    shown = call("show", "--study", "2020-corrected", "--experiment", "15").stdout
    for line in (
        "# exp15-vgg16-bce-frozen: VGG16, binary cross entropy, SGD at 1e-2",
        'architecture = "vgg16"',
        "learning_rate = 0.01",
        "image_size = 224",
        'exported_epoch = "last"',
    ):
        assert line in shown
    assert "gamma" not in shown


def test_a_finished_fit_prints_its_folder_and_nothing_else(write_study, manifest, tmp_path):
    """stdout holds results, stderr the progress; the exit code is 0."""
    study = write_study("number = 1", "number = 3\nepochs = 1")
    command = ["-m", "train", "fit", "--data", manifest, "--study", study]
    command += ["--out", tmp_path / "runs", "-e", "3", "--device", "cpu", "--image-size", "24"]
    done = run_python("train", *command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "runs" / "exp3-tiny-bce")]
    assert "In place of the study's settings: image_size = 24" in done.stderr
    assert "epoch 1/1  loss" in done.stderr


def test_a_refused_study_is_one_message_and_exit_code_2(tmp_path, monkeypatch, capsys):
    """Nothing but what is wrong goes to stderr."""
    study = tmp_path / "study.toml"
    study.write_text("nonsense = 1")
    monkeypatch.setattr(sys, "argv", ["train", "show", "--study", str(study)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        f"train: {study}: 2 faults",
        "  unknown key `nonsense`",
        "  no [[experiment]]: a study has at least one",
    ]


@pytest.mark.parametrize(
    ("weights", "fault"),
    [("imagenet", "there are none for tiny"), ("pretrained", "are timm's"),
     ("gone.pt", "there is no file .*gone.pt")],
)  # fmt: skip
def test_weights_of_the_command_line_are_a_word_or_a_file(
    weights, fault, write_study, manifest, tmp_path
):
    """The words mean what they mean in a study; all else is a file, looked up from here."""
    study = write_study("number = 1")
    words = ("--study", study, "--data", manifest, "--out", tmp_path / "runs", "--device", "cpu")
    with pytest.raises(StudyError, match=fault):
        call("fit", *words, "--weights", weights)


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch):
    """`--device cuda` never falls back to the CPU; `auto` does."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="finds no GPU"):
        find_device("cuda")
    assert find_device("auto").type == "cpu"


@pytest.mark.parametrize(
    ("precision", "kind", "autocast"),
    [("auto", "cpu", False), ("bfloat16", "cpu", True), ("float32", "cpu", False)],
)
def test_precision_follows_the_device_unless_it_is_set(precision, kind, autocast):
    """On a CPU, bfloat16 only where the study says so."""
    settings = FitSettings("tiny", "none", "bce", "sgd", 0.1, 1, 4, precision=precision)
    assert prepare_device(torch.device(kind), settings).autocast == autocast
    assert torch.are_deterministic_algorithms_enabled()

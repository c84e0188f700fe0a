"""Several processes and one grid: who fits what, and that nothing is done twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from covidreport.errors import RunError, UsageError
from tests.forking import start_python
from tests.train.conftest import draw_images, read_json
from train import cli
from train.command import FitOptions, Listener, run_fit
from train.fit import fit_experiment
from train.parallel import fit_in_parallel, share_machine

ROOT = Path(__file__).parents[2]
HOLDER = (
    "import sys, time; from pathlib import Path; from covidreport.locks import claim_lock\n"
    "with claim_lock(Path(sys.argv[1])) as ours: print(ours, flush=True); time.sleep(600)"
)


@contextmanager
def held_elsewhere(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process holds a lock, and nothing but its end gives it back."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, lock], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.communicate(timeout=10)


@pytest.fixture
def fitted_elsewhere(tmp_path):
    """Another process fits `one`."""
    with held_elsewhere(tmp_path / "runs" / "one" / ".lock") as process:
        yield process


def test_one_process_looks_at_data_and_networks_and_the_next_waits(
    write_study, fit, without_export, tmp_path, capsys
):
    """It says so, and begins when that one is done, or has ended."""
    study = write_study("number = 1\nepochs = 1")
    with held_elsewhere(tmp_path / "runs" / ".lock") as process:
        Timer(0.5, process.kill).start()
        assert fit(study) == 0
    assert "Waiting for another process, which looks at" in capsys.readouterr().err
    assert fit(study) == 0
    assert "Waiting" not in capsys.readouterr().err


def test_after_an_error_that_kills_the_card_the_same_command_goes_on_with_the_next(
    write_study, fit, without_export, tmp_path, monkeypatch
):
    """The failure is recorded and no other is begun; tried again, it is the last."""
    study = write_study(
        "number = 1\nname = 'one'\nepochs = 1", "number = 2\nname = 'two'\nepochs = 1"
    )
    begun: list[str] = []

    def fit_one(request, experiment, watcher):
        begun.append(experiment.name)
        if experiment.name == "one" and len(begun) == 1:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return fit_experiment(request, experiment, watcher)

    monkeypatch.setattr("train.grid.fit_experiment", fit_one)
    monkeypatch.setattr("train.grid.find_card_fault", lambda _: "dead" if len(begun) == 1 else "")
    with pytest.raises(RunError, match=r"the card can't be used any more \(dead\)") as stopped:
        fit(study)
    assert stopped.value.exit_code == 3
    assert "device-side" in read_json(tmp_path / "runs" / "one" / "run.json")["reason"]
    assert begun == ["one"]
    monkeypatch.setattr("train.grid.find_card_fault", lambda _: "")
    assert fit(study) == 0
    assert begun == ["one", "two", "one"]


def test_what_another_process_fits_is_left_to_it(
    write_study, fit, without_export, tmp_path, capsys, fitted_elsewhere
):
    """The others are fitted; once that process has ended, its experiment is free."""
    study = write_study(
        "number = 1\nname = 'one'\nepochs = 1", "number = 2\nname = 'two'\nepochs = 1"
    )
    assert fit(study) == 0
    said = capsys.readouterr().err
    assert "one: another process is fitting it" in said
    assert "1 of 2 runs are left to the processes that fit them now" in said
    assert not (tmp_path / "runs" / "one" / "run.json").exists()
    assert read_json(tmp_path / "runs" / "two" / "run.json")["status"] == "finished"
    fitted_elsewhere.send_signal(signal.SIGKILL)
    fitted_elsewhere.wait()
    assert fit(study) == 0
    assert read_json(tmp_path / "runs" / "one" / "run.json")["status"] == "finished"


def test_overwrite_is_refused_beside_a_running_fit(
    write_study, fit, without_export, tmp_path, fitted_elsewhere
):
    """Nothing is removed, of the other experiments neither."""
    study = write_study("number = 1\nname = 'one'\nepochs = 1", "number = 2\nepochs = 1")
    assert fit(study) == 0
    before = (tmp_path / "runs" / "exp2-tiny-bce" / "run.json").read_bytes()
    with pytest.raises(UsageError, match="--overwrite: another process is fitting one"):
        fit(study, overwrite=True)
    assert (tmp_path / "runs" / "exp2-tiny-bce" / "run.json").read_bytes() == before


def test_what_another_process_has_tried_meanwhile_is_not_tried_again(
    write_study, manifest, without_export, tmp_path, monkeypatch, capsys
):
    """It failed there a moment ago; what failed before this command is tried again."""
    study = write_study("number = 1\nname = 'one'\nepochs = 1")
    options = FitOptions(str(study), manifest, tmp_path / "runs", device="cpu", workers=2)
    path = tmp_path / "runs" / "one" / "run.json"

    class Meanwhile(Listener):
        def on_ready(self):
            path.write_text(json.dumps({**read_json(path), "failed": "later"}))

    with monkeypatch.context() as patched:
        patched.setattr("train.loop.Passes.train", None)  # as an error of ours would be
        assert run_fit(options) == 3
    assert read_json(path)["stage"] == "fit"
    assert run_fit(options, Meanwhile()) == 3
    assert "one failed: fit: TypeError" in capsys.readouterr().err
    assert run_fit(options) == 0


OWN = """
import torch
from torch import nn

class Network(nn.Module):
    def __init__(self, n_labels):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU())
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(8, n_labels)

    def forward(self, images):
        return self.head(self.drop(self.features(images).mean((2, 3))))

class Closed(Network):
    def forward(self, images):
        if float(images.mean()) > 1e9:  # what depends on the data can't be exported
            return super().forward(-images)
        return super().forward(images)

class Unsteady(Network):
    def __init__(self, n_labels):
        super().__init__(n_labels)
        self.register_buffer("batches", torch.tensor(0))

    def forward(self, images):
        if self.training:
            self.batches += 1
        return super().forward(images) + torch.where(self.batches > 7, torch.nan, 0.0)

def small(n_labels):
    return Network(n_labels)

def fickle(n_labels):
    if torch.initial_seed() == 1:
        raise ValueError("not with this seed")
    return Network(n_labels)

def closed(n_labels):
    return Closed(n_labels)

def unsteady(n_labels):
    return Unsteady(n_labels)
"""
STUDY = """
seeds = [0, 1]
[defaults]
weights = "none"
loss = "bce"
optimizer = "adam"
learning_rate = 0.003
epochs = 2
batch_size = 6
image_size = 64
[sweep]
architecture = ["tiny", "squeezenet1_1", "mine_of_grid:small", "mine_of_grid:fickle",
                "mine_of_grid:closed", "mine_of_grid:unsteady"]
[[experiment]]
number = 1
"""
FAILING = {
    "mine_of_grid-fickle-bce-seed1": ("prepare", "not with this seed"),
    "mine_of_grid-closed-bce-seed0": ("export", "can't be exported to ONNX"),
    "mine_of_grid-closed-bce-seed1": ("export", "can't be exported to ONNX"),
    "mine_of_grid-unsteady-bce-seed0": ("fit", "the loss is nan in epoch 2, batch 3"),
    "mine_of_grid-unsteady-bce-seed1": ("fit", "the loss is nan in epoch 2, batch 3"),
}


@pytest.fixture
def grid(tmp_path, monkeypatch):
    """What is asked for, of a network of one's own among others."""
    path = list(sys.path)
    (tmp_path / "mine_of_grid.py").write_text(OWN)
    (tmp_path / "study.toml").write_text(STUDY)
    draw_images(tmp_path / "drawn", {"train": 26, "validation": 14})
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)  # of which `fickle` has nothing to say as the study is read
    yield FitOptions(
        "study.toml", Path("drawn"), tmp_path / "serial", device="cpu", threads=1, workers=1
    )
    sys.modules.pop("mine_of_grid", None)
    sys.path[:] = path


def _start(options: FitOptions) -> subprocess.Popen[str]:
    """The command of these options, as a user gives it."""
    command = ["-m", "train", "fit", "--study", options.study, "--data", options.data, "--out",
               options.out, "--device", "cpu", "--threads", "1", "--workers", "1"]  # fmt: skip
    return start_python("train", *command, cwd=Path.cwd())


def _kill_after(process: subprocess.Popen[str], epochs: int) -> str:
    """What it said until it had done so many epochs and was killed, or had ended."""
    said = []
    for line in process.stderr:
        said.append(line)
        if sum("  epoch " in each for each in said) == epochs:
            process.kill()
    process.communicate(timeout=60)
    return "".join(said)


def _read_runs(out: Path) -> dict[str, dict[str, object]]:
    """By name: the bytes of what was made, and what run.json says of how it ended."""
    runs = {}
    for path in out.glob("exp1-*"):
        run = read_json(path / "run.json")
        files = ("model.onnx", "history.csv", "reference/answers.json")
        found = {name: (path / name).read_bytes() for name in files if (path / name).exists()}
        ended = {key: run.get(key) for key in ("status", "stage", "reason", "exported_epoch")}
        runs[path.name.removeprefix("exp1-")] = {**found, **ended}
    return runs


def test_a_grid_that_two_processes_fit_between_kills_is_that_of_one(grid, capfd):
    """Twelve experiments, six networks of three sources, failures at each stage.

    Two processes are given one command, and each is killed after some epochs; two of `--parallel`
    end it. What can be fitted is, to the bytes of a serial fit; the failures are named.
    """
    assert fit_in_parallel(grid) == 3
    told = capfd.readouterr().err
    assert "5 of 12 runs failed" in told
    assert "def forward" not in told  # torch's own account of what it can't export
    serial = _read_runs(grid.out)
    assert {name for name, run in serial.items() if run["status"] == "failed"} == set(FAILING)
    for name, (stage, reason) in FAILING.items():
        assert serial[name]["stage"] == stage
        assert reason in str(serial[name]["reason"])

    random = np.random.default_rng(22)
    together = replace(grid, out=grid.out.with_name("together"))
    pair = [_start(together), _start(together)]
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(_kill_after, pair, random.integers(2, 6, 2).tolist()))
    assert [process.returncode for process in pair] == [-signal.SIGKILL] * 2
    assert fit_in_parallel(replace(together, parallel=2)) == 3
    last = capfd.readouterr()
    assert "5 of 12 runs failed" in last.err

    assert _read_runs(together.out) == serial
    assert not list(together.out.rglob("*.part"))
    finished = serial.keys() - FAILING.keys()
    assert {path.parent.name for path in together.out.rglob("checkpoint.pt")} <= {
        f"exp1-{name}" for name in FAILING
    }
    lines = [line for text in [*said, last.err] for line in text.splitlines()]
    again = {name: sum(f"{name}  epoch 1/2" in line for line in lines) - 1 for name in finished}
    # each experiment was begun once; of two that were killed, the checkpoint may not have been
    assert min(again.values()) >= 0
    assert sum(again.values()) <= 2
    calls = [read_json(together.out / f"exp1-{name}" / "run.json")["timing"]["calls"]
             for name in finished]  # fmt: skip
    assert sum(calls) <= len(finished) + 2


def test_the_cores_are_divided_among_processes(monkeypatch):
    """Each has its share of torch's threads and a card; the first one speaks and clears."""
    monkeypatch.setattr("train.parallel.count_workers", lambda: 7)
    options = FitOptions("s", Path("d"), Path("o"), parallel=3, devices=(1, 0), overwrite=True)
    shares = [share_machine(options, number) for number in range(3)]
    assert [(each.threads, each.workers, each.card) for each in shares] == [
        (2, 2, 1), (2, 2, 0), (2, 2, 1),
    ]  # fmt: skip
    assert [each.overwrite for each in shares] == [True, False, False]
    assert [each.speaks for each in shares] == [True, False, False]
    assert share_machine(replace(options, threads=5), 1).threads == 5
    assert share_machine(replace(options, parallel=9), 1).threads == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [({"devices": (0, 7)}, "torch finds no card"), ({"devices": (0,), "device": "cpu"}, "names")],
)
def test_cards_that_are_not_there_are_named(write_study, manifest, tmp_path, more, said):
    """Before any process starts."""
    study = write_study("number = 1")
    with pytest.raises(UsageError, match=said):
        fit_in_parallel(FitOptions(str(study), manifest, tmp_path / "runs", parallel=2, **more))


def test_processes_that_torchrun_started_start_no_others(
    write_study, manifest, tmp_path, monkeypatch
):
    """They share one fit already."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    study = write_study("number = 1")
    with pytest.raises(UsageError, match="--parallel: torchrun"):
        fit_in_parallel(FitOptions(str(study), manifest, tmp_path / "runs", parallel=2))


@pytest.mark.parametrize(("script", "experiments"), [("grid", []), ("one", ["15"])])
def test_the_jobs_for_a_cluster_are_commands_of_ours(script, experiments, tmp_path, monkeypatch):
    """Under a stand-in for `srun`, every option is known, and threads are shared."""
    (tmp_path / "srun").write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    (tmp_path / "srun").chmod(0o755)
    given = {"STUDY": "s.toml", "DATA": "d", "OUT": "o", "EXPERIMENT": "15"}
    done = subprocess.run(
        ["bash", ROOT / "examples" / "slurm" / f"{script}.sbatch"], capture_output=True, text=True,
        check=True, env={**given, "SLURM_CPUS_PER_TASK": "32", "PATH": f"{tmp_path}:/usr/bin:/bin"},
    )  # fmt: skip
    words = done.stdout.split()
    asked: list[FitOptions] = []
    monkeypatch.setattr("train.parallel.fit_in_parallel", asked.append)
    result = CliRunner().invoke(cli.app, words[words.index("fit") :], catch_exceptions=False)
    assert result.exit_code == 0
    (options,) = asked
    assert (options.study, options.out, options.device) == ("s.toml", Path("o"), "cuda")
    assert list(options.experiments) == experiments
    assert options.threads == options.workers == {"grid": 32, "one": 8}[script]

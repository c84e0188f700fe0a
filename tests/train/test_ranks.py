from __future__ import annotations

import numpy as np
import torch

from tests.forking import find_forks, run_python
from tests.train.conftest import read_json
from tests.train.test_resume import fit_epochs
from train.ranks import Ranks, join_ranks

# batch norm is frozen: each process would else take the statistics of its own half of a batch
ENTRY = """number = {number}
name = "run{number}"
epochs = 3
batch_size = 8
optimizer = "sgd"
momentum = 0.9
augmentation = "study-2020"
frozen_epochs = 1
clip_norm = 1.0
backbone_rate = 0.5
warmup_epochs = 0.5
frozen = ["features.1", "features.4", "features.7", "features.10", "features.13", "features.16"]
gamma = 2
alpha = 0.25
loss = "{loss}"
"""


def run_ranks(*words):
    """Two processes of this Python that torchrun starts on the CPU."""
    python = find_forks().python("train")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    return run_python("train", *torchrun, "--no-python", python, *words, OMP_NUM_THREADS="1")


def test_two_processes_fit_what_one_fits(write_study, manifest, tmp_path):
    """By torchrun on the CPU: the same weights and figures as one process with the whole batch.

    The as-run loss bends the mean of the whole batch, which no process sees alone.
    """
    losses = ("focal", "batch-mean-log-focal-as-run")
    study = write_study(*(ENTRY.format(number=n, loss=loss) for n, loss in enumerate(losses)))
    done = run_ranks(
        "-m", "train", "fit", "--study", study, "--data", manifest,
        "--out", tmp_path / "together", "--device", "cpu", "--workers", "1", "--weights", "none",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "together" / f"run{n}") for n in (0, 1)]
    for number in (0, 1):
        alone, model, folder = fit_epochs(study, manifest, tmp_path / "alone", number=number)
        together = tmp_path / "together" / folder.name
        state = torch.load(together / "weights.pt", weights_only=True)
        for name, expected in model.network.state_dict().items():
            torch.testing.assert_close(state[name], expected, rtol=1e-4, atol=1e-6)
        figures = np.genfromtxt(together / "history.csv", delimiter=",", names=True)
        for name in ("train_loss", "validation_loss", "validation_accuracy"):
            expected = [row.values[name] for row in alone.history]
            np.testing.assert_allclose(figures[name], expected, rtol=1e-4)
        assert (together / "model.onnx").is_file()


# one process fails alone: deep in an epoch, before it, and where only rank 0 is at work
FAILING = """
import os, sys
from pathlib import Path
import train.command, train.fit
from train.command import FitOptions, run_fit
from train.passes import Passes

rank, steps = int(os.environ["RANK"]), []
train.command.try_networks = lambda *_: ({}, {})
step, start = Passes._step, train.fit.start_model

def step_or_fail(passes, batch):
    steps.append(passes.task.folder.name)
    if rank == 1 and steps.count("deep") == 2 and steps[-1] == "deep":
        raise KeyError("rank 1 alone")
    return step(passes, batch)

def start_or_fail(settings, *more):
    if rank == 1 and settings.seed == 2:
        raise KeyError("no model in rank 1")
    return start(settings, *more)

def export(model, contract, images, folder):
    if contract.run == "export":
        raise KeyError("only rank 0 exports")
    (folder / "model.onnx").write_bytes(b"stand-in")
    return {}

Passes._step, train.fit.start_model, train.fit.export_model = step_or_fail, start_or_fail, export
study, data, out = sys.argv[1:]
sys.exit(run_fit(FitOptions(study, Path(data), Path(out), device="cpu", workers=1)))
"""


def test_processes_agree_on_a_failure_of_one_of_them(write_study, manifest, tmp_path):
    """The others are told, its reason is kept, and all go on with the next experiment."""
    names = ("deep", "before", "export", "good")
    study = write_study(
        *(f"number = {n}\nname = '{each}'\nseed = {n}" for n, each in enumerate(names, 1))
    )
    script = tmp_path / "failing.py"
    script.write_text(FAILING)
    done = run_ranks(script, study, manifest, tmp_path / "runs")
    assert done.stdout.split() == [str(tmp_path / "runs" / "good")], done.stderr
    assert "3 of 4 runs failed" in done.stderr
    runs = {name: read_json(tmp_path / "runs" / name / "run.json") for name in names}
    assert {name: (run["status"], run.get("stage"), run.get("reason")) for name, run in
            runs.items()} == {
        "deep": ("failed", "fit", "KeyError: 'rank 1 alone'"),
        "before": ("failed", "prepare", "KeyError: 'no model in rank 1'"),
        "export": ("failed", "export", "KeyError: 'only rank 0 exports'"),
        "good": ("finished", None, None),
    }  # fmt: skip


def test_without_torchrun_there_is_one_process(monkeypatch):
    """It leads, and what it gathers and shares is its own."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_ranks(gpu=False) as ranks:
        assert ranks == Ranks(0, 1, 0)
        assert ranks.leads
        assert ranks.gather("x") == ["x"]
        assert ranks.broadcast("x") == "x"
        assert ranks.total(torch.tensor(2.0)).item() == 2.0

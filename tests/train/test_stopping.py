"""Ctrl-C and SIGTERM: at once, without loss, and with the word on how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.forking import start_python
from tests.train.conftest import read_json
from train.checkpoint import read_checkpoint

ROOT = Path(__file__).parents[2]

# a product that torch computes in one call of many seconds, as `backward` of a large network is
DEEP_IN_C = """
import torch
from train.stopping import stop_at_signals
with stop_at_signals("stopped"):
    a = torch.ones(8000, 8000)
    print("ready", flush=True)
    a @ a
print("finished", flush=True)
"""
WRITES = """
import time, sys
from pathlib import Path
from train.stopping import stop_at_signals
from train.writing import WRITING, put_whole
with stop_at_signals("stopped"):
    with WRITING, put_whole(Path(sys.argv[1])) as part, part.open("w") as file:
        print("ready", flush=True)
        time.sleep(float(sys.argv[2]))
        file.write("whole")
    time.sleep(30)
"""


STARTS = """
import multiprocessing, time
from train.stopping import stop_at_signals

def wait():
    with stop_at_signals(None):
        print("ready", flush=True)
        time.sleep(600)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=wait).start()
    time.sleep(600)
"""
WITHOUT_EXPORT = """
import train.command, train.fit
from train.cli import main
train.command.try_networks = lambda *_: ({}, {})
train.fit.export_model = lambda m, c, i, folder: {"size": (folder / "model.onnx").write_bytes(b"x")}
main()
"""


def _stop(process: subprocess.Popen[str], number: int) -> tuple[float, str]:
    """How long it took to end, and what it said."""
    began = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    return time.monotonic() - began, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_long_computation_is_not_waited_for(number):
    """It ends within two seconds, by the code that a shell gives such an end."""
    process = start_python("train", "-c", DEEP_IN_C)
    assert process.stdout.readline() == "ready\n"
    took, said = _stop(process, number)
    assert took < 2
    assert process.returncode == 128 + number
    assert said == "stopped\n"


@pytest.mark.parametrize(("writes_s", "whole"), [(0.4, True), (60, False)])
def test_a_file_that_is_being_written_has_a_second(tmp_path, writes_s, whole):
    """A checkpoint that needs less is put in place; one that needs more is left."""
    process = start_python("train", "-c", WRITES, tmp_path / "checkpoint.pt", writes_s)
    assert process.stdout.readline() == "ready\n"
    took, _ = _stop(process, signal.SIGTERM)
    assert took < 2
    assert (tmp_path / "checkpoint.pt").exists() == whole


def test_a_process_that_was_started_ends_with_the_one_that_started_it(tmp_path):
    """However that one ends: nothing is fitted behind anybody's back."""
    script = tmp_path / "starts.py"
    script.write_text(STARTS)
    process = subprocess.Popen(
        [sys.executable, script], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},  # a script sees its own folder, not ours
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    took, _ = _stop(process, signal.SIGKILL)  # until both have closed the pipe
    assert took < 2


def test_a_stopped_fit_goes_on_and_its_timing_covers_both_calls(write_study, manifest, tmp_path):
    """Stopped after a first epoch, it keeps its checkpoint; the same command does the rest."""
    study = write_study("number = 1\nepochs = 20\nname = 'one'")
    command = ["fit", "--study", study, "--data", manifest, "--device", "cpu",
               "--out", tmp_path / "runs", "--workers", "1"]  # fmt: skip
    process = start_python("train", "-c", WITHOUT_EXPORT, *command)
    assert any("epoch 1/20" in line for line in process.stderr)
    took, said = _stop(process, signal.SIGTERM)
    assert (took < 2, process.returncode) == (True, 143)
    assert "train: stopped; the same command goes on from the last checkpoint" in said
    left = read_checkpoint(tmp_path / "runs" / "one")
    again = start_python("train", "-c", WITHOUT_EXPORT, *command)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    timing = read_json(tmp_path / "runs" / "one" / "run.json")["timing"]
    assert timing["calls"] == 2
    assert len(timing["epoch_s"]) == 20
    assert timing["epoch_s"][: left.epoch] == left.timing["epoch_s"]
    assert not (tmp_path / "runs" / "one" / "checkpoint.pt").exists()

"""`benchmarks.gpu` on the CPU: its fifteen checks run, and say what became of each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from benchmarks.common import give_biases
from benchmarks.gpu.checks import CHECKS, PREPARE, Check, run_check
from benchmarks.gpu.setting import Bench, small_setting
from benchmarks.gpu.throughput import torch_rates
from tests.forking import run_python

ROOT = Path(__file__).parents[1]
IN_ORDER = [
    "convolution", "half_and_tf32", "placement", "parity", "slots", "memory", "many_runs",
    "nearly_full", "two_groups", "overlap", "graphs", "layouts", "against_bare", "whole",
    "training",
]  # fmt: skip


def test_all_checks_hold_on_the_cpu(tmp_path):
    """One file, a line each as it ends, in the order of what a card must do first."""
    file = tmp_path / "checks.jsonl"
    words = ("--provider", "cpu", "--small", "--check", file)
    done = run_python("train", "-m", "benchmarks.gpu", *words)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    wrong = {line["check"]: (line["wrong"], line["said"]) for line in lines if line["wrong"]}
    assert wrong == {}
    assert [line["check"] for line in lines] == ["prepare", *IN_ORDER]
    assert {line["state"] for line in lines} == {"holds"}, done.stdout
    assert all(line["figures"] and line["asks"] for line in lines)
    assert done.returncode == 0


def test_fifteen_checks_take_eight_minutes_at_most():
    """Each has a limit; a machine with a card is lent for a quarter of an hour."""
    assert [check.name for check in CHECKS] == IN_ORDER
    assert sum(check.limit_s for check in (PREPARE, *CHECKS)) <= 8 * 60


def endless(bench, told):
    """Never ends, nor does what it has started."""
    told.note("child", subprocess.Popen(["sleep", "600"]).pid)
    os.write(1, b"begun\n")
    time.sleep(600)


def crashing(bench, told):
    """Ends as the system ends what takes too much memory."""
    told.note("before", 1.5)
    os.kill(os.getpid(), signal.SIGKILL)


def raising(bench, told):
    """Does not know what to do."""
    raise ValueError("no such card")


def claiming(bench, told):
    """Finds what should not be."""
    told.expect("two and two are five", False)
    told.note("goes on", True)


def run(tmp_path, function):
    return run_check(Check(function, 0.1), Bench(small_setting("cpu"), tmp_path))


def test_what_takes_too_long_is_ended_with_its_children(tmp_path):
    """What it had found by then is kept."""
    line = run(tmp_path, endless)
    assert (line["state"], line["said"]) == ("too long", "begun\n")
    stat = Path("/proc", str(line["figures"]["child"]), "stat")
    assert not stat.exists() or stat.read_text().split()[2] == "Z"


@pytest.mark.parametrize(
    ("function", "state", "figures", "wrong", "said"),
    [
        (crashing, "broken", {"before": 1.5}, [], ""),
        (raising, "broken", {}, [], "ValueError: no such card"),
        (claiming, "wrong", {"goes on": True}, ["two and two are five"], ""),
    ],
)
def test_a_check_that_fails_says_how(tmp_path, function, state, figures, wrong, said):
    """Broken where it could not answer, wrong where the answer is no."""
    line = run(tmp_path, function)
    assert (line["state"], line["figures"], line["wrong"]) == (state, figures, wrong)
    assert said in line["said"]
    assert line["asks"] == function.__doc__


def test_a_compiler_that_fails_leaves_the_other_figures(monkeypatch):
    """Without Triton or a C compiler there is no compiled side, and a word instead of its rate."""

    def fail(_):
        raise RuntimeError("no compiler\nand more")

    monkeypatch.setattr(torch, "compile", fail)
    batch = np.zeros((2, 1, 32, 32), np.uint8)
    rates = torch_rates("tiny", "fp32", batch, "cpu", 0.01)
    assert rates["compiled"] == "failed: no compiler"
    assert isinstance(rates["eager"], float)


def test_no_bias_of_a_benchmarks_model_is_zero():
    """The exporter leaves those out: the model would not be what people evaluate."""
    network = torchvision.models.squeezenet1_1()
    biases = [layer.bias for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert not any(bias.any() for bias in biases)
    give_biases(network)
    assert all((bias != 0).all() for bias in biases)

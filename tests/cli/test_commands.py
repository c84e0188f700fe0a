"""What holds for every command, and the small ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from typer.main import get_command

from covidreport.cli.app import build_app
from tests.datasets import write_flat_dataset

HEAVY = ("onnxruntime", "torch", "pandas", "pyarrow", "scipy", "PIL", "jinja2")


def _commands():
    group: Any = get_command(build_app())
    return {name: each for name, each in group.commands.items() if not hasattr(each, "commands")}


@pytest.mark.parametrize("name", sorted(_commands()))
def test_every_command_has_help_and_an_example(covidreport, name):
    """The help says what the command does and shows one call."""
    done = covidreport(name, "--help")
    assert done.code == 0
    assert f"Example: covidreport {name}" in done.out
    assert len(_commands()[name].help) > 40


def test_help_loads_nothing_heavy():
    """`covidreport --help` must answer at once: it imports neither models nor tables."""
    code = (
        "import sys\nsys.argv = ['covidreport', '--help']\nfrom covidreport.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "evaluate" in done.stdout
    assert done.stderr.strip() == "[]"


def test_render_runs_no_model(covidreport, tmp_path):
    """Rendering loads neither ONNX Runtime nor torch."""
    code = (
        "import sys\nsys.argv = ['covidreport', 'render', 'none']\n"
        "from covidreport.cli import main\n"
        "import covidreport.report.collect, covidreport.report.html\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('onnxruntime', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_version_is_the_package_s(covidreport):
    """`--version` prints the name and the number."""
    from covidreport import __version__

    assert covidreport("--version").out.strip() == f"covidreport {__version__}"


def test_init_writes_settings_that_evaluate_can_use(covidreport, tmp_path):
    """Labels, split and patients are found; the file is valid and its comments count images."""
    rows = [(1, "covid-19", "validation"), (2, "normal", "train"), (3, "pneumonia", "train")]
    write_flat_dataset(tmp_path / "data", rows, patients=["p1", "p2", "p2"])
    done = covidreport("init", "data/manifest.csv")
    assert done.code == 0, done.err
    text = (tmp_path / "covidreport.toml").read_text()
    settings = tomllib.loads(text)
    assert settings["data"] == "data/manifest.csv"
    assert settings["labels"] == ["covid-19", "normal", "pneumonia"]
    assert (settings["split"], settings["group"]) == ("validation", "patient_id")
    assert "train (2 images), validation (1 image)" in text
    assert covidreport("init", "data/manifest.csv").code == 2
    assert covidreport("init", "data/manifest.csv", "--force").code == 0


def test_doctor_says_what_works(covidreport):
    """The CPU works everywhere; every provider has a reason beside it."""
    document = json.loads(covidreport("doctor", "--json").out)
    states = {row["name"]: row for row in document["providers"]}
    assert states["cpu"]["works"] is True
    assert all(row["detail"] for row in document["providers"])
    assert document["auto"] in states
    assert "--provider auto" in covidreport("doctor").out


def test_doctor_names_the_cards(covidreport, monkeypatch):
    """Each with the number that --device-id takes, and without TF32 where it has none."""
    from covidreport.inference import cards
    from covidreport.inference.cards import Card, Driver

    seen = (Card("NVIDIA H200", (9, 0), 2**37, 2**36), Card("Tesla V100", (7, 0), 2**34, 2**34))
    monkeypatch.setattr(cards, "read_driver", lambda: Driver("580.10", (13, 0), seen))
    said = " ".join(covidreport("doctor").out.split())
    assert "--device-id 0: NVIDIA H200, compute capability 9.0, 64.0 GiB of 128 GiB free" in said
    assert (
        "--device-id 1: Tesla V100, compute capability 7.0 (no TF32), 16.0 GiB of 16.0 GiB free"
        in said
    )
    document = json.loads(covidreport("doctor", "--json").out)
    assert document["driver"]["cards"][1]["capability"] == [7, 0]
    (tensorrt,) = (row for row in document["providers"] if row["name"] == "tensorrt")
    assert tensorrt["precisions"] == ["tf32", "fp16"]


def test_no_color_is_respected(tmp_path):
    """With NO_COLOR nothing on stdout or stderr is an escape sequence."""
    done = subprocess.run(
        [sys.executable, "-c", "from covidreport.cli import main; main()", "doctor"],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": ""},
        cwd=tmp_path,
        check=True,
    )
    assert "\x1b" not in done.stdout + done.stderr

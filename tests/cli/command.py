"""The real command in a process of its own, in a folder with data and runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.datasets import write_flat_dataset
from tests.forking import find_forks
from tests.onnx_models import write_brightness_model

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = "import sys; sys.argv[0] = 'covidreport'; from covidreport.cli import main; main()"
ROWS = [
    (120, "covid-19", "validation"),
    (110, "covid-19", "validation"),
    (90, "covid-19", "validation"),
    (105, "normal", "validation"),
    (20, "normal", "validation"),
    (30, "pneumonia", "validation"),
    (40, "normal", "validation"),
    (250, "covid-19", "train"),
]
"""Brightness and truth; what `write_model` calls covid-19 is what is brighter than its limit."""
TUNING_ROWS = [
    (90, "covid-19", "tuning"),
    (95, "covid-19", "tuning"),
    (60, "normal", "tuning"),
    (70, "pneumonia", "tuning"),
    (85, "covid-19", "validation"),
    (120, "covid-19", "validation"),
    (50, "normal", "validation"),
    (40, "pneumonia", "validation"),
]
"""On the tuning split covid-19 is brighter than 80; a model of `write_brightness_model` calls it
above 100."""


def write_model(folder: Path, limit: float, **options) -> Path:
    """A model that calls covid-19 what is brighter than `limit`; normal what is darker than 100."""
    return write_brightness_model(
        folder / "model.onnx", offsets=(-limit / 10, 10.0, -1.0), **options
    )


def write_study(folder: Path, **limits: float) -> Path:
    """Data and a run for each name: 100 misses one of three with one false alarm, 85 none."""
    write_flat_dataset(folder / "data", ROWS)
    for name, limit in limits.items():
        write_model(folder / "runs" / name, limit)
    return folder


def write_project(folder: Path, **limits: float) -> Path:
    """As `write_study`, with the settings that say where the data are and that the CPU runs it."""
    (write_study(folder, **limits) / "covidreport.toml").write_text(
        'data = "data/manifest.csv"\nprovider = "cpu"\n'
    )
    return folder


def start_command(folder: Path, *words, before="", fresh=False, **options) -> subprocess.Popen[str]:
    """Start covidreport; `before` is Python that runs in its process first.

    `fresh` where it has to import all by itself; else it is forked where that is done.
    """
    python = sys.executable if fresh else find_forks().python("covidreport")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "160", **options}
    environment.pop("GITHUB_ACTIONS", None)
    return subprocess.Popen(
        [python, "-c", f"{before}\n{CODE}", *map(str, words)],
        cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run_command(folder: Path, *words, **options):
    """Run it to its end: a completed process with its exit code, stdout and stderr."""
    process = start_command(folder, *words, **options)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def read_verdict(folder: Path):
    """The overall document of verdict.json and its first verdict."""
    document = json.loads((folder / "verdict.json").read_text())
    return document, document["verdicts"][0]


def read_evaluations(folder: Path) -> dict[str, bytes | str]:
    """What stands in the evaluations of run folders, without what is of the clock."""
    found: dict[str, bytes | str] = {}
    for file in sorted(folder.glob("*/evaluations/*/[!.]*")):
        found[file.relative_to(folder).as_posix()] = file.read_bytes()
        if file.name == "evaluation.json":
            record = json.loads(file.read_bytes())
            del record["timing"]
            found[file.relative_to(folder).as_posix()] = json.dumps(record)
    return found

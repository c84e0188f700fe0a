"""Small data sets and studies that the tests of `train` share."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded: tests share their cores

import csv
import json
import multiprocessing
from multiprocessing.spawn import get_executable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.forking import find_forks
from tests.train.exporter import keep_tables
from train.command import FitOptions, run_fit

LABELS = ("covid-19", "normal", "pneumonia")


def draw_images(folder: Path, counts: dict[str, int], size: int = 40, seed: int = 1) -> Path:
    """A manifest of grey pictures that differ by class: brighter left, brighter right, or neither.

    counts: images by split; the classes take turns.
    """
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    rows = []
    for split, count in counts.items():
        for i in range(count):
            label = LABELS[i % 3]
            pixels = random.normal(110, 25, (size, size + 4))
            if label == "covid-19":
                pixels[:, : size // 2] += 70
            if label == "pneumonia":
                pixels[:, size // 2 :] += 70
            path = f"images/{split}-{i}.png"
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / path)
            rows.append([path, *(int(label == name) for name in LABELS), split])
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        csv.writer(file).writerows([["path", *LABELS, "split"], *rows])
    return manifest


@pytest.fixture(scope="session", autouse=True)
def one_table():
    """Of what the exporter knows, for all exports of these tests."""
    keep_tables()


@pytest.fixture(scope="session", autouse=True)
def forked():
    """Processes that a fit starts have imported already."""
    before = get_executable()
    multiprocessing.set_executable(find_forks().python("train"))
    yield
    multiprocessing.set_executable(before)


@pytest.fixture(scope="session")
def manifest(tmp_path_factory) -> Path:
    """20 training and 13 validation pictures."""
    return draw_images(tmp_path_factory.mktemp("drawn"), {"train": 20, "validation": 13})


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def read_history(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


DEFAULTS = """
[defaults]
architecture = "tiny"
weights = "none"
loss = "bce"
optimizer = "adam"
learning_rate = 0.003
epochs = 2
batch_size = 6
image_size = 32
"""


@pytest.fixture
def write_study(tmp_path):
    """Writes a study of tiny experiments: `write_study("number = 1", "number = 2\\nseed = 3")`."""

    def write(*entries: str, defaults: str = "", name: str = "study") -> Path:
        path: Path = tmp_path / f"{name}.toml"
        blocks = [f"[[experiment]]\n{entry}\n" for entry in entries]
        path.write_text("\n".join([DEFAULTS + defaults, *blocks]))
        return path

    return write


@pytest.fixture
def fit(tmp_path, manifest):
    """Fits a study into tmp_path/runs on the CPU; gives the exit code."""

    def run(study: Path, **options) -> int:
        values = {"data": manifest, "out": tmp_path / "runs", "device": "cpu", "workers": 2}
        return run_fit(FitOptions(str(study), **{**values, **options}))

    return run


@pytest.fixture
def without_export(monkeypatch):
    """Puts a stand-in for model.onnx, and tries no network: both take longer than these fits."""

    def stand_in(model, contract, images, folder):
        (folder / "model.onnx").write_bytes(b"stand-in")
        return {}

    monkeypatch.setattr("train.fit.export_model", stand_in)
    monkeypatch.setattr("train.command.try_networks", lambda *_: ({}, {}))

"""Small data sets and studies that the tests of `train` share."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded: tests share their cores

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


@pytest.fixture(scope="session")
def manifest(tmp_path_factory) -> Path:
    """20 training and 13 validation pictures."""
    return draw_images(tmp_path_factory.mktemp("drawn"), {"train": 20, "validation": 13})


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

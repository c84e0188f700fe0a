"""Small data sets on disk. Image files hold a few bytes: nothing here decodes them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from covidreport.records import Dataset


def write_manifest(folder: Path, text: str, images: Iterable[str] = ()) -> Path:
    """A manifest.csv with just these characters, and the files that it names."""
    for image in images:
        path = folder / image
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.encode())
    manifest = folder / "manifest.csv"
    manifest.write_bytes(text.encode())
    return manifest


def write_images(folder: Path, *images: str) -> Path:
    """Files below a folder; returns the folder."""
    for image in images:
        path = folder / image
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.encode())
    return folder


def make_dataset(root: Path = Path("data"), **changes: object) -> Dataset:
    """Three images, two labels, two splits; `changes` replace columns."""
    columns: dict[str, object] = {
        "name": "small",
        "root": root,
        "source": root / "manifest.csv",
        "labels": ("covid-19", "normal"),
        "ids": ("a", "b", "c"),
        "paths": ("a.png", "b.png", "c.png"),
        "truth": np.array([[1, 0], [0, 1], [-1, 0]], np.int8),
        "splits": ("train", "validation", "train"),
        "groups": ("p1", "p2", "p1"),
        "attributes": {"view": ("PA", "AP", "")},
    }
    return Dataset(**(columns | changes))  # type: ignore[arg-type] # columns by name, as a test states them

"""Small data sets of images that are one grey value all over, so that scores are known by hand."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

LABELS = ("covid-19", "normal", "pneumonia")


def write_flat_dataset(
    folder: Path,
    rows: Sequence[tuple[int, str, str]],
    *,
    size: tuple[int, int] = (20, 12),
    patients: Sequence[str] | None = None,
) -> Path:
    """Write one PNG for each (grey value, label, split) and the manifest; give the manifest's path.

    Several labels are joined by `+`, none is the empty text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *LABELS, "split", *(["patient_id"] if patients else [])])
        for i, (value, label, split) in enumerate(rows):
            name = f"{i:03}.png"
            Image.new("L", size, value).save(folder / name)
            truth = [int(each in label.split("+")) for each in LABELS]
            writer.writerow([name, *truth, split, *([patients[i]] if patients else [])])
    return manifest

"""Places to work in: pictures whose pixels are known, a run that is well, and what is stored."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.hostile.command import Bench, Ended
from benchmarks.hostile.graphs import LABELS, SIDE, make_demo

KEY = "data-validation"
"""What an evaluation on the pictures is called."""
PIXELS_FILE = "pixels.npy"
BRIGHTNESS = {"covid-19": 190, "normal": 60, "pneumonia": 125}


def draw_pixels(n: int, seed: int = 1) -> tuple[NDArray[np.uint8], list[str]]:
    """Noise around a brightness of each class, uint8 `(n, 8, 8)`, and the classes in turn."""
    rng = np.random.default_rng(seed)
    classes = [LABELS[i % len(LABELS)] for i in range(n)]
    middle = np.array([BRIGHTNESS[each] for each in classes])
    noise = rng.integers(-55, 56, (n, SIDE, SIDE))
    return (middle[:, None, None] + noise).astype(np.uint8), classes


def write_data(folder: Path, n: int = 12, splits: Sequence[str] = ("validation",)) -> Path:
    """Pictures with their manifest; beside the folder the pixels of the first split."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, str, str]] = []
    for k, split in enumerate(splits):
        pixels, classes = draw_pixels(n, seed=k + 1)
        if k == 0:
            np.save(folder.parent / PIXELS_FILE, pixels)
        for i, (image, each) in enumerate(zip(pixels, classes, strict=True)):
            name = f"{split}{i:03}.png"
            Image.fromarray(image).save(folder / name)
            rows.append((name, each, split))
    write_manifest(folder / "manifest.csv", rows)
    return folder


def write_manifest(file: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """A manifest of (path, label, split)."""
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["path", *LABELS, "split"])
        for name, each, split in rows:
            writer.writerow([name, *(int(each == label) for label in LABELS), split])


def write_good_place(
    folder: Path, n: int = 12, splits: Sequence[str] = ("validation",), runs: int = 1
) -> Path:
    """A folder with `data/` and `runs/good` (`runs/good2`, ...)."""
    write_data(folder / "data", n, splits)
    for i in range(runs):
        make_demo(i).write(folder / "runs" / ("good" if i == 0 else f"good{i + 1}"))
    return folder


def write_limits(bench: Bench, folder: Path) -> None:
    """Low limits of time and memory, where the code under trial knows any."""
    if bench.limited:
        (folder / "covidreport.toml").write_text('batch_timeout_s = 2\nmemory_limit = "1GiB"\n')


def evaluate(bench: Bench, place: Path, *more: str, timeout: float = 60.0, **how: Any) -> Ended:
    """`covidreport evaluate runs --json` there."""
    args = ["evaluate", "runs", "--data", "data/manifest.csv", "--jobs", "1", "--json", *more]
    return bench.run(args, place, timeout=timeout, **how)


def read_failures(ended: Ended) -> dict[str, str]:
    """The runs that failed, with the reason, from what `evaluate --json` printed."""
    failures = ended.document().get("failures") or []
    return {str(each.get("run")): str(each.get("reason")) for each in failures}


def is_stored(run: Path, key: str = KEY) -> bool:
    """Whether a run folder has an evaluation that stands: no failure hides it."""
    folder = run / "evaluations" / key
    return (
        (folder / "evaluation.json").is_file()
        and (folder / "scores.parquet").is_file()
        and not (folder / "failure.json").is_file()
    )


def read_stored(run: Path, key: str = KEY) -> NDArray[np.float64] | None:
    """The stored scores `(N, K)` in the order of `LABELS`; None where there are none to be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(run / "evaluations" / key / "scores.parquet") as file:
            table = file.read()
        columns = [table[f"score.{label}"].to_pylist() for label in LABELS]
    except (OSError, KeyError, pa.ArrowException):
        return None
    return np.array(columns, np.float64).T


def read_findings(run: Path, key: str = KEY) -> list[dict[str, Any]]:
    """The findings of a stored evaluation."""
    try:
        document = json.loads((run / "evaluations" / key / "evaluation.json").read_text())
    except (OSError, ValueError):
        return []
    found: list[dict[str, Any]] = document.get("findings", [])
    return found


def fresh(folder: Path) -> Path:
    """The folder, new and empty."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def agrees(stored: NDArray[np.float64], answer: dict[str, Any]) -> bool:
    """Whether stored scores are what the bytes gave, for all images at once or one by one."""
    stated = answer.get("labels")
    if not isinstance(stated, list) or any(label not in stated for label in LABELS):
        return False
    columns = [stated.index(label) for label in LABELS]
    for way in ("together", "alone"):
        whole = np.array(answer[way], np.float64)
        if whole.ndim != 2 or whole.shape[1] != len(stated):
            continue
        given = whole[:, columns]
        if given.shape == stored.shape and np.allclose(stored, given, 1e-4, 1e-4):
            return True
    return False

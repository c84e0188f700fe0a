"""Many runs: what an evaluation and a report of them take, and how that grows with their number.

Nearly free models, each with weights of its own, on real images whose pixels are cached: what is
left are sessions, statistics, files and comparisons. Each command is a process of its own.

    python -m benchmarks.many_runs
    python -m benchmarks.many_runs --runs 12 25 50 100 --images 1000
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.common import LABELS, Row, print_rows
from benchmarks.large import link_images
from covidreport.records import PixelSpec
from tests.onnx_models import write_brightness_model

GOALS = {"evaluate": "at most 6", "render": "at most 4"}
"""Seconds, of 100 runs x 1,000 images on two cores."""


def write_runs(folder: Path, runs: int, side: int) -> Path:
    """Run folders of models that look at mean brightness, each in its own way: no two folders of
    another number of runs share a model, whose curves the cache would know."""
    rng = np.random.default_rng(runs)
    for i in range(runs):
        slopes = rng.normal(0, 0.05, len(LABELS))
        offsets = -slopes * 120 + rng.normal(0, 0.5, len(LABELS))
        place = folder / f"run{i:03}"
        place.mkdir(parents=True)
        write_brightness_model(
            place / "model.onnx", slopes.tolist(), offsets.tolist(), labels=LABELS,
            pixels=PixelSpec(side, side, resample="bicubic"),
        )  # fmt: skip
    return folder


def call(words: Sequence[str], cache: Path) -> float:
    """Seconds that a command takes, from its start to its end."""
    program = Path(sys.executable).with_name("covidreport")
    began = time.perf_counter()
    subprocess.run(
        [str(program), *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "COVIDREPORT_CACHE": str(cache)},
    )  # fmt: skip
    return time.perf_counter() - began


def measure(scratch: Path, options: argparse.Namespace) -> list[Row]:
    """Each number of runs with its own folder, smallest first."""
    manifest = link_images(scratch / "data", options.images)
    cache = scratch / "cache"
    data = ["--data", str(manifest), "--split", "validation", "--provider", "cpu"]
    first = write_runs(scratch / "first", 1, options.side)
    call(["evaluate", str(first), *data], cache)
    seconds: dict[str, dict[int, float]] = {"evaluate": {}, "render": {}}
    for runs in options.runs:
        folder = write_runs(scratch / f"runs{runs}", runs, options.side)
        seconds["evaluate"][runs] = call(["evaluate", str(folder), *data], cache)
        page = ["render", str(folder), "--format", "json", "--output", str(scratch / "r.json")]
        seconds["render"][runs] = call(page, cache)
        shutil.rmtree(folder)
    rows = []
    for name, taken in seconds.items():
        for runs, each in taken.items():
            goal = GOALS[name] if runs == 100 and options.images == 1000 else ""
            rows.append(Row(f"{name}, {runs} runs x {options.images:,} images, s", goal, each))
        rows.append(Row(f"{name}: exponent of the growth", "", _fit_growth(taken)))
    return rows


def _fit_growth(taken: dict[int, float]) -> str:
    """The slope of seconds against runs, both as logarithms."""
    if len(taken) < 2:
        return "one number of runs"
    runs, seconds = ([math.log(each) for each in side] for side in (taken, taken.values()))
    return f"{np.polyfit(runs, seconds, 1)[0]:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[12, 25, 50, 100])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = measure(Path(scratch), options)
    print_rows(rows, as_json=options.json)


if __name__ == "__main__":
    main()

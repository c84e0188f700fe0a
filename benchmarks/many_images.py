"""One evaluation of very many small pictures without a cache: is it linear, and what does it hold?

Pictures of one grey each, nearly free models; each evaluation is the command in a process of its
own. A line is laid through the sizes by least squares, and drawn on to `--total`.

    python -m benchmarks.many_images --images 2000 5000 10000 20000 --total 1000000
    python -m benchmarks.many_images --images 1000000
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.common import link_runs, write_model
from benchmarks.shards import Cost, call, draw_images


def measure(folder: Path, images: int, runs: int, side: int) -> Cost:
    """What the evaluation of so many pictures by so many runs takes."""
    manifest = draw_images(folder / "data", images, side)
    place = link_runs(write_model(folder / "model", "nearly-free", side), folder / "runs", runs)
    return call(
        "evaluate", str(place), "--data", str(manifest), "--split", "validation",
        "--provider", "cpu", "--no-cache", cache=folder / "cache",
    )  # fmt: skip


def main() -> None:
    """Measure each size; print them, and the line through them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[2_000, 5_000, 10_000, 20_000])
    parser.add_argument("--runs", type=int, default=18)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--total", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        costs = [
            measure(Path(work) / str(n), n, options.runs, options.side) for n in options.images
        ]
    print(f"| {options.runs} runs, pictures of {options.side} px | CPU s | MB |")
    print("| --- | --- | --- |")
    for images, cost in zip(options.images, costs, strict=True):
        print(f"| {images:,} | {cost.seconds:.2f} | {cost.megabytes:.0f} |")
    if len(costs) < 2:
        return
    lines = [np.polyfit(options.images, column, 1) for column in zip(*costs, strict=True)]
    slopes = " | ".join(f"{1000 * slope:.3f}" for slope, _ in lines)
    there = " | ".join(f"{float(np.polyval(line, options.total)):,.0f}" for line in lines)
    away = " | ".join(
        f"{max(abs(np.polyval(line, options.images) - column)):.2f}"
        for line, column in zip(lines, zip(*costs, strict=True), strict=True)
    )
    print(f"| 1,000 more | {slopes} |\n| furthest from the line | {away} |")
    print(f"| {options.total:,}, on paper | {there} |")


if __name__ == "__main__":
    main()

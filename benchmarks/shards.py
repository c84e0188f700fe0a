"""Shards and their merge: what a further image costs beside its decoding, and what that comes to.

Two data sets of small pictures and different size are scored in shards and merged, each command in
a process of its own. What a further image adds is the slope between the two, by CPU time; a model
on paper multiplies it and adds what decoding costs. The model is nearly free.

    python -m benchmarks.shards --images 2000 20000 --total 10000000 --machines 32 --decode-ms 6.3
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from benchmarks.common import LABELS, link_runs, write_model
from benchmarks.large import watch

SHARDS = 2
DIFFERENT = 64
"""Pictures; all others are links to them."""
PATIENT_IMAGES = 3


class Cost(NamedTuple):
    """CPU seconds, peak of anonymous memory in MB."""

    seconds: float
    megabytes: float


def draw_images(folder: Path, n: int, side: int = 32) -> Path:
    """A data set of `n` square pictures of one grey each; its manifest."""
    folder.mkdir(parents=True)
    for i in range(DIFFERENT):
        Image.new("L", (side, side), 3 * i).save(folder / f"{i}.png")
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *LABELS, "split", "patient_id"])
        for i in range(n):
            place = folder / f"{i // 1000:05}"
            place.mkdir(exist_ok=True)
            os.link(folder / f"{i % DIFFERENT}.png", place / f"{i:08}.png")
            truth = [int(k == i % len(LABELS)) for k in range(len(LABELS))]
            patient = f"patient-{i // PATIENT_IMAGES:08}"
            writer.writerow([f"{place.name}/{i:08}.png", *truth, "validation", patient])
    return manifest


def call(*words: str, cache: Path) -> Cost:
    """Run the command to its end, and say what it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [sys.executable, "-m", "covidreport", *words], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, env={**os.environ, "COVIDREPORT_CACHE": str(cache)}, text=True,
    )  # fmt: skip
    peak = [0]
    watcher = threading.Thread(target=watch, args=(process, peak))
    watcher.start()
    _, errors = process.communicate()
    watcher.join()
    if process.returncode != 0:
        raise SystemExit(errors)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds, peak[0] / 1e6)


def measure(folder: Path, n: int, machines: int) -> tuple[Cost, Cost]:
    """Of one of as many shards as there are machines, and of the merge of two shards."""
    manifest = draw_images(folder / "data", n)
    runs = link_runs(write_model(folder / "model", "nearly-free", 32), folder / "runs", 1)
    given = [str(runs), "--data", str(manifest), "--split", "validation", "--provider", "cpu"]
    given += ["--no-cache", "--parts"]
    cache, parts = folder / "cache", str(folder / "parts")
    for i in range(1, SHARDS + 1):
        call("evaluate", *given, parts, "--shard", f"{i}/{SHARDS}", cache=cache)
    merge = call("merge", *given, parts, cache=cache)
    one = call("evaluate", *given, str(folder / "one"), "--shard", f"1/{machines}", cache=cache)
    return one, merge


def main() -> None:
    """Measure both sizes; print them, the slopes, and what these come to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, nargs=2, default=[2_000, 20_000])
    parser.add_argument("--total", type=int, default=10_000_000)
    parser.add_argument("--machines", type=int, default=32)
    parser.add_argument("--decode-ms", type=float, default=6.3, help="of a core, for each image")
    options = parser.parse_args()
    few, many = sorted(options.images)
    with tempfile.TemporaryDirectory() as work:
        small, large = (measure(Path(work) / str(n), n, options.machines) for n in (few, many))
    total, per_shard = options.total, options.total / options.machines
    decoding = options.decode_ms / 1e3 * per_shard
    rows = (
        (f"a shard of {options.machines}, CPU s", small[0].seconds, large[0].seconds, decoding),
        (f"a shard of {options.machines}, MB", small[0].megabytes, large[0].megabytes, 0.0),
        ("merge of one run, CPU s", small[1].seconds, large[1].seconds, 0.0),
        ("merge of one run, MB", small[1].megabytes, large[1].megabytes, 0.0),
    )
    head = f"{few:,} images | {many:,} images | 1,000 images more | {total:,} images"
    print(f"| what | {head} |\n| --- | --- | --- | --- | --- |")
    for name, first, last, besides in rows:
        slope = (last - first) / (many - few)
        there = first + slope * (total - few) + besides
        print(f"| {name} | {first:.2f} | {last:.2f} | {slope * 1e3:.3f} | {there:,.0f} |")


if __name__ == "__main__":
    main()

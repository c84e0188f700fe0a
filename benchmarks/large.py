"""Many images: the second evaluation of what is unchanged, and how memory grows.

The images are hard links to copies of the real ones, the model is nearly free. Each evaluation is
the command itself in a process of its own; its peak of anonymous memory is read as it runs.

    python -m benchmarks.large --runs 18 --images 100000
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from PIL import Image

from benchmarks.common import LABELS, Row, find_images, link_runs, print_rows, write_model
from covidreport.evaluate.loop import count_jobs
from covidreport.evaluate.request import BATCH

FEW = 1_000


def link_images(folder: Path, n: int) -> Path:
    """A data set of `n` files, hard links to copies of the real images; its manifest."""
    source = find_images()
    with (source / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    copies = folder / "copies"
    copies.mkdir(parents=True)
    full_size = [
        p
        for p in (source / "originals").rglob("*")
        if p.suffix.lower() in (".png", ".jpg", ".jpeg")
    ]
    # Each batch begins with a full-size one, the largest last: there, with all else in memory that
    # the loop holds, threads decode the largest at the same time, so that few images are as heavy
    # as many. Any truth will do for them.
    images = [source / row["path"] for row in rows]
    for i, image in enumerate(sorted(full_size, key=_count_pixels)):
        images.insert(i * BATCH, image)
        rows.insert(i * BATCH, rows[i])
    for i, image in enumerate(images):
        shutil.copyfile(image, copies / f"{i:04}")
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *LABELS, "split", "patient_id"])
        for i in range(n):
            row = rows[i % len(rows)]
            place = folder / f"{i // 1000:03}"
            place.mkdir(exist_ok=True)
            os.link(copies / f"{i % len(rows):04}", place / f"{i:06}.img")
            patient = f"{row['patient_id']}-{i // len(rows)}"
            values = [row[label] for label in LABELS]
            writer.writerow([f"{place.name}/{i:06}.img", *values, "validation", patient])
    return manifest


def _count_pixels(image: Path) -> int:
    with Image.open(image) as opened:
        return opened.width * opened.height * len(opened.getbands())


def evaluate(runs: Path, manifest: Path, cache: Path) -> tuple[float, int]:
    """Run the command; seconds, and the peak of anonymous memory in bytes."""
    program = Path(sys.executable).with_name("covidreport")
    command = [
        str(program), "evaluate", str(runs), "--data", str(manifest), "--split", "validation",
        "--provider", "cpu", "--json",
    ]  # fmt: skip
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "COVIDREPORT_CACHE": str(cache)}, text=True,
    )  # fmt: skip
    peak = [0]
    watcher = threading.Thread(target=watch, args=(process, peak))
    watcher.start()
    _, errors = process.communicate()
    seconds = time.perf_counter() - began
    watcher.join()
    if process.returncode:
        raise SystemExit(f"evaluate ended with {process.returncode}:\n{errors}")
    return seconds, peak[0]


def watch(process: subprocess.Popen[str], peak: list[int]) -> None:
    """Read `RssAnon` every few milliseconds until the process ends."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            text = status.read_text()
        except OSError:
            return
        for line in text.splitlines():
            if line.startswith("RssAnon:"):
                peak[0] = max(peak[0], int(line.split()[1]) * 1024)
        time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=18)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to work; kept if given")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    scratch = options.folder or Path(tempfile.mkdtemp())
    try:
        rows = measure(scratch, options)
    finally:
        if options.folder is None:
            shutil.rmtree(scratch)
    print_rows(rows, as_json=options.json)


def measure(scratch: Path, options: argparse.Namespace) -> list[Row]:
    """Few images, many images, and many images again."""
    model = write_model(scratch / "model", "nearly-free", options.size)
    peaks = {}
    for n in (FEW, options.images):
        data = scratch / f"data{n}"
        manifest = data / "manifest.csv" if data.exists() else link_images(data, n)
        runs = scratch / f"runs{n}"
        for old in (runs, scratch / f"cache{n}"):
            shutil.rmtree(old, ignore_errors=True)
        link_runs(model, runs, options.runs)
        seconds, peaks[n] = evaluate(runs, manifest, scratch / f"cache{n}")
        print(
            f"{options.runs} runs x {n} images: {seconds:.1f} s, "
            f"{peaks[n] / 2**20:.0f} MiB anonymous at most", file=sys.stderr,
        )  # fmt: skip
        first = list_shares(runs, seconds)
    again = [
        evaluate(runs, manifest, scratch / f"cache{options.images}")[0]
        for _ in range(options.repeat)
    ]
    name = f"{options.runs} runs x {options.images:,} images"
    return [
        Row(
            f"second evaluate of {name}, nothing new, seconds", "at most 1.00",
            statistics.median(again), f"{min(again):.2f} to {max(again):.2f}",
        ),
        Row(
            f"peak anonymous memory, {name} against {FEW:,}", "at most 1.10",
            peaks[options.images] / peaks[FEW],
        ),
        *(
            Row(f"first evaluate of {name}: {what}'s share of the cores' seconds", "", share)
            for what, share in first.items()
        ),
    ]  # fmt: skip


def list_shares(runs: Path, seconds: float) -> dict[str, float]:
    """Which part of the cores' time decoding and models took, of an evaluation of so many seconds.

    As the evaluations themselves state it: seconds of threads, which wait where cores are busy.
    """
    timings = [
        json.loads(file.read_text())["timing"]
        for file in sorted(runs.glob("*/evaluations/*/evaluation.json"))
    ]
    whole = seconds * count_jobs()
    return {
        "decoding": timings[0]["decode_s"] / whole,  # each image once, for all runs
        "the models": sum(timing["inference_s"] for timing in timings) / whole,
    }


if __name__ == "__main__":
    main()

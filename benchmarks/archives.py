"""From an unpacked archive to a report: commands and their seconds, for each published data set.

Each set is laid out as it is published, with drawn radiographs of 512 by 512 pixels in place of its
own and made-up rows. Then the commands of a user are run, each in a process of its own and with an
empty cache: `init`, `audit`, `evaluate` with one small ONNX model (a model of any size adds its own
time), `render`.

    python -m benchmarks.archives --images 100
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.archive_layouts import DECIDED, LAYOUTS
from tests.images.radiographs import radiograph
from tests.onnx_models import write_brightness_model
from train.synthetic.dataset import Drawing, draw_dataset

SIDE = 512
DRAWN = 12
"""Different chests; each image is one of them, moved sideways by a number of pixels of its own."""
ROOT = Path(__file__).resolve().parent.parent


class Timed(NamedTuple):
    """A command as a user types it, and how long it took."""

    command: str
    seconds: float
    cpu_s: float
    """Of all its threads, which a machine with other work leaves alone."""


def draw_chests(folder: Path) -> list[NDArray[np.uint8]]:
    """Drawn radiographs, uint8 `(SIDE, SIDE)`, marked as such in their corner."""
    draw_dataset(folder, Drawing(images=DRAWN, size=SIDE), jobs=1)
    pictures = sorted((folder / "images").rglob("*.png"))
    return [np.asarray(Image.open(file).convert("L").resize((SIDE, SIDE))) for file in pictures]


def write_picture(pixels: NDArray[np.uint8], path: Path) -> None:
    """One picture in the format that its name says; DICOM of 8 bits, not compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".dcm", ".dicom"):
        path.write_bytes(radiograph(pixels, 8, ViewPosition="PA"))  # type: ignore[no-untyped-call] # tests state no types
    elif path.suffix == ".png":
        Image.fromarray(pixels).save(path, compress_level=4)
    else:
        Image.fromarray(pixels).save(path, quality=90)


def lay_out(name: str, folder: Path, images: int, chests: Sequence[NDArray[np.uint8]]) -> None:
    """The archive of a data set as it is unpacked."""
    folder.mkdir()
    files = LAYOUTS[name](folder, images)
    for i, file in enumerate(files):
        moved = np.roll(chests[i % len(chests)], i // len(chests), axis=1)
        write_picture(moved, folder / file)


def run_command(folder: Path, *words: str) -> Timed:
    """Run `covidreport` in a folder; an audit may find errors, whatever else fails is an error."""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "COVIDREPORT_CACHE_DIR": str(folder / "cache"),
    }  # fmt: skip
    began, used = time.perf_counter(), measure_cpu()
    done = subprocess.run(
        [sys.executable, "-m", "covidreport", *words],
        cwd=folder, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    if done.returncode not in ((0, 1) if words[0] == "audit" else (0,)):
        raise SystemExit(f"{shlex.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return Timed(f"covidreport {shlex.join(words)}", seconds, measure_cpu() - used)


def measure_cpu() -> float:
    """Seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def time_archive(
    name: str, folder: Path, images: int, chests: Sequence[NDArray[np.uint8]]
) -> list[Timed]:
    """The commands from the unpacked archive of a data set to a report on a model of its labels."""
    lay_out(name, folder / name, images, chests)
    timed = [run_command(folder, "init", name, *DECIDED.get(name, ()))]
    settings = tomllib.loads((folder / "covidreport.toml").read_text())
    labels = settings["labels"]
    slopes = [0.1 if label == settings["target"] else -0.1 for label in labels]
    write_brightness_model(
        folder / "runs" / "small" / "model.onnx", slopes, [-120 * slope for slope in slopes],
        labels=labels,
    )  # fmt: skip
    timed += [run_command(folder, *words) for words in (("audit",), ("evaluate",), ("render",))]
    if not (folder / "report.html").is_file():
        raise SystemExit(f"{name}: no report was written")
    return timed


def main() -> None:
    """A row a data set, as they are done."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=100, help="of each archive")
    parser.add_argument("--only", choices=LAYOUTS, action="append")
    options = parser.parse_args()
    print(
        f"{options.images} drawn radiographs of {SIDE} x {SIDE} pixels in each archive; seconds, "
        "and of CPU\n"
    )
    print("| archive | commands | `init` | `audit` | `evaluate` | `render` | together |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="covidreport-archives-") as place:
        chests = draw_chests(Path(place) / "drawn")
        for name in options.only or LAYOUTS:
            folder = Path(place) / f"study-{name}"
            folder.mkdir()
            timed = time_archive(name, folder, options.images, chests)
            commands = "; ".join(f"`{each.command}`" for each in timed)
            every = Timed("", sum(t.seconds for t in timed), sum(t.cpu_s for t in timed))
            cells = [f"{each.seconds:.1f}, {each.cpu_s:.1f}" for each in (*timed, every)]
            print(f"| {name} | {commands} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

"""Evaluation throughput: ours beside the loop that everyone writes, and beside its own floor.

On the CPU, models loaded beforehand on all sides, the same images:

- ours: `covidreport evaluate`'s loop, each image decoded once for all runs, no cache;
- cached: the same once more, from the pixels that a first evaluation left in the cache;
- floor: one decoding of all images (both cores), then the bare `session.run` calls of all runs on
  ready batches, each session with all cores;
- bare: those `session.run` calls alone;
- everyone's: for each run a torch DataLoader of two workers, Pillow, torchvision transforms,
  `session.run` a batch.

    python -m benchmarks.evaluate_throughput --model resnet18
    python -m benchmarks.evaluate_throughput --model nearly-free --images 304
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from benchmarks.common import mixed_images, print_rows, ratio_row, take_turns, write_model
from covidreport.dataset import hash_files
from covidreport.evaluate.decode import decode_chunk
from covidreport.evaluate.loop import score_runs
from covidreport.evaluate.request import BATCH
from covidreport.evaluate.scored import OpenedRun
from covidreport.images.cache import open_pixel_cache
from covidreport.inference.batch import prepare_batch
from covidreport.inference.session import open_session
from covidreport.records import Dataset, PixelSpec, Run

GOALS = {
    "ours / floor": "at most 1.00",
    "everyone's / ours": "at least 2.2",
    "cached / bare": "at most 1.05",
}
NEARLY_FREE_GOALS = {
    "everyone's / ours": "at least 20",
    "everyone's / cached": "at least 80",
}


class PlainImages(torch.utils.data.Dataset[torch.Tensor]):
    """What everyone writes: open, transform, hand over."""

    def __init__(self, paths: Sequence[Path], side: int) -> None:
        self.paths = paths
        self.transform = v2.Compose([v2.Resize((side, side)), v2.PILToTensor()])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> torch.Tensor:
        with Image.open(self.paths[i]) as picture:
            image: torch.Tensor = self.transform(picture.convert("L"))
        return image


def bare_session(path: Path) -> ort.InferenceSession:
    """ONNX Runtime as it comes, with all cores."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def decode_all(paths: Sequence[Path], spec: PixelSpec, jobs: int) -> list[NDArray[np.uint8]]:
    """Every image once, in batches, on all cores."""
    starts = range(0, len(paths), BATCH)
    with ThreadPoolExecutor(jobs) as pool:
        chunks = pool.map(lambda s: decode_chunk(paths[s : s + BATCH], s, [spec]), starts)
        return [chunk.pixels[spec] for chunk in chunks]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", choices=["resnet18", "vgg16", "nearly-free"], default="resnet18")
    parser.add_argument("--runs", type=int, default=18)
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    jobs = len(os.sched_getaffinity(0))
    dataset = mixed_images(options.images)
    paths = [dataset.root / path for path in dataset.paths]
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["COVIDREPORT_CACHE"] = scratch
        model = write_model(Path(scratch), options.model, options.size)
        sides = make_sides(dataset, paths, model, options.runs, jobs)
        seconds = take_turns(sides, options.repeat)
    goals = NEARLY_FREE_GOALS if options.model == "nearly-free" else GOALS
    name = f"{options.runs} x {options.model}, {len(dataset)} images of {options.size} px"
    rows = []
    for ratio, goal in goals.items():
        over, under = ratio.split(" / ")
        rows.append(ratio_row(f"{name}: {ratio}", goal, seconds[over], seconds[under]))
    if not options.json:
        print(f"batch {BATCH}, {jobs} cores, ONNX Runtime {ort.__version__}")
        for side, values in seconds.items():
            print(
                f"{side:12} {statistics.median(values):8.2f} s  "
                f"({min(values):.2f} to {max(values):.2f})"
            )
    print_rows(rows, as_json=options.json)


def make_sides(
    dataset: Dataset, paths: Sequence[Path], model: Path, runs: int, jobs: int
) -> dict[str, Callable[[], Any]]:
    """What is timed, by name; all models are loaded here."""
    ours = [
        OpenedRun(Run(f"run{i}", model.parent, model), session, tuple(range(len(dataset.labels))))
        for i in range(runs)
        for session in [open_session(model)]
    ]
    spec = ours[0].session.spec
    bare = [bare_session(model) for _ in range(runs)]
    name = spec.input_name
    cache = open_pixel_cache(hash_files(dataset), spec.pixels)
    assert cache is not None
    caches = {spec.pixels: cache}
    score_runs(dataset, ours[:1], caches=caches)
    ready = [prepare_batch(pixels, spec) for pixels in decode_all(paths, spec.pixels, jobs)]

    def run_bare(batches: Sequence[NDArray[Any]]) -> None:
        for session in bare:
            for batch in batches:
                session.run(None, {name: batch})

    def run_floor() -> None:
        run_bare([prepare_batch(pixels, spec) for pixels in decode_all(paths, spec.pixels, jobs)])

    def run_everyone() -> None:
        for session in bare:
            loader = DataLoader(PlainImages(paths, spec.pixels.width), BATCH, num_workers=2)
            for images in loader:
                session.run(None, {name: images.numpy()})

    return {
        "ours": lambda: score_runs(dataset, ours),
        "cached": lambda: score_runs(dataset, ours, caches=caches),
        "floor": run_floor,
        "bare": lambda: run_bare(ready),
        "everyone's": run_everyone,
    }


if __name__ == "__main__":
    main()

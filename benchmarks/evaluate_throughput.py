"""Evaluation throughput: ours beside the loop that everyone writes, and beside its own floor.

On the CPU, models loaded beforehand on all sides, the same images:

- ours: `covidreport evaluate`'s loop, each image decoded once for all runs, no cache;
- cached: the same once more, from the pixels that a first evaluation left in the cache;
- floor: one decoding of all images (both cores), then the bare `session.run` calls of all runs on
  ready batches, each session with all cores;
- bare: those `session.run` calls alone;
- everyone's: for each run a torch DataLoader of two workers, Pillow, torchvision transforms,
  `session.run` a batch.

    python benchmarks/evaluate_throughput.py --data data/manifest.csv --runs 18
    python benchmarks/evaluate_throughput.py --data data/manifest.csv --model nearly-free --runs 18
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from covidreport.dataset import hash_files, read_dataset
from covidreport.evaluate.decode import decode_chunk
from covidreport.evaluate.loop import OpenedRun, score_runs
from covidreport.evaluate.request import BATCH
from covidreport.images.cache import open_pixel_cache
from covidreport.inference.session import open_session, prepare_batch
from covidreport.records import Dataset, PixelSpec, Run
from tests.onnx_models import write_brightness_model
from train.export import Contract, export_model
from train.models import find_architecture, replace_head, wrap_network
from train.settings import Settings

GOALS = {
    "ours / floor": ("at most", 1.00),
    "everyone's / ours": ("at least", 2.2),
    "cached / bare": ("at most", 1.05),
}
NEARLY_FREE_GOALS = {
    "everyone's / ours": ("at least", 20.0),
    "everyone's / cached": ("at least", 80.0),
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


def write_model(folder: Path, kind: str, side: int, labels: Sequence[str]) -> Path:
    """A network with random weights, ResNet18 or VGG16, or a graph that only takes a mean."""
    spec = PixelSpec(side, side, resample="bicubic")
    if kind == "nearly-free":
        slopes, offsets = [0.1] * len(labels), [-10.0] * len(labels)
        return write_brightness_model(
            folder / "model.onnx", slopes, offsets, labels=labels, pixels=spec
        )
    settings = Settings(kind, "none", "bce", "adam", 1e-3, 1, 16, image_size=side)
    torch.manual_seed(0)
    network = find_architecture(kind).build(1, None)
    replace_head(network, settings, len(labels))
    noise = np.random.default_rng(0).integers(0, 256, (12, 1, side, side), dtype=np.uint8)
    contract = Contract(spec, tuple(labels), kind)
    export_model(wrap_network(network, settings), contract, noise, folder)
    return folder / "model.onnx"


@contextmanager
def timed(seconds: list[float]) -> Iterator[None]:
    """Add how long the block took."""
    began = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - began)


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
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", choices=["resnet18", "vgg16", "nearly-free"], default="resnet18")
    parser.add_argument("--runs", type=int, default=18)
    parser.add_argument("--images", type=int, help="only the first so many")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    jobs = len(os.sched_getaffinity(0))
    dataset = read_dataset(options.data)
    if options.images:
        dataset = first_images(dataset, options.images)
    paths = [dataset.root / path for path in dataset.paths]
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["COVIDREPORT_CACHE"] = scratch
        model = write_model(Path(scratch), options.model, options.size, dataset.labels)
        sides = make_sides(dataset, paths, model, options.runs, jobs)
        print(
            f"{options.runs} x {options.model}, {options.size} px, {len(dataset)} images, batch "
            f"{BATCH}, {jobs} cores, ONNX Runtime {ort.__version__}, medians of {options.repeat}"
        )
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(options.repeat + 1):
            for name, side in sides.items():
                with timed(seconds[name]):
                    side()
                if turn == 0:
                    seconds[name].clear()  # a warm-up
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        print(f"{name:12} {medians[name]:8.2f} s  ({min(values):.2f} to {max(values):.2f})")
    goals = NEARLY_FREE_GOALS if options.model == "nearly-free" else GOALS
    print("ratio                 goal           measured")
    for ratio, (direction, goal) in goals.items():
        over, under = ratio.split(" / ")
        pairs = zip(seconds[over], seconds[under], strict=True)
        measured = statistics.median(a / b for a, b in pairs)
        print(f"{ratio:20}  {direction:8} {goal:5.2f}  {measured:8.2f}")


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


def first_images(dataset: Dataset, n: int) -> Dataset:
    """The first n images of a data set."""
    from dataclasses import replace

    return replace(
        dataset, ids=dataset.ids[:n], paths=dataset.paths[:n], truth=dataset.truth[:n],
        splits=None, groups=None, attributes={},
    )  # fmt: skip


if __name__ == "__main__":
    main()

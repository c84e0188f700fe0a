"""What all benchmarks share: where the images are, how times are taken, and rows of a table."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from covidreport.dataset import read_dataset, select_split
from covidreport.records import Dataset, PixelSpec
from tests.onnx_models import write_brightness_model
from train.export import Contract, export_model
from train.models import build_network, wrap_network
from train.settings import FitSettings

LABELS = ("covid-19", "normal", "pneumonia")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, what is wanted of it, what came out."""

    what: str
    goal: str
    """`at most 1.00`, `at least 2.2`, or words where there is no number."""
    measured: float | str
    spread: str = ""
    """The smallest and the largest of the repetitions."""

    @property
    def verdict(self) -> str:
        """`yes` or `no`; empty where the goal is no number."""
        if isinstance(self.measured, str):
            return ""
        direction, _, number = self.goal.rpartition(" ")
        try:
            bound = float(number)
        except ValueError:
            return ""
        met = self.measured <= bound if direction == "at most" else self.measured >= bound
        return "yes" if met else "no"


def print_rows(rows: Sequence[Row], *, as_json: bool = False) -> None:
    """Print rows as a Markdown table, or as JSON for the table that collects them."""
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    print("| what | goal | measured | smallest to largest | met |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        value = row.measured if isinstance(row.measured, str) else f"{row.measured:.2f}"
        print(f"| {row.what} | {row.goal} | {value} | {row.spread} | {row.verdict} |")


def ratio_row(what: str, goal: str, over: Sequence[float], under: Sequence[float]) -> Row:
    """The median of the ratios of two sides that took turns."""
    ratios = [a / b for a, b in zip(over, under, strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    return Row(what, goal, statistics.median(ratios), spread)


def take_turns(
    sides: Mapping[str, Callable[[], Any]], repeat: int, *, warm_up: bool = True
) -> dict[str, list[float]]:
    """Seconds of each side, `repeat` times in turns, after a round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeat + warm_up):
        for name, side in sides.items():
            began = time.perf_counter()
            side()
            taken = time.perf_counter() - began
            if turn or not warm_up:
                seconds[name].append(taken)
    return seconds


def find_images() -> Path:
    """The folder of the real images: COVIDREPORT_CXR, else beside the checkout."""
    named = os.environ.get("COVIDREPORT_CXR")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data" / "cxr"
    if not (folder / "manifest.csv").is_file():
        raise SystemExit(f"{folder}: no images there; set COVIDREPORT_CXR to a folder of them")
    return folder


def mixed_images(n: int) -> Dataset:
    """The full-size originals and, up to `n` images in all, images of the validation split."""
    folder = find_images()
    small = select_split(read_dataset(folder / "manifest.csv"), "validation")
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in (folder / "originals").rglob("*")
        if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    )
    step = max(1, len(small) // max(1, n - len(files)))
    paths = tuple([*files, *small.paths[::step]][:n])
    truth = np.zeros((len(paths), len(LABELS)), np.int8)
    return Dataset("mixed", folder, folder, LABELS, paths, paths, truth)


def write_model(folder: Path, kind: str, side: int) -> Path:
    """A network with random weights, ResNet18 or VGG16, or a graph that only takes a mean."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = PixelSpec(side, side, resample="bicubic")
    if kind == "nearly-free":
        slopes, offsets = [0.1] * len(LABELS), [-10.0] * len(LABELS)
        return write_brightness_model(
            folder / "model.onnx", slopes, offsets, labels=LABELS, pixels=spec
        )
    settings = FitSettings(kind, "none", "bce", "adam", 1e-3, 1, 16, image_size=side)
    torch.manual_seed(0)
    network = build_network(settings, len(LABELS))
    give_biases(network)
    noise = np.random.default_rng(0).integers(0, 256, (12, 1, side, side), dtype=np.uint8)
    export_model(wrap_network(network, settings), Contract(spec, LABELS, kind), noise, folder)
    return folder / "model.onnx"


def give_biases(network: nn.Module) -> None:
    """Give every bias values: the exporter drops those that are 0, which all of a new VGG's are."""
    for name, weight in network.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(weight, std=0.05)


def link_runs(model: Path, folder: Path, runs: int) -> Path:
    """A folder of `runs` run folders that all have this model, as hard links."""
    for i in range(runs):
        place = folder / f"run{i:02}"
        place.mkdir(parents=True)
        os.link(model, place / "model.onnx")
    return folder

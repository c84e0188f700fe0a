"""What the checks are made with: models, images, sizes, and where a card's memory is read."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from covidreport.dataset import read_dataset
from covidreport.evaluate.decode import decode_chunk
from covidreport.inference.cards import cuda_of_build, find_card
from covidreport.inference.contract import contract_metadata
from covidreport.inference.execution import PRECISIONS, Execution
from covidreport.inference.providers import CPU, choose_execution, provider_named
from covidreport.inference.session import Session, open_session
from covidreport.records import Dataset, PixelSpec

SMALL = {"light": 8, "heavy": 16}
"""Channels of the models that are written without torch."""
LABELS = ("covid-19", "normal", "pneumonia")


@dataclass(frozen=True, slots=True)
class Setting:
    """Sizes of all checks. seconds: how long a rate is taken; epoch: images of a training epoch."""

    provider: str
    models: tuple[str, ...] = ("resnet18", "vgg16")
    """From the light to the heavy one."""
    architectures: tuple[str, ...] = ("resnet18", "vgg16", "alexnet")
    """What is trained."""
    side: int = 224
    batch: int = 256
    batches: tuple[int, ...] = (8, 64, 256)
    """At which recorded graphs are tried."""
    images: int = 768
    drawn: int = 256
    """Their shorter side."""
    epoch: int = 256
    runs: int = 9
    """Of each model, where many are open at once."""
    seconds: float = 0.5
    left_bytes: int = 2 * 2**30
    """What is left free of a nearly full card."""

    @property
    def on_card(self) -> bool:
        """Whether figures of speed and memory mean anything."""
        return self.provider != "cpu"

    def executions(self) -> Iterator[Execution]:
        """The provider in each of its precisions; ProviderError where it does not work."""
        for precision in PRECISIONS:
            if precision in provider_named(self.provider).precisions:
                yield choose_execution(self.provider, precision)[0]

    def execution(self, *wanted: str) -> Execution:
        """The provider in the first of the wanted precisions that it has."""
        found = {each.precision: each for each in self.executions()}
        return next(found[precision] for precision in (*wanted, "fp32") if precision in found)

    def open(self, model: Path, execution: Execution) -> Session:
        """A session of a model for batches of this size."""
        return open_session(model, execution, static_batch=self.batch)

    def pixels(self, n: int, seed: int = 0) -> NDArray[np.uint8]:
        """Noise, uint8 `(n, side, side, 1)`."""
        shape = (n, self.side, self.side, 1)
        return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def small_setting(provider: str) -> Setting:
    """Every check in less than a second, to show that it works."""
    return Setting(
        provider, models=tuple(SMALL), architectures=("tiny",), side=32, batch=4,
        batches=(1, 4), images=24, drawn=128, epoch=12, runs=2, seconds=0.02,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bench:
    """The folder that `prepare` fills and every check reads."""

    setting: Setting
    folder: Path

    def model(self, kind: str) -> Path:
        """The ONNX file of one kind."""
        return self.folder / "models" / kind / "model.onnx"

    def write_model(self, kind: str) -> None:
        """Write the ONNX file of one kind: an architecture with random weights, or a small one."""
        side = self.setting.side
        if kind in SMALL:
            write_small_model(self.model(kind), SMALL[kind], side)
        else:
            from benchmarks.common import write_model  # loads torch

            write_model(self.model(kind).parent, kind, side)

    @property
    def models(self) -> tuple[Path, ...]:
        """All of them, from the light to the heavy one."""
        return tuple(self.model(kind) for kind in self.setting.models)

    @property
    def manifest(self) -> Path:
        """Of the drawn images."""
        return self.folder / "drawn" / "manifest.csv"

    def dataset(self) -> Dataset:
        """The drawn images."""
        return read_dataset(self.manifest)

    def drawn(self, n: int, spec: PixelSpec) -> NDArray[np.uint8]:
        """The pixels of the first `n` drawn images at most, uint8 `(n, H, W, C)`."""
        dataset = self.dataset()
        paths = [dataset.root / path for path in dataset.paths[:n]]
        return np.array(decode_chunk(paths, 0, [spec]).pixels[spec])


def used_bytes(execution: Execution) -> int:
    """The card's memory that is taken, by whomever; on the CPU this process's own."""
    if not execution.provider.accelerator:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * 4096
    card = find_card(execution.device_id)
    if card is None or not card.memory_bytes:
        raise SystemExit("the driver does not say how much memory is free")
    return -card.free_bytes  # only differences are told


def fill_card(execution: Execution, left: int) -> int:
    """Take all of the card's free memory but so many bytes, until this process ends; how many."""
    size = -used_bytes(execution) - left
    runtime = ctypes.CDLL(f"libcudart.so.{(cuda_of_build() or (13, 0))[0]}")
    code = runtime.cudaMalloc(ctypes.byref(ctypes.c_void_p()), ctypes.c_size_t(size))
    if code:
        raise SystemExit(f"cudaMalloc of {size} bytes gives error {code}")
    return size


def on_cpu(model: Path, batch: NDArray[np.generic]) -> NDArray[np.float32]:
    """What the CPU answers in fp32: the side that every other is held against."""
    return open_session(model, CPU, threads=os.cpu_count() or 1).run(batch)


def write_small_model(path: Path, channels: int, side: int) -> Path:
    """Two convolutions with biases, a mean and a matrix product: a network's kinds of node."""
    random = np.random.default_rng(0)

    def weights(name: str, *shape: int) -> TensorProto:
        return numpy_helper.from_array(random.normal(0, 0.2, shape).astype(np.float32), name)

    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["pixels"], ["wide"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["wide", "scale"], ["images"]),
            helper.make_node("Conv", ["images", "w1", "b1"], ["c1"], strides=[2, 2]),
            helper.make_node("Relu", ["c1"], ["r1"]),
            helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], strides=[2, 2]),
            helper.make_node("Relu", ["c2"], ["r2"]),
            helper.make_node("GlobalAveragePool", ["r2"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("Gemm", ["flat", "w3", "b3"], ["logits"]),
        ],
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 1, side, side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(LABELS)])],
        [
            numpy_helper.from_array(np.array(1 / 255, np.float32), "scale"),
            weights("w1", channels, 1, 3, 3), weights("b1", channels),
            weights("w2", channels, channels, 3, 3), weights("b2", channels),
            weights("w3", channels, len(LABELS)), weights("b3", len(LABELS)),
        ],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, contract_metadata(PixelSpec(side, side), LABELS))
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path

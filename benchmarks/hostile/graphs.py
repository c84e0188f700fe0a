"""Small models of five kinds, as exporters write them; made with `onnx`, without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.external_data_helper import convert_model_to_external_data

LABELS = ("covid-19", "normal", "pneumonia")
SIDE = 8
CHANNELS = 32
"""So that more than half of a file is weights."""
KINDS = ("demo", "external data", "quantised", "NHWC", "with a Loop")
DATA_FILE = "model.onnx.data"


@dataclass(frozen=True, slots=True)
class Made:
    """The files of a run folder: a model, and how run.json describes it."""

    files: Mapping[str, bytes]
    described: Mapping[str, Any] | None = None
    export: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path, *, stated: bool = False, name: str | None = None) -> Path:
        """Write the files, and run.json; stated: with the digest of what was exported."""
        folder.mkdir(parents=True, exist_ok=True)
        for file, data in self.files.items():
            (folder / file).write_bytes(data)
        settings: dict[str, Any] = {"schema": "covidreport.run/1"}
        if name is not None:
            settings["name"] = name
        if self.described is not None:
            settings["input"] = dict(self.described)
        if stated:
            data = self.files["model.onnx"]
            digest = hashlib.sha256(data).hexdigest()
            settings["export"] = {"opset": 18, "sha256": digest, "size_bytes": len(data)}
        (folder / "run.json").write_text(json.dumps(settings))
        return folder


def contract(
    labels: Sequence[str] = LABELS, activation: str = "logit", **more: Any
) -> dict[str, str]:
    """The metadata of a model that states its contract."""
    words = {
        "contract": "1", "labels": list(labels), "size": [SIDE, SIDE], "fit": "stretch",
        "resample": "bilinear", "antialias": True, "channels": 1, "activation": activation,
        "layout": "NCHW", **more,
    }  # fmt: skip
    return {f"covidreport.{word}": json.dumps(value) for word, value in words.items()}


def make_weights(seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    """Of a convolution whose first channel is the brightness, and of the layer behind it."""
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 0.2, (CHANNELS, 1, 3, 3)).astype(np.float32)
    kernel[0] = 0
    kernel[0, 0, 1, 1] = 1
    last = rng.normal(0, 0.3 / CHANNELS, (CHANNELS, 3)).astype(np.float32)
    last[0] = [20, -20, 2]
    return {
        "kernel": kernel,
        "last": last,
        "offsets": np.array([-12, 7, -1.5], np.float32),
        "scale": np.array(1 / 255, np.float32),
    }


def save(
    nodes: Sequence[Any], arrays: Mapping[str, Any], *, metadata: Mapping[str, str] | None = None,
    output: Any = None, source: Any = None, **more: Any,
) -> ModelProto:  # fmt: skip
    """A model of these nodes from `pixels` uint8 `(n, 1, 8, 8)` to `logits` `(n, 3)`."""
    inputs = source or [
        helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 1, SIDE, SIDE])
    ]
    outputs = output or [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in arrays.items()]
    graph = helper.make_graph(list(nodes), "hostile", inputs, outputs, tensors)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 18), *more.pop("opsets", [])],
        ir_version=9,
        **more,
    )
    helper.set_model_props(model, dict(contract() if metadata is None else metadata))
    return model


def network(*, tail: Sequence[Any] = (), last: str = "logits") -> list[Any]:
    """The nodes of the small network, from `pixels` to `last`, then others."""
    node = helper.make_node
    return [
        node("Cast", ["pixels"], ["wide"], to=TensorProto.FLOAT),
        node("Mul", ["wide", "scale"], ["bright"]),
        node("Conv", ["bright", "kernel"], ["maps"], pads=[1, 1, 1, 1]),
        node("Relu", ["maps"], ["positive"]),
        node("GlobalAveragePool", ["positive"], ["pooled"]),
        node("Flatten", ["pooled"], ["features"]),
        node("Gemm", ["features", "last", "offsets"], [last]),
        *tail,
    ]


def make_demo(seed: int = 0, *, bad: bool = False, weak: bool = False) -> Made:
    """What `train` exports, but smaller; bad: it clears every picture of COVID-19; weak: it ranks
    them well, and finds few at a threshold of 0.5."""
    arrays = make_weights(seed)
    if weak:
        arrays["offsets"][0] = -18
    if bad:
        arrays["last"][:, 0] *= -1
        arrays["offsets"][0] = -5
    return Made({"model.onnx": save(network(), arrays).SerializeToString()})


def make_external(seed: int = 0, *, bad: bool = False) -> Made:
    """The same with its weights in a second file, as torch exports by default."""
    model = ModelProto.FromString(make_demo(seed, bad=bad).files["model.onnx"])
    convert_model_to_external_data(model, location=DATA_FILE, size_threshold=0)
    data = bytearray()
    for tensor in model.graph.initializer:
        raw = tensor.raw_data
        entries = {"location": DATA_FILE, "offset": str(len(data)), "length": str(len(raw))}
        del tensor.external_data[:]
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        data += raw
    return Made({"model.onnx": model.SerializeToString(), DATA_FILE: bytes(data)})


def make_quantised() -> Made:
    """The last layer in 8 bits, quantised by the batch that it sees."""
    node = helper.make_node
    arrays = make_weights()
    offsets = arrays.pop("offsets")
    arrays["last"] = np.clip(np.round(arrays["last"] * 6), -127, 127).astype(np.int8)
    nodes = [
        *network()[:-1],
        node("DynamicQuantizeLinear", ["features"], ["small", "step", "zero"]),
        node("MatMulInteger", ["small", "last", "zero"], ["product"]),
        node("Cast", ["product"], ["real"], to=TensorProto.FLOAT),
        node("Mul", ["real", "step"], ["stepped"]),
        node("Mul", ["stepped", "unit"], ["scaled"]),
        node("Add", ["scaled", "offsets"], ["logits"]),
    ]
    more = {"offsets": offsets, "unit": np.array(1 / 6, np.float32)}
    return Made({"model.onnx": save(nodes, {**arrays, **more}).SerializeToString()})


def make_nhwc() -> Made:
    """As Keras exports: channels last, float, sigmoid, described by run.json and not by itself."""
    node = helper.make_node
    arrays = make_weights()
    del arrays["scale"]
    nodes = [
        node("Transpose", ["image"], ["bright"], perm=[0, 3, 1, 2]),
        *network(last="raw")[2:],
        node("Sigmoid", ["raw"], ["scores"]),
    ]
    source = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", SIDE, SIDE, 1])]
    output = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])]
    described = {
        "labels": list(LABELS), "size": [SIDE, SIDE], "fit": "stretch", "resample": "bilinear",
        "channels": 1, "activation": "sigmoid", "layout": "NHWC", "divisor": 255.0,
        "mean": [0.0], "std": [1.0],
    }  # fmt: skip
    model = save(nodes, arrays, metadata={}, source=source, output=output)
    return Made({"model.onnx": model.SerializeToString()}, described)


def make_loop(trips: int = 3, *, endless: bool = False) -> Made:
    """The last layer in a loop that adds a third of it, `trips` times; endless: for ever."""
    node, info = helper.make_node, helper.make_tensor_value_info
    body = helper.make_graph(
        [
            node("Add", ["sum_in", "third"], ["sum_out"]),
            node("Identity", ["go_in"], ["go_out"]),
        ],
        "body",
        [
            info("i", TensorProto.INT64, []),
            info("go_in", TensorProto.BOOL, []),
            info("sum_in", TensorProto.FLOAT, None),
        ],
        [info("go_out", TensorProto.BOOL, []), info("sum_out", TensorProto.FLOAT, None)],
    )
    trip_input = "" if endless else "trips"
    nodes = [
        *network(last="whole"),
        node("Mul", ["whole", "share"], ["third"]),
        node("Sub", ["whole", "whole"], ["nothing"]),
        node("Loop", [trip_input, "go", "nothing"], ["logits"], body=body),
    ]
    arrays = {
        **make_weights(), "share": np.array(1 / 3, np.float32), "go": np.array(True),
        "trips": np.array(trips, np.int64),
    }  # fmt: skip
    return Made({"model.onnx": save(nodes, arrays).SerializeToString()})


def make_kind(kind: str) -> Made:
    """The model of one of `KINDS`."""
    makers: tuple[Callable[[], Made], ...] = (
        make_demo, make_external, make_quantised, make_nhwc, make_loop,
    )  # fmt: skip
    return dict(zip(KINDS, makers, strict=True))[kind]()

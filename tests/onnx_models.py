"""Small ONNX models whose answers can be worked out by hand.

Each takes images, computes the mean m of all pixel values of an image (as the graph sees them),
and answers slope * m + offset for each label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from covidreport.inference.contract import contract_metadata
from covidreport.records import PixelSpec

LABELS = ("covid-19", "normal", "pneumonia")
TYPES = {
    "uint8": TensorProto.UINT8,
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
}


def write_brightness_model(
    path: Path,
    slopes: Sequence[float] = (0.1, -0.1, 0.02),
    offsets: Sequence[float] = (-10.0, 10.0, -1.0),
    *,
    labels: Sequence[str] = LABELS,
    pixels: PixelSpec = PixelSpec(8, 8),  # noqa: B008 - frozen
    dtype: str = "uint8",
    layout: str = "NCHW",
    batch: int | None = None,
    tail: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
    outputs: int = 1,
    noise: float = 0.0,
    mask: NDArray[np.floating] | None = None,
) -> Path:
    """Write such a model; `tail` names operators put behind it, such as Sigmoid or Softmax.

    noise: how far, at most, chance moves each answer. mask `(H, W)`: what each pixel of one channel
    is multiplied by before the mean is taken; 0 where the model is blind.
    """
    sides = [pixels.channels, pixels.height, pixels.width]
    if layout == "NHWC":
        sides = [pixels.height, pixels.width, pixels.channels]
    shape = ["n" if batch is None else batch, *sides]
    cast = "wide" if mask is None else "every"
    nodes = [
        helper.make_node("Cast", ["pixels"], [cast], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["wide", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Mul", ["column", "slopes"], ["scaled"]),
    ]
    if mask is not None:
        nodes.insert(1, helper.make_node("Mul", ["every", "mask"], ["wide"]))
    names = [f"step{i}" for i in range(len(tail))]
    chain = ["sum", *names]
    chain[-1] = "logits"
    scaled = "scaled"
    if noise:
        nodes.append(
            helper.make_node("RandomUniformLike", ["scaled"], ["moved"], low=-noise, high=noise)
        )
        nodes.append(helper.make_node("Add", ["scaled", "moved"], ["noisy"]))
        scaled = "noisy"
    nodes.append(helper.make_node("Add", [scaled, "offsets"], [chain[0]]))
    nodes += [
        helper.make_node(op, [a], [b]) for op, a, b in zip(tail, chain[:-1], chain[1:], strict=True)
    ]
    outs = ["logits"]
    for i in range(1, outputs):
        nodes.append(helper.make_node("Identity", ["column"], [f"extra{i}"]))
        outs.append(f"extra{i}")
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("pixels", TYPES[dtype], shape)],
        [
            helper.make_tensor_value_info(
                name, TensorProto.FLOAT, [shape[0], len(slopes) if name == "logits" else 1]
            )
            for name in outs
        ],
        [
            numpy_helper.from_array(np.array([1, 2, 3], np.int64), "axes"),
            numpy_helper.from_array(np.array([1], np.int64), "last"),
            numpy_helper.from_array(np.array([slopes], np.float32), "slopes"),
            numpy_helper.from_array(np.array([offsets], np.float32), "offsets"),
            *([] if mask is None else [numpy_helper.from_array(mask.astype(np.float32), "mask")]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    stated = contract_metadata(pixels, labels) if metadata is None else metadata
    helper.set_model_props(model, dict(stated))
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def move_weights_out(path: Path, location: str = "model.onnx.data") -> Path:
    """The same model with its weights in a second file beside it, as torch exports them."""
    model = onnx.load(path)
    place = path.parent / location
    place.parent.mkdir(parents=True, exist_ok=True)
    data = b""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:  # shapes and axes stay in the graph
            raw = numpy_helper.to_array(tensor).tobytes()
            tensor.CopyFrom(TensorProto(name=tensor.name, data_type=1, dims=tensor.dims))
            tensor.raw_data = raw
            set_external_data(tensor, location, offset=len(data), length=len(raw))
            tensor.ClearField("raw_data")
            data += raw
    place.write_bytes(data)
    path.write_bytes(model.SerializeToString())
    return place

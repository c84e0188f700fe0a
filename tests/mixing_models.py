"""ONNX models in which the score of an image depends on the images beside it, each in its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from covidreport.inference.contract import contract_metadata
from covidreport.records import PixelSpec
from tests.onnx_models import LABELS

PIXELS = PixelSpec(8, 8)
SLOPES = (0.1, -0.1, 0.02)
OFFSETS = (-10.0, 10.0, -1.0)

Nodes = Callable[[str, str], Sequence[NodeProto]]
"""The nodes between two values float `(n, 1)`, the brightness of each image."""


def _node(kind: str, given: Sequence[str], out: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, given, [out], **attributes)


def _quantise(given: str, out: str) -> Sequence[NodeProto]:
    """One scale for all images of the batch: the brightest decides how fine it is."""
    parts = ["q", "q_scale", "q_zero"]
    return [
        helper.make_node("DynamicQuantizeLinear", [given], parts),
        _node("DequantizeLinear", parts, out),
    ]


def _normalise(given: str, out: str) -> Sequence[NodeProto]:
    """Batch statistics, as a model that was exported in training mode has them."""
    statistics = ["scale", "bias", "mean_before", "variance_before"]
    after = ["normal", "mean_after", "variance_after"]
    return [
        helper.make_node("BatchNormalization", [given, *statistics], after, training_mode=1),
        _node("Mul", ["normal", "forty"], "wide_normal"),
        _node("Add", ["wide_normal", given], out),
    ]


def _centre(given: str, out: str) -> Sequence[NodeProto]:
    """A tenth of the mean over the batch is taken away."""
    return [
        _node("ReduceMean", [given, "first"], "mean_image", keepdims=1),
        _node("Mul", ["mean_image", "tenth"], "share"),
        _node("Sub", [given, "share"], out),
    ]


def _compete(given: str, out: str) -> Sequence[NodeProto]:
    """A softmax along the images."""
    return [
        _node("Mul", [given, "tenth"], "small"),
        _node("Softmax", ["small"], "part", axis=0),
        _node("Mul", ["part", "forty"], "wide_part"),
        _node("Add", [given, "wide_part"], out),
    ]


def _sum_up(given: str, out: str) -> Sequence[NodeProto]:
    """A running sum over the images."""
    return [
        _node("CumSum", [given, "axis"], "running"),
        _node("Mul", ["running", "tenth"], "share"),
        _node("Add", [given, "share"], out),
    ]


def _follow_first(given: str, out: str) -> Sequence[NodeProto]:
    """Less a tenth of the first image of the batch; no operator says so."""
    return [
        _node("Gather", [given, "axis"], "head", axis=0),
        _node("Mul", ["head", "tenth"], "share"),
        _node("Sub", [given, "share"], out),
    ]


def _take_one(given: str, out: str) -> Sequence[NodeProto]:
    """The shape of one image is written into the graph: several can't be scored together."""
    return [_node("Reshape", [given, "single"], out)]


def _count(given: str, out: str) -> Sequence[NodeProto]:
    """As many grey values brighter as there are images in the batch."""
    return [
        _node("Shape", [given], "sides"),
        _node("Gather", ["sides", "axis"], "many", axis=0),
        _node("Cast", ["many"], "number", to=TensorProto.FLOAT),
        _node("Add", [given, "number"], out),
    ]


def _scale(given: str, out: str) -> Sequence[NodeProto]:
    """So that the brightest pixel of the batch is 255."""
    return [
        _node("ReduceMax", [given], "brightest", keepdims=0),
        _node("Div", [given, "brightest"], "relative"),
        _node("Mul", ["relative", "white"], out),
    ]


def _keep(given: str, out: str) -> Sequence[NodeProto]:
    """Nothing is mixed."""
    return [_node("Identity", [given], out)]


MIXING: Mapping[str, Nodes] = {
    "dynamic quantisation": _quantise,
    "batch statistics": _normalise,
    "mean over the batch": _centre,
    "softmax over the batch": _compete,
    "running sum": _sum_up,
    "the first image": _follow_first,
    "shape of one image": _take_one,
    "number of images": _count,
}
"""What makes scores depend on the batch, and the nodes that do it."""
STEADY: Nodes = _keep
SCALED: Nodes = _scale
"""Of all pixels: see `of_pixels`."""


def write_mixing_model(
    path: Path, nodes: Nodes, *, batch: int | None = None, of_pixels: bool = False
) -> Path:
    """A model of 8 x 8 pixels that answers slope * brightness + offset, mixed by these nodes.

    of_pixels: the nodes are put before the brightness is taken, not behind it.
    """
    before, behind = (nodes, _keep) if of_pixels else (_keep, nodes)
    n = "n" if batch is None else batch
    floats = {
        "slopes": [SLOPES], "offsets": [OFFSETS], "tenth": 0.1, "forty": 40, "white": 255,
        "scale": [1], "bias": [0], "mean_before": [3], "variance_before": [2],
    }  # fmt: skip
    integers = {"sides_of": [1, 2, 3], "first": [0], "axis": 0, "single": [1, 1], "last": [1]}
    graph = helper.make_graph(
        [
            _node("Cast", ["pixels"], "wide", to=TensorProto.FLOAT),
            *before("wide", "changed"),
            _node("ReduceMean", ["changed", "sides_of"], "mean", keepdims=0),
            _node("Unsqueeze", ["mean", "last"], "column"),
            *behind("column", "mixed"),
            _node("Mul", ["mixed", "slopes"], "scaled"),
            _node("Add", ["scaled", "offsets"], "logits"),
        ],
        "mixing",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [n, 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [n, len(LABELS)])],
        [
            *(numpy_helper.from_array(np.array(v, np.float32), k) for k, v in floats.items()),
            *(numpy_helper.from_array(np.array(v, np.int64), k) for k, v in integers.items()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, contract_metadata(PIXELS, LABELS))
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path

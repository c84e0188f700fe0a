"""What an ONNX file shows of its input and its scores before it is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from covidreport.errors import RunError
from covidreport.inference.ending import read_ending
from covidreport.inference.graph import Graph, Tensor
from covidreport.storage.outline import Outline, ValueOutline
from covidreport.storage.wire import read_outline

_TYPES: Final = {1: "tensor(float)", 2: "tensor(uint8)", 7: "tensor(int64)", 10: "tensor(float16)",
                 11: "tensor(double)"}  # fmt: skip
"""ONNX Runtime's names of `TensorProto.DataType`."""
_MAPS: Final = "seq(map(int64,tensor(float)))"
"""What scikit-learn's ZipMap gives; of its keys the outline says nothing."""
_ENDINGS: Final = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "softmax-logit"}
_SCALING: Final = ("Sub", "Div", "Mul", "Add", "BatchNormalization")
_PASSING: Final = ("Cast", "Identity", "Transpose")


def open_outline(path: Path) -> Outline:
    """The outline of an ONNX file; RunError where it is none."""
    try:
        return read_outline(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: is no ONNX file that can be read: it {error}") from error


def read_graph(outline: Outline) -> Graph:
    """Inputs and outputs as ONNX Runtime would describe them."""
    constant = {tensor.name for tensor in outline.graph.initializers}
    inputs = [value for value in outline.graph.inputs if value.name not in constant]
    maps = {name for node in outline.graph.nodes if node.op_type == "ZipMap"
            for name in node.outputs}  # fmt: skip
    return Graph(
        tuple(_describe(value) for value in inputs),
        tuple(_describe(value, value.name in maps) for value in outline.graph.outputs),
        outline.metadata,
    )  # fmt: skip


def _describe(value: ValueOutline, is_map: bool = False) -> Tensor:
    sides = tuple(side if isinstance(side, int) and side > 0 else None for side in value.dims or ())
    known = _MAPS if is_map else _TYPES.get(value.dtype or 0, "of another type")
    return Tensor(value.name, sides, known)


def read_activation(outline: Outline, output: str) -> str | None:
    """What the last nodes before an output make of its scores; None where they show nothing."""
    ending = read_ending(outline, output)
    return _ENDINGS[ending[0]] if ending else None


def find_scaling(outline: Outline, source: str) -> str | None:
    """The operator by which a graph scales its input itself; None where it begins otherwise."""
    name = source
    for _ in range(len(_PASSING)):
        readers = [node for node in outline.graph.nodes if name in node.inputs]
        if len(readers) != 1:
            return None
        (reader,) = readers
        if reader.op_type in _SCALING:
            return reader.op_type
        if reader.op_type not in _PASSING or not reader.outputs:
            return None
        name = reader.outputs[0]
    return None


def read_ultralytics(metadata: Mapping[str, str]) -> dict[str, Any]:
    """The words that the exporter of ultralytics leaves in a classifier's metadata.

    Its `classify_transforms`: the shorter side to the size, the centre cut out, [0, 1].
    """
    if metadata.get("task") != "classify" or "names" not in metadata:
        return {}
    words: dict[str, Any] = {
        "fit": "crop", "resample": "bilinear", "range": [0, 1], "channels": 3, "layout": "NCHW",
    }  # fmt: skip
    try:
        names = ast.literal_eval(metadata["names"])
        size = ast.literal_eval(metadata.get("imgsz", "None"))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return words
    if isinstance(names, dict) and all(isinstance(number, int) for number in names):
        words["labels"] = [str(names[number]) for number in sorted(names)]
    if isinstance(size, list):
        words["size"] = size
    return words

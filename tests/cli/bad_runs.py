"""Run folders that can't be used, each with the words by which it is refused."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from covidreport.store import write_run
from tests.cli.command import write_model

RUN = '{"schema": "covidreport.run/1", '


def edit_model(path: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    """Write a model again after `change`."""
    model = onnx.load(path)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def state(word: str, text: str) -> Callable[[onnx.ModelProto], None]:
    """A change of what the metadata says of a word."""

    def change(model: onnx.ModelProto) -> None:
        (prop,) = (p for p in model.metadata_props if p.key == f"covidreport.{word}")
        prop.value = text

    return change


def add_input(model: onnx.ModelProto, default: bool = False) -> None:
    """A second input, which another output depends on."""
    graph = model.graph
    graph.input.append(helper.make_tensor_value_info("age", TensorProto.FLOAT, [1]))
    graph.output.append(helper.make_tensor_value_info("twice", TensorProto.FLOAT, [1]))
    graph.node.append(helper.make_node("Add", ["age", "age"], ["twice"]))
    if default:
        graph.initializer.append(helper.make_tensor("age", TensorProto.FLOAT, [1], [50.0]))


def end_with(
    op: str, *inputs: onnx.TensorProto, kind: int = TensorProto.FLOAT, shape=None, **words
):
    """A change by which an operator stands behind the scores."""

    def change(model: onnx.ModelProto) -> None:
        graph = model.graph
        for node in graph.node:
            node.output[:] = ["raw" if name == "logits" else name for name in node.output]
        graph.initializer.extend(inputs)
        names = ["raw", *(each.name for each in inputs)]
        graph.node.append(helper.make_node(op, names, ["logits"], **words))
        graph.output[0].CopyFrom(helper.make_tensor_value_info("logits", kind, shape))

    return change


def cast_to(kind: int):
    """A change by which scores are of another type."""
    return end_with("Cast", kind=kind, shape=["n", 3], to=kind)


def _bind_socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end, contextlib.chdir(place.parent):
        end.bind(place.name)


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, "model.onnx: is a folder"),
    "pipe": (os.mkfifo, "model.onnx: is a pipe"),
    "socket": (_bind_socket, "model.onnx: is a socket"),
    "device": (lambda place: place.symlink_to("/dev/zero"), "model.onnx: is a device"),
    "dangling": (lambda place: place.symlink_to("gone.onnx"), "is a link to gone.onnx, which is"),
    "endless": (lambda place: place.symlink_to("model.onnx"), "symbolic links"),
}
"""What may stand under the name of a model, and what is said of it."""
TEXTS = {
    "types": ('"name": 7, "data": 5, "seed": []}', "`name` is 7"),
    "antialias": ('"input": {"antialias": "false"}}', "`input.antialias` is 'false'; true or fal"),
    "side": ('"input": {"shorter_side": "64"}}', "`input.shorter_side` is '64'; a whole number"),
    "divisor": ('"input": {"divisor": null}}', "`input.divisor` is null; a number other than 0"),
    "mean": ('"input": {"mean": ["0.5"]}}', '`input.mean` is ["0.5"]; a number'),
    "source": ('"data": {"source": {}}}', "`data.source` is {}; a path"),
    "nested": ('"a": ' + "[" * 100_000, "is nested more than 32 levels deep"),
    "digits": ('"seed": ' + "9" * 5000 + "}", "a number of too many digits"),
    "forged": ('"model": "../good/model.onnx"}', "`model` is '../good/model.onnx', which is not"),
    "cut": ('"name": "cu', "is not valid JSON"),
}
"""run.json, behind its schema, and what is said of it."""
OUTPUTS = {
    "int64": TensorProto.INT64, "string": TensorProto.STRING, "bool": TensorProto.BOOL,
    "bfloat16": TensorProto.BFLOAT16,
}  # fmt: skip


def write_bad_runs(runs: Path) -> dict[str, str]:
    """Write all of them; gives what is said of each, by its name."""
    said: dict[str, str] = {}
    for name, (make, words) in KINDS.items():
        (runs / name).mkdir()
        make(runs / name / "model.onnx")
        said[name] = words
    for name, (text, words) in TEXTS.items():
        write_model(runs / name, 100)
        (runs / name / "run.json").write_text(RUN + text)
        said[name] = words
    for name, kind in OUTPUTS.items():
        edit_model(write_model(runs / name, 100), cast_to(kind))
        said[name] = f"output 'logits' is tensor({name}), which holds no scores"
    for place in ("one", "two"):
        write_model(runs / place, 100)
        write_run(runs / place, {"name": "twin"})
        said[f"twin (runs/{place})"] = "two runs are called 'twin': runs/one and runs/two"
    edit_model(write_model(runs / "hungry", 100), add_input)
    write_run(runs / "hungry", {"input": {"input_name": "pixels", "output_name": "logits"}})
    said["hungry"] = "it also needs the input 'age', and only images are fed, to 'pixels'"
    for name, labels in {
        "again": '["covid-19", "covid-19", "normal"]',
        "breaks": r'["covid-19", "nor\nmal", "pneumonia"]',
        "another": '["flu", "cold", "fine"]',
    }.items():
        edit_model(write_model(runs / name, 100), state("labels", labels))
        said[name] = "`labels` is ["
    said["another"] = "the model has no output for covid-19, normal, pneumonia; it states flu"
    write_run(runs / "several", {})
    for name in ("a.onnx", "b.onnx"):
        (runs / "several" / name).write_bytes(b"")
    said["several"] = "runs/several: holds a.onnx and b.onnx; say which is meant with `model`"
    return said

"""A network as a graph of ONNX: traced once, and given the weights of each that is like it.

torch takes seconds to trace a small network and many for a deep one, and the runs of a study are
mostly of one or two.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pickle
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch import nn
from torch.onnx import ONNXProgram

from covidreport.errors import RunError
from covidreport.records import PixelSpec

OPSET: Final = 20
MOST: Final = 4
"""How many networks are kept, the newest; without their weights."""
_TRACED: dict[str, ONNXProgram] = {}


class Graph(NamedTuple):
    """What a model computes, as an optimised ModelProto."""

    proto: Any
    reused: bool
    """Whether it was traced for another model, of other weights."""


def build_graph(model: nn.Module, pixels: PixelSpec, *, anew: bool = False) -> Graph:
    """The graph of a model in evaluation mode; RunError where it has none.

    A network is known by the classes of its modules, by all that they hold and by the shapes of
    their weights. What else its code may look at is not: whoever is given a reused graph compares
    its answers, and has it traced `anew` where they differ.
    """
    key = _identify(model, pixels)
    reused = key in _TRACED and not anew
    if not reused:
        while len(_TRACED) >= MOST:
            del _TRACED[next(iter(_TRACED))]
        _TRACED[key] = _trace(model, pixels)
    # a copy, of a new one too, so that the names of its nodes do not tell what was traced before
    program = ONNXProgram(_TRACED[key].model.clone(), None)
    _put_weights(program, _list_tensors(model))
    with _quiet():
        program.optimize()
    return Graph(program.model_proto, reused)


def _trace(model: nn.Module, pixels: PixelSpec) -> ONNXProgram:
    example = torch.zeros(2, pixels.channels, pixels.height, pixels.width, dtype=torch.uint8)
    try:
        with _quiet():
            program = torch.onnx.export(
                model, (example,), dynamo=True, opset_version=OPSET, verbose=False, optimize=False,
                input_names=["pixels"], output_names=["logits"],
                dynamic_shapes={"pixels": {0: torch.export.Dim("batch")}},
            )  # fmt: skip
    except torch.onnx.errors.OnnxExporterError as error:
        lines = str(error.__cause__ or error).splitlines() or [type(error).__name__]
        raise RunError(f"can't be exported to ONNX: {lines[0]}") from error
    assert program is not None
    empty = {name: tensor.to("meta") for name, tensor in _list_tensors(model).items()}
    _put_weights(program, empty)  # what is kept holds nobody's memory
    return program


def _put_weights(program: ONNXProgram, tensors: dict[str, torch.Tensor]) -> None:
    wanted = program.model.graph.initializers
    program.apply_weights({name: each for name, each in tensors.items() if name in wanted})


def _list_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    parameters = model.named_parameters(remove_duplicate=False)
    tensors = {**dict(parameters), **dict(model.named_buffers(remove_duplicate=False))}
    return {name: tensor.detach() for name, tensor in tensors.items()}


def _identify(model: nn.Module, pixels: PixelSpec) -> str:
    """Equal for networks whose graphs differ in nothing but their weights, and for no others; of
    its own each time for one that holds what can't be written down."""
    weights = {"_parameters", "_buffers", "_modules"}
    modules = [
        (name, type(module), {k: v for k, v in vars(module).items() if k not in weights})
        for name, module in model.named_modules()
    ]
    shapes = [(name, each.shape, each.dtype) for name, each in _list_tensors(model).items()]
    size = pixels.channels, pixels.height, pixels.width
    try:
        return hashlib.sha256(pickle.dumps((size, modules, shapes))).hexdigest()
    except Exception:  # noqa: BLE001 - whatever the network's own objects raise when they are pickled
        return uuid.uuid4().hex


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter prints and warns of its own inner workings."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.fx")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), Path(os.devnull).open("w") as sink:
            warnings.simplefilter("ignore")
            with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
                yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)

"""What an ONNX file says without its weights: nodes, names, shapes, and where weights stand."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field


class External(Struct, frozen=True):
    """A piece of another file that holds a tensor's bytes.

    location: relative to the model's folder, as the file says it. size_bytes: as stated, else by
    the tensor's shape.
    """

    tensor: str
    location: str
    offset: int = 0
    size_bytes: int = 0


class TensorOutline(Struct, frozen=True):
    """A constant tensor; dtype: a number of `TensorProto.DataType`. values: of small integer ones
    that stand in the file itself, else None."""

    name: str
    dtype: int
    dims: tuple[int, ...]
    values: tuple[int, ...] | None = None
    external: tuple[External, ...] = ()


class ValueOutline(Struct, frozen=True):
    """An input or output of a graph: None for what is not a tensor or not stated, and a name where
    a dimension has one."""

    name: str
    dtype: int | None = None
    dims: tuple[int | str | None, ...] | None = None


class NodeOutline(Struct, frozen=True):
    """One operator. attributes: an int, a float, bytes, an outline, or a tuple of those."""

    op_type: str
    domain: str = ""
    name: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


class GraphOutline(Struct, frozen=True):
    """A graph, or the body of a function (which has no shapes and no initializers)."""

    name: str = ""
    domain: str = ""
    nodes: tuple[NodeOutline, ...] = ()
    inputs: tuple[ValueOutline, ...] = ()
    outputs: tuple[ValueOutline, ...] = ()
    initializers: tuple[TensorOutline, ...] = ()

    def walk(self) -> Iterator[GraphOutline]:
        """This graph and all that are nested in its nodes."""
        yield self
        for node in self.nodes:
            for value in node.attributes.values():
                for part in value if isinstance(value, tuple) else (value,):
                    if isinstance(part, GraphOutline):
                        yield from part.walk()

    def tensors(self) -> Iterator[TensorOutline]:
        """Every constant tensor of this graph alone: initializers, and those in attributes."""
        yield from self.initializers
        for node in self.nodes:
            for value in node.attributes.values():
                for part in value if isinstance(value, tuple) else (value,):
                    if isinstance(part, TensorOutline):
                        yield part


class Outline(Struct, frozen=True):
    """What an ONNX file says. graphs: the main one first, then those of training and functions."""

    ir_version: int
    producer: str
    opsets: Mapping[str, int]
    metadata: Mapping[str, str]
    graph: GraphOutline
    functions: tuple[GraphOutline, ...] = ()
    training: tuple[GraphOutline, ...] = ()

    def graphs(self) -> Iterator[GraphOutline]:
        """The main graph, those nested in it, and those of functions and training."""
        for graph in (self.graph, *self.functions, *self.training):
            yield from graph.walk()

    def externals(self) -> tuple[External, ...]:
        """Every piece of another file that the model refers to, in the order of the file."""
        found: list[External] = []
        for graph in self.graphs():
            found += [piece for tensor in graph.tensors() for piece in tensor.external]
            found += [piece for node in graph.nodes if (piece := _context_file(node)) is not None]
        return tuple(dict.fromkeys(found))


def _context_file(node: NodeOutline) -> External | None:
    """The file of a compiled model that a node of ONNX Runtime's `EPContext` names."""
    location = node.attributes.get("ep_cache_context")
    if node.op_type != "EPContext" or not isinstance(location, bytes):
        return None
    return (
        None if node.attributes.get("embed_mode", 1) else External(node.name, os.fsdecode(location))
    )

"""What a graph says of itself before it is run: what mixes the images of a batch, what ends it.

A list of operators proves nothing where it is silent: a model is asked as well. What it names is
where to look.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from covidreport.inference.ending import read_ending
from covidreport.storage.outline import GraphOutline, NodeOutline, Outline
from covidreport.storage.wire import read_outline

_HALF: Final = (10, 16)
"""float16 and bfloat16 among `TensorProto.DataType`."""
DYNAMIC: Final = frozenset(
    {"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"}
)
"""One scale for the whole tensor, found from its values: those of all images of the batch."""
_ALONG: Final[Mapping[str, int | None]] = {
    "ArgMax": 0, "ArgMin": 0, "Compress": None, "Hardmax": -1, "LayerNormalization": -1,
    "LogSoftmax": -1, "LpNormalization": -1, "RMSNormalization": -1, "Softmax": -1, "TopK": -1,
    "Unique": None,
}  # fmt: skip
"""Operators that work along the axis `axis`, and which that is where it is not said; None: all."""
_NO_PARAMETERS: Final = (7, 8, 9)
"""int64, string and bool among `TensorProto.DataType`: shapes, indices and words, never weights."""
_WHOLE_NUMBERS: Final = ("QLinear", "QGemm", "QAttention", "ConvInteger", "MatMulInteger")
_WITHOUT_VALUES: Final = frozenset({"Shape", "Size"})
"""What they give depends on how many images there are, never on what these show."""


class Signs(Struct, frozen=True):
    """What a graph shows.

    mixes: operators that make one image's score depend on the others, whatever the values;
    may_mix: those that do where the first axis of what they read is the batch. Each with its
    number, such as `2 ReduceMean`. half: whether a weight is stored in 16 bits. quantised: whether
    it computes in whole numbers of 8 bits. ending: of `read_ending`. parameters: how many numbers
    stand in its constant tensors of one dimension or more, None where the file says nothing.
    """

    mixes: tuple[str, ...] = ()
    may_mix: tuple[str, ...] = ()
    half: bool = False
    quantised: bool = False
    ending: tuple[str, ...] = ()
    parameters: int | None = None


NO_SIGNS: Final = Signs()


def read_signs(path: Path, output: str) -> Signs:
    """The signs of an ONNX file; none where it can't be read as one (it may be ONNX Runtime's own).

    output: the one whose values are scores.
    """
    try:
        outline = read_outline(path)
    except (OSError, ValueError):
        return NO_SIGNS
    return find_signs(outline, output)


def find_signs(outline: Outline, output: str) -> Signs:
    """The signs of an outline."""
    nodes = tuple(_downstream(outline))
    constants = _constants(outline)
    opset = max(outline.opsets.get("", 0), outline.opsets.get("ai.onnx", 0))
    sure = [each for each in nodes if _mixes(each, opset)]
    maybe = [each for each in nodes if not _mixes(each, opset) and _may_mix(each, constants)]
    return Signs(
        mixes=_count(sure),
        may_mix=_count(maybe),
        half=any(tensor.dtype in _HALF for g in outline.graphs() for tensor in g.tensors()),
        quantised=any(_is_quantised(node) for g in outline.graphs() for node in g.nodes),
        ending=read_ending(outline, output),
        parameters=count_parameters(outline),
    )


def count_parameters(outline: Outline) -> int:
    """The numbers in weights, biases and statistics, as exported: a batch normalisation that was
    folded into the convolution before it has none of its own."""
    tensors = (tensor for graph in outline.graphs() for tensor in graph.tensors())
    return sum(
        math.prod(tensor.dims)
        for tensor in tensors
        if tensor.dims and tensor.dtype not in _NO_PARAMETERS
    )


def _is_quantised(node: NodeOutline) -> bool:
    """Whether a node computes in whole numbers: `QLinearConv`, `MatMulInteger`, `QGemm`, …"""
    return "Quantize" in node.op_type or node.op_type.startswith(_WHOLE_NUMBERS)


def _count(nodes: Iterable[NodeOutline]) -> tuple[str, ...]:
    counts = Counter(node.op_type for node in nodes)
    return tuple(f"{counts[name]} {name}" for name in sorted(counts))


def _downstream(outline: Outline) -> Iterator[NodeOutline]:
    """The nodes that values of the images reach, those of called functions and bodies among them.

    A function or a body counts whole where one of its inputs is reached.
    """
    functions = {(each.domain, each.name): each for each in outline.functions}
    constant = {tensor.name for tensor in outline.graph.initializers}
    reached = {value.name for value in outline.graph.inputs} - constant
    entered: dict[int, GraphOutline] = {}
    for node in outline.graph.nodes:
        inside = [each for body in _bodies(node) for each in body.nodes]
        read = {*node.inputs, *(name for each in inside for name in each.inputs)}
        if node.op_type in _WITHOUT_VALUES or reached.isdisjoint(read):
            continue
        reached |= {name for name in node.outputs if name}
        yield node
        left = _entered(node, functions)
        while left:
            graph = left.pop()
            if id(graph) not in entered:
                entered[id(graph)] = graph
                yield from graph.nodes
                left += [each for inner in graph.nodes for each in _entered(inner, functions)]


def _entered(
    node: NodeOutline, functions: Mapping[tuple[str, str], GraphOutline]
) -> list[GraphOutline]:
    """The bodies of a node, and the function that it calls."""
    called = functions.get((node.domain, node.op_type))
    return [*_bodies(node), *([called] if called else [])]


def _bodies(node: NodeOutline) -> list[GraphOutline]:
    """The graphs in a node's attributes, with those nested in them."""
    parts = [p for v in node.attributes.values() for p in (v if isinstance(v, tuple) else (v,))]
    return [graph for part in parts if isinstance(part, GraphOutline) for graph in part.walk()]


def _constants(outline: Outline) -> Mapping[str, tuple[int, ...]]:
    """The values of small integer constants by name, whichever graph they stand in."""
    found: dict[str, tuple[int, ...]] = {}
    for graph in outline.graphs():
        for tensor in graph.initializers:
            if tensor.values is not None:
                found[tensor.name] = tensor.values
        for node in graph.nodes:
            if node.op_type == "Constant" and node.outputs:
                values = _constant_of(node)
                if values is not None:
                    found[node.outputs[0]] = values
    return found


def _constant_of(node: NodeOutline) -> tuple[int, ...] | None:
    for value in node.attributes.values():
        values = getattr(value, "values", None)
        if isinstance(values, tuple):
            return values
        if isinstance(value, int):
            return (value,)
        if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
            return value
    return None


def _mixes(node: NodeOutline, opset: int) -> bool:
    """Whether a node mixes the images of a batch for certain."""
    if node.op_type in DYNAMIC:
        return True
    if node.op_type == "BatchNormalization":
        if opset >= 14:
            return bool(node.attributes.get("training_mode", 0))
        if opset >= 7:
            return sum(1 for name in node.outputs if name) > 1
        return not node.attributes.get("is_test", 0)
    if node.op_type == "MeanVarianceNormalization":
        return 0 in _integers(node.attributes.get("axes", (0, 2, 3)))
    return False


def _may_mix(node: NodeOutline, constants: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a node works along the first axis of what it reads, or may do so."""
    kind = node.op_type
    if kind.startswith("Reduce"):
        axes = _axes(node, constants)
        return bool({0, -4} & {*axes}) or (
            not axes and not node.attributes.get("noop_with_empty_axes")
        )
    if kind == "CumSum":
        return 0 in constants.get(node.inputs[1] if len(node.inputs) > 1 else "", (0,))
    if kind == "Einsum":
        return _drops_first(node.attributes.get("equation", b""))
    return kind in _ALONG and node.attributes.get("axis", _ALONG[kind]) in (0, None)


def _axes(node: NodeOutline, constants: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The axes of a reduction; empty where all, or where they are computed."""
    if "axes" in node.attributes:
        return _integers(node.attributes["axes"])
    if len(node.inputs) > 1 and node.inputs[1]:
        return constants.get(node.inputs[1], ())
    return ()


def _integers(value: Any) -> tuple[int, ...]:
    parts = value if isinstance(value, tuple) else (value,)
    return tuple(part for part in parts if isinstance(part, int))


def _drops_first(equation: object) -> bool:
    """Whether an equation sums over the first axis of its first operand."""
    text = equation.decode(errors="replace").replace(" ", "") if isinstance(equation, bytes) else ""
    given, arrow, kept = text.partition("->")
    return bool(arrow and given[:1].isalpha() and given[0] not in kept)

"""The activations that a graph ends in, read from its last nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from covidreport.storage.outline import GraphOutline, NodeOutline, Outline

_NAMES: Final[Mapping[str, str]] = {
    "Softmax": "Softmax", "QLinearSoftmax": "Softmax", "LogSoftmax": "LogSoftmax",
    "Sigmoid": "Sigmoid", "QLinearSigmoid": "Sigmoid", "HardSigmoid": "Sigmoid",
}  # fmt: skip
_PASSING: Final = frozenset({
    "Cast", "CastLike", "Clip", "Concat", "DequantizeLinear", "Dropout", "Flatten", "Gather",
    "Identity", "QuantizeLinear", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
})  # fmt: skip
"""What leaves values as they are, but for rounding and their places; of several inputs the first is
followed."""

_Makers = Mapping[str, NodeOutline]
"""Nodes by the names of what they give."""


def read_ending(outline: Outline, output: str) -> tuple[str, ...]:
    """The activations before an output, the last first: `Softmax`, `LogSoftmax` or `Sigmoid`.

    `("Sigmoid", "Softmax")` is a sigmoid of a softmax. They are seen through what changes no value,
    in functions of the model, and where they are written out: `exp(x) / sum(exp(x))`,
    `1 / (1 + exp(-x))`, `log(softmax(x))`.
    """
    functions = {(each.domain, each.name): each for each in outline.functions}
    return _Walk(outline.graph, functions).follow(output)[0]


class _Walk(Struct, frozen=True):
    """One graph or the body of a function, walked backwards."""

    graph: GraphOutline
    functions: Mapping[tuple[str, str], GraphOutline]

    def follow(self, name: str) -> tuple[tuple[str, ...], str]:
        """The activations before a value, and the value that is no activation's."""
        readers = [node for node in self.graph.nodes if node.inputs]
        makers = {out: node for node in readers for out in node.outputs if out}
        found: list[str] = []
        for _ in range(len(makers)):  # a graph that is no graph may go round in circles
            node = makers.get(name)
            if node is None:
                break
            function = self.functions.get((node.domain, node.op_type))
            if function is not None:
                inner, left = self._enter(function, node, name)
                found += inner
                if left is None:
                    break
                name = left
                continue
            step = _read_step(node, makers)
            if step is None:
                break
            kind, name = step
            found += [kind] if kind else []
        return tuple(found), name

    def _enter(
        self, function: GraphOutline, node: NodeOutline, name: str
    ) -> tuple[tuple[str, ...], str | None]:
        """The activations in a function that gives `name`; the value that they are taken of, None
        where they are not taken of what the function is called with."""
        index = node.outputs.index(name)
        if index >= len(function.outputs):
            return (), None
        others = {key: each for key, each in self.functions.items() if each is not function}
        found, left = _Walk(function, others).follow(function.outputs[index].name)
        given = dict(zip((each.name for each in function.inputs), node.inputs, strict=False))
        return found, given.get(left)


def _read_step(node: NodeOutline, makers: _Makers) -> tuple[str, str] | None:
    """The activation that a node is (empty for none) and the value before it; None: neither."""
    kind = node.op_type
    first, second = (makers.get(name) for name in (*node.inputs[:2], "")[:2])
    if kind in _NAMES:
        return _NAMES[kind], node.inputs[0]
    if kind in _PASSING:
        return "", node.inputs[0]
    if kind == "Log" and first is not None and first.op_type == "Softmax":
        return "LogSoftmax", first.inputs[0]
    if kind == "Reciprocal" and first is not None:
        return _read_logistic(first, makers)
    if kind == "Div" and second is not None:
        whole = second.op_type == "ReduceSum" and second.inputs[:1] == node.inputs[:1]
        if whole and first is not None and first.op_type == "Exp":
            return "Softmax", first.inputs[0]
        return _read_logistic(second, makers)
    return None


def _read_logistic(below: NodeOutline, makers: _Makers) -> tuple[str, str] | None:
    """A sigmoid and what it is taken of, where it is divided by `1 + exp(-x)`."""
    powers = [makers[name] for name in below.inputs if name in makers]
    for power in powers if below.op_type == "Add" else ():
        inner = makers.get(power.inputs[0]) if power.op_type == "Exp" else None
        if inner is not None and inner.op_type == "Neg":
            return "Sigmoid", inner.inputs[0]
    return None

"""Which provider took which nodes of a model, and whether heavy ones were left on the CPU."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from covidreport.inference.runtime import ort

HEAVY = frozenset({
    "Attention", "BatchNormalization", "Conv", "ConvTranspose", "Einsum", "FusedConv", "FusedGemm",
    "FusedMatMul", "GRU", "Gemm", "GroupQueryAttention", "InstanceNormalization", "LSTM",
    "LayerNormalization", "MatMul", "MatMulInteger", "MultiHeadAttention", "NhwcConv",
    "QLinearConv", "QLinearMatMul", "RNN", "Resize", "Softmax",
})  # fmt: skip
"""Operators that cost; shape arithmetic on the CPU is meant to be there."""


class Placement(Struct, frozen=True):
    """How many nodes each provider took, and those among the CPU's that cost, by operator."""

    nodes: tuple[tuple[str, int], ...]
    heavy_on_cpu: tuple[tuple[str, int], ...]


def read_placement(inner: ort.InferenceSession) -> Placement:
    """Where the nodes of an opened model run; it must have been opened with recording on."""
    taken = [
        (group.ep_name, node.op_type)
        for group in inner.get_provider_graph_assignment_info()
        for node in group.get_nodes()
    ]
    heavy = Counter(op for name, op in taken if name == "CPUExecutionProvider" and op in HEAVY)
    return Placement(
        nodes=tuple(sorted(Counter(name for name, _ in taken).items())),
        heavy_on_cpu=tuple(sorted(heavy.items())),
    )

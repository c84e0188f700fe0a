"""ONNX models put into one graph, with what makes one answer of theirs.

Only operators that mean the same in every operator set are added, so that none has to be known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.errors import RunError
from covidreport.metrics.combined import LEAST, CombinedBy, Layer
from covidreport.records import InputSpec

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

PIXELS: Final = "pixels"
SCORES: Final = "scores"
LARGEST_BYTES: Final = 2**30
"""Weights of more stand in a file of their own: a graph can't hold 2 GiB."""
OLDEST: Final = 8
"""The operator set since which the largest of several is taken over sides that differ."""


class Part(Struct, frozen=True):
    """A model that is put into another one. columns: the output column of each label."""

    name: str
    file: Path
    spec: InputSpec
    columns: tuple[int, ...]


class Graph:
    """A graph under construction: nodes and constants, each with a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, kind: str, *given: str, name: str = "", **attributes: Any) -> str:
        """A node; the name of what it gives."""
        from onnx import helper

        out = name or f"combined/{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(given), [out], name=out, **attributes))
        return out

    def keep(self, values: NDArray[Any]) -> str:
        """The name of a constant."""
        from onnx import numpy_helper

        name = f"combined/constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def float(self, values: Sequence[float] | float) -> str:
        """The name of a constant of float32."""
        return self.keep(np.asarray(values, np.float32))


def write_combined(
    path: Path,
    parts: Sequence[Part],
    by: CombinedBy,
    thresholds: Sequence[Sequence[float]],
    metadata: Mapping[str, str],
) -> None:
    """Write several models as one; thresholds: probabilities of each label, a row a part.

    It gives logits, but the mean of several softmax, which is that of their probabilities.
    RunError where the models can't stand in one graph, or where the package onnx is missing.
    """
    graph = Graph()
    scores = [_take_scores(graph, i, part) for i, part in enumerate(parts)]
    if by == "mean" and metadata["covidreport.activation"] == '"softmax"':
        total = graph.add("Sum", *scores)
        graph.add("Div", total, graph.float(len(parts)), name=SCORES)
    else:
        logits = [
            _as_logits(graph, each, part.spec) for each, part in zip(scores, parts, strict=True)
        ]
        graph.add("Identity", _combine(graph, logits, by, thresholds), name=SCORES)
    _write(path, graph, parts, metadata)


def write_scaled(path: Path, part: Part, layer: Layer, metadata: Mapping[str, str]) -> None:
    """Write a model with a layer behind it, which gives logits: of a softmax those of a softmax.

    RunError as `write_combined`.
    """
    graph = Graph()
    scores = _take_outputs(graph, 0, part)
    if part.spec.activation == "softmax":
        logits = graph.add("Log", graph.add("Max", scores, graph.float(LEAST)))
    elif part.spec.activation == "softmax-logit":
        logits = scores
    else:
        logits = _as_logits(graph, scores, part.spec)
    scaled = graph.add("Mul", logits, graph.float(layer.scales))
    graph.add("Add", scaled, graph.float(layer.offsets), name=SCORES)
    _write(path, graph, (part,), metadata)


def _take_outputs(graph: Graph, i: int, part: Part) -> str:
    """All that a part gives, `(N, C)` in float32."""
    from onnx import TensorProto

    graph.add("Identity", PIXELS, name=f"{_prefix(i)}{part.spec.input_name}")
    wide = graph.add("Cast", f"{_prefix(i)}{part.spec.output_name}", to=TensorProto.FLOAT)
    shape = graph.keep(np.array([-1, part.spec.n_outputs], np.int64))
    return graph.add("Reshape", wide, shape)  # some give (N, C, 1, 1)


def _take_scores(graph: Graph, i: int, part: Part) -> str:
    """Its scores `(N, K)`: the columns in the order of the labels, of a softmax probabilities."""
    scores = _take_outputs(graph, i, part)
    if part.spec.activation == "softmax-logit":
        scores = graph.add("Softmax", scores, axis=1)
    if part.columns == tuple(range(part.spec.n_outputs)):
        return scores
    return graph.add("Gather", scores, graph.keep(np.array(part.columns, np.int64)), axis=1)


def _prefix(i: int) -> str:
    return f"part{i + 1}/"


def _as_logits(graph: Graph, scores: str, spec: InputSpec) -> str:
    if spec.activation == "logit":
        return scores
    low = graph.add("Max", scores, graph.float(LEAST))
    inside = graph.add("Min", low, graph.float(1 - LEAST))
    against = graph.add("Sub", graph.float(1.0), inside)
    return graph.add("Sub", graph.add("Log", inside), graph.add("Log", against))


def _combine(
    graph: Graph, logits: Sequence[str], by: CombinedBy, thresholds: Sequence[Sequence[float]]
) -> str:
    """As `covidreport.metrics.combined.combine_logits`."""
    if by == "mean":
        positive = [
            graph.add("Neg", graph.add("Softplus", graph.add("Neg", each))) for each in logits
        ]
        negative = [graph.add("Neg", graph.add("Softplus", each)) for each in logits]
        return graph.add("Sub", _sum_of_powers(graph, positive), _sum_of_powers(graph, negative))
    moved = []
    for each, row in zip(logits, thresholds, strict=True):
        probabilities = np.asarray(row, np.float64)
        at = np.log(probabilities) - np.log1p(-probabilities)
        moved.append(graph.add("Sub", each, graph.keep(at.astype(np.float32))))
    if by == "either":
        return graph.add("Max", *moved)
    first, second, third = moved
    low, high = graph.add("Min", first, second), graph.add("Max", first, second)
    return graph.add("Max", low, graph.add("Min", high, third))


def _sum_of_powers(graph: Graph, logs: Sequence[str]) -> str:
    """The logarithm of a sum of numbers that are given by theirs."""
    total = logs[0]
    for each in logs[1:]:
        more = graph.add("Softplus", graph.add("Sub", each, total))
        total = graph.add("Add", total, more)
    return total


def _write(path: Path, graph: Graph, parts: Sequence[Part], metadata: Mapping[str, str]) -> None:
    import onnx
    from onnx import helper

    models, versions = align_opsets([_load(part) for part in parts], parts)
    source = next(each for each in models[0].graph.input if each.name == parts[0].spec.input_name)
    pixels = helper.make_tensor_value_info(
        PIXELS,
        source.type.tensor_type.elem_type,
        [
            side.dim_value if side.HasField("dim_value") else side.dim_param or None
            for side in source.type.tensor_type.shape.dim
        ],
    )
    constants, nodes = list(graph.constants), []
    for i, model in enumerate(models):
        prefix_names(model.graph, _prefix(i))
        nodes += list(model.graph.node)
        constants += list(model.graph.initializer)
    taken = [node for node in graph.nodes if node.input[0] == PIXELS]
    rest = [node for node in graph.nodes if node.input[0] != PIXELS]
    n = pixels.type.tensor_type.shape.dim[0]
    scores = helper.make_tensor_value_info(
        SCORES,
        onnx.TensorProto.FLOAT,
        [n.dim_value if n.HasField("dim_value") else n.dim_param or "n", len(parts[0].columns)],
    )
    made = helper.make_graph([*taken, *nodes, *rest], "combined", [pixels], [scores], constants)
    for model in models:
        made.sparse_initializer.extend(model.graph.sparse_initializer)
    combined = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid(*each) for each in versions.items()],
        ir_version=max(4, *(model.ir_version for model in models)),
        producer_name="covidreport",
    )
    helper.set_model_props(combined, dict(metadata))
    large = combined.ByteSize() > LARGEST_BYTES
    onnx.save_model(
        combined, path, save_as_external_data=large, location=f"{path.name}.data" if large else None
    )


def _load(part: Part) -> ModelProto:
    """A model with its weights, and with its own functions written out."""
    from onnx import inliner, load

    try:
        model = load(part.file)
        return inliner.inline_local_functions(model) if len(model.functions) else model
    except Exception as error:
        raise RunError(f"{part.name}: {part.file.name} can't be read ({error})") from error


def import_onnx() -> None:
    """RunError where the package onnx is missing."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise RunError(
            f"combine writes ONNX files, and that needs the package onnx ({error})",
            "pip install 'covidreport[combine]'",
        ) from error


def align_opsets(
    models: Sequence[ModelProto], parts: Sequence[Part]
) -> tuple[list[ModelProto], dict[str, int]]:
    """The models in one operator set each domain, and which: those of an older one converted.

    RunError where one can't be, naming it.
    """
    from onnx import version_converter

    versions = [_read_opsets(model) for model in models]
    newest = {
        domain: max(each.get(domain, 0) for each in versions)
        for domain in dict.fromkeys(name for each in versions for name in each)
    }
    newest[""] = max(newest.get("", OLDEST), OLDEST)
    aligned = []
    for model, part, have in zip(models, parts, versions, strict=True):
        for domain, version in have.items():
            if domain and version != newest[domain]:
                raise RunError(
                    f"{part.name} uses {domain} in version {version} and another run in version "
                    f"{newest[domain]}: export both with one version"
                )
        if have.get("", newest[""]) != newest[""]:
            try:
                model = version_converter.convert_version(model, newest[""])
            except Exception as error:
                raise RunError(
                    f"{part.name} is in operator set {have['']} and can't be converted to "
                    f"{newest['']} ({' '.join(str(error).split())}): export it with opset "
                    f"{newest['']}"
                ) from error
        aligned.append(model)
    return aligned, newest


def _read_opsets(model: ModelProto) -> dict[str, int]:
    return {
        "" if each.domain == "ai.onnx" else each.domain: each.version for each in model.opset_import
    }


def prefix_names(graph: GraphProto, prefix: str) -> None:
    """Put a prefix before every name in a graph, and in the graphs within its nodes.

    onnx's own function passes over initializers that an inner graph takes from the outer one.
    """
    for node in graph.node:
        node.name = prefix + node.name if node.name else ""
        for names in (node.input, node.output):
            names[:] = [prefix + name if name else name for name in names]
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                prefix_names(inner, prefix)
    del graph.value_info[:]
    for each in (*graph.input, *graph.output, *graph.initializer):
        each.name = prefix + each.name
    for sparse in graph.sparse_initializer:
        sparse.values.name = prefix + sparse.values.name

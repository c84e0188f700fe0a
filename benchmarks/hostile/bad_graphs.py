"""Models that load or nearly load, and do not do what a model should."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

from benchmarks.hostile import graphs
from benchmarks.hostile.graphs import (
    CHANNELS,
    LABELS,
    contract,
    make_demo,
    make_loop,
    network,
    save,
)

Case = Callable[[Path], str]
node, info = helper.make_node, helper.make_tensor_value_info
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def _graph(
    nodes: Sequence[Any], wanted: str = "refuse", *, arrays: Mapping[str, Any] | None = None,
    **how: Any,
) -> Case:  # fmt: skip
    """A run folder with this model."""

    def make(run: Path) -> str:
        given = {**graphs.make_weights(), **(arrays or {})}
        (run / "model.onnx").write_bytes(save(nodes, given, **how).SerializeToString())
        return wanted

    return make


def _tail(*tail: Any, wanted: str = "refuse", arrays: Any = None, **how: Any) -> Case:
    """The network with nodes behind it, from `whole` to `logits`."""
    return _graph(network(last="whole", tail=tail), wanted, arrays=arrays, **how)


def _output(kind: int, shape: Sequence[Any] = ("n", 3), name: str = "logits") -> list[Any]:
    return [info(name, kind, list(shape))]


def _raw(change: Callable[[ModelProto], object], wanted: str = "refuse") -> Case:
    """The small network with its message changed."""

    def make(run: Path) -> str:
        model = ModelProto.FromString(make_demo().files["model.onnx"])
        change(model)
        (run / "model.onnx").write_bytes(model.SerializeToString())
        return wanted

    return make


def _replaced(old: bytes, new: bytes, wanted: str = "refuse") -> Case:
    """Bytes of the file set anew, where protobuf itself would not write them."""

    def make(run: Path) -> str:
        data = make_demo().files["model.onnx"]
        assert old in data
        (run / "model.onnx").write_bytes(data.replace(old, new))
        return wanted

    return make


def _endless(run: Path) -> str:
    (run / "model.onnx").write_bytes(make_loop(endless=True).files["model.onnx"])
    return "refuse"


def _slow_constant(run: Path) -> str:
    """The loop does not depend on the picture, so that it may be folded while the file opens."""
    body = helper.make_graph(
        [node("Identity", ["go_in"], ["go_out"]), node("Add", ["s_in", "s_in"], ["s_out"])],
        "body",
        [info("i", INT64, []), info("go_in", TensorProto.BOOL, []), info("s_in", FLOAT, [])],
        [info("go_out", TensorProto.BOOL, []), info("s_out", FLOAT, [])],
    )
    nodes = network(
        last="whole",
        tail=[
            node("Loop", ["trips", "go", "zero"], ["added"], body=body),
            node("Add", ["whole", "added"], ["logits"]),
        ],
    )
    arrays = {
        **graphs.make_weights(), "trips": np.array(2**62, np.int64), "go": np.array(True),
        "zero": np.array(0, np.float32),
    }  # fmt: skip
    (run / "model.onnx").write_bytes(save(nodes, arrays).SerializeToString())
    return "refuse"


def _deep(n: int) -> Sequence[Any]:
    """A chain of `n` nodes."""
    names = ["whole", *(f"step{i}" for i in range(n - 1)), "logits"]
    return [node("Identity", [a], [b]) for a, b in pairwise(names)]


def _nested(depth: int) -> Case:
    """`If` in `If` in `If`."""

    def make(run: Path) -> str:
        inner = helper.make_graph(
            [node("Identity", ["whole"], ["o"])], "g", [], [info("o", FLOAT, None)]
        )
        for i in range(depth):
            step = node("If", ["go"], [f"o{i}"], then_branch=inner, else_branch=inner)
            inner = helper.make_graph([step], f"g{i}", [], [info(f"o{i}", FLOAT, None)])
        nodes = network(last="whole", tail=[node("If", ["go"], ["logits"], then_branch=inner,
                                                 else_branch=inner)])  # fmt: skip
        arrays = {**graphs.make_weights(), "go": np.array(True)}
        (run / "model.onnx").write_bytes(save(nodes, arrays).SerializeToString())
        return "any"

    return make


def _recursive() -> Case:
    """A function that calls itself."""
    call = node("Again", ["x"], ["y"], domain="mine")
    function = helper.make_function(
        "mine", "Again", ["x"], ["y"], [call],
        [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)],
    )  # fmt: skip
    return _tail(
        node("Again", ["whole"], ["logits"], domain="mine"), functions=[function],
        opsets=[helper.make_opsetid("mine", 1)],
    )  # fmt: skip


def _cycle(model: ModelProto) -> None:
    model.graph.node[0].input[0] = "logits"


def _giant_shape(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 2**62


def _giant_tensor(model: ModelProto) -> None:
    tensor = model.graph.initializer[0]
    del tensor.dims[:]
    tensor.dims.extend([2**31, 2**31])


def _negative_tensor(model: ModelProto) -> None:
    model.graph.initializer[0].dims[0] = -4


def _twice(model: ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def _metadata(model: ModelProto) -> None:
    del model.metadata_props[:]


def _pad(model: ModelProto) -> None:
    model.metadata_props.add(key="note", value="x" * 3_000_000)


MORE_INPUT = [
    info("pixels", TensorProto.UINT8, ["n", 1, 8, 8]),
    info("age", FLOAT, ["n", 1]),
]
BIG = np.array([2**16, 2**16], np.int64)

GRAPHS: dict[str, Case] = {
    "a cycle": _raw(_cycle),
    "an input of 2^62 rows": _raw(_giant_shape),
    "a tensor of 2^62 values": _raw(_giant_tensor),
    "a tensor of -4 values": _raw(_negative_tensor),
    "a tensor twice": _raw(_twice, "any"),
    "no graph": _raw(lambda model: model.ClearField("graph")),
    "no nodes": _raw(lambda model: model.graph.ClearField("node")),
    "no contract": _raw(_metadata),
    "3 MB of notes": _raw(_pad, "any"),
    "names that are not UTF-8": _replaced(b"pooled", b"poo\xfe\xff\x80", "any"),
    "an operator that is not UTF-8": _replaced(b"GlobalAveragePool", b"GlobalAverageP\xff\xfe\xfd"),
    "metadata that is not UTF-8": _replaced(b"bilinear", b"bil\xff\xfe\xfdar"),
    "an operator of nobody": _tail(node("Sort3", ["whole"], ["logits"])),
    "an operator of another domain": _tail(
        node("Run", ["whole"], ["logits"], domain="com.evil"),
        opsets=[helper.make_opsetid("com.evil", 1)],
    ),
    "a function that calls itself": _recursive(),
    "an endless Loop": _endless,
    "an endless Loop of constants": _slow_constant,
    "16 GiB asked for in a batch": _tail(
        node("ConstantOfShape", ["big"], ["much"]),
        node("ReduceSum", ["much"], ["sum"], keepdims=0),
        node("Add", ["whole", "sum"], ["logits"]),
        arrays={"big": BIG},
    ),
    "16 GiB by the picture": _tail(
        node("ReduceMax", ["wide"], ["top"], keepdims=0),
        node("Mul", ["top", "nought"], ["none"]),
        node("Cast", ["none"], ["zero"], to=INT64),
        node("Add", ["zero", "big"], ["shape"]),
        node("ConstantOfShape", ["shape"], ["much"]),
        node("ReduceSum", ["much"], ["sum"], keepdims=0),
        node("Add", ["whole", "sum"], ["logits"]),
        arrays={"big": BIG, "nought": np.array(0, np.float32)},
    ),
    "answers of int64": _tail(node("Cast", ["whole"], ["logits"], to=INT64), output=_output(INT64)),
    "answers of bool": _tail(
        node("Cast", ["whole"], ["logits"], to=TensorProto.BOOL), output=_output(TensorProto.BOOL)
    ),
    "answers of text": _tail(
        node("Cast", ["whole"], ["logits"], to=TensorProto.STRING),
        output=_output(TensorProto.STRING),
    ),
    "answers of double": _tail(
        node("Cast", ["whole"], ["logits"], to=TensorProto.DOUBLE),
        wanted="any",
        output=_output(TensorProto.DOUBLE),
    ),
    "answers that are no numbers": _tail(
        node("Mul", ["whole", "nan"], ["logits"]), arrays={"nan": np.array(np.nan, np.float32)}
    ),
    "answers that are infinite": _tail(
        node("Mul", ["whole", "inf"], ["logits"]), arrays={"inf": np.array(np.inf, np.float32)}
    ),
    "answers of another shape": _tail(
        node("ReduceMean", ["whole"], ["logits"], keepdims=1), output=_output(FLOAT, (1, 1))
    ),
    "answers that are a sequence": _tail(
        node("SequenceConstruct", ["whole"], ["logits"]),
        output=[helper.make_tensor_sequence_value_info("logits", FLOAT, None)],
    ),
    "a second input": _graph(network(), source=MORE_INPUT, metadata=contract(input_name="pixels")),
    "two outputs and none named": _graph(
        network(), output=[*_output(FLOAT), *_output(FLOAT, ("n", CHANNELS), "features")]
    ),
    "logits called sigmoid": _graph(network(), metadata=contract(activation="sigmoid")),
    "sigmoid with 1 + 4e-6": _tail(
        node("Sigmoid", ["whole"], ["p"]),
        node("Mul", ["p", "over"], ["logits"]),
        wanted="tell",
        arrays={"over": np.array(1.2, np.float32)},
        metadata=contract(activation="sigmoid"),
    ),
    "softmax called logits": _tail(
        node("Softmax", ["whole"], ["logits"]), wanted="tell", metadata=contract()
    ),
    "softmax taken twice": _tail(
        node("Softmax", ["whole"], ["logits"]),
        wanted="tell",
        metadata=contract(activation="softmax-logit"),
    ),
    "answers by chance": _tail(
        node("RandomNormalLike", ["whole"], ["noise"]),
        node("Add", ["whole", "noise"], ["logits"]),
        wanted="tell",
    ),
    "a label twice in the file": _graph(
        network(), metadata=contract([LABELS[0], LABELS[0], LABELS[1]])
    ),
    "a label with control characters": _graph(
        network(), metadata=contract([*LABELS[:2], "pneu\x1b[31m\nmonia"])
    ),
    "a label too many": _graph(network(), metadata=contract([*LABELS, "mass"])),
    "labels that are no JSON": _graph(
        network(), metadata={**contract(), "covidreport.labels": "covid-19"}
    ),
    "a contract of version 9": _graph(network(), metadata=contract(contract="9")),
    "100,000 nodes in a chain": _tail(*_deep(100_000), wanted="any"),
    "If nested 10 deep": _nested(10),
    "a batch of another size each time": _tail(
        node("Reshape", ["whole", "to"], ["logits"]), arrays={"to": np.array([2, -1], np.int64)}
    ),
}

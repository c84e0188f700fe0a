"""The last activations of a graph are seen, however they are written."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from covidreport.inference.signs import read_signs


def _write(path, nodes, functions=()):
    """A graph of these nodes from `x` to `y`, float `(n, 3)`; the constants `one` and `axis`."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [value("x", TensorProto.FLOAT, ["n", 3])],
        [value("y", TensorProto.FLOAT, ["n", 3])],
        [
            helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
            helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
            helper.make_tensor("shape", TensorProto.INT64, [2], [-1, 3]),
        ],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    model = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def _chain(*kinds):
    """One node after the other, from `x` to `y`."""
    names = ["x", *(f"v{i}" for i in range(len(kinds) - 1)), "y"]
    return [
        helper.make_node(kind, [a, *more], [b], **words)
        for (kind, more, words), a, b in zip(kinds, names[:-1], names[1:], strict=True)
    ]


RELU, SOFTMAX, SIGMOID = ("Relu", [], {}), ("Softmax", [], {}), ("Sigmoid", [], {})
node = helper.make_node


@pytest.mark.parametrize(
    ("nodes", "ending"),
    [
        (_chain(SOFTMAX, RELU), ()),
        (_chain(RELU, SOFTMAX), ("Softmax",)),
        (_chain(RELU, ("LogSoftmax", [], {})), ("LogSoftmax",)),
        (_chain(SOFTMAX, ("Log", [], {})), ("LogSoftmax",)),
        (_chain(SOFTMAX, SIGMOID), ("Sigmoid", "Softmax")),
        (
            _chain(
                SOFTMAX, ("Identity", [], {}), ("Reshape", ["shape"], {}),
                ("Cast", [], {"to": TensorProto.FLOAT}), SOFTMAX,
                ("Flatten", [], {}),
            ),
            ("Softmax", "Softmax"),
        ),
        (
            [
                node("Exp", ["x"], ["e"]),
                node("ReduceSum", ["e", "axis"], ["s"]),
                node("Div", ["e", "s"], ["y"]),
            ],
            ("Softmax",),
        ),
        (
            [
                node("Neg", ["x"], ["n"]),
                node("Exp", ["n"], ["e"]),
                node("Add", ["one", "e"], ["s"]),
                node("Div", ["one", "s"], ["y"]),
            ],
            ("Sigmoid",),
        ),
        (
            [
                node("Split", ["x"], ["a", "b", "c"], axis=1, num_outputs=3),
                *(node("Sigmoid", [name], [f"{name}1"]) for name in "abc"),
                node("Concat", ["a1", "b1", "c1"], ["y"], axis=1),
            ],
            ("Sigmoid",),
        ),
    ],
)  # fmt: skip
def test_the_last_activations_are_read(tmp_path, nodes, ending):
    """Behind casts and shapes, in each column, and written out as its formula."""
    assert read_signs(_write(tmp_path / "m.onnx", nodes), "y").ending == ending


def test_activations_in_functions_are_read(tmp_path):
    """As exporters write them that keep the functions of a library."""
    opset = [helper.make_opsetid("", 18)]
    inner = helper.make_function("own", "aten_softmax", ["a"], ["b"],
                                 [node("Softmax", ["a"], ["b"])], opset)  # fmt: skip
    nodes = [
        node("Sigmoid", ["x"], ["s"]),
        node("aten_softmax", ["s"], ["p"], domain="own"),
        node("Identity", ["p"], ["y"]),
    ]
    path = _write(tmp_path / "m.onnx", nodes, [inner])
    assert read_signs(path, "y").ending == ("Softmax", "Sigmoid")


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x09"])
def test_what_is_no_graph_shows_nothing(tmp_path, content):
    """Opening it says what is wrong."""
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    signs = read_signs(path, "y")
    assert (signs.mixes, signs.may_mix, signs.ending) == ((), (), ())

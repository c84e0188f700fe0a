"""What mixes the images of a batch is read from the graph, where it can be."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from covidreport.inference.signs import read_signs

node = helper.make_node
FLOAT = TensorProto.FLOAT
CONSTANTS = {"first": [0], "second": [1], "all": [], "many": [0, 2, 3], "behind": [2, 3]}


def _write(path, nodes, *, opset=18, functions=(), half=False):
    """A graph of these nodes from `x`, float `(n, 3, 8, 8)`, to `y`."""
    value = helper.make_tensor_value_info
    weights = [
        helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
        for name, values in CONSTANTS.items()
    ]
    weights += [helper.make_tensor(name, FLOAT, [3], [1.0, 2.0, 3.0]) for name in "sbmv"]
    weights.append(helper.make_tensor("zero", TensorProto.INT64, [], [0]))
    if half:
        weights.append(helper.make_tensor("h", TensorProto.FLOAT16, [1], [1.0]))
    graph = helper.make_graph(
        nodes, "g", [value("x", FLOAT, ["n", 3, 8, 8])], [value("y", FLOAT, None)], weights
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    opsets.append(helper.make_opsetid("com.microsoft", 1))
    model = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)
    path.write_bytes(model.SerializeToString())
    assert onnx.load(path).graph.node
    return path


def _norm(outputs, **words):
    return node("BatchNormalization", ["x", *"sbmv"], outputs, **words)


@pytest.mark.parametrize(
    ("nodes", "opset", "mixes"),
    [
        ([node("DynamicQuantizeLinear", ["x"], ["y", "s1", "z1"])], 18, "1 DynamicQuantizeLinear"),
        (
            [node("DynamicQuantizeMatMul", ["x", "s", "b"], ["y"], domain="com.microsoft")],
            18,
            "1 DynamicQuantizeMatMul",
        ),
        ([_norm(["y", "m1", "v1"], training_mode=1)], 18, "1 BatchNormalization"),
        ([_norm(["y"])], 18, None),
        ([_norm(["y"], training_mode=0)], 15, None),
        ([_norm(["y", "m1", "v1"])], 9, "1 BatchNormalization"),
        ([_norm(["y"])], 9, None),
        ([_norm(["y", "", ""])], 9, None),
        ([_norm(["y"], is_test=1)], 6, None),
        ([_norm(["y"], is_test=0)], 6, "1 BatchNormalization"),
        ([node("MeanVarianceNormalization", ["x"], ["y"])], 13, "1 MeanVarianceNormalization"),
        ([node("MeanVarianceNormalization", ["x"], ["y"], axes=[2, 3])], 13, None),
        (  # of a constant alone: no image comes in
            [node("DynamicQuantizeLinear", ["s"], ["q", "s1", "z1"]), node("Relu", ["x"], ["y"])],
            18,
            None,
        ),
    ],
)
def test_what_mixes_for_certain(tmp_path, nodes, opset, mixes):
    """Scales found as the model runs, and statistics of the batch, in each opset's own words."""
    signs = read_signs(_write(tmp_path / "m.onnx", nodes, opset=opset), "y")
    assert signs.mixes == ((mixes,) if mixes else ())


@pytest.mark.parametrize(
    ("nodes", "opset", "may_mix"),
    [
        ([node("ReduceMean", ["x", "first"], ["y"])], 18, "1 ReduceMean"),
        ([node("ReduceMean", ["x", "many"], ["y"])], 18, "1 ReduceMean"),
        ([node("ReduceMean", ["x", "behind"], ["y"])], 18, None),
        ([node("ReduceMax", ["x"], ["y"])], 18, "1 ReduceMax"),
        ([node("ReduceMax", ["x"], ["y"], noop_with_empty_axes=1)], 18, None),
        ([node("ReduceMean", ["x"], ["y"], axes=[0, 1])], 13, "1 ReduceMean"),
        ([node("ReduceMean", ["x"], ["y"], axes=[-4])], 13, "1 ReduceMean"),
        ([node("ReduceMean", ["x"], ["y"], axes=[1])], 13, None),
        ([node("Softmax", ["x"], ["y"], axis=0)], 18, "1 Softmax"),
        ([node("Softmax", ["x"], ["y"])], 18, None),
        ([node("CumSum", ["x", "zero"], ["y"])], 18, "1 CumSum"),
        ([node("CumSum", ["x", "second"], ["y"])], 18, None),
        ([node("TopK", ["x", "second"], ["y", "i"], axis=0)], 18, "1 TopK"),
        ([node("TopK", ["x", "second"], ["y", "i"])], 18, None),
        ([node("Einsum", ["x"], ["y"], equation="nchw->chw")], 18, "1 Einsum"),
        ([node("Einsum", ["x"], ["y"], equation="nchw->nc")], 18, None),
        ([node("LayerNormalization", ["x", "s"], ["y"], axis=0)], 18, "1 LayerNormalization"),
        (  # a product of the sides of a shape: no value of an image is in it
            [
                node("Shape", ["x"], ["sides"]),
                node("ReduceProd", ["sides"], ["n"]),
                node("Reshape", ["x", "n"], ["y"]),
            ],
            13,
            None,
        ),
    ],
)
def test_what_may_mix(tmp_path, nodes, opset, may_mix):
    """Whatever works along the first axis, which is the batch's where nothing moved it."""
    signs = read_signs(_write(tmp_path / "m.onnx", nodes, opset=opset), "y")
    assert signs.may_mix == ((may_mix,) if may_mix else ())
    assert signs.mixes == ()


def test_functions_and_bodies_are_looked_into(tmp_path):
    """A function of the model, and the branch of a condition that reads the image from outside."""
    opset = [helper.make_opsetid("", 18)]
    inner = helper.make_function(
        "own", "quantise", ["a"], ["b"],
        [node("DynamicQuantizeLinear", ["a"], ["b", "s", "z"])], opset,
    )  # fmt: skip
    branch = helper.make_graph(
        [node("DynamicQuantizeLinear", ["x"], ["o", "s2", "z2"])], "branch", [],
        [helper.make_tensor_value_info("o", TensorProto.UINT8, None)],
    )  # fmt: skip
    nodes = [
        node("quantise", ["x"], ["q"], domain="own"),
        node("If", ["flag"], ["y"], then_branch=branch, else_branch=branch),
    ]
    signs = read_signs(_write(tmp_path / "m.onnx", nodes, functions=[inner]), "y")
    assert signs.mixes == ("3 DynamicQuantizeLinear",)


def test_weights_in_sixteen_bits_are_seen(tmp_path):
    """Such a graph rounds as half precision does, wherever it is run."""
    nodes = [node("Relu", ["x"], ["y"])]
    assert read_signs(_write(tmp_path / "h.onnx", nodes, half=True), "y").half
    assert not read_signs(_write(tmp_path / "f.onnx", nodes), "y").half


def test_parameters_are_the_numbers_of_weights(tmp_path):
    """Four tensors of three floats, a half and a constant of four in a node; neither indices nor
    what has no dimension."""
    constant = helper.make_tensor("c", FLOAT, [2, 2], [1.0, 2.0, 3.0, 4.0])
    scalar = helper.make_tensor("e", FLOAT, [], [1.0])
    nodes = [
        node("Constant", [], ["c"], value=constant),
        node("Constant", [], ["e"], value=scalar),
        node("Mul", ["x", "e"], ["y"]),
    ]
    path = _write(tmp_path / "model.onnx", nodes, half=True)
    assert read_signs(path, "y").parameters == 4 * 3 + 1 + 4


def test_a_file_that_says_nothing_has_no_number_of_parameters(tmp_path):
    """Such as one of ONNX Runtime's own format."""
    path = tmp_path / "model.ort"
    path.write_bytes(b"\x00\x00\x00\x00ORTM")
    assert read_signs(path, "y").parameters is None

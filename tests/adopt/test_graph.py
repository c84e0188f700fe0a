"""What a graph shows before it is run: whether it scales its input itself."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from covidreport.adopt.graph import find_scaling, open_outline, read_ultralytics
from covidreport.errors import RunError


def _write(path, *operators):
    names = ["x", *(f"v{i}" for i in range(len(operators)))]
    nodes = [
        helper.make_node(kind, [a, "by"] if kind in ("Mul", "Sub", "MatMul") else [a], [b])
        for kind, a, b in zip(operators, names[:-1], names[1:], strict=True)
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [value("x", TensorProto.FLOAT, [1, 1, 1, 1])],
        [value(names[-1], TensorProto.FLOAT, [1, 1, 1, 1])],
        [helper.make_tensor("by", TensorProto.FLOAT, [1, 1, 1, 1], [2.0])],
    )  # fmt: skip
    onnx.save(helper.make_model(graph), path)
    return open_outline(path)


@pytest.mark.parametrize(
    ("operators", "scaling"),
    [(("Mul", "Relu"), "Mul"), (("Transpose", "Sub"), "Sub"), (("Relu", "Mul"), None),
     (("MatMul",), None)],
)  # fmt: skip
def test_a_graph_that_begins_with_a_factor_may_scale_its_input(tmp_path, operators, scaling):
    """Seen through what changes no value."""
    assert find_scaling(_write(tmp_path / "m.onnx", *operators), "x") == scaling


def test_metadata_that_is_no_literal_is_passed_over():
    """It is read as data, and nothing in it is run."""
    words = read_ultralytics({"task": "classify", "names": "__import__('os')", "imgsz": "[8, 8]"})
    assert "labels" not in words
    mixed = {"task": "classify", "names": "{0: 'a', 'b': 'c'}", "imgsz": "x" * 9}
    assert "labels" not in read_ultralytics(mixed)
    assert read_ultralytics({"task": "detect", "names": "{0: 'a'}"}) == {}


def test_what_is_no_onnx_file_is_told(tmp_path):
    """With its path."""
    (tmp_path / "m.onnx").write_bytes(b"")
    with pytest.raises(RunError, match="is no ONNX file that can be read: it is empty"):
        open_outline(tmp_path / "m.onnx")

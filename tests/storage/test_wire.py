"""The reader of ONNX's wire format, held against the package onnx."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

from covidreport.storage.outline import External
from covidreport.storage.wire import ELEMENT_BITS, read_metadata, read_outline
from tests.onnx_models import write_brightness_model

SHIPPED = sorted((Path(onnx.__file__).parent / "backend/test/data").glob("*/*/model.onnx"))


def _list_external(proto) -> set[tuple[str, str, int, int]]:
    """Every external reference of a message and of all within it, by walking protobuf's own."""
    found = set()
    if isinstance(proto, onnx.TensorProto) and proto.data_location == TensorProto.EXTERNAL:
        facts = {entry.key: entry.value for entry in proto.external_data}
        size = math.prod(proto.dims) * helper.tensor_dtype_to_np_dtype(proto.data_type).itemsize
        piece = (int(facts.get("offset", 0)), int(facts.get("length", size)))
        found.add((proto.name, facts["location"], *piece))
    for descriptor, value in proto.ListFields():
        if descriptor.type == descriptor.TYPE_MESSAGE:
            repeated = isinstance(value, list) or hasattr(value, "add")
            for part in value if repeated else [value]:
                found |= _list_external(part)
    return found


def _shape(value) -> tuple[object, ...] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(
        side.dim_value if side.HasField("dim_value") else side.dim_param or None
        for side in tensor.shape.dim
    )


def assert_same(path: Path) -> None:
    """Nodes, tensors, inputs, outputs, metadata and external references agree with onnx.load."""
    wanted = onnx.load(path, load_external_data=False)
    given = read_outline(path)
    assert given.ir_version == wanted.ir_version
    assert given.opsets == {entry.domain: entry.version for entry in wanted.opset_import}
    assert given.metadata == {entry.key: entry.value for entry in wanted.metadata_props}
    assert [(n.op_type, n.domain, n.inputs, n.outputs) for n in given.graph.nodes] == [
        (n.op_type, n.domain, tuple(n.input), tuple(n.output)) for n in wanted.graph.node
    ]
    for ours, theirs in zip(given.graph.nodes, wanted.graph.node, strict=True):
        assert set(ours.attributes) == {each.name for each in theirs.attribute}
        for each in theirs.attribute:
            if each.type in (onnx.AttributeProto.INT, onnx.AttributeProto.STRING):
                assert ours.attributes[each.name] == helper.get_attribute_value(each)
            elif each.type == onnx.AttributeProto.INTS and each.ints:
                assert ours.attributes[each.name] == tuple(each.ints)
    dense = list(given.graph.initializers[: len(wanted.graph.initializer)])
    assert [(t.name, t.dtype, t.dims) for t in dense] == [
        (t.name, t.data_type, tuple(t.dims)) for t in wanted.graph.initializer
    ]
    for tensor, proto in zip(dense, wanted.graph.initializer, strict=True):
        if tensor.values is not None:
            assert list(tensor.values) == numpy_helper.to_array(proto).ravel().tolist()
    for side in ("input", "output"):
        assert [(v.name, v.dims) for v in getattr(given.graph, f"{side}s") if v.dtype] == [
            (v.name, _shape(v)) for v in getattr(wanted.graph, side) if v.type.tensor_type.elem_type
        ]
    assert {(e.tensor, e.location, e.offset, e.size_bytes) for e in given.externals()} == (
        _list_external(wanted)
    )


def test_every_model_that_onnx_ships_reads_as_onnx_reads_it():
    """Networks as PyTorch exported them years ago."""
    assert len(SHIPPED) > 100
    for path in SHIPPED:
        assert_same(path)


def _leave_empty(padded, x_shape: Sequence[int], kernel, strides, out_shape, *_, **__):
    """What a pooling gives, but its values, which stand in no graph; the package takes ten seconds
    to find them, point by point."""
    return np.zeros([*x_shape[:2], *out_shape], padded.dtype)


def test_every_example_of_an_operator_reads_as_onnx_reads_it(tmp_path, monkeypatch):
    """Thousands of graphs: control flow, functions, sparse and quantised tensors among them."""
    monkeypatch.setattr("onnx.reference.ops.op_pool_common.pool", _leave_empty)
    # nor are the examples documented here
    monkeypatch.setattr("onnx.backend.test.case.base.process_snippet", lambda *_: ("", ""))
    path = tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package's own examples
        cases = collect_testcases(None)
    assert len(cases) > 1500
    for case in cases:
        path.write_bytes(case.model.SerializeToString())
        assert_same(path)


def _external(name: str, location: str, **facts) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **facts}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def _graph(name: str, tensor: onnx.TensorProto, nodes=()) -> onnx.GraphProto:
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    return helper.make_graph(list(nodes), name, [], [value], initializer=[tensor])


def test_a_reference_is_found_wherever_a_file_may_hold_one(tmp_path):
    """Initializers, sparse ones, attributes, nested graphs, functions and training."""
    inner = _graph("then", _external("b", "b.bin"))
    nodes = [
        helper.make_node("Constant", [], ["c"], value=_external("c", "c.bin", offset=8)),
        helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner),
    ]
    graph = _graph("main", _external("a", "a.bin", offset=4096, length=8), nodes)
    sparse = graph.sparse_initializer.add()
    sparse.values.CopyFrom(_external("d", "d.bin"))
    sparse.indices.CopyFrom(_external("e", "e.bin"))
    body = helper.make_node("Constant", [], ["y"], value=_external("f", "f.bin"))
    function = helper.make_function("own", "F", [], ["y"], [body], [helper.make_opsetid("", 18)])
    default = function.attribute_proto.add(name="w", type=onnx.AttributeProto.TENSOR)
    default.t.CopyFrom(_external("g", "g.bin"))
    model = helper.make_model(graph, functions=[function])
    model.training_info.add().algorithm.CopyFrom(_graph("train", _external("h", "h.bin")))
    many = model.graph.node.add(op_type="Own")
    lists = many.attribute.add(name="several", type=onnx.AttributeProto.TENSORS)
    lists.tensors.extend([_external("i", "i.bin"), _external("j", "j.bin")])
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    assert [e.location for e in sorted(read_outline(path).externals(), key=lambda e: e.tensor)] == [
        f"{letter}.bin" for letter in "abcdefghij"
    ]
    assert read_outline(path).externals()[0] == External("a", "a.bin", 4096, 8)
    assert_same(path)


def test_a_field_that_stands_twice_is_merged_as_protobuf_merges_it(tmp_path):
    """A second graph in the same file hides nothing of the first."""
    first = helper.make_model(_graph("one", _external("a", "a.bin"))).SerializeToString()
    second = helper.make_model(_graph("two", _external("b", "b.bin"))).SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(first + second)
    assert [each.location for each in read_outline(path).externals()] == ["a.bin", "b.bin"]
    assert_same(path)


def test_a_tensor_that_names_two_files_gives_both(tmp_path):
    """Which of them a runtime would take is not for a reader to guess."""
    tensor = _external("a", "a.bin")
    tensor.external_data.add(key="location", value="b.bin")
    path = tmp_path / "model.onnx"
    path.write_bytes(helper.make_model(_graph("one", tensor)).SerializeToString())
    assert [each.location for each in read_outline(path).externals()] == ["a.bin", "b.bin"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"<html>not here</html>", "is no ONNX file"),
        (b"\x08\x09\x3a\xff\xff\xff\xff\x0f", "is cut off"),
        (b"\x08\x09", "holds no graph"),
        (b"\x3a\x80\x80\x80\x80\x80\x80\x01", "is cut off, or is no ONNX file"),
    ],
)
def test_what_is_no_model_is_refused_with_a_word(tmp_path, content, said):
    """A reader of other people's files ends with a sentence."""
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_outline(path)


def test_messages_nested_without_end_are_refused(tmp_path):
    """A graph within a node within a graph, a thousand times."""
    data = b""
    for _ in range(1000):
        attribute = b"\x32" + _varint(len(data)) + data
        node = b"\x2a" + _varint(len(attribute)) + attribute
        data = b"\x0a" + _varint(len(node)) + node
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x3a" + _varint(len(data)) + data)
    with pytest.raises(ValueError, match="nested deeper"):
        read_outline(path)


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])


def test_no_mutated_model_has_a_reference_that_onnx_sees_and_this_reader_does_not(tmp_path):
    """A flipped byte never leads the reader past a file that decides answers."""
    model = helper.make_model(_graph("main", _external("a", "a.bin", offset=64, length=8)))
    body = helper.make_node("Constant", [], ["y"], value=_external("f", "f.bin"))
    model.functions.append(
        helper.make_function("own", "F", [], ["y"], [body], [helper.make_opsetid("", 18)])
    )
    whole = model.SerializeToString()
    random = np.random.default_rng(14)
    path = tmp_path / "model.onnx"
    compared = 0
    for _ in range(3000):
        data = bytearray(whole)
        for place in random.integers(0, len(data), random.integers(1, 4)):
            data[place] = random.integers(0, 256)
        path.write_bytes(bytes(data))
        try:
            proto = onnx.load(path, load_external_data=False)
            wanted = {os.fsencode(location) for _, location, _, _ in _list_external(proto)}
        except (DecodeError, KeyError, ValueError, UnicodeDecodeError):
            continue
        try:
            given = {os.fsencode(each.location) for each in read_outline(path).externals()}
        except ValueError:
            continue  # refusing more than protobuf does is safe
        assert wanted <= given
        compared += 1
    assert compared > 300


def test_weights_are_stepped_over(tmp_path):
    """100 MB of zeros take no memory and no time to speak of: few blocks are read."""
    path = write_brightness_model(tmp_path / "model.onnx")
    small = path.read_bytes()
    tensor = TensorProto(name="big", data_type=TensorProto.FLOAT, dims=[25_000_000])
    head = tensor.SerializeToString()
    raw = 100_000_000
    inner = head + b"\x4a" + _varint(raw)
    graph = b"\x2a" + _varint(len(inner) + raw) + inner
    with path.open("wb") as file:
        file.write(small + b"\x3a" + _varint(len(graph) + raw) + graph)
        file.truncate(file.tell() + raw)
    before = _read_bytes()
    outline = read_outline(path)
    assert outline.graph.initializers[-1].dims == (25_000_000,)
    after = _read_bytes()
    if before is not None and after is not None:
        assert after - before < 8 << 20


def _read_bytes() -> int | None:
    """How many bytes this process has read so far, where the system says it."""
    place = Path("/proc/self/io")
    if not place.is_file():
        return None
    facts = dict(line.split(": ") for line in place.read_text().splitlines())
    return int(facts["rchar"])


def test_metadata_of_bytes_that_are_no_text_is_read_all_the_same(tmp_path):
    """A tool that wrote Latin-1 stops nobody."""
    path = write_brightness_model(tmp_path / "model.onnx")
    pair = b"\x0a\x04note\x12\x05caf\xe9!"
    path.write_bytes(path.read_bytes() + b"\x72" + _varint(len(pair)) + pair)
    assert read_metadata(path)["note"] == "caf\ufffd!"


def test_bits_of_element_types_are_those_of_onnx():
    """The table against the package's own, for every type of numbers that the installed one has."""
    known = {
        value for name, value in TensorProto.DataType.items() if name not in ("UNDEFINED", "STRING")
    }
    assert set(ELEMENT_BITS) >= known
    for number in known:
        bits = ELEMENT_BITS[number]
        kind = helper.tensor_dtype_to_np_dtype(number)
        stored = 8 * np.dtype(kind).itemsize
        assert bits == stored or (bits < 8 and stored == 8), TensorProto.DataType.Name(number)


def test_a_location_keeps_bytes_that_are_no_text(tmp_path):
    """The name of a file is bytes: it is found as the system has it."""
    tensor = _external("a", "x.bin")
    data = helper.make_model(_graph("one", tensor)).SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(data.replace(b"x.bin", b"\xff.bin"))
    (piece,) = read_outline(path).externals()
    assert os.fsencode(piece.location) == b"\xff.bin"

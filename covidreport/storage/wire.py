"""What an ONNX file says, read from its bytes without its weights, a runtime or the package onnx.

An ONNX file is a protobuf message `ModelProto` (onnx.proto3 of the ONNX project names the fields).
Only what is small is read: nodes, names, shapes, where weights stand; the weights themselves are
stepped over. Like every reader of protobuf this one takes fields in any order, and fields that
stand several times: of a number the last holds, messages are merged, lists are joined.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from covidreport.storage.outline import (
    External,
    GraphOutline,
    NodeOutline,
    Outline,
    TensorOutline,
    ValueOutline,
)

Span: TypeAlias = tuple[int, int]
"""Where in the file the bytes of a field begin and end."""

_BLOCK = 1 << 20
_DEEPEST = 100
"""Protobuf's own limit of messages within messages."""
_SMALL = 64
"""Of tensors of integers with at most so many elements the values are read: axes and shapes."""
_EXTERNAL = 1
_INT32, _INT64 = 6, 7
_FLOAT = struct.Struct("<f")

ELEMENT_BITS: Mapping[int, int] = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64,
    15: 128, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
    27: 6, 28: 6,
}  # fmt: skip
"""Bits an element, by the number of `TensorProto.DataType`; texts (8) have no fixed size."""


def read_outline(path: Path) -> Outline:
    """The outline of an ONNX file. ValueError where it is no such message, or names no nodes at
    all; OSError where it can't be read."""
    with path.open("rb", buffering=0) as file:
        source = _Source(file.fileno(), os.fstat(file.fileno()).st_size)
        if source.size == 0:
            raise ValueError("is empty")
        outline = _read_model(source)
    if not outline.graph.nodes and not outline.graph.initializers and not outline.graph.outputs:
        raise ValueError("holds no graph")
    return outline


def read_metadata(path: Path) -> dict[str, str]:
    """The `metadata_props` of an ONNX file. ValueError where the file is no such message."""
    with path.open("rb", buffering=0) as file:
        source = _Source(file.fileno(), os.fstat(file.fileno()).st_size)
        if source.size == 0:
            raise ValueError("is empty")
        return _pairs(source, _message(source, [(0, source.size)], 0).get(14, []), 0)


class _Source:
    """Bytes of a file, read by blocks: a file that shrinks meanwhile is an error, not a signal."""

    def __init__(self, handle: int, size: int) -> None:
        self.size = size
        self._handle = handle
        self._start = 0
        self._block = b""

    def byte(self, position: int) -> int:
        i = position - self._start
        if not 0 <= i < len(self._block):
            self._start, i = position, 0
            self._block = os.pread(self._handle, _BLOCK, position)
            if not self._block:
                raise ValueError("is cut off")
        return self._block[i]

    def bytes(self, span: Span) -> bytes:
        start, stop = span
        i = start - self._start
        if i >= 0 and stop - self._start <= len(self._block):
            return self._block[i : i + stop - start]
        data = os.pread(self._handle, stop - start, start)
        if len(data) != stop - start:
            raise ValueError("is cut off")
        return data


_Fields: TypeAlias = dict[int, list[int | Span]]


def _message(source: _Source, spans: list[Span], depth: int) -> _Fields:
    """The fields of a message that stands in one or several places, by number."""
    if depth > _DEEPEST:
        raise ValueError("is nested deeper than any ONNX file")
    fields: _Fields = {}
    for start, stop in spans:
        position = start
        while position < stop:
            tag, position = _varint(source, position, stop, 5)
            number, kind = (tag & 0xFFFFFFFF) >> 3, tag & 7
            value: int | Span
            if kind == 0:
                value, position = _varint(source, position, stop, 10)
            elif kind in (1, 2, 5):
                length = 8 if kind == 1 else 4
                if kind == 2:
                    length, position = _varint(source, position, stop, 5)
                if position + length > stop:
                    raise ValueError("is cut off, or is no ONNX file")
                value = (position, position + length)
                position += length
            else:
                raise ValueError("is no ONNX file")
            if number == 0:
                raise ValueError("is no ONNX file")
            fields.setdefault(number, []).append(value)
    return fields


def _varint(source: _Source, position: int, stop: int, longest: int) -> tuple[int, int]:
    value = 0
    for i in range(longest):
        if position >= stop:
            break
        byte = source.byte(position)
        position += 1
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise ValueError("is cut off, or is no ONNX file")


def _spans(fields: _Fields, number: int) -> list[Span]:
    return [value for value in fields.get(number, []) if isinstance(value, tuple)]


def _number(fields: _Fields, number: int, default: int = 0) -> int:
    """The last varint of that number, as a signed integer."""
    values = [value for value in fields.get(number, []) if isinstance(value, int)]
    return _signed(values[-1]) if values else default


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _text(source: _Source, fields: _Fields, number: int) -> str:
    """The last text of that number; what is not UTF-8 in it is replaced."""
    spans = _spans(fields, number)
    return source.bytes(spans[-1]).decode(errors="replace") if spans else ""


def _texts(source: _Source, fields: _Fields, number: int) -> tuple[str, ...]:
    return tuple(source.bytes(span).decode(errors="replace") for span in _spans(fields, number))


def _numbers(source: _Source, fields: _Fields, number: int) -> tuple[int, ...]:
    """Repeated integers, packed or one by one."""
    found: list[int] = []
    for value in fields.get(number, []):
        if isinstance(value, int):
            found.append(_signed(value))
            continue
        position, stop = value
        while position < stop:
            one, position = _varint(source, position, stop, 10)
            found.append(_signed(one))
    return tuple(found)


def _pairs(source: _Source, values: list[int | Span], depth: int) -> dict[str, str]:
    """Messages of a key (1) and a value (2)."""
    found: dict[str, str] = {}
    for span in values:
        if isinstance(span, tuple):
            pair = _message(source, [span], depth + 1)
            found[_text(source, pair, 1)] = _text(source, pair, 2)
    return found


def _read_model(source: _Source) -> Outline:
    fields = _message(source, [(0, source.size)], 0)
    opsets = {}
    for span in _spans(fields, 8):
        entry = _message(source, [span], 1)
        opsets[_text(source, entry, 1)] = _number(entry, 2)
    training = []
    for span in _spans(fields, 20):
        part = _message(source, [span], 1)
        training += [_read_graph(source, _spans(part, n), 2) for n in (1, 2) if _spans(part, n)]
    return Outline(
        ir_version=_number(fields, 1),
        producer=f"{_text(source, fields, 2)} {_text(source, fields, 3)}".strip(),
        opsets=opsets,
        metadata=_pairs(source, fields.get(14, []), 0),
        graph=_read_graph(source, _spans(fields, 7), 1),
        functions=tuple(_read_function(source, span) for span in _spans(fields, 25)),
        training=tuple(training),
    )


def _each(
    source: _Source, fields: _Fields, number: int, depth: int,
    read: Callable[[_Source, list[Span], int], Any],
) -> tuple[Any, ...]:  # fmt: skip
    return tuple(read(source, [span], depth + 1) for span in _spans(fields, number))


def _read_graph(source: _Source, spans: list[Span], depth: int) -> GraphOutline:
    fields = _message(source, spans, depth)
    sparse: list[TensorOutline] = []
    for span in _spans(fields, 15):
        sparse += _read_sparse(source, [span], depth + 1)
    return GraphOutline(
        name=_text(source, fields, 2),
        nodes=_each(source, fields, 1, depth, _read_node),
        inputs=_each(source, fields, 11, depth, _read_value),
        outputs=_each(source, fields, 12, depth, _read_value),
        initializers=(*_each(source, fields, 5, depth, _read_tensor), *sparse),
    )


def _read_function(source: _Source, span: Span) -> GraphOutline:
    fields = _message(source, [span], 1)
    defaults = _each(source, fields, 11, 1, _read_attribute)
    nodes = _each(source, fields, 7, 1, _read_node)
    if defaults:  # default attributes may hold tensors: as a node that nothing comes from
        nodes = (*nodes, NodeOutline("", attributes=dict(defaults)))
    return GraphOutline(
        name=_text(source, fields, 1),
        domain=_text(source, fields, 10),
        nodes=nodes,
        inputs=tuple(ValueOutline(name) for name in _texts(source, fields, 4)),
        outputs=tuple(ValueOutline(name) for name in _texts(source, fields, 5)),
    )


def _read_node(source: _Source, spans: list[Span], depth: int) -> NodeOutline:
    fields = _message(source, spans, depth)
    return NodeOutline(
        op_type=_text(source, fields, 4),
        domain=_text(source, fields, 7),
        name=_text(source, fields, 3),
        inputs=_texts(source, fields, 1),
        outputs=_texts(source, fields, 2),
        attributes=dict(_each(source, fields, 5, depth, _read_attribute)),
    )


def _read_attribute(source: _Source, spans: list[Span], depth: int) -> tuple[str, Any]:
    """Name and value of an attribute; whatever it holds is read, whatever it says that it is.

    A value of several kinds at once is a tuple of them: a reader that believed the stated kind
    could be led past a tensor.
    """
    fields = _message(source, spans, depth)
    found: list[Any] = []
    if 3 in fields:
        found.append(_number(fields, 3))
    for span in _spans(fields, 2)[-1:]:
        if span[1] - span[0] == _FLOAT.size:
            found += _FLOAT.unpack(source.bytes(span))
    if _spans(fields, 4):
        found.append(source.bytes(_spans(fields, 4)[-1]))
    if _spans(fields, 5):
        found.append(_read_tensor(source, _spans(fields, 5), depth + 1))
    if _spans(fields, 6):
        found.append(_read_graph(source, _spans(fields, 6), depth + 1))
    single = len(found) == 1
    lists: list[Any] = list(_numbers(source, fields, 8))
    lists += [source.bytes(span) for span in _spans(fields, 9)]
    lists += _each(source, fields, 10, depth, _read_tensor)
    lists += _each(source, fields, 11, depth, _read_graph)
    for span in _spans(fields, 7):  # floats, packed or one by one
        data = source.bytes(span)
        lists += (value for (value,) in _FLOAT.iter_unpack(data[: len(data) // 4 * 4]))
    for sparse in (_spans(fields, 22), *([span] for span in _spans(fields, 23))):
        if sparse:
            lists += _read_sparse(source, sparse, depth + 1)
    name = _text(source, fields, 1)
    if single and not lists:
        return name, found[0]
    return name, (*found, *lists)


def _read_sparse(source: _Source, spans: list[Span], depth: int) -> list[TensorOutline]:
    """Values and indices of a sparse tensor."""
    fields = _message(source, spans, depth)
    return [
        _read_tensor(source, _spans(fields, number), depth + 1)
        for number in (1, 2)
        if _spans(fields, number)
    ]


def _read_tensor(source: _Source, spans: list[Span], depth: int) -> TensorOutline:
    fields = _message(source, spans, depth)
    name, dtype = _text(source, fields, 8), _number(fields, 2)
    dims = _numbers(source, fields, 1)
    if _number(fields, 14) == _EXTERNAL:
        bits = ELEMENT_BITS.get(dtype, 0) * math.prod(max(side, 0) for side in dims)
        pieces = _read_external(source, fields, name, -(-bits // 8), depth)
        return TensorOutline(name, dtype, dims, None, pieces)
    count = math.prod(dims)
    values = None
    if dtype in (_INT32, _INT64) and 0 <= count <= _SMALL:
        values = _small_values(source, fields, dtype, count)
    return TensorOutline(name, dtype, dims, values)


def _small_values(
    source: _Source, fields: _Fields, dtype: int, count: int
) -> tuple[int, ...] | None:
    raw = _spans(fields, 9)
    if raw and raw[-1][1] > raw[-1][0]:
        data = source.bytes(raw[-1])
        size = 4 if dtype == _INT32 else 8
        if len(data) != count * size:
            return None
        return struct.unpack(f"<{count}{'i' if dtype == _INT32 else 'q'}", data)
    values = _numbers(source, fields, 5 if dtype == _INT32 else 7)
    return values if len(values) == count else None


def _read_external(
    source: _Source, fields: _Fields, tensor: str, size_bytes: int, depth: int
) -> tuple[External, ...]:
    """The pieces of other files that a tensor names; more than one where it contradicts itself."""
    locations: list[str] = []
    numbers: dict[str, int] = {}
    for span in _spans(fields, 13):
        pair = _message(source, [span], depth + 1)
        key = _text(source, pair, 1)
        value = source.bytes(spans[-1]) if (spans := _spans(pair, 2)) else b""
        if key == "location":
            locations.append(os.fsdecode(value))
        elif key in ("offset", "length"):
            numbers[key] = _read_count(value, key, tensor)
    if not locations:
        raise ValueError(f"keeps the tensor {tensor!r} in another file and does not say which")
    offset, size = numbers.get("offset", 0), numbers.get("length", size_bytes)
    return tuple(External(tensor, position, offset, size) for position in dict.fromkeys(locations))


def _read_count(text: bytes, key: str, tensor: str) -> int:
    if not text.isdigit() or len(text) > 19:
        shown = text[:40].decode(errors="replace")
        raise ValueError(f"gives the tensor {tensor!r} the {key} {shown!r}, which is no number")
    return int(text)


def _read_value(source: _Source, spans: list[Span], depth: int) -> ValueOutline:
    fields = _message(source, spans, depth)
    name = _text(source, fields, 1)
    kind = _message(source, _spans(fields, 2), depth + 1)
    tensor = _spans(kind, 1)
    if not tensor:
        return ValueOutline(name)
    facts = _message(source, tensor, depth + 2)
    shape = _spans(facts, 2)
    dims: list[int | str | None] = []
    for span in _spans(_message(source, shape, depth + 3), 1):
        side = _message(source, [span], depth + 4)
        dims.append(_number(side, 1) if 1 in side else _text(source, side, 2) or None)
    return ValueOutline(name, _number(facts, 1), tuple(dims) if shape else None)

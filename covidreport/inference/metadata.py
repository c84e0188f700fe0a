"""The metadata of an ONNX file, read without its graph, its weights or a runtime."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

METADATA_FIELD = 14
"""The number of `metadata_props` in the protobuf message `ModelProto`."""


def read_metadata(path: Path) -> dict[str, str]:
    """The `metadata_props` of an ONNX file, read without its graph and weights.

    An ONNX file is a protobuf message `ModelProto`: field 7 is the graph, which is stepped over,
    field 14 a pair of key (1) and value (2). ValueError where the file is no such message.
    """
    size = path.stat().st_size
    if size == 0:
        raise ValueError(f"{path.name} is empty")
    metadata: dict[str, str] = {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for field, value in _fields(data, 0, size):
            if field == METADATA_FIELD and isinstance(value, tuple):
                pair = {
                    number: data[inner[0] : inner[1]].decode()
                    for number, inner in _fields(data, *value)
                    if isinstance(inner, tuple)
                }
                metadata[pair.get(1, "")] = pair.get(2, "")
    return metadata


def _fields(data: mmap.mmap, start: int, stop: int) -> Iterator[tuple[int, int | tuple[int, int]]]:
    """The fields of a protobuf message: a number, or the bounds of bytes, for each."""
    place = start
    while place < stop:
        tag, place = _varint(data, place, stop)
        field, kind = tag >> 3, tag & 7
        if kind == 0:
            number, place = _varint(data, place, stop)
            yield field, number
            continue
        length = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            length, place = _varint(data, place, stop)
        if length is None or place + length > stop:
            raise ValueError("not a protobuf message")
        yield field, (place, place + length)
        place += length


def _varint(data: mmap.mmap, place: int, stop: int) -> tuple[int, int]:
    value = shift = 0
    while place < stop and shift < 64:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError("not a protobuf message")

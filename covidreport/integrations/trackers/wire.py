"""Messages of Protocol Buffers, field by field, as their wire format has them.

https://protobuf.dev/programming-guides/encoding/: a field is a key (its number and kind) and what
follows from the kind. A reader passes over the numbers that it does not know.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class BrokenMessageError(ValueError):
    """Bytes that are no message."""


def read_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field in its order: an int of a varint, else the bytes.

    Raises BrokenMessageError where the message ends within a field, or holds an unknown kind.
    """
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            number, at = _read_varint(message, at)
            yield key >> 3, number
            continue
        if kind == _BYTES:
            length, at = _read_varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise BrokenMessageError(f"a field of the kind {kind}")
        if at + length > len(message):
            raise BrokenMessageError("it ends within a field")
        yield key >> 3, message[at : at + length]
        at += length


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise BrokenMessageError("it ends within a number")


def as_bytes(value: int | bytes) -> bytes:
    """The bytes of a field that has to hold some."""
    if isinstance(value, int):
        raise BrokenMessageError("a number where bytes are wanted")
    return value


def as_text(value: int | bytes) -> str:
    """The text of a field that has to hold one; what is no UTF-8 is spelt."""
    return as_bytes(value).decode("utf-8", "backslashreplace")


def as_int(value: int | bytes) -> int:
    """The signed number of 64 bits of a field that has to hold one."""
    if isinstance(value, bytes):
        raise BrokenMessageError("bytes where a number is wanted")
    return value - (1 << 64) if value >= 1 << 63 else value


def as_float(value: int | bytes) -> float:
    """The float or double of a field that has to hold one, by its length."""
    found = as_bytes(value)
    if len(found) not in (4, 8):
        raise BrokenMessageError("no floating-point number where one is wanted")
    (number,) = struct.unpack("<d" if len(found) == 8 else "<f", found)
    return float(number)

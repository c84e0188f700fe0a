"""Runs of TensorBoard from their event files: the scalars, which become history.csv.

`events.out.tfevents.…` is a sequence of TFRecords (length, its checksum, data, their checksum),
each one message `Event` of TensorFlow's `event.proto`. PyTorch, Lightning and Keras write the same.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

from covidreport.errors import StoreError, UsageError
from covidreport.integrations.trackers.tracked import Tracked
from covidreport.integrations.trackers.wire import (
    BrokenMessageError,
    as_bytes,
    as_float,
    as_int,
    as_text,
    read_fields,
)

PATTERN = "*tfevents*"
_HEAD = struct.Struct("<QI")
_KINDS = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}
"""TensorFlow's numbers of the types that a scalar may have: float, double, int32, int64."""


def find_event_folders(path: Path) -> list[Path]:
    """The folders at and below `path` that hold event files; UsageError where none does."""
    found = sorted({file.parent for file in path.rglob(PATTERN) if file.is_file()})
    if not found:
        raise UsageError(f"{path}: there is no event file of TensorBoard (events.out.tfevents.…)")
    return found


def read_event_folder(folder: Path, root: Path) -> Tracked:
    """The scalars of a folder's event files, by their step: of several of one name and step the
    one that was written last.

    The run is called by its way from `root`. Raises StoreError where a file is none, or changed.
    """
    found: dict[int, dict[str, tuple[float, float]]] = {}
    ends: list[bool] = []
    for file in sorted(folder.glob(PATTERN)):
        try:
            for event in _read_records(file, ends):
                _add_scalars(event, found)
        except (BrokenMessageError, OSError) as error:
            raise StoreError(f"{file}: can't be read as events ({error})") from error
    rows = tuple(
        (step, {tag: value for tag, (_, value) in values.items()})
        for step, values in sorted(found.items())
    )
    name = "-".join(folder.relative_to(root).parts) or root.resolve().name
    identity = hashlib.sha256(folder.relative_to(root).as_posix().encode()).hexdigest()[:8]
    return Tracked(name, "TensorBoard", rows, id=identity, broken_off=bool(ends))


def _read_records(file: Path, ends: list[bool]) -> Iterator[bytes]:
    """Each record's data; `ends` gets an entry where the file ends within one."""
    with file.open("rb") as source:
        while head := source.read(_HEAD.size):
            if len(head) < _HEAD.size:
                ends.append(True)
                return
            length, checked = _HEAD.unpack(head)
            if _mask(head[:8]) != checked:
                raise BrokenMessageError("a record's length and its checksum differ")
            data, stored = source.read(length), source.read(4)
            if len(stored) < 4:
                ends.append(True)
                return
            # a checksum in Python takes its time: pictures and histograms are not looked at
            if length <= 4096 and _mask(data) != int.from_bytes(stored, "little"):
                raise BrokenMessageError("a record and its checksum differ")
            if length <= 4096:
                yield data


def _add_scalars(event: bytes, found: dict[int, dict[str, tuple[float, float]]]) -> None:
    """Add an event's scalars to those of its step, each with when it was written."""
    written, step, summaries = 0.0, 0, []
    for field, value in read_fields(event):
        if field == 1:
            written = as_float(value)
        elif field == 2:
            step = as_int(value)
        elif field == 5:
            summaries += [as_bytes(each) for at, each in read_fields(as_bytes(value)) if at == 1]
    for summary in summaries:
        tag, number = _read_summary(summary)
        if number is None:
            continue
        into = found.setdefault(step, {})
        if tag not in into or into[tag][0] <= written:
            into[tag] = (written, number)


def _read_summary(message: bytes) -> tuple[str, float | None]:
    """The tag of a value, and its number; None where it is no scalar."""
    tag, number = "", None
    for field, value in read_fields(message):
        if field == 1:
            tag = as_text(value)
        elif field == 2:
            number = as_float(value)
        elif field == 8:
            number = _read_tensor(as_bytes(value))
    return tag, number


def _read_tensor(message: bytes) -> float | None:
    """The number of a tensor without dimensions, as Keras writes scalars; None of any other."""
    kind, content, listed = 0, b"", b""
    for field, value in read_fields(message):
        if field == 1:
            kind = as_int(value)
        elif field == 2 and any(at == 2 for at, _ in read_fields(as_bytes(value))):
            return None  # it has dimensions
        elif field == 4:
            content = as_bytes(value)
        elif field in (5, 6):  # floats and doubles, packed or one by one
            listed = as_bytes(value)
    spelt = content or listed
    if kind not in _KINDS or len(spelt) != struct.calcsize(_KINDS[kind]):
        return None
    return float(struct.unpack(_KINDS[kind], spelt)[0])


def _mask(data: bytes) -> int:
    """The checksum of TFRecords: CRC-32C, turned and moved."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _tabulate() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _tabulate()

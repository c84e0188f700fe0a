"""Runs of Weights & Biases from the log that its client writes beside the training.

`wandb/offline-run-…/run-ID.wandb` (also `wandb/run-…`, of one that was sent) is a file header, then
records in the frames of LevelDB's log, each one message `Record` of `wandb_internal.proto`, of
which a client only ever adds fields. `wandb` itself no longer has a reader of it for programs.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

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

_HEADER = struct.Struct("<4sHB")
_MAGIC = (b":W&B", 0xBEE1, 0)
_FRAME = struct.Struct("<IHB")
_BLOCK = 32768
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_HISTORY, _SUMMARY, _CONFIG, _RUN = 2, 3, 5, 17
"""Fields of `Record`; in `RunRecord` its config is 4, its summary 5."""
_PRIVATE = "_"
"""What the names begin with that wandb adds by itself: `_wandb`, `_runtime`, `_timestamp`, …"""


def find_wandb_logs(path: Path) -> list[Path]:
    """The logs of a `wandb` folder, of the folder of one run, or the log itself; by their paths.

    Links such as `latest-run` are passed over. UsageError where there is none.
    """
    if path.is_file():
        return [path]
    found = [
        log
        for folder in (path, *sorted(path.glob("*run-*")))
        if not folder.is_symlink()
        for log in sorted(folder.glob("run-*.wandb"))
    ]
    if not found:
        raise UsageError(
            f"{path}: there is no run of Weights & Biases (wandb/offline-run-…/run-….wandb)"
        )
    return found


def read_wandb_log(log: Path) -> Tracked:
    """Settings, summary and history of a run. Raises StoreError where it is no such log."""
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    rows: list[tuple[int, dict[str, float]]] = []
    run: dict[int, str] = {}
    ends: list[bool] = []
    try:
        with log.open("rb") as file:
            for record in _read_records(file, ends):
                for field, value in read_fields(record):
                    if field == _RUN:
                        run |= _read_run(as_bytes(value), config, summary)
                    elif field == _CONFIG:
                        _update(config, as_bytes(value))
                    elif field == _SUMMARY:
                        _update(summary, as_bytes(value))
                    elif field == _HISTORY:
                        rows.append(_read_history(as_bytes(value), len(rows)))
    except (BrokenMessageError, OSError) as error:
        raise StoreError(f"{log}: can't be read as a log of wandb ({error})") from error
    identity = run.get(1) or log.stem.removeprefix("run-")
    return Tracked(
        run.get(8) or identity,
        "Weights & Biases",
        tuple(rows),
        _keep_plain(config),
        _keep_plain(summary),
        identity,
        run.get(3, ""),
        broken_off=bool(ends),
    )


def _keep_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what wandb adds by itself, and without pictures, tables and histograms."""
    return {
        name: value
        for name, value in values.items()
        if not name.startswith(_PRIVATE) and not (isinstance(value, dict) and "_type" in value)
    }


def _read_records(file: BinaryIO, ends: list[bool]) -> Iterator[bytes]:
    """The records of a log; `ends` gets an entry where it ends within one.

    Raises BrokenMessageError where it has another header, or a frame is not as it was written.
    """
    block = file.read(_BLOCK)
    if len(block) < _HEADER.size or _HEADER.unpack_from(block) != _MAGIC:
        raise BrokenMessageError("its first bytes are those of no such log")
    at, parts = _HEADER.size, bytearray()
    while block:
        while at + _FRAME.size <= len(block):
            digest, length, kind = _FRAME.unpack_from(block, at)
            at += _FRAME.size
            data = block[at : at + length]
            at += length
            if not kind and not length:  # room that was made and never written to
                continue
            if len(data) < length:
                ends.append(True)
                return
            if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or digest != zlib.crc32(
                data, zlib.crc32(bytes([kind]))
            ):
                raise BrokenMessageError("a frame's checksum differs")
            parts += data
            if kind in (_FULL, _LAST):
                yield bytes(parts)
                parts.clear()
        full = len(block) == _BLOCK
        if not full and at < len(block):
            ends.append(True)
            return
        block, at = file.read(_BLOCK) if full else b"", 0
    if parts:
        ends.append(True)


def _read_run(message: bytes, config: dict[str, Any], summary: dict[str, Any]) -> dict[int, str]:
    """Its texts of a few fields: 1 id, 3 project, 8 shown name."""
    found = {}
    for field, value in read_fields(message):
        if field in (1, 3, 8):
            found[field] = as_text(value)
        elif field in (4, 5):
            _update(config if field == 4 else summary, as_bytes(value))
    return found


def _update(values: dict[str, Any], message: bytes) -> None:
    """What an update (1) and a removal (2) of config or summary leave."""
    for field, value in read_fields(message):
        if field not in (1, 2):
            continue
        keys, item = _read_item(as_bytes(value))
        into = values
        for key in keys[:-1]:
            deeper = into.setdefault(key, {})
            if not isinstance(deeper, dict):
                deeper = into[key] = {}
            into = deeper
        if field == 1:
            into[keys[-1]] = item
        else:
            into.pop(keys[-1], None)


def _read_history(message: bytes, place: int) -> tuple[int, dict[str, float]]:
    """The step of a row and its numbers by name; nested names are joined by dots."""
    step, values = place, {}
    for field, value in read_fields(message):
        if field == 1:
            keys, item = _read_item(as_bytes(value))
            name = ".".join(keys)
            is_number = isinstance(item, int | float) and not isinstance(item, bool)
            if is_number and not name.startswith(_PRIVATE):
                values[name] = float(item)
        elif field == 2:
            step = next((as_int(n) for each, n in read_fields(as_bytes(value)) if each == 1), 0)
    return step, values


def _read_item(message: bytes) -> tuple[tuple[str, ...], Any]:
    """The name, in its parts, and the value of an entry."""
    key, nested, item = "", [], None
    for field, value in read_fields(message):
        if field == 1:
            key = as_text(value)
        elif field == 2:
            nested.append(as_text(value))
        elif field == 6:
            item = as_float(value)
        elif field in (8, 16):
            try:
                item = json.loads(as_text(value))
            except ValueError as error:
                raise BrokenMessageError(f"a value is no JSON: {error}") from error
    return tuple(nested) or (key,), item

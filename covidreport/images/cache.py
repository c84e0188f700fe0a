"""The cache of decoded pixels: uint8, memory-mapped, one for a set of files and a PixelSpec.

An entry is keyed by the bytes of the files in their order, the PixelSpec and the versions of what
decodes; truth and labels are no part of it. Rows are filled as images are decoded, in any order,
by any number of threads; what an interrupted evaluation has filled serves the next one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covidreport.cache import USED_MARK, boot_id, cache_folder, make_room
from covidreport.records import PixelSpec
from covidreport.store import write_json

KIND = "pixels"
DECODER = "1"
"""Counted up when a change of covidreport's own decoding changes a pixel."""
UNREAD, READ, FAILED = 0, 1, 2
NO_MAXIMUM = -1

_ROW = np.dtype([("state", "u1"), ("maximum", "<i4")])


def pixel_key(digests: Sequence[str], spec: PixelSpec) -> str:
    """The name of the entry for files of these sha256 digests, in this order."""
    facts = {
        "decoder": DECODER,
        "pillow": version("pillow"),
        "imagecodecs": version("imagecodecs"),
        "spec": asdict(spec),
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for digest in digests:
        key.update(f"{digest}\n".encode())
    return key.hexdigest()


class PixelCache:
    """One entry: `pixels` uint8 `(N, H, W, C)`, and what is known of each of the N images."""

    def __init__(
        self,
        folder: Path,
        pixels: NDArray[np.uint8],
        rows: NDArray[np.void],
        reasons: dict[int, str],
    ) -> None:
        self.folder = folder
        self.pixels = pixels
        self._rows = rows
        self._reasons = reasons

    def unread(self, start: int, stop: int) -> NDArray[np.bool_]:
        """bool `(stop - start,)`: which of these images were never decoded."""
        states: NDArray[np.bool_] = self._rows["state"][start:stop] == UNREAD
        return states

    def reason(self, index: int) -> str | None:
        """Why an image failed; None where it did not."""
        return self._reasons.get(index)

    def maximum(self, index: int) -> int | None:
        """The largest raw value of a 16-bit image; None for files of fewer bits."""
        value = int(self._rows["maximum"][index])
        return None if value == NO_MAXIMUM else value

    def keep(self, index: int, maximum: int | None) -> None:
        """Say that the pixels of an image stand in `pixels`."""
        self._rows["maximum"][index] = NO_MAXIMUM if maximum is None else maximum
        self._rows["state"][index] = READ

    def fail(self, index: int, reason: str) -> None:
        """Say that an image can't be decoded, and why; its pixels are black."""
        self._reasons[index] = reason
        line = json.dumps([index, reason])
        with (self.folder / "failures.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        self._rows["maximum"][index] = NO_MAXIMUM
        self._rows["state"][index] = FAILED


def open_pixel_cache(digests: Sequence[str], spec: PixelSpec) -> PixelCache | None:
    """The entry for these files and this PixelSpec, new or as it was left; None where none fits.

    An entry that was left half filled by a machine that has since been started again is not
    trusted: its last rows may never have reached the disk.
    """
    folder = cache_folder() / KIND / pixel_key(digests, spec)
    shape = (len(digests), spec.height, spec.width, spec.channels)
    if not _is_usable(folder, len(digests)):
        if not make_room(int(np.prod(shape, dtype=np.int64))):
            return None
        _create(folder, shape, spec)
    (folder / USED_MARK).touch()
    return PixelCache(
        folder,
        np.memmap(folder / "pixels.u8", np.uint8, "r+", shape=shape),
        np.memmap(folder / "rows.bin", _ROW, "r+", shape=(len(digests),)),
        _read_reasons(folder / "failures.jsonl"),
    )


def finish_pixel_cache(cache: PixelCache) -> None:
    """Where every row is filled, bring the entry to the disk and mark it as whole."""
    if (cache.folder / "whole").exists() or cache.unread(0, len(cache.pixels)).any():
        return
    for array in (cache.pixels, cache._rows):
        if isinstance(array, np.memmap):
            array.flush()
    (cache.folder / "whole").touch()


def _create(folder: Path, shape: tuple[int, ...], spec: PixelSpec) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "whole").unlink(missing_ok=True)
    (folder / "failures.jsonl").write_text("")
    for name, size in (
        ("pixels.u8", int(np.prod(shape, dtype=np.int64))),
        ("rows.bin", shape[0] * _ROW.itemsize),
    ):
        with (folder / name).open("wb") as file:
            file.truncate(size)
    write_json(folder / "entry.json", {"spec": asdict(spec), "shape": shape, "boot": boot_id()})


def _is_usable(folder: Path, n: int) -> bool:
    entry = folder / "entry.json"
    rows = folder / "rows.bin"
    if not (entry.is_file() and rows.is_file() and (folder / "pixels.u8").is_file()):
        return False
    if rows.stat().st_size != n * _ROW.itemsize:
        return False
    if (folder / "whole").exists():
        return True
    try:
        return bool(json.loads(entry.read_text(encoding="utf-8"))["boot"] == boot_id())
    except (json.JSONDecodeError, KeyError):
        return False


def _read_reasons(file: Path) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            index, reason = json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed while it wrote
        reasons[int(index)] = str(reason)
    return reasons

"""The cache of decoded pixels: uint8, memory-mapped, one for a set of files and a PixelSpec.

An entry is keyed by the bytes of the files in their order, the PixelSpec and the versions of what
decodes; truth and labels are no part of it. Rows are filled as images are decoded, in any order,
by any number of threads; what an interrupted evaluation has filled serves the next one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.cache import RESERVE_BYTES, USED_MARK, boot_id, cache_folder, make_room
from covidreport.records import PixelSpec
from covidreport.store import write_json

KIND = "pixels"
DECODER = "1"
"""Counted up when a change of covidreport's own decoding changes a pixel."""
UNREAD, READ, FAILED = 0, 1, 2
NO_MAXIMUM = -1
NO_CHAIN = 0

_ROW = np.dtype([("state", "u1"), ("maximum", "<i4"), ("chain", "<u8")])
_FAILURES, _CHAINS = "failures.jsonl", "chains.jsonl"


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
        chains: dict[int, tuple[str, ...]],
    ) -> None:
        self.folder = folder
        self.pixels = pixels
        self._rows = rows
        self._reasons = reasons
        self._chains = chains

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

    def chain(self, index: int) -> tuple[str, ...]:
        """The transforms that made a DICOM image's pixels; empty for others."""
        return self._chains.get(int(self._rows["chain"][index]), ())

    def keep(self, index: int, maximum: int | None, chain: tuple[str, ...] = ()) -> None:
        """Say that the pixels of an image stand in `pixels`, and what is known of them."""
        self._rows["maximum"][index] = NO_MAXIMUM if maximum is None else maximum
        self._rows["chain"][index] = self._keep_chain(chain) if chain else NO_CHAIN
        self._rows["state"][index] = READ

    def fail(self, index: int, reason: str) -> None:
        """Say that an image can't be decoded, and why; its pixels are black."""
        self._reasons[index] = reason
        self._append(_FAILURES, [index, reason])
        self._rows["maximum"][index] = NO_MAXIMUM
        self._rows["chain"][index] = NO_CHAIN
        self._rows["state"][index] = FAILED

    def _keep_chain(self, chain: tuple[str, ...]) -> int:
        """The number of a chain, which the file of chains holds once for all of its images.

        It is made from the chain itself: two processes that fill an entry give equal numbers.
        """
        number = _number_chain(chain)
        if number not in self._chains:
            self._append(_CHAINS, chain)
            self._chains[number] = chain
        return number

    def _append(self, name: str, fact: object) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(fact)}\n")


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
    return _open(folder, shape)


def open_scratch(folder: Path, n: int, spec: PixelSpec) -> PixelCache | None:
    """Room for the pixels of `n` images in a folder of the caller's; None where the disk has none.

    For images that are needed more than once in one evaluation where nothing is to be kept.
    """
    shape = (n, spec.height, spec.width, spec.channels)
    if shutil.disk_usage(folder).free < int(np.prod(shape, dtype=np.int64)) + RESERVE_BYTES:
        return None
    place = folder / pixel_key((), spec)
    _create(place, shape, spec)
    return _open(place, shape)


def _open(folder: Path, shape: tuple[int, ...]) -> PixelCache:
    return PixelCache(
        folder,
        np.memmap(folder / "pixels.u8", np.uint8, "r+", shape=shape),
        np.memmap(folder / "rows.bin", _ROW, "r+", shape=shape[:1]),
        {int(index): str(reason) for index, reason in _read_lines(folder / _FAILURES)},
        {_number_chain(chain): chain for chain in map(tuple, _read_lines(folder / _CHAINS))},
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
    for name in (_FAILURES, _CHAINS):
        (folder / name).write_text("")
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
    files = (entry, rows, *(folder / name for name in ("pixels.u8", _FAILURES, _CHAINS)))
    if not all(file.is_file() for file in files):
        return False
    if rows.stat().st_size != n * _ROW.itemsize:
        return False
    if (folder / "whole").exists():
        return True
    try:
        return bool(json.loads(entry.read_text(encoding="utf-8"))["boot"] == boot_id())
    except (json.JSONDecodeError, KeyError):
        return False


def _number_chain(chain: tuple[str, ...]) -> int:
    """64 bits of a digest, never `NO_CHAIN`."""
    digest = hashlib.sha256(json.dumps(chain).encode()).digest()
    return int.from_bytes(digest[:8], "little") | 1


def _read_lines(file: Path) -> Iterable[list[Any]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed while it wrote

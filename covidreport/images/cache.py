"""The cache of decoded pixels: uint8, memory-mapped, one for a set of files and a PixelSpec.

An entry is keyed by the bytes of the files in their order, the PixelSpec and the versions of what
decodes; truth and labels are no part of it. Rows are filled as images are decoded, in any order,
by any number of threads; what an interrupted evaluation has filled serves the next one.

Each row has a checksum over its pixels and all that is known of it, and is read with it. A row that
does not agree (a failing disk, a page that a power failure kept from it) is decoded again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from covidreport.errors import WriteError
from covidreport.records import Measured, Peak, PixelSpec
from covidreport.storage.cache import has_entry, name_entry, open_entry
from covidreport.storage.cache_folder import RESERVE_BYTES, note_damage, reserve_bytes
from covidreport.store import write_atomic

KIND = "pixels"
DECODER = "2"
"""Counted up when a change of covidreport's own decoding changes a pixel, or reads what failed.

Of JPEG and PNG nothing has changed since 1: see `evaluate.identity`.
"""
_LAYOUT = 5
"""Counted up when an entry's files are laid out otherwise."""
UNREAD, READ, FAILED = 1, 2, 3
"""No row says 0: a page of zeros is damage."""
NO_PEAK = Peak(-1, 0)
NO_CHAIN = 0

UNMEASURED = Measured(0, 0.0, 0.0, 0.0, 0, 0)
"""An image that failed."""

_ROW = np.dtype(
    [
        ("state", "u1"),
        ("maximum", "<i4"),
        ("bits", "u1"),
        ("grey", "u1"),
        ("contrast", "<f4"),
        ("sharpness", "<f4"),
        ("borders", "<f4"),
        ("height", "<u4"),
        ("width", "<u4"),
        ("chain", "<u8"),
        ("check", "<u8"),
    ]
)
_PIXELS, _ROWS = "pixels.u8", "rows.bin"
_FAILURES, _CHAINS = "failures.jsonl", "chains.jsonl"


class _Known(NamedTuple):
    """What a row says of an image besides its state, in the order of its fields."""

    maximum: int
    bits: int
    grey: int
    contrast: float
    sharpness: float
    borders: float
    height: int
    width: int
    chain: int


def pixel_key(digests: Sequence[str], spec: PixelSpec, margin: int = 0) -> str:
    """The name of the entry for files of these sha256 digests, in this order."""
    files = hashlib.sha256()
    for digest in digests:  # one text of all would take 7 MB for 100,000 images, twice
        files.update(f"{digest}\n".encode())
    facts = {"layout": _LAYOUT, "spec": spec, "files": files.hexdigest(), **decoder_versions()}
    return name_entry(facts | ({"margin": margin} if margin else {}))


def decoder_versions() -> Mapping[str, str | None]:
    """What decides the pixels of a file beside its bytes; None for what is not installed."""
    packages = {name: _installed(name) for name in ("pillow", "imagecodecs", "pydicom")}
    return {"decoder": DECODER, **packages}


@cache
def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


class PixelCache:
    """One entry: `pixels` uint8 `(N, H, W, C)`, and what is known of each of the N images."""

    def __init__(self, folder: Path, pixels: NDArray[np.uint8], rows: NDArray[np.void]) -> None:
        self.folder = folder
        self.pixels = pixels
        # a row of a memory map is a new memory map: ten times the time of a checksum
        self._flat = pixels.view(np.ndarray).reshape(len(pixels), -1)
        self._rows = rows.view(np.ndarray)
        self._reasons: dict[int, str] = {}
        self._chains: dict[int, tuple[str, ...]] = {}
        self._read_facts()

    @property
    def states(self) -> NDArray[np.uint8]:
        """uint8 `(N,)`: `UNREAD`, `READ` or `FAILED`, without a look at what may be damaged."""
        states: NDArray[np.uint8] = self._rows["state"]
        return states

    def missing(self, start: int, stop: int) -> NDArray[np.bool_]:
        """bool `(stop - start,)`: which of these images are to be decoded.

        Those that never were, and those whose row is damaged, which are counted.
        """
        missing: NDArray[np.bool_] = self._rows["state"][start:stop] == UNREAD
        damaged = self._find_damaged(start, stop)
        if damaged:
            self._read_facts()  # to which another process may have added
            damaged = self._find_damaged(start, stop)
            if damaged:
                note_damage(KIND, len(damaged))
            missing[[index - start for index in damaged]] = True
        return missing

    def reason(self, index: int) -> str | None:
        """Why an image failed; None where it did not."""
        return self._reasons.get(index) if self._rows["state"][index] == FAILED else None

    def peak(self, index: int) -> Peak | None:
        """`DecodedImage.peak` of an image."""
        row = self._rows[index]
        peak = Peak(int(row["maximum"]), int(row["bits"]))
        return None if peak == NO_PEAK else peak

    def measured(self, index: int) -> Measured | None:
        """`DecodedImage.measured` of an image; None where it failed."""
        row = self._rows[index]
        if row["state"] != READ:
            return None
        return Measured(*(row[name].item() for name in Measured._fields))

    def chain(self, index: int) -> tuple[str, ...]:
        """The transforms that made a DICOM image's pixels; empty for others."""
        return self._chains.get(int(self._rows["chain"][index]), ())

    def store(
        self, index: int, peak: Peak | None, chain: tuple[str, ...], measured: Measured
    ) -> None:
        """Say that the pixels of an image stand in `pixels`, and what is known of them."""
        number = self._store_chain(chain) if chain else NO_CHAIN
        maximum, bits = peak or NO_PEAK
        self._write_row(index, READ, _Known(maximum, bits, *measured, number))

    def fail(self, index: int, reason: str) -> None:
        """Say that an image can't be decoded, and why; its pixels are black."""
        self._reasons[index] = reason
        self._append(_FAILURES, [index, reason])
        self._write_row(index, FAILED, _Known(NO_PEAK.maximum, NO_PEAK.bits, *UNMEASURED, NO_CHAIN))

    def _write_row(self, index: int, state: int, known: _Known) -> None:
        """The state goes last: what another process reads before is a row as it was."""
        row = self._rows[index : index + 1]
        for name, value in zip(known._fields, known, strict=True):
            row[name] = value
        row["check"] = self._check(index, state, known)
        row["state"] = state

    def _find_damaged(self, start: int, stop: int) -> list[int]:
        rows = self._rows[start:stop].tolist()
        return [
            index
            for index, (state, *known, check) in enumerate(rows, start)
            if state != UNREAD
            and (
                check != self._check(index, state, _Known(*known))
                or (known[-1] != NO_CHAIN and known[-1] not in self._chains)
            )
        ]

    def _check(self, index: int, state: int, known: _Known) -> int:
        """The checksum of a row: its place, what is known of it, and its pixels."""
        facts = struct.pack("<QBiBBfffIIQ", index, state, *known)
        if state == FAILED:
            facts += self._reasons.get(index, "").encode()
        return xxhash.xxh3_64_intdigest(self._flat[index], xxhash.xxh3_64_intdigest(facts))

    def _store_chain(self, chain: tuple[str, ...]) -> int:
        """The number of a chain, which the file of chains holds once for all of its images.

        It is made from the chain itself: two processes that fill an entry give equal numbers.
        """
        number = _number_chain(chain)
        if number not in self._chains:
            self._append(_CHAINS, chain)
            self._chains[number] = chain
        return number

    def _append(self, name: str, fact: object) -> None:
        """Where there is no room any more, its rows are damaged to whoever reads them next."""
        with suppress(OSError), (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(fact)}")  # what stands before may be half a line

    def _read_facts(self) -> None:
        """Take in reasons and chains; one that is damaged is that of no row any more."""
        for fact in _read_lists(self.folder / _FAILURES):
            if len(fact) == 2 and isinstance(fact[0], int):
                self._reasons[fact[0]] = str(fact[1])
        for chain in map(tuple, _read_lists(self.folder / _CHAINS)):
            self._chains[_number_chain(chain)] = chain


def open_pixel_cache(digests: Sequence[str], spec: PixelSpec, margin: int = 0) -> PixelCache | None:
    """The entry for these files and this PixelSpec, new or as it was left.

    margin: of `fit_picture`. None where none fits, or where there is no cache.
    """
    name = pixel_key(digests, spec, margin)
    shape = (len(digests), spec.height + 2 * margin, spec.width + 2 * margin, spec.channels)
    new_bytes = 0 if has_entry(KIND, name, _ROWS) else int(np.prod(shape, dtype=np.int64))
    folder = open_entry(KIND, name, new_bytes)
    return None if folder is None else _try_open(folder, shape)


def _try_open(folder: Path, shape: tuple[int, ...]) -> PixelCache | None:
    """None for a disk that is full by now, or can't map files: images are decoded each time."""
    try:
        return _open(folder, shape)
    except (OSError, WriteError):
        return None


def open_scratch(folder: Path, n: int, spec: PixelSpec) -> PixelCache | None:
    """Room for the pixels of `n` images in a folder of the caller's; None where the disk has none.

    For images that are needed more than once in one evaluation where nothing is to be cached.
    """
    shape = (n, spec.height, spec.width, spec.channels)
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return None  # nobody can say
    if free < int(np.prod(shape, dtype=np.int64)) + RESERVE_BYTES:
        return None
    return _try_open(folder / pixel_key((), spec), shape)


def _open(folder: Path, shape: tuple[int, ...]) -> PixelCache:
    """Map an entry's files, which are made, or brought to their size where they are cut off."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (_FAILURES, _CHAINS):
        (folder / name).touch()
    _resize(folder / _PIXELS, int(np.prod(shape, dtype=np.int64)))
    if not (folder / _ROWS).is_file():
        rows = np.zeros(shape[0], _ROW)
        rows["state"] = UNREAD
        write_atomic(folder / _ROWS, rows.tobytes())
    _resize(folder / _ROWS, shape[0] * _ROW.itemsize)
    return PixelCache(
        folder,
        np.memmap(folder / _PIXELS, np.uint8, "r+", shape=shape),
        np.memmap(folder / _ROWS, _ROW, "r+", shape=shape[:1]),
    )


def _resize(file: Path, size_bytes: int) -> None:
    if not file.is_file() or file.stat().st_size != size_bytes:
        with file.open("ab") as opened:
            opened.truncate(size_bytes)
            reserve_bytes(opened.fileno(), size_bytes)


def _number_chain(chain: tuple[str, ...]) -> int:
    """64 bits of a digest, never `NO_CHAIN`."""
    digest = hashlib.sha256(json.dumps(chain).encode()).digest()
    return int.from_bytes(digest[:8], "little") | 1


def _read_lists(file: Path) -> Iterator[list[Any]]:
    """The lists of a file that has one a line; what is none, or damaged, is passed over."""
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed while it wrote
        if isinstance(value, list):
            yield value

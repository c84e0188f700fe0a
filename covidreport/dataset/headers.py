"""What DICOM headers say of the patient, cached by the file's digest.

Not imported with the package: who reads a data set needs no decoder of images for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.dataset.digests import name_files
from covidreport.dataset.files import Digests
from covidreport.dataset.folders import SUFFIXES
from covidreport.errors import ImageError
from covidreport.storage.cache import read_cached, write_cached

if TYPE_CHECKING:
    from covidreport.records import Dataset

KIND = "headers"
FACTS = ("patient_id", "view", "sex", "age")
_VERSION = 2
"""Counted up when other facts are read, the same facts otherwise, or cached otherwise."""
_PICTURES = tuple(SUFFIXES - {".dcm", ".dicom"})
"""Files called so are not opened to look for a header. DICOM files often have no suffix at all."""
_BLOCK = 32

_Facts = tuple[str, ...] | None
"""What a header states of each of `FACTS`; None where the file has no header that can be read."""


class Headers(Struct, frozen=True):
    """What the headers of a data set state. n_files: images that have one.

    facts: for each name in `FACTS` a column `(N,)` of texts, empty where it isn't stated.
    """

    n_files: int
    facts: dict[str, tuple[str, ...]]


def read_headers(
    dataset: Dataset, digests: Sequence[str], *, use_cache: bool = True
) -> Headers | None:
    """The headers of the DICOM files of a data set; None where it has none that can be read.

    digests: of `digest_files`, one an image. A file whose digest is known from the last time is
    not opened. Raises UsageError when there is a DICOM file to read and the extra `dicom` isn't
    installed.
    """
    now = Digests.of(digests)
    named = [not path.lower().endswith(_PICTURES) for path in dataset.paths]
    found = np.flatnonzero(now.readable & np.array(named, np.bool_))
    if not found.size:
        return None
    key = {"version": _VERSION, "files": name_files(dataset), "pydicom": _pydicom_version()}
    known = (read_cached(KIND, key, _Known) if use_cache else None) or _Known(bytes(32 * len(now)))
    read = _same_digests(known.sha256, now.sha256)
    rows = {row: facts for row, facts in zip(known.rows, known.facts, strict=True) if read[row]}
    missing: list[int] = found[~read[found]].tolist()
    for row, stated in zip(missing, _read_files(dataset, missing), strict=True):
        if stated is not None:
            rows[row] = stated
    if missing and use_cache:
        write_cached(KIND, key, _Known(now.sha256, tuple(rows), tuple(rows.values())))
    if not rows:
        return None
    nothing = ("",) * len(FACTS)
    columns = zip(*(rows.get(i, nothing) for i in range(len(dataset))), strict=True)
    return Headers(len(rows), dict(zip(FACTS, columns, strict=True)))


class _Known(Struct, frozen=True):
    """What the files of a data set stated the last time.

    sha256: `Digests.sha256` of all files. rows, facts: those that had a header, and what it stated.
    """

    sha256: bytes
    rows: tuple[int, ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()


def _same_digests(then: bytes, now: bytes) -> NDArray[np.bool_]:
    """Which files are as they were, bool `(N,)`."""
    both = (np.frombuffer(each, np.uint8).reshape(-1, 32) for each in (then, now))
    same: NDArray[np.bool_] = np.all(np.equal(*both), axis=1)
    return same


def _pydicom_version() -> str | None:
    try:
        return version("pydicom")
    except PackageNotFoundError:
        return None


def _read_files(dataset: Dataset, rows: Sequence[int]) -> Iterator[_Facts]:
    def read_block(start: int) -> list[_Facts]:
        block = rows[start : start + _BLOCK]
        return [_read_file(dataset.root / dataset.paths[row]) for row in block]

    if rows:
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for found in pool.map(read_block, range(0, len(rows), _BLOCK)):
                yield from found


def _read_file(path: Path) -> _Facts:
    """None where the file is no DICOM, or a damaged one: decoding will say why."""
    from covidreport.images.dicom import is_dicom, read_dicom_attributes

    try:
        stated = read_dicom_attributes(path) if is_dicom(path) else None
    except ImageError:
        return None
    return None if stated is None else tuple(stated[fact] for fact in FACTS)

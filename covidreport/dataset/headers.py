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

from msgspec import Struct

from covidreport.dataset.digests import name_files
from covidreport.dataset.files import UNREADABLE
from covidreport.dataset.folders import SUFFIXES
from covidreport.errors import ImageError
from covidreport.storage.cache import read_cached, write_cached

if TYPE_CHECKING:
    from covidreport.records import Dataset

KIND = "headers"
FACTS = ("patient_id", "view", "sex", "age")
_VERSION = 1
"""Counted up when other facts are read, or the same facts otherwise."""
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
    found = [i for i, path in enumerate(dataset.paths) if not path.lower().endswith(_PICTURES)]
    found = [i for i in found if digests[i] != UNREADABLE]
    if not found:
        return None
    key = {"version": _VERSION, "files": name_files(dataset), "pydicom": _pydicom_version()}
    known = (read_cached(KIND, key, dict[str, _Facts]) if use_cache else None) or {}
    missing = [i for i in found if digests[i] not in known]
    for i, stated in zip(
        missing, _read_files([dataset.root / dataset.paths[i] for i in missing]), strict=True
    ):
        known[digests[i]] = stated
    if missing and use_cache:
        write_cached(KIND, key, {digests[i]: known[digests[i]] for i in found})
    rows = {i: stated for i in found if (stated := known[digests[i]]) is not None}
    if not rows:
        return None
    nothing = ("",) * len(FACTS)
    columns = zip(*(rows.get(i, nothing) for i in range(len(dataset))), strict=True)
    return Headers(len(rows), dict(zip(FACTS, columns, strict=True)))


def _pydicom_version() -> str | None:
    try:
        return version("pydicom")
    except PackageNotFoundError:
        return None


def _read_files(paths: Sequence[Path]) -> Iterator[_Facts]:
    blocks = [paths[start : start + _BLOCK] for start in range(0, len(paths), _BLOCK)]
    if blocks:
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for found in pool.map(lambda block: [_read_file(path) for path in block], blocks):
                yield from found


def _read_file(path: Path) -> _Facts:
    """None where the file is no DICOM, or a damaged one: decoding will say why."""
    from covidreport.images.dicom import is_dicom, read_dicom_attributes

    try:
        stated = read_dicom_attributes(path) if is_dicom(path) else None
    except ImageError:
        return None
    return None if stated is None else tuple(stated[fact] for fact in FACTS)

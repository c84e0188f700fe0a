"""What DICOM headers say of the patient, remembered from one time to the next by the file's digest.

Not imported with the package: who reads a data set needs no decoder of images for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from covidreport.cache import read_kept, write_kept
from covidreport.dataset.digests import name_entry
from covidreport.dataset.files import UNREADABLE
from covidreport.errors import ImageError

if TYPE_CHECKING:
    from covidreport.records import Dataset

KIND = "headers"
FACTS = ("patient_id", "view", "sex", "age")
_VERSION = 1
"""Counted up when other facts are read, or the same facts otherwise."""
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp")
"""Files called so are not opened to look for a header. DICOM files often have no suffix at all."""
_BLOCK = 32

_Table = dict[str, list[str | None]]
"""For each of `FACTS` a cell a file; None where the file has no header that can be read."""


@dataclass(frozen=True, slots=True)
class Headers:
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
    wanted = [digests[i] for i in found]
    name = name_entry(dataset)
    table, missing = _recall(read_kept(KIND, name) if use_cache else None, wanted)
    paths = [dataset.root / dataset.paths[found[place]] for place in missing]
    for place, facts in zip(missing, _read_files(paths), strict=True):
        for fact in FACTS:
            table[fact][place] = facts.get(fact)
    if missing and use_cache:
        entry = json.dumps({"version": _VERSION, "sha256": wanted, **table}).encode()
        write_kept(KIND, name, entry, private=True)  # it holds names of patients
    n_files = sum(cell is not None for cell in table["patient_id"])
    if n_files == 0:
        return None
    return Headers(n_files, {fact: _spread(table[fact], found, len(dataset)) for fact in FACTS})


def _spread(cells: Sequence[str | None], rows: Sequence[int], n: int) -> tuple[str, ...]:
    """Cells of some rows as a column of all `n`."""
    column = [""] * n
    for row, cell in zip(rows, cells, strict=True):
        column[row] = cell or ""
    return tuple(column)


def _recall(kept: bytes | None, wanted: Sequence[str]) -> tuple[_Table, list[int]]:
    """What is known of files, by their digests, and the places of those to be read."""
    entry = json.loads(kept) if kept else {}
    if entry.get("version") != _VERSION:
        return {name: [None] * len(wanted) for name in FACTS}, list(range(len(wanted)))
    if entry["sha256"] == wanted:
        return {name: entry[name] for name in FACTS}, []
    places = {digest: place for place, digest in enumerate(entry["sha256"])}
    at = [places.get(digest) for digest in wanted]
    table = {
        name: [None if place is None else entry[name][place] for place in at] for name in FACTS
    }
    return table, [row for row, place in enumerate(at) if place is None]


def _read_files(paths: Sequence[Path]) -> Iterator[Mapping[str, str]]:
    blocks = [paths[start : start + _BLOCK] for start in range(0, len(paths), _BLOCK)]
    if blocks:
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for found in pool.map(lambda block: [_read_file(path) for path in block], blocks):
                yield from found


def _read_file(path: Path) -> Mapping[str, str]:
    """The facts of a file; none where it is no DICOM, or a damaged one: decoding will say why."""
    from covidreport.images.dicom import is_dicom, read_dicom_attributes

    try:
        return read_dicom_attributes(path) if is_dicom(path) else {}
    except ImageError:
        return {}

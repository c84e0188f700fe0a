"""What the image files of a data set are like, cached by the digests of the files.

Not imported with the package: who reads a data set needs no decoder of images for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from covidreport.dataset.digests import name_files
from covidreport.errors import ImageError
from covidreport.images.cache import decoder_versions
from covidreport.images.transforms import ASSUMED
from covidreport.records import Dataset, ImageSurvey, Peak
from covidreport.storage.cache import name_entry, read_cached_bytes, write_cached_bytes

if TYPE_CHECKING:
    from covidreport.images.survey import PictureFacts

KIND = "surveys"
_VERSION = 4
"""Counted up when other facts are gathered, the same facts otherwise, or rows have other fields."""
_NO_PEAK = -1
_BLOCK = 32
"""Files a job, as in `hash_files`."""
_ROW = np.dtype(
    [
        ("file", "S64"),
        ("pixels", "S64"),
        ("format", "S16"),
        ("colour", "S8"),
        ("bits", "<i4"),
        ("height", "<i4"),
        ("width", "<i4"),
        ("brightness", "<f4"),
        ("maximum", "<i4"),
        ("assumed", "u1"),
        ("content", "u1", (64, 64)),
        ("thumbnail", "u1", (32, 32)),
        ("failed", "?"),
    ]
)


def survey_images(
    dataset: Dataset,
    digests: Sequence[str],
    *,
    jobs: int | None = None,
    use_cache: bool = True,
    advance: Callable[[int], None] = lambda _: None,
) -> ImageSurvey:
    """Decode every image once, at most `jobs` (by default one a core) at a time, and describe it.

    digests: of `digest_files`; a file whose digest is known from the last time is not opened, one
    that could not be decoded is tried again. advance: is told how many more images are done.
    """
    name = name_entry([_VERSION, decoder_versions(), name_files(dataset)])
    table = np.zeros(len(dataset), _ROW)
    missing = _take_known(read_cached_bytes(KIND, name) if use_cache else None, digests, table)
    advance(len(dataset) - len(missing))
    reasons: list[str | None] = [None] * len(dataset)
    blocks = [missing[start : start + _BLOCK] for start in range(0, len(missing), _BLOCK)]

    def survey_block(rows: Sequence[int]) -> list[PictureFacts | str]:
        return [_survey_file(dataset.root / dataset.paths[row]) for row in rows]

    if blocks:
        with ThreadPoolExecutor(max_workers=jobs or os.cpu_count()) as pool:
            for rows, found in zip(blocks, pool.map(survey_block, blocks), strict=True):
                for row, facts in zip(rows, found, strict=True):
                    if isinstance(facts, str):
                        reasons[row] = facts
                    _fill_row(table[row : row + 1], facts, digests[row])
                advance(len(rows))
    if missing and use_cache:
        write_cached_bytes(KIND, name, table.tobytes())
    return _to_survey(table, reasons)


def _survey_file(path: Path) -> PictureFacts | str:
    """The facts of one image; the reason where it can't be decoded."""
    from covidreport.images import read_image
    from covidreport.images.survey import survey_picture

    try:
        return survey_picture(read_image(path))
    except ImageError as error:
        return str(error)


def _fill_row(row: NDArray[np.void], facts: PictureFacts | str, digest: str) -> None:
    row["file"] = digest.encode()
    row["failed"] = isinstance(facts, str)
    if isinstance(facts, str):
        row["brightness"] = np.nan
        return
    row["pixels"], row["format"] = facts.pixels.encode(), facts.format.encode()
    row["colour"], row["bits"] = facts.colour.encode(), facts.bits
    row["height"], row["width"] = facts.height, facts.width
    row["brightness"], row["thumbnail"] = facts.brightness, facts.thumbnail
    row["content"] = facts.content
    row["assumed"] = sum(1 << ASSUMED.index(step) for step in facts.assumed)
    row["maximum"] = _NO_PEAK if facts.peak is None else facts.peak.maximum


def _take_known(cached: bytes | None, digests: Sequence[str], table: NDArray[np.void]) -> list[int]:
    """Fill in what is known by digest; the rows of the images that are to be decoded."""
    known = np.frombuffer(cached or b"", _ROW)
    indices = {
        digest.decode(): index
        for index, digest in enumerate(known["file"].tolist())
        if not known["failed"][index]
    }
    found = [indices.get(digest, -1) for digest in digests]
    rows = [row for row, index in enumerate(found) if index >= 0]
    table[rows] = known[[found[row] for row in rows]]
    return [row for row, index in enumerate(found) if index < 0]


def _to_survey(table: NDArray[np.void], reasons: Sequence[str | None]) -> ImageSurvey:
    texts: Mapping[str, Any] = {
        name: tuple(cell.decode() for cell in table[name].tolist())
        for name in ("pixels", "format", "colour")
    }
    return ImageSurvey(
        reasons=tuple(reasons),
        pixels=texts["pixels"],
        formats=texts["format"],
        colours=texts["colour"],
        bits=table["bits"].copy(),
        sizes=np.stack([table["height"], table["width"]], axis=1),
        brightness=table["brightness"].copy(),
        peaks=tuple(
            None if failed or maximum == _NO_PEAK else Peak(maximum, bits)
            for failed, maximum, bits in table[["failed", "maximum", "bits"]].tolist()
        ),
        assumed=tuple(
            tuple(step for bit, step in enumerate(ASSUMED) if bits >> bit & 1)
            for bits in table["assumed"].tolist()
        ),
        contents=table["content"].copy(),
        thumbnails=table["thumbnail"].copy(),
    )

"""From image files to pixels: sniffed by content, decoded once, fitted to what a model wants.

`train` and `evaluate` get their pixels here, so a model is evaluated on what it was trained on.
Everything is thread-safe, and decoders and resize release the interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from covidreport.errors import ImageError
from covidreport.images.dicom import decode_dicom
from covidreport.images.jpeg import decode_jpeg
from covidreport.images.pillow import decode_bmp, decode_gif, decode_webp
from covidreport.images.pixels import MAX_PIXELS, DecodedImage
from covidreport.images.png import SIGNATURE, decode_png
from covidreport.images.resize import check_spec, fit_pixels
from covidreport.images.tiff import decode_tiff
from covidreport.images.transforms import describe_doubts, summarize_chains
from covidreport.records import PixelSpec
from covidreport.storage.files import open_regular, read_most
from covidreport.storage.objects import read_objects

__all__ = [
    "FORMATS",
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "DecodedImage",
    "ImageFormat",
    "check_spec",
    "decode_image",
    "describe_doubts",
    "fit_pixels",
    "looks_like_image",
    "read_ahead",
    "read_bytes",
    "read_image",
    "read_pixels",
    "summarize_chains",
]

MAX_FILE_BYTES = 1 << 30
"""Larger files are not read: `MAX_PIXELS` of 16-bit RGBA, not compressed, take 800 MB."""


class ImageFormat(NamedTuple):
    """A format that is read: its files hold `magic` at byte `offset`."""

    name: str
    offset: int
    magic: bytes
    decode: Callable[[bytes], DecodedImage]


FORMATS = (
    ImageFormat("JPEG", 0, b"\xff\xd8\xff", decode_jpeg),
    ImageFormat("PNG", 0, SIGNATURE, decode_png),
    ImageFormat("DICOM", 128, b"DICM", decode_dicom),
    ImageFormat("TIFF", 0, b"II*\0", decode_tiff),
    ImageFormat("TIFF", 0, b"MM\0*", decode_tiff),
    ImageFormat("BMP", 0, b"BM", decode_bmp),
    ImageFormat("WebP", 8, b"WEBP", decode_webp),
    ImageFormat("GIF", 0, b"GIF8", decode_gif),
)
"""The first whose magic is found decodes the file; its name and suffix are not looked at."""

_HEAD_BYTES = max(each.offset + len(each.magic) for each in FORMATS)

_OTHERS = (
    ("a BigTIFF file", 0, b"II+\0"),
    ("a BigTIFF file", 0, b"MM\0+"),
    ("a JPEG 2000 file", 4, b"jP  "),
    ("a PDF file", 0, b"%PDF"),
    ("a text file that begins with a tag (a web page?)", 0, b"<"),
    ("a Git LFS pointer, not the image itself", 0, b"version https://git-lfs"),
)
"""Formats that are not read but known by sight, for an error that helps."""


def read_bytes(path: Path) -> bytes:
    """A file whole, to be hashed and decoded from the same bytes.

    Raises ImageError when it can't be read, is empty, or is larger than `MAX_FILE_BYTES`.
    """

    def read() -> bytes:
        with open_regular(path) as file:
            return read_most(file, MAX_FILE_BYTES)

    return _check_bytes(read)


def read_ahead(paths: Sequence[Path]) -> Iterator[tuple[Path, Callable[[], bytes]]]:
    """Each object with what reads it as `read_bytes`; some are asked for before they are read."""
    with closing(read_objects(list(map(str, paths)), MAX_FILE_BYTES + 1)) as asked:
        for path, future in zip(paths, asked, strict=True):
            yield path, partial(_check_bytes, future.result)


def _check_bytes(read: Callable[[], bytes]) -> bytes:
    try:
        data = read()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"too large: more than {MAX_FILE_BYTES >> 20} MiB")
    return data


def decode_image(data: bytes) -> DecodedImage:
    """The picture that a file's bytes hold, whatever the file was called.

    Raises ImageError with a short reason when there is none, or none that can be trusted.
    """
    if not data:
        raise ImageError("the file is empty")
    image_format = _find_format(data)
    if image_format is not None:
        try:
            return image_format.decode(data)
        except MemoryError as error:
            raise ImageError("not enough memory to decode it") from error
    *others, last = dict.fromkeys(image_format.name for image_format in FORMATS)
    known = f"{', '.join(others)} and {last}"
    for what, offset, magic in _OTHERS:
        if data.startswith(magic, offset):
            raise ImageError(f"{what}; {known} are read")
    raise ImageError(f"not an image: {known} are read")


def _find_format(data: bytes) -> ImageFormat | None:
    """The format that a file begins like; None for what is not read."""
    fits = (each for each in FORMATS if data.startswith(each.magic, each.offset))
    return next(fits, None)


def looks_like_image(path: Path) -> bool:
    """Whether a file begins like one of a format that is read; False where it can't be read."""
    try:
        with open_regular(path) as file:
            return _find_format(file.read(_HEAD_BYTES)) is not None
    except OSError:
        return False


def read_image(path: Path) -> DecodedImage:
    """Read and decode one file. Raises ImageError."""
    return decode_image(read_bytes(path))


def read_pixels(path: Path, spec: PixelSpec) -> NDArray[np.uint8]:
    """One file's pixels as a model wants them: uint8 `(height, width, channels)`.

    Raises ImageError; UsageError as `check_spec`.
    """
    return fit_pixels(read_image(path), spec)

"""JPEG of 8 bits: grey, colour (YCbCr, RGB) and four inks (CMYK, YCCK), also progressive.

Decoded by libjpeg-turbo (through imagecodecs). libjpeg fills the missing part of a cut-off file
with grey and says nothing, so the file's segments are followed here to the end marker first.
Damage inside of the compressed data that keeps the markers intact can't be seen by any decoder:
JPEG has no checksum.
"""

from __future__ import annotations

import re
import struct

import imagecodecs
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image

from covidreport.errors import ImageError
from covidreport.images.exif import read_orientation
from covidreport.images.pixels import DecodedImage, check_size, develop_samples

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1
_BETWEEN_SCANS = {
    0xC4,
    0xCC,
    _START_OF_SCAN,
    _END_OF_IMAGE,
    0xDB,
    0xDC,
    0xDD,
    *range(0xE0, 0xF0),
    0xFE,
}
"""What may follow compressed data: tables, a scan, the end, application data (T.81, B.2.1)."""
_EXIF = b"Exif\0\0"
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker that ends compressed data: no stuffed zero, restart or fill byte (T.81, B.1.1)."""


class _JpegHeader(Struct, frozen=True):
    width: int
    height: int
    components: int
    orientation: int


def decode_jpeg(data: bytes) -> DecodedImage:
    """Pixels of a JPEG; of a file that holds several, the first. Colour profiles are not applied.

    Raises ImageError when it is cut off, damaged, of 12 bits or larger than is read.
    """
    header = _read_header(data)
    try:
        samples = imagecodecs.jpeg8_decode(data)
    except (imagecodecs.Jpeg8Error, ValueError) as error:
        raise ImageError(f"damaged JPEG: {error}") from error
    if header.components == 4:
        samples = _print_inks(samples)
    return develop_samples(samples, image_format="JPEG", bits=8, orientation=header.orientation)


def _print_inks(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """CMYK as uint8 RGB `(H, W, 3)`; such files store the inks inverted (Adobe's convention)."""
    height, width, _ = samples.shape
    inks = np.subtract(255, samples, dtype=np.uint8)
    return np.asarray(Image.frombytes("CMYK", (width, height), inks.tobytes()).convert("RGB"))


def _read_header(data: bytes) -> _JpegHeader:
    """Size, components and orientation, from the segments up to the end marker."""
    frame: tuple[int, int, int] | None = None
    orientation, in_scans = 1, False
    position, marker = 2, 0
    while marker != _END_OF_IMAGE:
        found = _MARKER.search(data, position)
        if found is None:
            raise ImageError("truncated: the JPEG has no end marker")
        marker, position = data[found.start() + 1], found.end()
        in_scans = in_scans or marker == _START_OF_SCAN
        if in_scans and marker not in _BETWEEN_SCANS:
            raise ImageError(f"damaged JPEG: marker {marker:#04x} inside of its data")
        body = _read_segment(data, marker, position)
        position += len(body)
        if marker in _START_OF_FRAME and frame is None:
            frame = _read_frame(body)
        elif marker == _APP1 and body[2:8] == _EXIF:
            orientation = read_orientation(body[8:])
    if frame is None:
        raise ImageError("damaged JPEG: no frame header")
    return _JpegHeader(*frame, orientation)


def _read_segment(data: bytes, marker: int, position: int) -> bytes:
    """The segment after a marker, its two bytes of length included; empty for a bare marker."""
    if marker in (0x01, 0xD8, _END_OF_IMAGE):
        return b""
    n_bytes = int.from_bytes(data[position : position + 2], "big")
    if position + max(n_bytes, 2) > len(data):
        raise ImageError("truncated: the JPEG ends within a segment")
    if n_bytes < 2:
        raise ImageError("damaged JPEG: a segment without length")
    return data[position : position + n_bytes]


def _read_frame(body: bytes) -> tuple[int, int, int]:
    """Width, height and number of components of a start-of-frame segment (T.81, B.2.2)."""
    try:
        bits, height, width, components = struct.unpack_from(">BHHB", body, 2)
    except struct.error as error:
        raise ImageError("damaged JPEG: frame header too short") from error
    check_size(width, height)
    if bits != 8:
        raise ImageError(f"a JPEG of {bits} bits; only 8 are read: convert it to PNG")
    if components not in (1, 3, 4):
        raise ImageError(f"a JPEG of {components} components; 1, 3 or 4 are read")
    return width, height, components

"""Small images for the tests, written by Pillow or by hand from the PNG specification."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
"""First row, first column, row step and column step of each pass (PNG specification, 8.2)."""


def noise(*shape: int, seed: int = 0, high: int = 256) -> NDArray[Any]:
    """Random samples, uint8, or uint16 where `high` needs it."""
    dtype = np.uint8 if high <= 256 else np.uint16
    return np.random.default_rng(seed).integers(0, high, shape).astype(dtype)


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    """A grey ramp with a step: compresses well as JPEG, and no two corners are alike."""
    ramp = np.add.outer(np.arange(height) * 2, np.arange(width)) % 200
    ramp[: height // 3, : width // 4] = 250
    return ramp.astype(np.uint8)


def save(picture: Image.Image, image_format: str, **options: Any) -> bytes:
    """The file that Pillow writes."""
    buffer = BytesIO()
    picture.save(buffer, image_format, **options)
    return buffer.getvalue()


def open_reference(data: bytes) -> Image.Image:
    """What Pillow makes of a file."""
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


def chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def insert_chunk(png: bytes, kind: bytes, body: bytes, before: bytes = b"IDAT") -> bytes:
    """A PNG with one more chunk before the first one of a kind."""
    at = png.index(before) - 4
    return png[:at] + chunk(kind, body) + png[at:]


def pack_rows(samples: NDArray[Any], bits: int) -> bytes:
    """Rows as PNG stores them, each behind filter byte 0. samples: `(H, W)` or `(H, W, C)`."""
    if samples.size == 0:
        return b""
    flat = samples.reshape(samples.shape[0], -1)
    if bits == 16:
        rows = [row.astype(">u2").tobytes() for row in flat]
    else:
        ones = (flat[:, :, np.newaxis] >> np.arange(bits - 1, -1, -1)) & 1
        rows = [np.packbits(row.reshape(-1).astype(np.uint8)).tobytes() for row in ones]
    return b"".join(b"\0" + row for row in rows)


def write_png(
    samples: NDArray[Any], bits: int, colour: int, *, extra: bytes = b"", interlaced: bool = False
) -> bytes:
    """A PNG by hand: any depth, interlaced (Adam7) or not, `extra` chunks before the data."""
    if interlaced:
        data = b"".join(pack_rows(samples[r::dr, c::dc], bits) for r, c, dr, dc in ADAM7)
    else:
        data = pack_rows(samples, bits)
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    return b"".join(
        [
            SIGNATURE,
            chunk(b"IHDR", header),
            extra,
            chunk(b"IDAT", zlib.compress(data)),
            chunk(b"IEND", b""),
        ]
    )


def exif_block(orientation: int, order: str = "<") -> bytes:
    """A TIFF block with two entries, the second of them the orientation."""
    mark = b"II" if order == "<" else b"MM"
    width = struct.pack(order + "HHIHH", 0x0100, 3, 1, 10, 0)
    turned = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return (
        mark + struct.pack(order + "HIH", 42, 8, 2) + width + turned + struct.pack(order + "I", 0)
    )


def on_black(samples: NDArray[Any], maximum: int) -> NDArray[np.uint8]:
    """Grey or RGB with alpha in the last channel, on black, as 8 bits: one rounding, in float64."""
    colour, alpha = samples[..., :-1].astype(float), samples[..., -1:].astype(float)
    eight_bits: NDArray[np.uint8] = np.rint(colour * alpha / maximum * (255 / maximum)).astype(
        np.uint8
    )
    return eight_bits[..., 0] if eight_bits.shape[-1] == 1 else eight_bits

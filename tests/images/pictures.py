"""Small images for the tests, written by Pillow or by hand from the PNG specification."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Literal

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


def write_tiff(
    samples: NDArray[Any],
    photometric: int | None,
    *,
    order: Literal["<", ">"] = "<",
    tags: Mapping[int, tuple[int, ...]] | None = None,
    tile: int = 0,
    page: int = 0,
) -> bytes:
    """A TIFF by hand, not compressed: samples `(H, W)` or `(H, W, C)`, in one strip or in tiles.

    tags: more of them, or others. page: where a second page is said to begin; 0 for none.
    """
    height, width, channels = (*samples.shape, 1)[:3]
    kind = samples.dtype.newbyteorder(order)
    if tile:
        room = np.zeros((-height % tile + height, -width % tile + width, channels), samples.dtype)
        room[:height, :width] = samples.reshape(height, width, channels)
        corners = [(y, x) for y in range(0, height, tile) for x in range(0, width, tile)]
        parts = [room[y : y + tile, x : x + tile].astype(kind).tobytes() for y, x in corners]
    else:
        parts = [samples.astype(kind).tobytes()]
    begins = [8 + sum(map(len, parts[:at])) for at in range(len(parts))]
    sizes = tuple(map(len, parts))
    found: dict[int, tuple[int, ...]] = {
        256: (width,), 257: (height,), 258: (samples.dtype.itemsize * 8,) * channels, 259: (1,),
        262: () if photometric is None else (photometric,), 277: (channels,),
        **({322: (tile,), 323: (tile,), 324: tuple(begins), 325: sizes} if tile else
           {273: tuple(begins), 278: (height,), 279: sizes}),
        **(tags or {}),
    }  # fmt: skip
    found = {tag: values for tag, values in sorted(found.items()) if values}
    data = b"".join(parts)
    directory = 8 + len(data)
    behind = directory + 2 + 12 * len(found) + 4
    entries, outside = b"", b""
    for tag, values in found.items():
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            at, outside = behind + len(outside), outside + packed
            packed = struct.pack(order + "I", at)
        entries += struct.pack(order + "HHI", tag, 4, len(values)) + packed
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, directory)
    count = struct.pack(order + "H", len(found))
    return head + data + count + entries + struct.pack(order + "I", page) + outside

"""Pictures made by hand: each case writes one file, whose name says what it seems to be."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.hostile.dicom import write_dicom
from benchmarks.hostile.places import draw_pixels

Writer = Callable[[Path], object]
PIXELS = np.kron(draw_pixels(1, seed=9)[0][0], np.ones((4, 4), np.uint8))
IMAGE = Image.fromarray(PIXELS)


def _encode(image: Image.Image, kind: str, **how: Any) -> bytes:
    sink = io.BytesIO()
    image.save(sink, kind, **how)
    return sink.getvalue()


PNG, JPEG = _encode(IMAGE, "PNG"), _encode(IMAGE, "JPEG", quality=90)


def _bytes(data: bytes) -> Writer:
    return lambda file: file.write_bytes(data)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 0, more: bytes = b"",
    interlace: int = 0,
) -> bytes:  # fmt: skip
    """A PNG of these raw rows, whatever its header says."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    parts = [chunk(b"IHDR", head), more, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _rows(side: int, value: int = 128) -> bytes:
    return (b"\0" + bytes([value]) * side) * side


def _jpeg_size(height: int, width: int) -> bytes:
    """The JPEG with other sides in its header."""
    place = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:place] + struct.pack(">HH", height, width) + JPEG[place + 4 :]


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _encode(IMAGE, "JPEG", quality=90, exif=exif)


def _dicom(**how: Any) -> Writer | None:
    data = write_dicom(PIXELS, **how)
    return None if data is None else _bytes(data)


def _bomb(file: Path) -> None:
    """400 million black pixels; deflating them takes seconds, so only whoever wants them does."""
    file.write_bytes(png(20_000, 20_000, bytes(20_001) * 20_000))


def _long_text(file: Path) -> None:
    """A PNG with 16 MB of text in a few KB."""
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(16_000_000)))
    file.write_bytes(PNG[:33] + text + PNG[33:])


def _loop(file: Path) -> None:
    file.symlink_to(file.name)


def _unreadable(file: Path) -> None:
    file.write_bytes(PNG)
    file.chmod(0)


def _outside(file: Path) -> None:
    """A link to a picture elsewhere: what is read is a picture, whoever's it is."""
    other = file.parents[1] / "elsewhere.png"
    other.write_bytes(PNG)
    file.symlink_to(other)


_DICOM: dict[str, Writer | None] = {
    "no-pixels.dcm": _dicom(without=("PixelData",)),
    "no-rows.dcm": _dicom(without=("Rows",)),
    "giant-rows.dcm": _dicom(Rows=65535, Columns=65535),
    "short-pixels.dcm": _dicom(PixelData=b"\0" * 10),
    "frames.dcm": _dicom(NumberOfFrames=2, PixelData=PIXELS.tobytes() * 2),
    "unknown-syntax.dcm": _dicom(syntax="1.2.840.10008.1.9.9"),
    "jpeg2000-syntax-plain-pixels.dcm": _dicom(syntax="1.2.840.10008.1.2.4"),
    "negative-photometric.dcm": _dicom(PhotometricInterpretation="MONOCHROME1"),
    "strange-photometric.dcm": _dicom(PhotometricInterpretation="RAINBOW"),
    "window-of-nothing.dcm": _dicom(WindowCenter=0, WindowWidth=0),
    "slope-not-finite.dcm": _dicom(RescaleSlope="1e308", RescaleIntercept="1e308"),
    "bits-64.dcm": _dicom(BitsAllocated=64, BitsStored=64, HighBit=63),
    "preamble-alone.dcm": _bytes(bytes(128) + b"DICM"),
}

BAD_IMAGES: dict[str, Writer] = {
    "empty.png": _bytes(b""),
    "one-byte.jpg": _bytes(b"\xff"),
    "text.png": _bytes(b"not a picture\n" * 9),
    "html.jpg": _bytes(b"<!doctype html><title>404</title>"),
    "lfs.png": _bytes(b"version https://git-lfs.github.com/spec/v1\nsize 1\n"),
    "cut-off.png": _bytes(PNG[: len(PNG) // 2]),
    "cut-off.jpg": _bytes(JPEG[: len(JPEG) * 2 // 3]),
    "no-end.png": _bytes(PNG[:-12]),
    "no-end.jpg": _bytes(JPEG[:-2]),
    "two-ends.png": _bytes(PNG + PNG[-12:]),
    "trailing.png": _bytes(PNG + b"x" * 100),
    "trailing.jpg": _bytes(JPEG + b"x" * 100),
    "jpeg-called.png": _bytes(JPEG),
    "png-called.jpg": _bytes(PNG),
    "gif-called.png": _bytes(_encode(IMAGE, "GIF")),
    "bmp-called.png": _bytes(_encode(IMAGE, "BMP")),
    "tiff-called.jpg": _bytes(_encode(IMAGE, "TIFF")),
    "svg-called.png": _bytes(b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>'),
    "signature-alone.png": _bytes(PNG[:8]),
    "header-alone.png": _bytes(PNG[:33]),
    "bomb.png": _bytes(png(60_000, 60_000, b"")),
    "bomb-filled.png": _bomb,
    "bomb.jpg": _bytes(_jpeg_size(65_500, 65_500)),
    "no-height.jpg": _bytes(_jpeg_size(0, 32)),
    "width-0.png": _bytes(png(0, 10, b"")),
    "width-2-31.png": _bytes(png(2**31, 1, b"\0")),
    "one-pixel.png": _bytes(png(1, 1, b"\0\x80")),
    "one-row.png": _bytes(png(30_000, 1, b"\0" + bytes(30_000))),
    "too-few-rows.png": _bytes(png(32, 32, _rows(32)[:100])),
    "too-many-rows.png": _bytes(png(32, 32, _rows(32) * 50)),
    "filter-9.png": _bytes(png(4, 4, (b"\x09" + bytes(4)) * 4)),
    "depth-3.png": _bytes(png(32, 32, _rows(32), depth=3)),
    "colour-7.png": _bytes(png(32, 32, _rows(32), colour=7)),
    "palette-missing.png": _bytes(png(32, 32, _rows(32), colour=3)),
    "palette-short.png": _bytes(png(32, 32, _rows(32), colour=3, more=chunk(b"PLTE", b"\1\2\3"))),
    "interlaced.png": _bytes(_encode(IMAGE, "PNG")[:28] + b"\1" + PNG[29:]),
    "interlace-9.png": _bytes(png(32, 32, _rows(32), interlace=9)),
    "no-picture-data.png": _bytes(PNG[:33] + chunk(b"IEND", b"")),
    "two-headers.png": _bytes(PNG[:33] + PNG[8:]),
    "text-of-16-mb.png": _long_text,
    "profile-broken.png": _bytes(PNG[:33] + chunk(b"iCCP", b"x\0\0junk") + PNG[33:]),
    "gamma-0.png": _bytes(PNG[:33] + chunk(b"gAMA", bytes(4)) + PNG[33:]),
    "checksum-wrong.png": _bytes(PNG[:29] + b"\0\0\0\0" + PNG[33:]),
    "transparent.png": _bytes(_encode(IMAGE.convert("LA"), "PNG")),
    "one-bit.png": _bytes(_encode(IMAGE.convert("1"), "PNG")),
    "animated.png": _bytes(_encode(IMAGE, "PNG", save_all=True, append_images=[IMAGE.rotate(90)])),
    "cmyk.jpg": _bytes(_encode(IMAGE.convert("CMYK"), "JPEG")),
    "turned.jpg": _bytes(_exif(6)),
    "turned-to-9.jpg": _bytes(_exif(9)),
    "exif-broken.jpg": _bytes(JPEG[:2] + b"\xff\xe1\0\x10Exif\0\0II*\0\xff\xff\xff\xff" + JPEG[2:]),
    "tables-missing.jpg": _bytes(JPEG.replace(b"\xff\xdb", b"\xff\xfe")),
    "huffman-missing.jpg": _bytes(JPEG.replace(b"\xff\xc4", b"\xff\xfe")),
    "scan-missing.jpg": _bytes(JPEG[: JPEG.index(b"\xff\xda")] + b"\xff\xd9"),
    "arithmetic.jpg": _bytes(JPEG.replace(b"\xff\xc0", b"\xff\xc9")),
    "lossless.jpg": _bytes(JPEG.replace(b"\xff\xc0", b"\xff\xc3")),
    "twelve-bits.jpg": _bytes(JPEG.replace(b"\xff\xc0\0\x0b\x08", b"\xff\xc0\0\x0b\x0c")),
    "many-scans.jpg": _bytes(JPEG[:-2] + JPEG[JPEG.index(b"\xff\xda") : -2] * 200 + JPEG[-2:]),
    "folder.png": lambda file: file.mkdir(),
    "dangling.png": lambda file: file.symlink_to("nowhere.png"),
    "loop.png": _loop,
    "elsewhere.png": _outside,
    "pipe.png": lambda file: os.mkfifo(file),
    "device.png": lambda file: file.symlink_to("/dev/zero"),
    "unreadable.png": _unreadable,
    **{name: writer for name, writer in _DICOM.items() if writer is not None},
}

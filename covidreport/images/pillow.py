"""BMP, GIF and WebP of one picture, decoded by Pillow.

What can't be trusted to look as it was meant is refused by name: several pictures in one file,
pixels that a mask hides. Each file is opened by the one plug-in of
its format, whatever others the process has loaded.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, GifImagePlugin, ImageFile, WebPImagePlugin

from covidreport.errors import ImageError
from covidreport.images.exif import read_orientation
from covidreport.images.pixels import DAMAGE, DecodedImage, check_size, develop_samples

# of tags that are cut off or odd, which name no file, and of sizes, which are checked here
warnings.filterwarnings("ignore", module=r"PIL(\.|$)")

_EXIF: Final = b"Exif\0\0"
_MODES: Final = {"1": "L", "P": "RGB"}


def decode_bmp(data: bytes) -> DecodedImage:
    """Pixels of a BMP. Raises ImageError when it is cut off, damaged or compressed."""
    if len(data) < int.from_bytes(data[2:6], "little"):
        raise ImageError("truncated: the BMP is shorter than its header says")
    picture = _open(BmpImagePlugin.BmpImageFile, data, "BMP")
    if picture.tile and picture.tile[0].codec_name != "raw":
        raise ImageError("a compressed BMP: save it as PNG")
    return _develop(picture, "BMP")


def decode_gif(data: bytes) -> DecodedImage:
    """Pixels of a GIF of one frame. Raises ImageError when it is cut off, damaged or animated."""
    if not data.rstrip(b"\0").endswith(b";"):
        raise ImageError("truncated: the GIF has no end mark")
    picture = _open(GifImagePlugin.GifImageFile, data, "GIF")
    # a frame may cover a part of the picture, the rest is then no pixel of any file
    if [each.extents for each in picture.tile] != [(0, 0, *picture.size)]:
        raise ImageError("a GIF whose frame does not fill its picture: save it as PNG")
    return _develop(picture, "GIF")


def decode_webp(data: bytes) -> DecodedImage:
    """Pixels of a WebP, lossy or not. Raises ImageError when it is cut off, damaged or animated."""
    if len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise ImageError("truncated: the WebP is shorter than its header says")
    # the plug-in makes room for the canvas when it opens the file
    check_size(*_measure_webp(data))
    picture = _open(WebPImagePlugin.WebPImageFile, data, "WebP")
    block = bytes(picture.info.get("exif", b"")).removeprefix(_EXIF)
    return _develop(picture, "WebP", orientation=read_orientation(block))


def _measure_webp(data: bytes) -> tuple[int, int]:
    """Width and height of the first chunk (RFC 9649, 2.5 to 2.7)."""
    kind, body = data[12:16], data[20:30].ljust(10, b"\0")
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return width, height


def _open(
    plugin: Callable[[io.BytesIO], ImageFile.ImageFile], data: bytes, name: str
) -> ImageFile.ImageFile:
    """A file opened by its header, its pixels not yet decoded.

    Raises ImageError when it is damaged, larger than is read, or holds several pictures.
    """
    try:
        picture = plugin(io.BytesIO(data))
        several = bool(getattr(picture, "is_animated", False))
    except DAMAGE as error:
        raise ImageError(f"damaged {name}, or of a kind that is not read: {error}") from error
    check_size(*picture.size)
    if several:
        raise ImageError(f"a {name} of several pictures: save the one that is meant")
    return picture


def _develop(picture: ImageFile.ImageFile, name: str, *, orientation: int = 1) -> DecodedImage:
    """The pixels of an opened file. Raises ImageError when they are damaged or not to be trusted.

    orientation: EXIF's.
    """
    try:
        picture.load()
        mode = _MODES.get(picture.mode, picture.mode)
        mode = "RGBA" if "transparency" in picture.info else mode
        samples = np.asarray(picture.convert(mode))
    except DAMAGE as error:
        raise ImageError(f"damaged {name}: {error}") from error
    if mode in ("LA", "RGBA"):
        samples = drop_alpha(samples, name)
    return develop_samples(samples, image_format=name, bits=8, orientation=orientation)


def drop_alpha(samples: NDArray[Any], name: str) -> NDArray[Any]:
    """The channels before the last, `(H, W, 1)` or `(H, W, 3)` of `(H, W, 2)` or `(H, W, 4)`.

    Raises ImageError where a pixel is not opaque. Unlike PNG's, such a channel is often none: many
    programs leave it empty, and on black nothing would be left of the picture.
    """
    if samples[:, :, -1].min() < np.iinfo(samples.dtype).max:
        raise ImageError(f"a {name} with transparent pixels: save it without transparency")
    return samples[:, :, :-1]

"""TIFF of one page: grey, colour and palettes of 8 bits, grey and colour of 16.

Decoded by libtiff (through imagecodecs). Pillow reads white-is-zero of 16 bits as black-is-zero,
drops half of the bits of 16-bit colour, leaves black what no strip covers, and prints what libtiff
says of damaged files.
"""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from covidreport.errors import ImageError
from covidreport.images.pillow import drop_alpha
from covidreport.images.pixels import DAMAGE, DecodedImage, check_size, develop_samples

_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION = 256, 257, 258, 262, 274
_OFFSETS, _SIZES = (273, 324), (279, 325)
"""Of strips, or of tiles: where each begins, and of how many bytes it is."""
_PLANAR, _EXTRA, _FORMAT = 284, 338, 339
_USED: Final = frozenset(
    {
        _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, *_OFFSETS, *_SIZES, _PLANAR, _EXTRA,
        _FORMAT,
    }
)  # fmt: skip
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
"""What samples mean, by PhotometricInterpretation (TIFF 6.0, sections 8 and 21)."""
_CHANNELS: Final = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _YCBCR: 3}
_KINDS: Final = {1: ("B", 1), 3: ("H", 2), 4: ("I", 4)}
"""Types of whole numbers (TIFF 6.0, section 2)."""
_UNSIGNED: Final = 1
_FORMATS: Final = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
"""Of samples, by SampleFormat (TIFF 6.0, section 19)."""
_SEPARATE: Final = 2
_NO_ALPHA: Final = (0,)
"""What ExtraSamples says of a fourth channel that means nothing."""


class _TiffHeader(NamedTuple):
    """What the tags of the only page say. separate: each channel is stored by itself."""

    width: int
    height: int
    bits: int
    photometric: int
    separate: bool
    extra: tuple[int, ...]
    orientation: int


def decode_tiff(data: bytes) -> DecodedImage:
    """Pixels of a TIFF's only page. Colour profiles are not applied.

    Raises ImageError when it is cut off, damaged, has several pages, or samples that are signed,
    floating-point, of other bits, of inks, or transparent.
    """
    header = _read_header(data)
    palette = header.photometric == _PALETTE
    try:
        samples = np.asarray(imagecodecs.tiff_decode(data, asrgb=palette))
    except (imagecodecs.TiffError, IndexError, *DAMAGE) as error:
        raise ImageError(f"damaged TIFF: {error}") from error
    colour = _take_colour(samples, header)
    if header.photometric == _WHITE_IS_ZERO:
        colour = ~colour
    return develop_samples(
        colour, image_format="TIFF", bits=header.bits, orientation=header.orientation
    )


def _read_header(data: bytes) -> _TiffHeader:
    """The page's tags; ImageError for what is not read, before any pixel is decoded."""
    try:
        tags, next_page = _read_tags(data)
        width, height, photometric = (tags[tag][0] for tag in (_WIDTH, _HEIGHT, _PHOTOMETRIC))
        begins, sizes = (tags.get(strip) or tags[tile] for strip, tile in (_OFFSETS, _SIZES))
        bits, formats = tags.get(_BITS, (1,)), tags.get(_FORMAT, (_UNSIGNED,))
        header = _TiffHeader(
            width, height, max(bits), photometric, tags.get(_PLANAR) == (_SEPARATE,),
            tags.get(_EXTRA, ()), tags.get(_ORIENTATION, (1,))[0],
        )  # fmt: skip
    except (struct.error, LookupError, ValueError) as error:
        raise ImageError("damaged TIFF: tags that it needs are missing or damaged") from error
    check_size(width, height)
    if next_page:
        raise ImageError("a TIFF of several pages: save the one that is meant")
    if set(formats) != {_UNSIGNED}:
        kind = next((_FORMATS[each] for each in formats if each in _FORMATS), "undefined")
        raise ImageError(f"a TIFF of {kind} samples, which have no stated black and white")
    if photometric not in _CHANNELS:
        raise ImageError("a TIFF of inks, or of colours that are not read: save it as grey")
    if set(bits) not in ({8}, {16}):
        named = ", ".join(map(str, sorted(set(bits))))
        raise ImageError(f"a TIFF of {named} bits a sample; 8 and 16 are read")
    if any(begin + size > len(data) for begin, size in zip(begins, sizes, strict=False)):
        raise ImageError("truncated: the TIFF ends within its pixels")
    return header


def _read_tags(data: bytes) -> tuple[dict[int, tuple[int, ...]], int]:
    """The tags of the first page that hold whole numbers, and where the next page begins."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    (start,) = struct.unpack_from(order + "I", data, 4)
    (n_tags,) = struct.unpack_from(order + "H", data, start)
    tags = {}
    end = start + 2 + 12 * n_tags
    for at in range(start + 2, end, 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, at)
        if tag not in _USED or kind not in _KINDS:
            continue
        letter, n_bytes = _KINDS[kind]
        # four bytes stand in the entry itself, more somewhere else
        (place,) = (
            (at + 8,) if count * n_bytes <= 4 else struct.unpack_from(order + "I", data, at + 8)
        )
        tags[tag] = struct.unpack_from(f"{order}{count}{letter}", data, place)
    (next_page,) = struct.unpack_from(order + "I", data, end)
    return tags, next_page


def _take_colour(samples: NDArray[Any], header: _TiffHeader) -> NDArray[Any]:
    """uint8 or uint16 `(H, W)` or `(H, W, 3)`, of what libtiff gives."""
    if header.separate and samples.ndim == 3 and header.photometric != _PALETTE:
        samples = np.moveaxis(samples, 0, 2)
    samples = samples.reshape(*samples.shape[:2], -1)
    depth = np.uint16 if header.bits == 16 else np.uint8
    if samples.shape[:2] != (header.height, header.width) or samples.dtype != depth:
        raise ImageError("damaged TIFF: its pixels are not as its tags say")
    n = 3 if header.photometric == _PALETTE else _CHANNELS[header.photometric]
    if samples.shape[2] == n + 1 and header.extra != _NO_ALPHA:
        return drop_alpha(samples, "TIFF")
    if samples.shape[2] not in (n, n + 1):
        raise ImageError(f"a TIFF of {samples.shape[2]} samples a pixel; {n} are read")
    return samples[:, :, :n]

"""From the samples of a file to the picture that is resized: 8 bits, grey or RGB, upright.

Every format's decoder ends here, so that depth, transparency and orientation are treated alike
whatever the file was.
"""

from __future__ import annotations

import math
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image

from covidreport.errors import ImageError
from covidreport.records import Measured, Peak

GRID = 64
"""Points a side by which the brightness of a picture is told: within 2 grey levels of the mean over
all of its pixels on 150 radiographs, in a fifteenth of the time."""
REDUCED = 128
"""Points of the longer side, or up to twice as many, by which sharpness and borders are told."""
FLAT = 20
"""Grey values that a row or column of a border may differ by, as JPEG makes them."""
MAX_PIXELS = 100_000_000
"""Larger images are refused by their header: the largest detectors give 20 to 50 megapixels."""

DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    Image.DecompressionBombError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What Pillow and pydicom raise on files that are cut off or damaged."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class DecodedImage(Struct, frozen=True, eq=False):
    """One image, ready to be resized.

    picture: 8 bits a sample, mode `L` (grey) or `RGB`, upright, without transparency.
    format: `JPEG`, `PNG`, … as found in the bytes. bits: of a sample in the file.
    maximum: the largest raw sample of a file of more than 8 bits that states no white but its
    depth's, None for others; over a set it shows how many bits are in use (`describe_bit_depth`).
    transforms: what made the grey out of a DICOM file's stored values, in words and in order; empty
    for other formats, whose samples are shown as they are.
    """

    picture: Image.Image
    format: str
    bits: int
    maximum: int | None = None
    transforms: tuple[str, ...] = ()

    @property
    def peak(self) -> Peak | None:
        """`maximum`, and of how many bits it is; None where the depth decides nothing."""
        return None if self.maximum is None else Peak(self.maximum, self.bits)

    @property
    def measured(self) -> Measured:
        """What the picture is like, of `GRID` points a side and of a small one of its means."""
        points = self.picture.resize((GRID, GRID), Image.Resampling.NEAREST)
        levels = np.frombuffer(points.convert("L").tobytes(), np.uint8)
        grey = round(int(levels.sum(dtype=np.uint32)) / GRID**2)
        small = np.asarray(_reduce(self.picture).convert("L"))
        contrast = math.sqrt(max(0.0, _mean_square(small) - float(small.mean()) ** 2))
        # The larger less the smaller of neighbours: uint8 holds it.
        steps = [
            np.maximum(a, b) - np.minimum(a, b)
            for a, b in ((small[1:], small[:-1]), (small[:, 1:], small[:, :-1]))
        ]
        edges = sum(int(each.sum()) for each in steps) / max(1, sum(each.size for each in steps))
        left, top, right, bottom = find_content(small) or (0, 0, 0, 0)
        borders = 1 - (right - left) * (bottom - top) / small.size
        # As float32, in which they are kept: from a cache they come back the same.
        contrast, sharpness, borders = (
            float(np.float32(each)) for each in (contrast, edges / max(contrast, 1.0), borders)
        )
        width, height = self.picture.size
        return Measured(grey, contrast, sharpness, borders, height, width)


def _mean_square(samples: NDArray[np.uint8]) -> float:
    flat = samples.ravel().astype(np.float32)
    return float(flat @ flat) / max(1, flat.size)


def _reduce(picture: Image.Image) -> Image.Image:
    """Means of squares of pixels, so that the longer side has `REDUCED` to twice as many."""
    factor = max(picture.size) // REDUCED
    return picture.reduce(factor) if factor > 1 else picture


def find_content(samples: NDArray[Any]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of what lies within borders of one grey; None for a flat picture.

    Bars that make a picture square are no part of it: a copy without them shows the same.
    """
    rows = np.flatnonzero(np.ptp(samples, axis=1) > FLAT)
    columns = np.flatnonzero(np.ptp(samples, axis=0) > FLAT)
    if not rows.size or not columns.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def check_size(width: int, height: int) -> None:
    """Refuse an image by the size that its header states, before anything is decoded.

    Raises ImageError when it has no pixels or more than `MAX_PIXELS`.
    """
    if width <= 0 or height <= 0:
        raise ImageError(f"no pixels: the header says {width} x {height}")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"too large: {width} x {height} is {width * height / 1e6:.0f} megapixels, "
            f"at most {MAX_PIXELS // 1_000_000} are read"
        )


def develop_samples(
    samples: NDArray[Any], *, image_format: str, bits: int, orientation: int = 1
) -> DecodedImage:
    """Samples as decoded, uint8 or uint16, `(H, W)` or `(H, W, 1 to 4)`, to a `DecodedImage`.

    Two and four channels are grey and RGB with transparency, which is put on black: what is not
    there gives no signal. 16 bits become 8 by value / 257 rounded to the nearest (65535 -> 255),
    never by clipping or by dropping the low byte. orientation: EXIF's, 1 to 8.
    """
    if samples.ndim == 3 and samples.shape[2] == 1:
        samples = samples[:, :, 0]
    maximum = None
    if samples.dtype == np.uint16:
        maximum = int(_without_alpha(samples).max())
        picture = _to_picture(_narrow(samples))
    elif samples.dtype == np.uint8:
        picture = _to_picture(samples)
    else:
        raise ImageError(f"samples of type {samples.dtype} have no stated black and white")
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    return DecodedImage(picture, image_format, bits, maximum)


def _without_alpha(samples: NDArray[Any]) -> NDArray[Any]:
    has_alpha = samples.ndim == 3 and samples.shape[2] in (2, 4)
    return samples[:, :, :-1] if has_alpha else samples


@cache
def _eight_bits() -> NDArray[np.uint8]:
    """uint8 `(65536,)`: the 8-bit value of every 16-bit one; 257 is odd, so there are no ties."""
    return ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)


def _narrow(samples: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """16-bit samples as 8-bit ones, transparency already put on black, in one rounding."""
    colour = _without_alpha(samples)
    if colour is samples:
        return np.asarray(_eight_bits()[samples])
    on_black = colour.astype(np.uint64) * samples[:, :, -1:]
    unit = 65535 * 257
    narrow = ((on_black + unit // 2) // unit).astype(np.uint8)
    return narrow[:, :, 0] if narrow.shape[2] == 1 else narrow


def _to_picture(samples: NDArray[np.uint8]) -> Image.Image:
    """8-bit samples as an `L` or `RGB` picture; a picture with transparency is put on black."""
    picture = Image.fromarray(np.ascontiguousarray(samples))
    if picture.mode not in ("LA", "RGBA"):
        return picture
    opaque_mode = "L" if picture.mode == "LA" else "RGB"
    alpha = picture.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return picture.convert(opaque_mode)
    black = Image.new(opaque_mode, picture.size)
    black.paste(picture.convert(opaque_mode), mask=alpha)
    return black

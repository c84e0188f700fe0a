"""What one picture is like, in numbers that an audit compares over a whole data set."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from covidreport.images.pixels import DecodedImage, find_content
from covidreport.images.transforms import ASSUMED
from covidreport.records import Peak

SIDE = 32
"""Of a thumbnail, in pixels: enough to tell two chests apart, and 100,000 of them take 100 MB."""
FINER_SIDE = 64
"""Of one in which a part of it is to be found again: 400 MB."""


class PictureFacts(NamedTuple):
    """One picture: digest of its pixels, height, width, mean grey (0 to 255), peak, thumbnail.

    assumed: which of `ASSUMED` was assumed of a DICOM file.
    thumbnail: uint8 `(SIDE, SIDE)`, grey, stretched to the square. content: uint8
    `(FINER_SIDE, FINER_SIDE)`, the same without borders of one grey.
    """

    pixels: str
    format: str
    colour: str
    bits: int
    height: int
    width: int
    brightness: float
    peak: Peak | None
    assumed: tuple[str, ...]
    content: NDArray[np.uint8]
    thumbnail: NDArray[np.uint8]


def survey_picture(image: DecodedImage) -> PictureFacts:
    """The facts of a decoded image. RGB whose three channels are equal is grey."""
    picture = image.picture
    if picture.mode != "L" and _is_grey(picture):
        picture = picture.getchannel(0)
    grey = picture if picture.mode == "L" else picture.convert("L")
    digest = hashlib.sha256(f"{picture.mode} {picture.size}".encode())
    digest.update(picture.tobytes())
    return PictureFacts(
        pixels=digest.hexdigest(),
        format=image.format,
        colour="grey" if picture.mode == "L" else "colour",
        bits=image.bits,
        height=picture.height,
        width=picture.width,
        brightness=float(np.asarray(grey).mean()),
        peak=image.peak,
        assumed=tuple(step for step in ASSUMED if step in image.transforms),
        content=_shrink(grey, FINER_SIDE, find_content(np.asarray(grey))),
        thumbnail=_shrink(grey, SIDE),
    )


def _shrink(
    picture: Image.Image, side: int, box: tuple[int, int, int, int] | None = None
) -> NDArray[np.uint8]:
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX, box))


def _is_grey(picture: Image.Image) -> bool:
    samples = np.asarray(picture)
    first = samples[:, :, :1]
    return bool((samples == first).all())

"""What one picture is like, in numbers that an audit compares over a whole data set."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from covidreport.images.pixels import DecodedImage
from covidreport.records import Peak

SIDE = 32
"""Of a thumbnail, in pixels: enough to tell two chests apart, and 100,000 of them take 100 MB."""


class PictureFacts(NamedTuple):
    """One picture: digest of its pixels, height, width, mean grey (0 to 255), peak, thumbnail.

    thumbnail: uint8 `(SIDE, SIDE)`, grey, stretched to the square.
    """

    pixels: str
    format: str
    colour: str
    bits: int
    height: int
    width: int
    brightness: float
    peak: Peak | None
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
        thumbnail=np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX)),
    )


def _is_grey(picture: Image.Image) -> bool:
    samples = np.asarray(picture)
    first = samples[:, :, :1]
    return bool((samples == first).all())

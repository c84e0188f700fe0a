"""The three drawn pictures that covidreport brings, on which a model's answers are kept.

A grey PNG, a JPEG in colours and a PNG of 16 bits, drawn by `train.synthetic.reference`: of no
patient and of no data set, so that they may travel with any model.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.images import decode_image, fit_pixels, read_bytes
from covidreport.records import PixelSpec

FOLDER: Final = Path(__file__).parent / "drawn"
PICTURES: Final = ("grey.png", "colour.jpg", "deep.png")
DECODERS: Final = ("pillow", "imagecodecs")


class ReferencePixels(Struct, frozen=True, eq=False):
    """The pictures as a model wants them: uint8 `(3, H, W, C)`, from the bytes of their files.

    sha256: of these bytes, by name. decoded: of the pixels. decoders: versions of what decodes.
    """

    pixels: NDArray[np.uint8]
    sha256: dict[str, str]
    decoded: str
    decoders: dict[str, str]


def decode_reference(spec: PixelSpec) -> ReferencePixels:
    """Read, decode and fit the pictures, as every image is; raises what these raise."""
    files = {name: read_bytes(FOLDER / name) for name in PICTURES}
    pixels = np.stack([fit_pixels(decode_image(data), spec) for data in files.values()])
    return ReferencePixels(
        pixels,
        {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        hashlib.sha256(pixels.tobytes()).hexdigest(),
        {name: version(name) for name in DECODERS},
    )

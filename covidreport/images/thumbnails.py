"""Small pictures for a reader: the same grey and the same way up as what a model was given."""

from __future__ import annotations

import io
from importlib.metadata import version
from typing import Any

from PIL import Image

from covidreport.images.cache import DECODER
from covidreport.images.pixels import DecodedImage

LONGEST_SIDE = 192
"""Pixels. Enough to see a chest at the size of a stamp on a sharp screen, and no diagnosis."""
QUALITY = 82


def make_thumbnail(image: DecodedImage) -> bytes:
    """A JPEG file of the picture, its longest side at most `LONGEST_SIDE`, without any metadata."""
    picture = image.picture.copy()
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=QUALITY, optimize=True)
    return sink.getvalue()


def thumbnail_facts() -> dict[str, Any]:
    """All that the bytes of a thumbnail depend on beside its image."""
    return {
        "format": "JPEG",
        "longest_side": LONGEST_SIDE,
        "quality": QUALITY,
        "decoder": DECODER,
        "pillow": version("pillow"),
        "imagecodecs": version("imagecodecs"),
    }

"""Occlusion maps as small pictures of one pixel a patch, to be laid over others or drawn alone.

Orange is where the score falls with the patch, blue where it rises; the farther from 0, the less is
seen through it. Both are of one lightness between black and white, and told apart without red and
green: they are read on a radiograph, a white page, a dark one and paper.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.records import Grid, PixelSpec
from covidreport.text import signed

FALLS, RISES = (230, 97, 1), (64, 140, 230)
OPAQUE = 0.9
"""How little is seen through the patch whose drop is farthest from 0."""
STEPS = 10
"""Of the scale, on each side of 0."""
SCALE = np.linspace(1, -1, 2 * STEPS + 1)[np.newaxis]
FAINTEST = 2
"""Of 255, the opacity up to which a patch is as good as not there."""


class MapScale(Struct, frozen=True):
    """The change of a score at both ends of the colours, in words, and the colours between them."""

    low: str
    high: str
    image: str


class MapMark(Struct, frozen=True):
    """A patch as a mark of a drawing, by its column and row."""

    x: int
    y: int
    fill: str
    opacity: float


class MapFrame(Struct, frozen=True):
    """A map alone, as large as what the model is fed, and what it says in words.

    It is drawn in marks: a policy that embeds no picture shows it, too.
    """

    title: str
    words: str
    marks: tuple[MapMark, ...]
    grid: tuple[int, int]
    """Columns and rows."""
    width: int
    height: int


class MapDrawing(Struct, frozen=True):
    """Maps beside each other that share a scale."""

    frames: tuple[MapFrame, ...]
    low: str
    high: str
    scale: tuple[MapMark, ...] = ()
    """Marks of one row, `2 * STEPS + 1` columns."""


class Place(Struct, frozen=True):
    """Where a map lies on a picture, in the picture's pixels."""

    x: float
    y: float
    width: float
    height: float


def draw_map(drops: Grid, most: float) -> str:
    """A map as a PNG in a data URI; most: the drop that is drawn fully."""
    return _encode(np.asarray(drops) / most if most else np.zeros((len(drops), len(drops[0]))))


def mark_map(drops: Grid, most: float) -> tuple[MapMark, ...]:
    """The same as marks; none for what would not be seen."""
    colours = _colour(np.asarray(drops) / most if most else np.zeros((len(drops), len(drops[0]))))
    return tuple(
        MapMark(x, y, f"#{r:02x}{g:02x}{b:02x}", round(alpha / 255, 2))
        for y, row in enumerate(colours.tolist())
        for x, (r, g, b, alpha) in enumerate(row)
        if alpha > FAINTEST
    )


def draw_scale(most: float) -> MapScale:
    """The scale of maps that are drawn up to `most`, on either side."""
    return MapScale(signed(-most), signed(most), _encode(SCALE))


def draw_frames(frames: tuple[MapFrame, ...], most: float) -> MapDrawing:
    """Frames with the scale that their marks were made by."""
    row = tuple(float(step) for step in SCALE[0])
    return MapDrawing(frames, signed(-most), signed(most), mark_map((row,), 1.0))


def _colour(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Shares `(R, C)` of the full colour, from -1 to 1, as RGBA `(R, C, 4)`."""
    pixels = np.zeros((*shares.shape, 4), np.uint8)
    pixels[..., :3] = np.where(shares[..., np.newaxis] > 0, FALLS, RISES)
    pixels[..., 3] = np.rint(255 * OPAQUE * np.minimum(np.abs(shares), 1))
    return pixels


def _encode(shares: NDArray[np.float64]) -> str:
    from PIL import Image

    sink = io.BytesIO()
    Image.fromarray(_colour(shares)).save(sink, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(sink.getvalue()).decode()}"


def place_input(width: int, height: int, pixels: PixelSpec) -> Place:
    """Where what a model is fed lies on a picture of that size, to a fraction of a pixel.

    Beyond the picture where it is padded, and within it where it is cut.
    """
    if pixels.fit == "stretch":
        return Place(0, 0, width, height)
    across, down = width / pixels.width, height / pixels.height
    scale = max(across, down) if pixels.fit == "pad" else min(across, down)
    if pixels.fit == "crop" and pixels.shorter_side is not None:
        scale = min(width, height) / pixels.shorter_side
    elif pixels.fit == "crop":
        scale = min(width, height) / min(pixels.width, pixels.height)
    wide, high = scale * pixels.width, scale * pixels.height
    return Place((width - wide) / 2, (height - high) / 2, wide, high)

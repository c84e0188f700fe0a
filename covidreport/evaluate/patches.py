"""One patch of a picture after another hidden, to see on which of them a score hangs."""

from __future__ import annotations

from typing import Final, get_args

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.errors import UsageError
from covidreport.records import MapFill

SIDE: Final = 8
"""Patches along each side: 64 a picture."""
FILLS: Final[tuple[MapFill, ...]] = get_args(MapFill)


class Patches(Struct, frozen=True):
    """Which patches of a model's input are hidden, and by what, one a row of a batch.

    Rows come in runs of `number` for each picture: the first has its first patch hidden, at the
    upper left, the next the one to the right of it. Edges are rounded to whole pixels: where they
    do not divide a side, some are a pixel larger. Of an input with fewer pixels than patches some
    have no pixel, and hide nothing.
    """

    fill: MapFill = "black"
    rows: int = SIDE
    columns: int = SIDE

    @property
    def number(self) -> int:
        """Patches of a picture."""
        return self.rows * self.columns

    def place(self, patch: int, height: int, width: int) -> tuple[slice, slice]:
        """The pixels of a patch, counted from 0, of an input of that size."""
        row, column = divmod(patch, self.columns)
        return _cut(row, self.rows, height), _cut(column, self.columns, width)


class MapOptions(Struct, frozen=True):
    """What a user says of maps: what hides a patch, and of which runs; none for the best run and
    the baseline."""

    fill: MapFill = "black"
    runs: tuple[str, ...] = ()


def read_fill(text: str) -> MapFill:
    """What `--maps-fill` says; UsageError lists the words."""
    for fill in FILLS:
        if fill == text:
            return fill
    raise UsageError(f"--maps-fill {text}: one of {', '.join(FILLS)} is wanted")


def _cut(place: int, of: int, size: int) -> slice:
    return slice(round(place * size / of), round((place + 1) * size / of))


def hide_patches(pixels: NDArray[np.uint8], patches: Patches, start: int = 0) -> NDArray[np.uint8]:
    """A copy of pixels uint8 `(n, H, W, C)` with a patch of each hidden.

    The pixels are those that were decoded and fitted, before they are scaled or normalised; start:
    which row of all the first one is. Black is a pixel of 0. Blur is a Gaussian whose standard
    deviation is half of a patch's side, beyond the picture as at its edge.
    """
    changed = pixels.copy()
    height, width = pixels.shape[1:3]
    blurred = changed[:0]
    for i in range(len(pixels)):
        patch = (start + i) % patches.number
        down, across = patches.place(patch, height, width)
        if patches.fill == "black":
            changed[i, down, across] = 0
            continue
        if patch == 0 or i == 0:  # the rows of one picture share it
            blurred = _blur(pixels[i], height / patches.rows / 2, width / patches.columns / 2)
        changed[i, down, across] = blurred[down, across]
    return changed


def _blur(picture: NDArray[np.uint8], down: float, across: float) -> NDArray[np.uint8]:
    """A picture `(H, W, C)` out of focus, by standard deviations in pixels."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(picture.astype(np.float32), (down, across, 0), mode="nearest")
    result: NDArray[np.uint8] = np.rint(smooth).astype(np.uint8)
    return result

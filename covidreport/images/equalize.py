"""Contrast of one picture made even: its histogram as a whole, or tile by tile (CLAHE).

Both are OpenCV's, which is what models are trained on: `equalizeHist`, and `createCLAHE`
(Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covidreport.records import Equalization

LEVELS = 256
_BAND = 64
"""Rows that are looked up at a time: a radiograph of 3,000 x 3,000 would take 200 MB at once."""


def equalize_grey(pixels: NDArray[np.uint8], how: Equalization) -> NDArray[np.uint8]:
    """Grey pixels uint8 `(H, W)`, equalised; same shape."""
    if how.method == "clahe":
        return _equalize_tiles(pixels, how.clip_limit, how.tiles)
    counts = np.bincount(pixels.ravel(), minlength=LEVELS)
    first = int(np.flatnonzero(counts)[0])
    rest = pixels.size - counts[first]
    if rest == 0:
        return pixels  # one level all over
    counts[first] = 0  # the darkest level that occurs becomes black
    scale = np.float32(LEVELS - 1) / np.float32(rest)
    levels: NDArray[np.uint8] = _round(np.cumsum(counts).astype(np.float32) * scale)[pixels]
    return levels


def _equalize_tiles(
    pixels: NDArray[np.uint8], clip_limit: float, tiles: tuple[int, int]
) -> NDArray[np.uint8]:
    rows, columns = tiles
    height, width = pixels.shape
    whole = pixels
    if height % rows or width % columns:
        margin = (0, rows - height % rows), (0, columns - width % columns)
        whole = np.pad(pixels, margin, "reflect")
    tile_height, tile_width = whole.shape[0] // rows, whole.shape[1] // columns
    area = tile_height * tile_width
    limit = max(int(clip_limit * area / LEVELS), 1)
    scale = np.float32(LEVELS - 1) / np.float32(area)
    tables = np.empty((rows, columns, LEVELS), np.float32)
    for row in range(rows):
        for column in range(columns):
            tile = whole[row * tile_height :, column * tile_width :][:tile_height, :tile_width]
            counts = _clip(np.bincount(tile.ravel(), minlength=LEVELS), limit)
            tables[row, column] = _round(np.cumsum(counts).astype(np.float32) * scale)
    return _mix(pixels, tables, (tile_height, tile_width))


def _clip(counts: NDArray[np.intp], limit: int) -> NDArray[np.intp]:
    """A histogram `(256,)` with what is above the limit spread over all its bins."""
    excess = int(np.maximum(counts - limit, 0).sum())
    share, left = divmod(excess, LEVELS)
    clipped = np.minimum(counts, limit) + share
    if left:
        step = max(LEVELS // left, 1)
        clipped[: left * step : step] += 1
    return clipped


def _mix(
    pixels: NDArray[np.uint8], tables: NDArray[np.float32], tile: tuple[int, int]
) -> NDArray[np.uint8]:
    """Each pixel's level between those that the four nearest tiles give it."""
    (top, bottom, down), (left, right, across) = (
        _neighbours(size, side, count)
        for size, side, count in zip(pixels.shape, tile, tables.shape[:2], strict=True)
    )
    result = np.empty_like(pixels)
    for start in range(0, len(pixels), _BAND):
        band = slice(start, start + _BAND)
        values = pixels[band]
        upper, lower, weight = top[band, None], bottom[band, None], down[band, None]
        above = tables[upper, left, values] * (1 - across) + tables[upper, right, values] * across
        below = tables[lower, left, values] * (1 - across) + tables[lower, right, values] * across
        result[band] = _round(above * (1 - weight) + below * weight)
    return result


def _neighbours(
    size: int, side: int, count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Of each position of one axis the tiles before and behind it, and the weight of the latter."""
    at = np.arange(size, dtype=np.float32) * (np.float32(1) / np.float32(side)) - np.float32(0.5)
    before = np.floor(at).astype(np.intp)
    weight = at - before.astype(np.float32)
    return np.maximum(before, 0), np.minimum(before + 1, count - 1), weight


def _round(levels: NDArray[np.floating]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(np.rint(levels), 0, LEVELS - 1).astype(np.uint8)
    return rounded

"""A decoded picture made to fit what a model wants: stretched, cropped or padded.

Pillow's antialiased resize is the reference. Without antialiasing the definition is that of
`torch.nn.functional.interpolate(align_corners=False)`, for models that were trained on it; nearest
is the same either way (torch's `nearest-exact`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from covidreport.errors import ImageError, UsageError
from covidreport.images.equalize import equalize_grey
from covidreport.images.pixels import MAX_PIXELS, DecodedImage
from covidreport.records import Fit, PixelSpec, Resample

FILTERS: dict[Resample, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def check_spec(spec: PixelSpec) -> None:
    """Refuse a spec that can't be fulfilled, before any image is decoded for it.

    Raises UsageError: channels other than 1 and 3, sizes without pixels, or a filter that has no
    agreed definition without antialiasing.
    """
    if spec.channels not in (1, 3):
        raise UsageError(f"{spec.channels} channels: a model's pixels have 1 (grey) or 3 (RGB)")
    if min(spec.height, spec.width, 1 if spec.shorter_side is None else spec.shorter_side) < 1:
        raise UsageError(f"a size of {spec.height} x {spec.width} has no pixels")
    if not (spec.antialias or spec.resample == "nearest" or spec.resample in KERNELS):
        raise UsageError(
            f"resample {spec.resample!r} without antialiasing has no agreed definition: "
            f"set antialias = true, or use one of nearest, {', '.join(KERNELS)}"
        )


def fit_pixels(image: DecodedImage, spec: PixelSpec) -> NDArray[np.uint8]:
    """The pixels that `spec` asks for: uint8 `(height, width, channels)`, contiguous.

    Colour becomes grey (ITU-R 601 luma, as Pillow's `L`) before the resize when one channel is
    wanted, or contrast is made even; grey becomes three equal channels after it. Contrast after the
    resize is that of what the model is fed, cut or padded. `crop` follows torchvision's
    `Resize(shorter_side)` and `CenterCrop`, and adds black where the crop is larger than the image;
    `cut` follows fastai's `Resize`, whose filter sees nothing of what is cut off.

    Raises ImageError when the image is too elongated to be scaled, UsageError as `check_spec`.
    """
    return fit_picture(image.picture, spec)


def fit_picture(picture: Image.Image, spec: PixelSpec, margin: int = 0) -> NDArray[np.uint8]:
    """As `fit_pixels`, of a picture of 8 bits a sample, grey or RGB.

    margin: so many pixels more on each side, of what is cut off, and black beyond it; contrast that
    is made even after the resize then counts them too.
    """
    check_spec(spec)
    even = spec.equalize
    if (spec.channels == 1 or even is not None) and picture.mode != "L":
        picture = picture.convert("L")
    if even is not None and even.step == "before-resize":
        picture = Image.fromarray(equalize_grey(np.asarray(picture), even))
    if spec.fit == "cut":
        picture = picture.crop(_find_centre(picture.width, picture.height, spec))
    width, height = SCALED_SIZES[spec.fit](picture.width, picture.height, spec)
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"too elongated: {picture.width} x {picture.height} would be scaled to "
            f"{width} x {height} before it is cropped"
        )
    scaled = _scale(picture, width, height, spec)
    pixels = _centre(scaled, spec.height, spec.width, margin)
    if even is not None and even.step == "after-resize":
        pixels = equalize_grey(pixels[:, :, 0], even)[:, :, np.newaxis]
    return np.repeat(pixels, 3, axis=2) if spec.channels > pixels.shape[2] else pixels


def _size_stretched(_width: int, _height: int, spec: PixelSpec) -> tuple[int, int]:
    return spec.width, spec.height


def _size_cropped(width: int, height: int, spec: PixelSpec) -> tuple[int, int]:
    """As torchvision's Resize with one number: the longer side is cut to a whole number."""
    shorter = spec.shorter_side or min(spec.height, spec.width)
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def _size_padded(width: int, height: int, spec: PixelSpec) -> tuple[int, int]:
    """The largest size of the same shape that fits, each side rounded and at least one pixel."""
    scale = min(spec.width / width, spec.height / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _find_centre(width: int, height: int, spec: PixelSpec) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the largest part in the middle that has the wanted shape."""
    scale = min(width / spec.width, height / spec.height)
    across, down = max(1, int(scale * spec.width)), max(1, int(scale * spec.height))
    left, top = (width - across) // 2, (height - down) // 2
    return left, top, left + across, top + down


SCALED_SIZES: dict[Fit, Callable[[int, int, PixelSpec], tuple[int, int]]] = {
    "stretch": _size_stretched,
    "crop": _size_cropped,
    "pad": _size_padded,
    "cut": _size_stretched,
}
"""Of what is left of a picture once it is cut."""


def _scale(picture: Image.Image, width: int, height: int, spec: PixelSpec) -> NDArray[np.uint8]:
    """uint8 `(height, width, 1 or 3)`."""
    if spec.antialias or spec.resample == "nearest":
        pixels = np.asarray(picture.resize((width, height), FILTERS[spec.resample]))
    else:
        pixels = _interpolate(np.asarray(picture), width, height, KERNELS[spec.resample])
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def _centre(pixels: NDArray[np.uint8], height: int, width: int, margin: int) -> NDArray[np.uint8]:
    """Cut the centre out, or put black around, as torchvision's CenterCrop rounds it."""
    if pixels.shape[:2] == (height, width) and not margin:
        return np.ascontiguousarray(pixels)
    rows, into_rows = _overlap(pixels.shape[0], height, margin)
    columns, into_columns = _overlap(pixels.shape[1], width, margin)
    canvas = np.zeros((height + 2 * margin, width + 2 * margin, pixels.shape[2]), np.uint8)
    canvas[into_rows, into_columns] = pixels[rows, columns]
    return canvas


def _overlap(size: int, target: int, margin: int) -> tuple[slice, slice]:
    """Along one axis: what is taken of the source, and where it goes."""
    start = round((size - target) / 2) if size >= target else -((target - size) // 2)
    first = start - margin
    taken = slice(max(first, 0), min(start + target + margin, size))
    return taken, slice(taken.start - first, taken.stop - first)


class _Taps(NamedTuple):
    """For each output position of one axis, the source positions it mixes, and their weights."""

    positions: NDArray[np.intp]
    weights: NDArray[np.float32]


def _source_positions(size: int, target: int) -> NDArray[np.float32]:
    """Where pixel centres of the output lie in the source (align_corners=False)."""
    scale = np.float32(size) / np.float32(target)
    return scale * (np.arange(target, dtype=np.float32) + np.float32(0.5)) - np.float32(0.5)


def _bilinear_taps(size: int, target: int) -> _Taps:
    centres = np.maximum(_source_positions(size, target), np.float32(0))
    left = np.minimum(centres.astype(np.intp), size - 1)
    fraction = centres - left.astype(np.float32)
    return _Taps(
        np.stack([left, np.minimum(left + 1, size - 1)]),
        np.stack([np.float32(1) - fraction, fraction]),
    )


def _bicubic_taps(size: int, target: int) -> _Taps:
    """Cubic convolution of Keys (1981) with a = -0.75, as torch and OpenCV have it."""
    centres = _source_positions(size, target)
    left = np.floor(centres).astype(np.intp)
    fraction = centres - left.astype(np.float32)
    a = np.float32(-0.75)
    weights = []
    for distance in (fraction + 1, fraction, 1 - fraction, 2 - fraction):
        near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
        far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        weights.append(np.where(distance <= 1, near, far))
    positions = np.stack([left + step for step in (-1, 0, 1, 2)])
    return _Taps(np.clip(positions, 0, size - 1), np.stack(weights))


KERNELS: dict[Resample, Callable[[int, int], _Taps]] = {
    "bilinear": _bilinear_taps,
    "bicubic": _bicubic_taps,
}


def _interpolate(
    samples: NDArray[np.uint8], width: int, height: int, kernel: Callable[[int, int], _Taps]
) -> NDArray[np.uint8]:
    """Sample `(H, W)` or `(H, W, C)` at `(height, width)` in float32, rounded half to even."""
    grid = samples[:, :, np.newaxis] if samples.ndim == 2 else samples
    rows, columns = kernel(grid.shape[0], height), kernel(grid.shape[1], width)
    result = np.zeros((height, width, grid.shape[2]), np.float32)
    for row, row_weight in zip(rows.positions, rows.weights, strict=True):
        lines = grid[row]
        mixed = np.zeros_like(result)
        for column, column_weight in zip(columns.positions, columns.weights, strict=True):
            mixed += lines[:, column] * column_weight[:, np.newaxis]
        result += mixed * row_weight[:, np.newaxis, np.newaxis]
    return np.clip(np.rint(result), 0, 255).astype(np.uint8)

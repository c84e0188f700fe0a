"""Random changes of training images, seeded image by image.

They are drawn in the frame of what the model is fed: a padded picture is turned with its padding.

What happens to an image depends on the seed, the epoch and its place in the epoch, never on how
many threads make the batches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from covidreport.images.resize import FILTERS, fit_picture, place_picture
from covidreport.records import PixelSpec, Resample

from .settings import Augmentation

KEPT_PIXELS = 2
"""So many pixels of a picture for each of the model's are enough to turn and to crop it."""
POINT_FILTERS: Mapping[Resample, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
}
"""By which a picture is turned at its own resolution; bicubic where none stands here."""


@dataclass(frozen=True, slots=True)
class SampledChange:
    """What chance chose for one image: degrees, the crop in pixels, and whether it is flipped."""

    angle: float
    top: int
    left: int
    height: int
    width: int
    flip: bool


def shrink_picture(picture: Image.Image, kind: Augmentation, spec: PixelSpec) -> Image.Image:
    """The picture, smaller by a whole number where it has far more pixels than `augment` can use.

    At least `KEPT_PIXELS` remain for each of the model's, along each side. What may come out of
    `augment` without a change keeps its size, and so the pixels that are evaluated.
    """
    if kind.frame == "picture" or not kind.rotation:
        return picture
    placed = place_picture(picture.width, picture.height, spec)
    per_pixel = min(picture.width / placed.width, picture.height / placed.height)
    for factor in range(int(per_pixel / KEPT_PIXELS), 1, -1):
        width, height = round(picture.width / factor), round(picture.height / factor)
        if place_picture(width, height, spec) == placed:  # padding would else be another
            return picture.resize((width, height), Image.Resampling.BOX)
    return picture


def sample_change(
    kind: Augmentation, width: int, height: int, random: np.random.Generator
) -> SampledChange:
    """Draw the changes of one image of `width` x `height` pixels.

    The crop is torchvision's `RandomResizedCrop`: area uniform in `scale`, logarithm of the ratio
    uniform; after ten crops that do not fit, the largest centred one of an allowed ratio.
    """
    angle = float(random.uniform(-kind.rotation, kind.rotation))
    log_low, log_high = math.log(kind.ratio[0]), math.log(kind.ratio[1])
    for _ in range(10):
        area = width * height * random.uniform(*kind.scale)
        ratio = math.exp(random.uniform(log_low, log_high))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top, left = int(random.integers(height - h + 1)), int(random.integers(width - w + 1))
            break
    else:
        w, h = width, height
        if width / height < kind.ratio[0]:
            h = round(width / kind.ratio[0])
        elif width / height > kind.ratio[1]:
            w = round(height * kind.ratio[1])
        top, left = (height - h) // 2, (width - w) // 2
    return SampledChange(angle, top, left, h, w, bool(random.random() < kind.flip))


def augment(
    picture: Image.Image, kind: Augmentation, spec: PixelSpec, random: np.random.Generator
) -> NDArray[np.uint8]:
    """uint8 `(H, W, C)`: the picture changed as chance has it, at the size that `spec` asks for."""
    if kind.frame == "picture":
        chosen = sample_change(kind, picture.width, picture.height, random)
        pixels = _crop_picture(picture, chosen, spec)
    else:
        chosen = sample_change(kind, spec.width, spec.height, random)
        pixels = _move_fitted(picture, chosen, spec)
    return np.ascontiguousarray(pixels[:, ::-1]) if chosen.flip else pixels


def _crop_picture(
    picture: Image.Image, chosen: SampledChange, spec: PixelSpec
) -> NDArray[np.uint8]:
    """As the 2020 study did it: rotated (nearest pixel), cropped, and stretched (bicubic)."""
    picture = picture.convert("L" if spec.channels == 1 else "RGB")
    changed = functional.rotate(picture, chosen.angle) if chosen.angle else picture
    changed = functional.resized_crop(
        changed, chosen.top, chosen.left, chosen.height, chosen.width, [spec.height, spec.width],
        InterpolationMode.BICUBIC, antialias=True,
    )  # fmt: skip
    return np.asarray(changed).reshape(spec.height, spec.width, spec.channels)


def _move_fitted(picture: Image.Image, chosen: SampledChange, spec: PixelSpec) -> NDArray[np.uint8]:
    """The crop of the fitted picture, turned about its middle, taken from the picture itself.

    The filter of `spec` makes it smaller, once; the turn before it keeps the picture's own
    resolution. A filter without antialiasing looks at single points: there both are one step.
    """
    if not chosen.angle and (chosen.height, chosen.width) == (spec.height, spec.width):
        return fit_picture(picture, spec)
    placed = place_picture(picture.width, picture.height, spec)
    per_x, per_y = picture.width / placed.width, picture.height / placed.height
    size = (spec.width, spec.height)
    if spec.antialias and spec.resample != "nearest":
        own = round(chosen.width * per_x), round(chosen.height * per_y)
        size = max(size[0], own[0]), max(size[1], own[1])
    # A point of the result, from the corner of the crop, about the middle, in the picture.
    step_x, step_y = chosen.width / size[0], chosen.height / size[1]
    cosine, sine = math.cos(math.radians(chosen.angle)), math.sin(math.radians(chosen.angle))
    x, y = chosen.left - spec.width / 2, chosen.top - spec.height / 2
    left, top = spec.width / 2 - placed.left, spec.height / 2 - placed.top
    points = (
        per_x * cosine * step_x, -per_x * sine * step_y, per_x * (cosine * x - sine * y + left),
        per_y * sine * step_x, per_y * cosine * step_y, per_y * (sine * x + cosine * y + top),
    )  # fmt: skip
    by = POINT_FILTERS.get(spec.resample, Image.Resampling.BICUBIC)
    bands = []
    for band in picture.split():
        # in float: Pillow's turn of bytes cuts what is behind the point off, half a grey level
        moved = band.convert("F").transform(size, Image.Transform.AFFINE, points, by, fillcolor=0)
        bands.append(np.asarray(moved.resize((spec.width, spec.height), FILTERS[spec.resample])))
    pixels = np.clip(np.rint(np.stack(bands, axis=2)), 0, 255).astype(np.uint8)
    return np.repeat(pixels, 3, axis=2) if spec.channels > len(bands) else pixels

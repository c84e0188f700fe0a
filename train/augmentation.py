"""Random changes of training images, seeded image by image.

They are drawn in the frame of what the model is fed: a padded picture is turned with its padding.

What happens to an image depends on the seed, the epoch and its place in the epoch, never on how
many threads make the batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from covidreport.images.resize import fit_picture
from covidreport.records import PixelSpec

from .settings import Augmentation


@dataclass(frozen=True, slots=True)
class SampledChange:
    """What chance chose for one image: degrees, the crop in pixels, and whether it is flipped."""

    angle: float
    top: int
    left: int
    height: int
    width: int
    flip: bool


def find_margin(kind: Augmentation, spec: PixelSpec) -> int:
    """How many pixels around what the model is fed with a turn may bring into it.

    None where a picture is stretched or padded: there all of it is fed, and black around it.
    """
    if kind.frame == "picture" or spec.fit != "crop":
        return 0
    reach = 0.0
    for along, across in ((spec.width, spec.height), (spec.height, spec.width)):
        turn = min(math.radians(kind.rotation), math.atan2(across, along))
        reach = max(reach, along * math.cos(turn) + across * math.sin(turn) - along)
    return math.ceil(reach / 2)


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
    if kind.frame == "fitted":
        margin = find_margin(kind, spec)
        return augment_fitted(fit_picture(picture, spec, margin), kind, random, margin)
    chosen = sample_change(kind, picture.width, picture.height, random)
    return _flip(_crop_picture(picture, chosen, spec), chosen)


def augment_fitted(
    pixels: NDArray[np.uint8], kind: Augmentation, random: np.random.Generator, margin: int = 0
) -> NDArray[np.uint8]:
    """uint8 `(H, W, C)`: what the model is fed with, changed as chance has it.

    pixels: uint8 `(H + 2 m, W + 2 m, C)`, with what lies `margin` pixels around it.
    """
    height, width = (side - 2 * margin for side in pixels.shape[:2])
    chosen = sample_change(kind, width, height, random)
    return _flip(move_fitted(pixels, chosen, margin), chosen)


def _flip(pixels: NDArray[np.uint8], chosen: SampledChange) -> NDArray[np.uint8]:
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


def move_fitted(
    pixels: NDArray[np.uint8], chosen: SampledChange, margin: int = 0
) -> NDArray[np.uint8]:
    """The crop of what the model is fed with, turned about its middle, at its own size.

    pixels, margin: of `augment_fitted`. A crop is never larger than the whole, so that points
    between pixels are all that is asked for (bicubic): nothing is made smaller.
    """
    height, width = (side - 2 * margin for side in pixels.shape[:2])
    if not chosen.angle and (chosen.height, chosen.width) == (height, width):
        return pixels[margin : margin + height, margin : margin + width]
    # A point of the result, from the corner of the crop, about the middle, in the pixels.
    step_x, step_y = chosen.width / width, chosen.height / height
    cosine, sine = math.cos(math.radians(chosen.angle)), math.sin(math.radians(chosen.angle))
    x, y = chosen.left - width / 2, chosen.top - height / 2
    points = (
        cosine * step_x, -sine * step_y, cosine * x - sine * y + width / 2 + margin,
        sine * step_x, cosine * step_y, sine * x + cosine * y + height / 2 + margin,
    )  # fmt: skip
    grey = bool((pixels == pixels[:, :, :1]).all())
    bands = []
    for band in range(1 if grey else pixels.shape[2]):
        # in float: Pillow's turn of bytes cuts what is behind the point off, half a grey level
        moved = Image.fromarray(pixels[:, :, band]).convert("F").transform(
            (width, height), Image.Transform.AFFINE, points, Image.Resampling.BICUBIC, fillcolor=0
        )  # fmt: skip
        bands.append(np.clip(np.rint(np.asarray(moved)), 0, 255).astype(np.uint8))
    stacked = np.stack(bands, axis=2)
    return np.repeat(stacked, pixels.shape[2], axis=2) if grey else stacked

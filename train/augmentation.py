"""Random changes of training images: torchvision v2 on Pillow pictures, seeded image by image.

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

from covidreport.records import PixelSpec
from train.settings import Augmentation


@dataclass(frozen=True, slots=True)
class SampledChange:
    """What chance chose for one image: degrees, the crop in pixels, and whether it is flipped."""

    angle: float
    top: int
    left: int
    height: int
    width: int
    flip: bool


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
    """uint8 `(H, W, C)`: the picture rotated, cropped, resized (bicubic) and perhaps flipped."""
    chosen = sample_change(kind, picture.width, picture.height, random)
    changed = functional.rotate(picture, chosen.angle) if chosen.angle else picture
    changed = functional.resized_crop(
        changed, chosen.top, chosen.left, chosen.height, chosen.width, [spec.height, spec.width],
        InterpolationMode.BICUBIC, antialias=True,
    )  # fmt: skip
    if chosen.flip:
        changed = functional.horizontal_flip(changed)
    return np.asarray(changed).reshape(spec.height, spec.width, spec.channels)

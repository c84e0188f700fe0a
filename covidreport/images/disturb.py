"""Decoded pictures changed as `records.disturbance` lists it, before they are resized.

What is drawn (noise, a direction, a corner) comes from a seed of the file's bytes, the kind and the
severity: the same file is changed in the same way by whoever asks, and in no order.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter, ImageOps, ImageStat

from covidreport.records.disturbance import REFERENCE_SIDE, Disturbance

Picture = Image.Image
Change = Callable[[Picture, float, Generator], Picture]
"""A picture of mode `L` or `RGB`, the strength, and what draws; gives a new picture."""


def disturb_picture(
    picture: Picture, disturbance: Disturbance, digest: str, seed: int = 0
) -> Picture:
    """The picture, changed; itself at severity 0. digest: the sha256 of its file."""
    if not disturbance.severity:
        return picture
    return CHANGES[disturbance.kind](
        picture, disturbance.strength, _draw_from(digest, disturbance, seed)
    )


def _draw_from(digest: str, disturbance: Disturbance, seed: int) -> Generator:
    words = f"{seed}/{digest}/{disturbance.kind}/{disturbance.severity}"
    return np.random.default_rng(int.from_bytes(hashlib.sha256(words.encode()).digest()[:16]))


def _either(rng: Generator) -> int:
    return 1 if rng.integers(2) else -1


def _map_levels(picture: Picture, levels: np.ndarray) -> Picture:
    """Each of the 256 grey levels of every channel replaced."""
    table = np.clip(np.rint(levels), 0, 255).astype(int).tolist()
    return picture.point(table * len(picture.getbands()))


_LEVELS: Final = np.arange(256, dtype=np.float64)


def _compress(picture: Picture, quality: float, _: Generator) -> Picture:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=int(quality))
    with Image.open(buffer, formats=("JPEG",)) as read:
        return read.convert(picture.mode)


def _spread_grain(picture: Picture, draw: Callable[[tuple[int, int]], np.ndarray]) -> np.ndarray:
    """Noise of the picture's size, with one grain for each pixel of the reference size: finer grain
    is lost in the resize. draw: gives as many as a shape has."""
    scale = min(1.0, REFERENCE_SIDE / min(picture.size))
    width, height = (max(1, round(side * scale)) for side in picture.size)
    grain = Image.fromarray(draw((height, width)).astype(np.float32))
    return np.asarray(grain.resize(picture.size, Image.Resampling.NEAREST))


def _add_noise(picture: Picture, deviation: float, rng: Generator) -> Picture:
    noise = _spread_grain(picture, lambda shape: rng.normal(0, 255 * deviation, shape))
    samples = np.asarray(picture, np.float32)
    noise = noise if samples.ndim == 2 else noise[:, :, np.newaxis]
    return Image.fromarray(np.clip(np.rint(samples + noise), 0, 255).astype(np.uint8))


def _blur(picture: Picture, deviation: float, _: Generator) -> Picture:
    radius = deviation * min(picture.size) / REFERENCE_SIDE
    return picture.filter(ImageFilter.GaussianBlur(radius))


def _scale_levels(picture: Picture, share: float, rng: Generator) -> Picture:
    return _map_levels(picture, _LEVELS * (1 + _either(rng) * share))


def _scale_contrast(picture: Picture, share: float, rng: Generator) -> Picture:
    mean = ImageStat.Stat(picture.convert("L")).mean[0]
    return _map_levels(picture, mean + (_LEVELS - mean) * (1 + _either(rng) * share))


def _bend_levels(picture: Picture, share: float, rng: Generator) -> Picture:
    return _map_levels(picture, 255 * (_LEVELS / 255) ** (1 + _either(rng) * share))


def _lose_resolution(picture: Picture, share: float, _: Generator) -> Picture:
    scale = share * REFERENCE_SIDE / min(picture.size)
    small = [max(1, min(side, round(side * scale))) for side in picture.size]
    box = Image.Resampling.BOX
    return picture.resize((small[0], small[1]), box).resize(picture.size, box)


def _cut_margins(picture: Picture, share: float, _: Generator) -> Picture:
    width, height = picture.size
    across, down = int(width * share), int(height * share)
    return picture.crop((across, down, width - across, height - down))


def _turn(picture: Picture, degrees: float, rng: Generator) -> Picture:
    return picture.rotate(_either(rng) * degrees, Image.Resampling.BILINEAR)


def _shift(picture: Picture, share: float, rng: Generator) -> Picture:
    moved = Image.new(picture.mode, picture.size)
    place = [round(_either(rng) * share * side) for side in picture.size]
    moved.paste(picture, (place[0], place[1]))
    return moved


def _burn_marker(picture: Picture, share: float, rng: Generator) -> Picture:
    """A white L, as technicians place it, in one of the upper corners; of two bars, so that no font
    decides its pixels."""
    marked = picture.copy()
    height = max(3, round(share * picture.height))
    stroke, gap = max(1, height // 5), round(0.04 * min(picture.size))
    wide = max(2, round(0.6 * height))
    left = gap if _either(rng) < 0 else picture.width - gap - wide
    draw = ImageDraw.Draw(marked)
    white = "white" if picture.mode == "RGB" else 255
    draw.rectangle((left, gap, left + stroke - 1, gap + height - 1), fill=white)
    draw.rectangle((left, gap + height - stroke, left + wide - 1, gap + height - 1), fill=white)
    return marked


def _invert(picture: Picture, _: float, __: Generator) -> Picture:
    return ImageOps.invert(picture)


def _transpose(method: Image.Transpose) -> Change:
    return lambda picture, _, __: picture.transpose(method)


def _keep(picture: Picture, _: float, __: Generator) -> Picture:
    """What is blacked out once the picture is fitted, as `--occlude` does."""
    return picture


def _fill(level: int) -> Change:
    return lambda picture, _, __: Image.new("L", picture.size, level)


def _draw_noise(picture: Picture, _: float, rng: Generator) -> Picture:
    grain = _spread_grain(picture, lambda shape: rng.integers(0, 256, shape))
    return Image.fromarray(grain.astype(np.uint8))


def _draw_gradient(picture: Picture, _: float, __: Generator) -> Picture:
    row = np.rint(np.linspace(0, 255, picture.width)).astype(np.uint8)
    return Image.fromarray(np.repeat(row[np.newaxis], picture.height, axis=0))


CHANGES: Final[Mapping[str, Change]] = {
    "jpeg": _compress,
    "noise": _add_noise,
    "blur": _blur,
    "brightness": _scale_levels,
    "contrast": _scale_contrast,
    "gamma": _bend_levels,
    "resolution": _lose_resolution,
    "margins": _cut_margins,
    "turn": _turn,
    "shift": _shift,
    "marker": _burn_marker,
    "inversion": _invert,
    "turned-90": _transpose(Image.Transpose.ROTATE_90),
    "turned-180": _transpose(Image.Transpose.ROTATE_180),
    "mirrored": _transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "lungs-black": _keep,
    "all-black": _fill(0),
    "all-white": _fill(255),
    "all-noise": _draw_noise,
    "all-gradient": _draw_gradient,
}

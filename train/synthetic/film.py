"""From depths to the grey values of a film: absorption, scatter, exposure, noise, and the stamp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from train.synthetic.anatomy import Chest
from train.synthetic.canvas import Frame, Grid, Stroke, bend, clouds, paint, soften, spread

STAMP = "DRAWN, NOT A PATIENT"
_AIR = 0.66
_VESSEL = 0.13


@dataclass(frozen=True, slots=True)
class Exposure:
    """How the film was taken: darkness, contrast, grain, haze of scattered rays."""

    gain: float
    gamma: float
    grain: float
    scatter: float
    black: float


def choose_exposure(rng: np.random.Generator, view: str) -> Exposure:
    """Choose an exposure by chance; bedside films (AP) are hazier."""
    bedside = view == "AP"
    return Exposure(
        gain=float(np.clip(rng.normal(1.75, 0.25), 1.1, 2.5)),
        gamma=float(np.clip(rng.normal(1.0, 0.15), 0.7, 1.4)),
        grain=rng.uniform(0.005, 0.018),
        scatter=rng.uniform(0.03, 0.10) + (0.06 if bedside else 0.0),
        black=rng.uniform(0.0, 0.05),
    )


def draw_clutter(frame: Frame, rng: np.random.Generator, view: str) -> Grid:
    """Draw what lies on any patient, sick or well: leads, a line, a calcified spot, a scar."""
    strokes: list[Stroke] = []
    if rng.random() < (0.45 if view == "AP" else 0.08):
        for _ in range(int(rng.integers(2, 4))):
            s = rng.choice((-1.0, 1.0))
            at = (s * rng.uniform(0.3, 0.6), rng.uniform(-0.5, 0.5))
            way = (s * rng.uniform(0.5, 0.8), rng.uniform(-0.2, 0.6))
            lead = bend(at, way, (s * 1.2, rng.uniform(-0.4, 1.0)))
            dot = np.array([[at[0] - 0.015, at[1]], [at[0] + 0.015, at[1]]])
            strokes += [Stroke(lead, 0.012, 0.55), Stroke(dot, 0.045, 0.9)]
    if rng.random() < 0.15:
        s = rng.choice((-1.0, 1.0))
        u, v = s * rng.uniform(0.25, 0.5), rng.uniform(0.15, 0.4)
        scar = bend((u, v), (u + 0.1, v + rng.normal(0, 0.03)), (u + 0.2, v), steps=8)
        strokes.append(Stroke(scar, 0.014, 0.35))
    if rng.random() < 0.15:
        u, v = rng.choice((-1.0, 1.0)) * rng.uniform(0.2, 0.55), rng.uniform(-0.6, 0.3)
        strokes.append(Stroke(np.array([[u - 0.01, v], [u + 0.01, v]]), 0.03, 0.6))
    return paint(frame, strokes)


def expose(
    chest: Chest, opacity: Grid, clutter: Grid, exposure: Exposure, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Give the film's grey values, `(height, width)` uint8: black where the rays meet nothing.

    `opacity` is the proportion of air that disease has replaced.
    """
    air = chest.air * (1 - opacity)
    depth = chest.tissue - np.float32(_AIR) * air * np.minimum(chest.tissue, 1)
    depth += np.float32(_VESSEL) * chest.vessels * air + chest.bone + 0.25 * clutter
    depth = soften(np.clip(depth, 0, None), 0.15)
    depth += np.float32(exposure.scatter) * (spread(depth, 8) - depth * 0.3)
    grey = 1 - np.exp(-np.float32(exposure.gain) * np.clip(depth, 0, None))
    grey = np.clip(grey, 0, 1) ** np.float32(1.35 * exposure.gamma)
    grain = rng.standard_normal(depth.shape, dtype=np.float32)
    grain += 0.8 * clouds(rng, chest.frame, 128)
    grey = grey + np.float32(exposure.grain) * grain * (np.float32(0.35) + grey)
    grey = np.float32(exposure.black) + (1 - np.float32(exposure.black)) * grey
    pixels: NDArray[np.uint8] = np.clip(grey * 250 + 0.5, 0, 255).astype(np.uint8)
    return pixels


def stamp(pixels: NDArray[np.uint8], side: str | None) -> Image.Image:
    """Burn the label into the lower left corner, the same in every image, and a side marker."""
    film = Image.fromarray(pixels)
    pen = ImageDraw.Draw(film)
    font = ImageFont.load_default(size=9)
    left, top, right, bottom = pen.textbbox((0, 0), STAMP, font=font)
    width, height = int(right - left) + 6, int(bottom - top) + 6
    y = film.height - height
    pen.rectangle((0, y, width - 1, film.height - 1), fill=0)
    pen.text((3 - left, y + 3 - top), STAMP, fill=230, font=font)
    if side is not None:
        pen.text((film.width - 16, 6), side, fill=240, font=ImageFont.load_default(size=14))
    return film

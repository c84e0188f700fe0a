"""A frontal radiograph of nobody, from a few shapes: what lies in the rays' way, and the film.

Places on the body are u (across, 0 at the midline, the patient's left positive, which is the right
of the image) and v (down), both about -1 to 1 over the film.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Grid = NDArray[np.float32]
"""float32 `(height, width)`: one value for each pixel."""
STAMP = "DRAWN, NOT A PATIENT"
_OWN_FORM = 0.04
"""How far a body departs from the common form. Less, and the films of two people would correlate as
those of real people do not."""
_AIR = 0.66
"""How much less air absorbs than tissue."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The place on the body that each pixel of a film shows."""

    u: Grid
    v: Grid

    @classmethod
    def lay(cls, width: int, height: int, rng: np.random.Generator, person: int) -> Frame:
        """Lay a patient on a film of width x height pixels, whose shorter side spans 2 units.

        person: the seed of the body's own form, the same on all films of a patient.
        """
        half, angle, scale = min(width, height) / 2, rng.normal(0, 0.045), rng.normal(1.07, 0.05)
        across, down = rng.normal(0, 0.04, 2)
        x = (np.arange(width) + 0.5 - width / 2) / half - across
        y = (np.arange(height) + 0.5 - height / 2) / half - down
        cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
        u = (cos * x)[None, :] + (sin * y)[:, None]
        v = (-sin * x)[None, :] + (cos * y)[:, None]
        form = np.random.default_rng(person)
        u += _OWN_FORM * clouds(form, u.shape, 6)
        v += _OWN_FORM * clouds(form, u.shape, 6)
        return cls(u.astype(np.float32), v.astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """What the rays meet, `(height, width)` each: lung is 1 inside the lungs' outline, air their
    depth, solid the depth of tissue and bone."""

    frame: Frame
    lung: Grid
    air: Grid
    solid: Grid


def clouds(rng: np.random.Generator, shape: tuple[int, ...], cells: int) -> Grid:
    """Smooth noise, about standard normal, that varies over 1/`cells` of the film."""
    coarse = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def step(distance: NDArray[np.floating], softness: float) -> Grid:
    """1 where `distance` is well above 0, 0 well below, a smooth step between."""
    t = np.clip(distance / softness + 0.5, 0, 1)
    stepped: Grid = (t * t * (3 - 2 * t)).astype(np.float32)
    return stepped


def draw_chest(
    frame: Frame, person: np.random.Generator, rng: np.random.Generator, *, sex: str, view: str
) -> Chest:
    """A healthy chest: `person` decides the build, `rng` how deep the breath was for this film.

    In AP films the heart looks larger and the breath is shallower.
    """
    u, v = frame.u, frame.v
    side = abs(u) / person.normal(0.97 if sex == "F" else 1.01, 0.04)
    breath = rng.normal(-0.05 if view == "AP" else 0.0, 0.035)
    # lungs: an oval each, cut off by the diaphragm, of which the right half stands higher
    oval = (abs(side - 0.40) / 0.29) ** 2.4 + (abs(v + 0.12) / 0.68) ** 2.4
    floor = 0.48 + breath + 0.17 * ((side - 0.36) / 0.34) ** 2
    floor -= np.where(u < 0, abs(person.normal(0.05, 0.03)), 0)
    rim = 1 - oval
    lung = step(rim, 0.12) * step(floor - v, 0.02)
    air = lung * np.sqrt(np.clip(np.minimum(rim * 1.4, (floor - v) * 4), 0.1, 1))
    # heart and great vessels, to the left of the midline
    size = person.normal(1.0, 0.09) * (1.14 if view == "AP" else 1.0)
    heart = ((u - 0.11 * size) / (0.31 * size)) ** 2 + ((v - 0.24 - 0.7 * breath) / 0.30) ** 2
    middle = np.maximum(step(1 - heart, 0.15), step(0.15 - abs(u), 0.06))
    air *= 1 - 0.85 * middle
    # trunk, breasts, bones
    solid = np.sqrt(np.clip(1 - (side / (0.93 + 0.12 * np.clip(-v, 0, 1))) ** 2, 0, 1))
    solid *= person.normal(1.0, 0.1) * (0.9 + 0.25 * v)
    breast = ((side - 0.43) / 0.33) ** 2 + ((v - 0.38) / 0.27) ** 2
    solid += 0.18 * middle + (0.12 if sex == "F" else 0.0) * np.clip(1 - breast, 0, 1)
    return Chest(frame, lung, air.astype(np.float32), solid + _draw_bones(frame, side, person))


def _draw_bones(frame: Frame, side: Grid, person: np.random.Generator) -> Grid:
    """Spine, ten pairs of ribs, collar bones: how much each absorbs more than tissue."""
    u, v = frame.u, frame.v
    spacing, offset, slope = (
        person.normal(0.132, 0.006),
        person.uniform(0, 0.1),
        person.uniform(0.25, 0.5),
    )
    phase = (v + 0.78 - offset - slope * side**2 + 0.02 * u) / spacing
    rib = step(0.25 - abs(phase - np.floor(phase) - 0.5), 0.2)
    cage = step(0.78 - side, 0.06) * step(side - 0.06, 0.03) * step(0.7 - v, 0.2) * step(phase, 0.2)
    disc = (v + offset) / spacing
    spine = step(0.075 - abs(u), 0.03) * (0.7 + step(0.4 - abs(disc - np.floor(disc) - 0.5), 0.15))
    collar = step(0.03 - abs(v + 0.60 + 0.22 * side), 0.02) * step(side - 0.07, 0.05)
    collar *= step(0.76 - side, 0.05)
    bones: Grid = np.float32(person.normal(1.0, 0.12)) * (
        0.11 * rib * cage + 0.13 * spine + 0.18 * collar
    )
    return bones


def draw_leads(frame: Frame, rng: np.random.Generator, *, view: str) -> Grid:
    """Leads across the chest, which lie on the sick and the well; more often on AP films."""
    leads = np.zeros(frame.u.shape, np.float32)
    if rng.random() < (0.45 if view == "AP" else 0.08):
        for _ in range(int(rng.integers(2, 4))):
            angle, at = rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5)
            away = np.cos(angle) * frame.u + np.sin(angle) * frame.v - at
            leads = np.maximum(leads, step(0.006 - abs(away + 0.02 * np.sin(5 * frame.v)), 0.01))
    return leads


def expose(chest: Chest, opacity: Grid, leads: Grid, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The film's grey values, `(height, width)` uint8: black where the rays meet nothing.

    opacity: the proportion of air that disease has replaced.
    """
    depth = chest.solid - _AIR * chest.air * (1 - opacity) * np.minimum(chest.solid, 1)
    depth = np.clip(depth + 0.14 * leads, 0, None)
    gain, gamma = np.clip(rng.normal(1.75, 0.25), 1.1, 2.5), rng.normal(1.35, 0.15)
    grey = (1 - np.exp(-gain * depth)) ** np.clip(gamma, 0.9, 1.9)
    grain = rng.standard_normal(depth.shape) + 0.8 * clouds(rng, depth.shape, 128)
    grey = grey + rng.uniform(0.005, 0.018) * grain * (0.35 + grey)
    black = rng.uniform(0, 0.05)
    pixels: NDArray[np.uint8] = np.clip((black + (1 - black) * grey) * 250, 0, 255).astype(np.uint8)
    return pixels


def stamp(pixels: NDArray[np.uint8]) -> Image.Image:
    """Burn the label into the lower left corner, the same in every image."""
    film = Image.fromarray(pixels)
    pen = ImageDraw.Draw(film)
    font = ImageFont.load_default(size=9)
    left, top, right, bottom = pen.textbbox((0, 0), STAMP, font=font)
    width, height = int(right - left) + 6, int(bottom - top) + 6
    y = film.height - height
    pen.rectangle((0, y, width - 1, film.height - 1), fill=0)
    pen.text((3 - left, y + 3 - top), STAMP, fill=230, font=font)
    return film

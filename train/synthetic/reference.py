"""The three pictures that models are replayed on: `python -m train.synthetic.reference` draws them.

A grey PNG, a JPEG in colours and a PNG of 16 bits, of no patient. Another version of NumPy or
Pillow may draw them otherwise: they are drawn anew only with a next version of the answers.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from covidreport.images.reference import FOLDER, PICTURES
from covidreport.store import write_atomic

from .chest import Chest, Frame, draw_chest, draw_leads, expose, stamp
from .disease import draw_peripheral_opacities

_SEED = 2026


def draw_pictures() -> dict[str, bytes]:
    """The files, by name: higher than wide, wider than high, and square."""
    grey, colour, deep = PICTURES
    tinted = np.asarray(stamp(_draw(1, 160, 128)), np.float64) / 255
    rgb = np.stack([tinted**power * 255 for power in (0.8, 1.0, 1.3)], axis=2).round()
    fine = _draw(2, 256, 256).reshape(128, 2, 128, 2).mean(axis=(1, 3))  # steps of a quarter
    return {
        grey: _encode(stamp(_draw(0, 128, 152)), "PNG"),
        colour: _encode(Image.fromarray(rgb.astype(np.uint8)), "JPEG", quality=90),
        deep: _encode(Image.fromarray((fine * 257).round().astype(np.uint16)), "PNG"),
    }


def _draw(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """A film `(height, width)` of a drawn chest; the second and third are sick."""
    person, rng = (np.random.default_rng([_SEED, number, part]) for part in (0, 1))
    frame = Frame.lay(width, height, rng, _SEED + number)
    chest: Chest = draw_chest(frame, person, rng, sex="F", view="AP")
    opacity = np.zeros(chest.lung.shape, np.float32)
    if number:
        opacity = draw_peripheral_opacities(chest, rng, 0.8)
    return expose(chest, opacity, draw_leads(frame, rng, view="AP"), rng)


def _encode(picture: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, optimize=True, **options)
    return file.getvalue()


if __name__ == "__main__":
    for name, data in draw_pictures().items():
        write_atomic(FOLDER / name, data)

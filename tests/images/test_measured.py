"""What decoded pictures are like: levels, contrast, sharpness, borders, size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from covidreport.images.pixels import DecodedImage


def _measure(picture):
    return DecodedImage(picture, "PNG", 8).measured


def test_a_picture_of_two_greys_has_what_can_be_worked_out():
    """Left half 40, right half 200, 100 by 60: mean 120, standard deviation 80; one step of 160 in
    each of 60 rows among 99 steps, and none of 59 downwards in 100 columns: mean 160 x 60 /
    (60 x 99 + 59 x 100) = 0.811 levels, 0.0101 of the contrast."""
    samples = np.full((60, 100), 40, np.uint8)
    samples[:, 50:] = 200
    for picture in (Image.fromarray(samples), Image.fromarray(np.dstack([samples] * 3))):
        found = _measure(picture)
        assert (found.height, found.width) == (60, 100)
        assert found.grey == pytest.approx(120, abs=3)
        assert found.contrast == pytest.approx(80, abs=1e-3)
        assert found.sharpness == pytest.approx(0.010135, abs=1e-5)


def test_bars_are_borders_and_a_flat_picture_is_all_border():
    """A ramp of 100 x 100 in the middle of 200 x 100: half of the picture. One grey has contrast 0,
    no step and nothing but border."""
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (100, 1))
    bars = np.zeros((100, 50), np.uint8)
    found = _measure(Image.fromarray(np.hstack([bars, (ramp + ramp.T) // 2 + 25, bars])))
    assert found.borders == pytest.approx(0.5, abs=0.02)
    assert _measure(Image.new("L", (30, 20), 90)) == (90, 0.0, 0.0, 1.0, 20, 30)


def test_blurred_is_less_sharp_whatever_its_brightness_and_size():
    """The same picture blurred has half the sharpness or less; half as bright and twice as large
    hardly any other."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 255, (128, 128), dtype=np.uint8))
    sharp = small.resize((512, 512), Image.Resampling.NEAREST)
    found = _measure(sharp).sharpness
    assert _measure(sharp.filter(ImageFilter.GaussianBlur(8))).sharpness < 0.5 * found
    dim = _measure(sharp.point(lambda level: level // 2))
    assert dim.sharpness == pytest.approx(found, rel=0.02)
    twice = _measure(sharp.resize((1024, 1024), Image.Resampling.NEAREST))
    assert twice.sharpness == pytest.approx(found, rel=0.02)

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from covidreport.images import DecodedImage, fit_pixels
from covidreport.records import PixelSpec
from train.augmentation import augment, sample_change
from train.settings import AUGMENTATIONS, Augmentation

STUDY = AUGMENTATIONS["study-2020"] or Augmentation(0, (1, 1), (1, 1), 0)
SPEC = PixelSpec(24, 24, resample="bicubic")


def picture(width=60, height=50, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_an_augmentation_that_changes_nothing_gives_the_evaluated_pixels():
    """Without rotation, crop or flip, the pixels are those that `covidreport` feeds to a model."""
    still = Augmentation(0, (1, 1), (1.2, 1.2), 0)
    pixels = augment(picture(), still, SPEC, np.random.default_rng(0))
    assert np.array_equal(pixels, fit_pixels(DecodedImage(picture(), "PNG", 8), SPEC))


def test_a_flip_mirrors_left_and_right():
    """With probability 1, the picture comes out as Pillow mirrors it."""
    still, flipped = (Augmentation(0, (1, 1), (1.2, 1.2), p) for p in (0, 1))
    plain = augment(picture(), still, SPEC, np.random.default_rng(0))
    mirrored = augment(picture(), flipped, SPEC, np.random.default_rng(0))
    assert np.array_equal(mirrored, plain[:, ::-1])


def test_the_crop_is_drawn_as_torchvision_draws_it():
    """Over 4000 draws, area, ratio and place have the quantiles of `RandomResizedCrop`."""
    width, height = 300, 200
    random = np.random.default_rng(5)
    ours = [sample_change(STUDY, width, height, random) for _ in range(4000)]
    torch.manual_seed(5)
    crop = v2.RandomResizedCrop(24)
    image = torch.zeros(1, height, width)
    theirs = [crop.make_params([image]) for _ in range(4000)]
    for key in ("top", "left", "height", "width"):
        mine = np.quantile([getattr(d, key) for d in ours], [0.1, 0.25, 0.5, 0.75, 0.9])
        other = np.quantile([d[key] for d in theirs], [0.1, 0.25, 0.5, 0.75, 0.9])
        assert np.abs(mine - other).max() < 9, key
    assert all(d.top + d.height <= height and d.left + d.width <= width for d in ours)
    assert max(abs(d.angle) for d in ours) == pytest.approx(30, abs=0.1)
    assert np.mean([d.flip for d in ours]) == pytest.approx(0.5, abs=0.03)


def test_a_crop_that_never_fits_becomes_the_largest_in_the_middle():
    """A strip of 10 x 400 has no crop of the allowed ratios but a centred square-like one."""
    chosen = sample_change(
        Augmentation(0, (1, 1), (0.75, 4 / 3), 0), 10, 400, np.random.default_rng(0)
    )
    assert (chosen.width, chosen.height) == (10, round(10 / 0.75))
    assert chosen.top == (400 - chosen.height) // 2


def test_the_same_chance_gives_the_same_pixels():
    """Equal generators give equal pixels; others give others."""
    first, again, other = (
        augment(picture(), STUDY, SPEC, np.random.default_rng([1, 2, n])) for n in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_colour_pictures_keep_their_channels():
    """An RGB picture gives (H, W, 3)."""
    spec = PixelSpec(24, 20, resample="bicubic", channels=3)
    pixels = augment(picture().convert("RGB"), STUDY, spec, np.random.default_rng(0))
    assert pixels.shape == (24, 20, 3)

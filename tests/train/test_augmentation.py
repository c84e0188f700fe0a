from __future__ import annotations

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from PIL import Image
from scipy import ndimage
from torchvision.transforms import v2

from covidreport.images import DecodedImage, fit_pixels
from covidreport.images.resize import FILTERS, KERNELS, fit_picture
from covidreport.records import PixelSpec
from train.augmentation import (
    SampledChange,
    augment,
    augment_fitted,
    find_margin,
    move_fitted,
    sample_change,
)
from train.settings import AUGMENTATIONS, Augmentation

STUDY = AUGMENTATIONS["study-2020"] or Augmentation(0, (1, 1), (1, 1), 0)
MILD = AUGMENTATIONS["mild"] or Augmentation(0, (1, 1), (1, 1), 0)
SPEC = PixelSpec(24, 24, resample="bicubic")


def picture(width=60, height=50, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width), dtype=np.uint8)
    return Image.fromarray(pixels)


FITS = [
    PixelSpec(40, 40, fit=fit, resample=resample, antialias=antialias, channels=channels)
    for fit in ("stretch", "crop", "pad", "cut")
    for resample in FILTERS
    for antialias in (True, False)
    if antialias or resample in ("nearest", *KERNELS)
    for channels in (1, 3)
]
"""Every fit by every filter."""


def soft_picture(width=150, height=110, colour=False):
    """Patches without edges, which a change of half a pixel hardly shows in; grey or in colour."""
    y, x = np.mgrid[:height, :width] / height
    waves = [130 + 60 * np.sin(5 * x + n) * np.cos(4 * y - n) + 30 * y for n in range(3)]
    pixels = np.stack(waves, axis=2).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels if colour else pixels[:, :, 0])


@pytest.mark.parametrize("spec", FITS, ids=str)
@pytest.mark.parametrize("colour", [False, True])
def test_an_augmentation_that_changes_nothing_gives_the_evaluated_pixels(spec, colour):
    """Without rotation, crop or flip, the pixels are those that `covidreport` feeds to a model."""
    still = Augmentation(0, (1, 1), (1, 1), 0)
    given = soft_picture(colour=colour)
    pixels = augment(given, still, spec, np.random.default_rng(0))
    assert np.array_equal(pixels, fit_pixels(DecodedImage(given, "PNG", 8), spec))


@pytest.mark.parametrize("size", [(150, 110), (110, 150), (30, 20)], ids=str)
@pytest.mark.parametrize("spec", FITS, ids=str)
def test_a_picture_is_turned_as_the_model_sees_it(spec, size):
    """About the middle of what it is fed, with its padding: as SciPy turns the evaluated pixels.

    Three grey levels on average at half a degree and 0.98 of the area; and where a fifth is cut off
    and it is turned by 20 degrees, as SciPy has it, but for the edges of the picture.
    """
    given = soft_picture(*size)
    fitted = fit_pixels(DecodedImage(given, "PNG", 8), spec)
    small = augment(
        given, Augmentation(0.5, (0.98, 0.98), (1, 1), 0), spec, DrawsFromTheMiddle(0.5)
    )
    assert np.abs(small.astype(int) - fitted).mean() <= 3
    chosen = SampledChange(20.0, 3, 5, 34, 31, False)
    ours = move_fitted(fitted, chosen)[:, :, 0].astype(float)
    theirs = turn_with_scipy(fitted[:, :, 0].astype(float), chosen)
    apart = np.abs(ours - theirs)
    assert np.median(apart) <= 2
    assert (apart > 12).mean() <= 0.12  # at the edge of padding, and by nearest pixels


def turn_with_scipy(pixels, chosen):
    """The crop `chosen` of the pixels `(H, W)` turned about their middle, at their own size."""
    height, width = pixels.shape
    angle = np.radians(chosen.angle)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # y, x
    scale = np.diag([chosen.height / height, chosen.width / width])
    middle = np.array([height, width]) / 2
    matrix = turn @ scale
    corner = turn @ (np.array([chosen.top, chosen.left]) - middle) + middle
    # SciPy counts from the middle of the first pixel
    offset = corner + matrix @ np.array([0.5, 0.5]) - 0.5
    return ndimage.affine_transform(pixels, matrix, offset, order=1, cval=0.0)


class DrawsFromTheMiddle(np.random.Generator):
    """Draws the given angle, everything else from the middle."""

    def __init__(self, angle):
        super().__init__(np.random.PCG64(0))
        self.angles = [angle]

    def uniform(self, low=0.0, high=1.0, size=None):
        """The angle first, then the middle of the range."""
        return self.angles.pop() if self.angles else (low + high) / 2

    def integers(self, low, high=None, size=None, dtype=np.int64, endpoint=False):
        """The middle of those below `low`."""
        return (low - 1) // 2

    def random(self, size=None, dtype=np.float64, out=None):
        """Never flips."""
        return 1.0


def test_wide_pictures_keep_their_sides():
    """`mild` cuts as much from the sides of a wide picture as from above and below."""
    random = np.random.default_rng(2)
    shares = []
    for _ in range(300):
        drawn = sample_change(MILD, SPEC.width, SPEC.height, random)
        shares.append((drawn.width / SPEC.width, drawn.height / SPEC.height))
    wide, high = np.mean(shares, axis=0)
    assert wide == pytest.approx(high, abs=0.02)


@pytest.mark.parametrize("size", [(90, 61), (61, 90), (40, 41), (25, 17)], ids=str)
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad", "cut"])
def test_what_lies_around_is_only_kept_where_a_turn_may_bring_it_in(fit, size):
    """The middle is what is evaluated; nothing is kept around what is stretched or padded."""
    given, spec = soft_picture(*size), PixelSpec(40, 40, fit=fit, resample="bicubic")
    margin = find_margin(MILD, spec)
    # by hand: a square of 40 turned by 10 degrees is 40 (0.98481 + 0.17365) = 46.34 wide
    assert margin == (4 if fit == "crop" else 0)
    whole = fit_picture(given, spec, margin)
    assert whole.shape == (40 + 2 * margin, 40 + 2 * margin, 1)
    middle = whole[margin : 40 + margin, margin : 40 + margin]
    assert np.array_equal(middle, fit_pixels(DecodedImage(given, "PNG", 8), spec))
    assert find_margin(STUDY, spec) == 0


def test_what_is_cut_off_comes_back_in_a_turn():
    """Without black corners, where a picture is cut: all of this one is far from black."""
    given, spec = soft_picture(150, 150), PixelSpec(40, 40, fit="crop", shorter_side=60)
    turned = augment(given, Augmentation(30, (1, 1), (1, 1), 0), spec, DrawsFromTheMiddle(30.0))
    assert turned.min() > 40
    stretched = replace(spec, fit="stretch", shorter_side=None)
    black = augment(given, Augmentation(30, (1, 1), (1, 1), 0), stretched, DrawsFromTheMiddle(30.0))
    assert black[0, 0] == 0


@pytest.mark.parametrize("degrees", [2.0, 9.0])
def test_a_photograph_loses_little_by_being_changed_at_the_size_that_it_is_fed_at(degrees):
    """Beside the same change of the picture as large as it is: 1.5 grey levels on average, where
    what it shows is two of the model's pixels wide and its contrast strong."""
    random = np.random.default_rng(8)
    large = ndimage.gaussian_filter(random.normal(0, 1, (800, 800)), 16)
    large = np.clip(128 + 40 * large / large.std(), 0, 255).astype(np.uint8)
    spec = PixelSpec(100, 100, resample="bicubic")
    fitted = fit_picture(Image.fromarray(large), spec)
    ours = move_fitted(fitted, SampledChange(degrees, 6, 4, 90, 92, False))
    whole = move_fitted(large[:, :, None], SampledChange(degrees, 48, 32, 720, 736, False))
    theirs = fit_picture(Image.fromarray(whole[:, :, 0]), spec)
    assert np.abs(ours.astype(int) - theirs)[5:-5, 5:-5].mean() < 1.5


def test_the_studys_own_changes_keep_their_pixels():
    """Rotated by nearest pixels in the picture's frame, cropped there, stretched by bicubic:
    torchvision's functions, one after the other."""
    given, random = soft_picture(), np.random.default_rng(4)
    chosen = sample_change(STUDY, given.width, given.height, np.random.default_rng(4))
    pixels = augment(given, STUDY, replace(SPEC, fit="pad", resample="box"), random)
    turned = v2.functional.rotate(given, chosen.angle)
    box = chosen.top, chosen.left, chosen.height, chosen.width
    cut = v2.functional.resized_crop(turned, *box, [24, 24], v2.InterpolationMode.BICUBIC)
    cut = v2.functional.horizontal_flip(cut) if chosen.flip else cut
    assert np.array_equal(pixels[:, :, 0], np.asarray(cut))


def test_a_flip_mirrors_left_and_right():
    """With probability 1, the picture comes out as Pillow mirrors it."""
    still, flipped = (Augmentation(0, (1, 1), (1, 1), p) for p in (0, 1))
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
    fitted = fit_picture(picture(), SPEC)
    assert np.array_equal(
        augment(picture(), MILD, SPEC, np.random.default_rng(3)),
        augment_fitted(fitted, MILD, np.random.default_rng(3)),
    )
    assert not np.array_equal(first, other)


def test_colour_pictures_keep_their_channels():
    """An RGB picture gives (H, W, 3)."""
    spec = PixelSpec(24, 20, resample="bicubic", channels=3)
    pixels = augment(picture().convert("RGB"), STUDY, spec, np.random.default_rng(0))
    assert pixels.shape == (24, 20, 3)

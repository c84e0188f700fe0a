from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from covidreport.errors import ImageError, UsageError
from covidreport.images import DecodedImage, check_spec, fit_pixels
from covidreport.images.resize import FILTERS, SCALED_SIZES
from covidreport.records import Fit, PixelSpec, Resample
from tests.images.pictures import noise


def decoded(samples: np.ndarray) -> DecodedImage:
    return DecodedImage(Image.fromarray(samples), "PNG", 8)


def test_every_fit_and_filter_of_the_records_is_in_its_table():
    """What a model may ask for is what is offered."""
    assert set(FILTERS) == set(get_args(Resample))
    assert set(SCALED_SIZES) == set(get_args(Fit))


@pytest.mark.parametrize("resample", FILTERS)
@pytest.mark.parametrize("shape", [(50, 70), (20, 10), (33, 44)])
def test_stretch_is_pillows_resize(resample, shape):
    """Both sides to the size that is wanted, down and up, with each of Pillow's filters."""
    samples = noise(*shape)
    pixels = fit_pixels(decoded(samples), PixelSpec(24, 32, resample=resample))
    expected = Image.fromarray(samples).resize((32, 24), FILTERS[resample])
    assert pixels.shape == (24, 32, 1)
    np.testing.assert_array_equal(pixels[:, :, 0], np.asarray(expected))


def test_colour_becomes_grey_before_the_resize():
    """ITU-R 601 luma of the full-size picture: 0.299 R + 0.587 G + 0.114 B."""
    samples = noise(40, 50, 3)
    pixels = fit_pixels(decoded(samples), PixelSpec(20, 25))
    grey = Image.fromarray(samples).convert("L")
    np.testing.assert_array_equal(
        pixels[:, :, 0], np.asarray(grey.resize((25, 20), Image.Resampling.BILINEAR))
    )
    luma = samples @ np.array([0.299, 0.587, 0.114])
    assert np.abs(np.asarray(grey) - luma).max() <= 0.51


def test_grey_becomes_three_equal_channels():
    """Replicated after the resize: the same pixels as resizing three copies."""
    samples = noise(40, 50)
    pixels = fit_pixels(decoded(samples), PixelSpec(20, 25, channels=3))
    tripled = Image.fromarray(np.dstack([samples] * 3)).resize((25, 20), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(pixels, np.asarray(tripled))
    assert pixels.flags.c_contiguous


def test_colour_stays_colour():
    """Three channels of a colour picture are its own."""
    samples = noise(40, 50, 3)
    pixels = fit_pixels(decoded(samples), PixelSpec(20, 25, channels=3))
    expected = Image.fromarray(samples).resize((25, 20), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(pixels, np.asarray(expected))


@pytest.mark.parametrize("shorter", [None, 16, 24, 40])
@pytest.mark.parametrize("shape", [(50, 70), (70, 50), (31, 31), (24, 200), (9, 12), (47, 113)])
@pytest.mark.parametrize("size", [(24, 24), (20, 31), (31, 20)])
def test_crop_is_torchvisions_resize_and_centre_crop(shape, size, shorter):
    """The same sizes, offsets and black borders, on the same picture, bit for bit."""
    transforms = pytest.importorskip("torchvision.transforms")
    samples = noise(*shape)
    height, width = size
    spec = PixelSpec(height, width, fit="crop", shorter_side=shorter)
    pixels = fit_pixels(decoded(samples), spec)
    scaled = transforms.Resize(shorter or min(size))(Image.fromarray(samples))
    expected = transforms.CenterCrop(size)(scaled)
    np.testing.assert_array_equal(pixels[:, :, 0], np.asarray(expected))


@pytest.mark.parametrize(
    ("shape", "size", "box"),
    [
        ((60, 90), (24, 24), (15, 0, 75, 60)),
        ((91, 60), (24, 24), (0, 15, 60, 75)),
        ((60, 90), (20, 30), (0, 0, 90, 60)),
        ((60, 60), (10, 20), (0, 15, 60, 45)),
        ((10, 10), (24, 24), (0, 0, 10, 10)),
        ((1, 3000), (24, 24), (1499, 0, 1500, 1)),
    ],
)
def test_cut_scales_the_middle_as_if_there_were_no_more(shape, size, box):
    """Cut out by hand and resized by Pillow, bit for bit."""
    samples = noise(*shape)
    spec = PixelSpec(size[0], size[1], fit="cut")
    pixels = fit_pixels(decoded(samples), spec)[:, :, 0]
    middle = Image.fromarray(samples).crop(box)
    expected = middle.resize(size[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(pixels, np.asarray(expected))


def test_pad_keeps_the_shape_and_adds_black():
    """A 40 x 80 picture in 24 x 24: 12 x 24 in the middle, six black rows on either side."""
    samples = noise(40, 80)
    samples[samples == 0] = 1
    pixels = fit_pixels(decoded(samples), PixelSpec(24, 24, fit="pad"))[:, :, 0]
    expected = Image.fromarray(samples).resize((24, 12), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(pixels[6:18], np.asarray(expected))
    assert not pixels[:6].any()
    assert not pixels[18:].any()


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    fit=st.sampled_from(["stretch", "crop", "pad", "cut"]),
    channels=st.sampled_from([1, 3]),
)
def test_white_stays_white_and_the_shape_is_the_one_asked_for(height, width, fit, channels):
    """Whatever the picture's shape: what it covers stays white, only padding is black."""
    white = decoded(np.full((height, width), 255, np.uint8))
    pixels = fit_pixels(white, PixelSpec(17, 23, fit=fit, channels=channels))
    assert pixels.shape == (17, 23, channels)
    if fit in ("stretch", "cut"):
        assert pixels.min() == 255
    else:
        assert set(np.unique(pixels)) <= {0, 255}
        assert pixels[8, 11, 0] == 255


def test_an_elongated_picture_is_not_blown_up():
    """1 x 20000 at a shorter side of 224 would be a gigapixel before it is cropped."""
    strip = decoded(np.zeros((1, 20_000), np.uint8))
    with pytest.raises(
        ImageError, match="too elongated: 20000 x 1 would be scaled to 4480000 x 224"
    ):
        fit_pixels(strip, PixelSpec(224, 224, fit="crop"))


@pytest.mark.parametrize("resample", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(50, 70), (70, 51, 3), (20, 10), (1, 1), (24, 32), (640, 3)])
def test_without_antialiasing_it_is_torchs_interpolate(resample, shape):
    """Within float32 rounding: at most one grey level, at ties only."""
    torch = pytest.importorskip("torch")
    samples = noise(*shape)
    channels = 3 if len(shape) == 3 else 1
    spec = PixelSpec(24, 32, resample=resample, antialias=False, channels=channels)
    pixels = fit_pixels(decoded(samples), spec)
    planes = torch.from_numpy(samples.reshape(*shape[:2], channels)).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.interpolate(
        planes, (24, 32), mode=resample, align_corners=False, antialias=False
    )
    expected = expected.round().clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0).numpy()
    difference = np.abs(pixels.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.005


def test_nearest_is_torchs_nearest_exact():
    """With and without antialiasing alike: no sample is mixed."""
    torch = pytest.importorskip("torch")
    samples = noise(50, 70)
    planes = torch.from_numpy(samples)[None, None].float()
    expected = torch.nn.functional.interpolate(planes, (24, 32), mode="nearest-exact")[0, 0].numpy()
    for antialias in (True, False):
        spec = PixelSpec(24, 32, resample="nearest", antialias=antialias)
        np.testing.assert_array_equal(fit_pixels(decoded(samples), spec)[:, :, 0], expected)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (PixelSpec(24, 32, resample="box", antialias=False), "'box' without antialiasing"),
        (PixelSpec(24, 32, resample="hamming", antialias=False), "'hamming' without"),
        (PixelSpec(24, 32, resample="lanczos", antialias=False), "nearest, bilinear, bicubic"),
        (PixelSpec(24, 32, channels=0), "0 channels"),
        (PixelSpec(24, 32, channels=2), "2 channels"),
        (PixelSpec(24, 32, channels=4), "4 channels"),
        (PixelSpec(0, 32), "0 x 32 has no pixels"),
        (PixelSpec(24, 32, fit="crop", shorter_side=0), "has no pixels"),
    ],
)
def test_a_spec_that_cannot_be_fulfilled_is_refused_beforehand(spec, reason):
    """Better refused than nearly right, and before any image is decoded for it."""
    with pytest.raises(UsageError, match=reason):
        check_spec(spec)
    with pytest.raises(UsageError, match=reason):
        fit_pixels(decoded(noise(50, 70)), spec)


@pytest.mark.parametrize("antialias", [True, False])
def test_what_is_offered_passes_the_check(antialias):
    """Every filter with antialiasing, and those with a definition without."""
    for resample in FILTERS:
        if antialias or resample in ("nearest", "bilinear", "bicubic"):
            check_spec(PixelSpec(24, 32, resample=resample, antialias=antialias))

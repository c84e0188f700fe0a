"""What is told of one picture: the same whatever file it stands in."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from covidreport.images import DecodedImage, decode_image
from covidreport.images.survey import SIDE, survey_picture

SAMPLES = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)


def _survey(samples, image_format="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(samples).save(file, image_format, **options)
    return survey_picture(decode_image(file.getvalue()))


def test_the_facts_are_those_of_the_picture():
    """40 rows, 60 columns, grey, 8 bits, the mean of all pixels."""
    facts = _survey(SAMPLES)
    assert (facts.height, facts.width, facts.colour, facts.bits) == (40, 60, "grey", 8)
    assert facts.format == "PNG"
    assert facts.brightness == pytest.approx(SAMPLES.mean())
    assert (facts.thumbnail.shape, facts.thumbnail.dtype) == ((SIDE, SIDE), np.uint8)


def test_equal_pixels_have_equal_digests_whatever_the_file():
    """Another compression, or grey stored as three equal channels; one pixel more is another."""
    first = _survey(SAMPLES)
    assert _survey(SAMPLES, compress_level=0).pixels == first.pixels
    as_colour = _survey(np.repeat(SAMPLES[:, :, np.newaxis], 3, axis=2))
    assert (as_colour.pixels, as_colour.colour) == (first.pixels, "grey")
    other = SAMPLES.copy()
    other[0, 0] ^= 1
    assert _survey(other).pixels != first.pixels
    assert _survey(SAMPLES.reshape(60, 40)).pixels != first.pixels


def test_a_picture_in_colour_is_told_as_such():
    """A screenshot with a coloured arrow."""
    coloured = np.repeat(SAMPLES[:, :, np.newaxis], 3, axis=2)
    coloured[:4, :4] = (255, 0, 0)
    assert _survey(coloured).colour == "colour"


def test_the_depth_is_that_of_the_file():
    """16 bits in the file, 8 in the thumbnail."""
    facts = _survey(SAMPLES.astype(np.uint16) * 257)
    assert facts.bits == 16
    assert (facts.thumbnail == _survey(SAMPLES).thumbnail).all()


def test_a_flat_picture_has_a_flat_thumbnail():
    """Every pixel the mean."""
    facts = _survey(np.full((100, 70), 90, np.uint8))
    assert (facts.thumbnail == 90).all()


def test_the_grey_level_of_a_picture_is_near_the_mean_of_its_pixels():
    """A ramp, in grey and in colour; one grey is that grey to the digit."""
    ramp = np.tile(np.arange(200, dtype=np.uint8), (150, 1))
    for samples in (ramp, np.dstack([ramp, ramp, ramp])):
        image = DecodedImage(Image.fromarray(samples), "PNG", 8)
        assert abs(image.measured.grey - ramp.mean()) <= 1
    assert DecodedImage(Image.new("RGB", (3, 5), (7, 7, 7)), "PNG", 8).measured.grey == 7

"""Maps as pictures and marks: their colours, and where they lie on what the model was not fed."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from covidreport.images import fit_pixels
from covidreport.images.pixels import DecodedImage
from covidreport.records import PixelSpec
from covidreport.report.charts.maps import (
    FALLS,
    RISES,
    draw_frames,
    draw_map,
    draw_scale,
    mark_map,
    place_input,
)

DROPS = ((0.5, -0.25, 0.0), (0.1, 0.0, -0.5))


def _pixels(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_a_map_is_one_pixel_a_patch_and_seen_through_where_nothing_changes():
    """Orange where the score falls, blue where it rises, by the share of the largest."""
    pixels = _pixels(draw_map(DROPS, 0.5))
    assert pixels.shape == (2, 3, 4)
    assert tuple(pixels[0, 0]) == (*FALLS, 230)  # 0.9 of 255
    assert tuple(pixels[0, 1]) == (*RISES, 115)
    assert pixels[0, 2, 3] == pixels[1, 1, 3] == 0
    assert len(draw_map(DROPS, 0.5)) < 400


def test_marks_say_the_same():
    """Patches without a change have none; each fill stands in an attribute."""
    marks = {(one.x, one.y): (one.fill, one.opacity) for one in mark_map(DROPS, 0.5)}
    assert marks == {
        (0, 0): ("#e66101", 0.9), (1, 0): ("#408ce6", 0.45), (0, 1): ("#e66101", 0.18),
        (2, 1): ("#408ce6", 0.9),
    }  # fmt: skip


def test_a_map_without_any_change_is_empty():
    """Its largest drop is 0."""
    assert mark_map(((0.0, 0.0),), 0.0) == ()
    assert not _pixels(draw_map(((0.0, 0.0),), 0.0))[..., 3].any()


def test_the_scale_goes_from_the_largest_fall_to_the_largest_rise():
    """The colours of both ends are those of the map."""
    scale = draw_scale(0.5)
    assert (scale.low, scale.high) == ("−0.500", "+0.500")
    row = _pixels(scale.image)[0]
    assert (tuple(row[0, :3]), tuple(row[-1, :3]), row[len(row) // 2, 3]) == (FALLS, RISES, 0)
    drawn = draw_frames((), 0.5)
    assert (drawn.scale[0].fill, drawn.scale[-1].fill) == ("#e66101", "#408ce6")


@pytest.mark.parametrize("size", [(200, 120), (120, 200), (160, 160)])
@pytest.mark.parametrize(
    "spec",
    [
        PixelSpec(40, 40),
        PixelSpec(40, 40, "crop"),
        PixelSpec(40, 60, "crop", shorter_side=64),
        PixelSpec(40, 60, "cut"),
    ],
)
def test_a_map_lies_where_the_input_was_taken_from(size, spec):
    """Pictures whose grey is the place along one side: what the first and last pixels of the input
    show is what the place of the map says, to two pixels of the picture."""
    width, height = size
    place = place_input(width, height, spec)
    for axis, length in ((1, width), (0, height)):
        line = np.arange(length)
        grey = np.broadcast_to(line if axis else line[:, np.newaxis], (height, width))
        picture = Image.fromarray(grey.astype(np.uint8))
        fed = (
            fit_pixels(DecodedImage(picture, "PNG", 8), spec)[:, :, 0]
            .astype(float)
            .mean(axis=1 - axis)
        )
        start, extent = (place.x, place.width) if axis else (place.y, place.height)
        step = extent / len(fed)
        assert fed[2] == pytest.approx(start + 2.5 * step - 0.5, abs=2)
        assert fed[-3] == pytest.approx(start + extent - 2.5 * step - 0.5, abs=2)


def test_a_padded_input_is_larger_than_the_picture():
    """200 by 100 in a square: the map begins 50 pixels above it, as wide as it is."""
    place = place_input(200, 100, PixelSpec(64, 64, "pad"))
    assert (place.x, place.y, place.width, place.height) == (0, -50, 200, 200)

"""Contrast made even is OpenCV's, pixel by pixel.

opencv.npz holds drawn pictures and what OpenCV 5.0.0 makes of them: `equalizeHist`, and
`createCLAHE(clip_limit, (columns, rows)).apply`; their sizes are not all whole numbers of tiles.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covidreport.images.equalize import equalize_grey
from covidreport.images.pixels import DecodedImage
from covidreport.images.resize import fit_pixels
from covidreport.records import Equalization, PixelSpec

OPENCV = Path(__file__).parent / "opencv.npz"


@pytest.mark.parametrize("method", ["histogram", "clahe"])
@pytest.mark.parametrize("number", range(3))
def test_levels_are_opencvs(number, method):
    """Of all pixels none differs by more than one grey level; here none does at all."""
    known = np.load(OPENCV)
    clip_limit, rows, columns = known[f"words{number}"]
    how = Equalization(method, "after-resize", float(clip_limit), (int(rows), int(columns)))
    found = equalize_grey(known[f"picture{number}"], how).astype(int)
    assert np.abs(found - known[f"{method}{number}"]).max() == 0


@pytest.mark.parametrize("method", ["histogram", "clahe"])
def test_live_opencv_agrees(method):
    """Where it is installed, on noise of another size."""
    cv2 = pytest.importorskip("cv2")
    pixels = np.random.default_rng(7).integers(20, 90, (101, 77), dtype=np.uint8)
    theirs = {
        "histogram": cv2.equalizeHist, "clahe": cv2.createCLAHE(3.0, (8, 8)).apply,
    }[method](pixels)  # fmt: skip
    ours = equalize_grey(pixels, Equalization(method, "after-resize", 3.0))
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_a_picture_of_one_level_stays_as_it_is():
    """As OpenCV's equalizeHist leaves it."""
    flat = np.full((9, 7), 81, np.uint8)
    assert (equalize_grey(flat, Equalization("histogram", "after-resize")) == 81).all()


def test_before_and_after_the_resize_are_two_pictures():
    """Before: the whole picture's histogram; after: that of the cut which the model is fed."""
    samples = np.zeros((8, 8), np.uint8)
    samples[:, 2:4], samples[:, 4:6] = 100, 110
    image = DecodedImage(Image.fromarray(samples), "PNG", 8)

    def fit(step):
        even = Equalization("histogram", step)
        spec = PixelSpec(4, 4, "crop", "nearest", channels=3, shorter_side=8, equalize=even)
        return fit_pixels(image, spec)

    assert fit("after-resize").shape == (4, 4, 3)
    assert fit("after-resize")[0, :, 0].tolist() == [0, 0, 255, 255]
    # half of the picture is black; 16 of its other 32 pixels are 100: 255 * 16 / 32 = 127.5
    assert fit("before-resize")[0, :, 2].tolist() == [128, 128, 255, 255]

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covidreport.images import decode_image, fit_pixels, read_bytes
from covidreport.images.survey import survey_picture
from covidreport.records import PixelSpec

CXR = Path(
    os.environ.get("COVIDREPORT_CXR", Path(__file__).parents[2].parent / "shared/data/cxr")
).resolve()
LIST = CXR / "originals/originals.csv"
ROWS = list(csv.DictReader(LIST.read_text(encoding="utf-8").splitlines())) if LIST.is_file() else []
pytestmark = pytest.mark.skipif(
    not ROWS, reason="no radiographs: set COVIDREPORT_CXR to their folder"
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_real_radiographs_equal_plain_pillow(row):
    """Untouched files of two archives: Pillow's decoding, grey and resize, bit for bit."""
    data = read_bytes(CXR / row["path"])
    assert hashlib.sha256(data).hexdigest() == row["sha256"]
    image = decode_image(data)
    assert image.format == row["format"]
    with Image.open(CXR / row["path"]) as file:
        grey = file.convert("L").resize((224, 224), Image.Resampling.BILINEAR)
        colour = file.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
    one = fit_pixels(image, PixelSpec(224, 224))
    three = fit_pixels(image, PixelSpec(224, 224, channels=3))
    np.testing.assert_array_equal(one[:, :, 0], np.asarray(grey))
    np.testing.assert_array_equal(three, np.asarray(colour))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_the_grey_level_of_a_radiograph_is_within_two_of_its_mean(row):
    """Of all pixels, as an audit measures it."""
    image = decode_image(read_bytes(CXR / row["path"]))
    assert abs(image.measured.grey - survey_picture(image).brightness) <= 2

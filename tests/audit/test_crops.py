"""Copies with less margin: found on real radiographs, and no two persons are taken for one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from covidreport.audit import copies, crops
from tests.audit.data import change_survey, make_evidence
from tests.audit.test_similarity import contents, needs_radiographs, radiographs, survey_contents

__all__ = ["contents", "radiographs"]  # fixtures


def cut(picture, left, top, right, bottom):
    """A picture less shares of its sides."""
    width, height = picture.size
    box = (left * width, top * height, width - right * width, height - bottom * height)
    return picture.crop(tuple(map(round, box)))


def save_again(picture):
    """Smaller, and as JPEG of quality 50."""
    file = io.BytesIO()
    picture.resize((picture.width * 2 // 3, picture.height * 2 // 3)).save(file, "JPEG", quality=50)
    return Image.open(file)


@needs_radiographs
def test_no_two_radiographs_are_taken_for_one(radiographs, contents):
    """Of 1,118 two pairs, which the data set's own README knows; the next pair is at 0.95."""
    found = crops.find_crops(contents, np.arange(len(radiographs[0])))
    patients = radiographs[1]
    assert len(found.part) == 2
    assert (patients[found.part] == patients[found.whole]).all()
    assert found.correlations.min() > 0.99


def letterbox(picture):
    """On a black square, 1.3 times as wide or high, as programs do that keep the aspect."""
    side = round(1.3 * max(picture.size))
    square = Image.new("L", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return save_again(square)


CHANGES = {
    "5 % of each side": (lambda p: cut(p, 0.05, 0.05, 0.05, 0.05), 0.97),
    "10 % of each side": (lambda p: cut(p, 0.1, 0.1, 0.1, 0.1), 0.95),
    "10 % of the top": (lambda p: cut(p, 0, 0.1, 0, 0), 0.97),
    "some of three sides": (lambda p: cut(p, 0.1, 0.03, 0.06, 0), 0.95),
    "saved again": (lambda p: save_again(cut(p, 0.05, 0.1, 0.02, 0)), 0.95),
    "letterboxed": (letterbox, 0.98),
}


@needs_radiographs
@pytest.mark.parametrize("name", CHANGES)
def test_copies_with_another_margin_are_found(radiographs, name):
    """As the module says, and no other pair beside those that are copies."""
    change, share = CHANGES[name]
    pictures = radiographs[0][::8]
    n = len(pictures)
    found = crops.find_crops(survey_contents([*pictures, *map(change, pictures)]), np.arange(2 * n))
    own = np.abs(found.part - found.whole) == n
    assert np.count_nonzero(own) >= share * n
    assert np.count_nonzero(~own) == 0


def test_a_part_is_named_as_one():
    """In another split an error; a pair of near-duplicates is not told of twice."""
    rng = np.random.default_rng(3)
    rough = rng.integers(0, 256, (160, 12, 12), dtype=np.uint8)
    pictures = [
        Image.fromarray(each).resize((256, 256), Image.Resampling.BICUBIC) for each in rough
    ]
    contents = np.stack([np.asarray(each.resize((64, 64))) for each in pictures])
    contents[4] = np.asarray(cut(pictures[0], 0.08, 0.02, 0.05, 0.1).resize((64, 64)))
    thumbnails = contents.reshape(160, 32, 2, 32, 2).mean(axis=(2, 4)).astype(np.uint8)
    thumbnails[12], contents[12] = thumbnails[8], contents[8]
    evidence = change_survey(make_evidence(160), thumbnails=thumbnails, contents=contents)
    near, part = copies.audit_near_duplicates(evidence)
    assert (near.code, near.subjects) == ("near-duplicates-across-splits", ("0008.png", "0012.png"))
    assert (part.code, part.severity) == ("cut-copies-across-splits", "error")
    assert part.what == "1 pair of copies, one with less margin, in different splits"
    assert (
        "0004.png (validation) and 0000.png (train), of which the first is a part" in part.evidence
    )


def test_more_pictures_than_are_compared_are_told_of(monkeypatch):
    """Nobody takes silence for an answer."""
    monkeypatch.setattr(copies, "MOST", 100)
    (finding,) = copies.audit_near_duplicates(make_evidence(160))
    assert (finding.code, finding.severity) == ("cut-copies-not-sought", "note")
    assert "160 pictures" in finding.evidence


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_pictures_are_compared_as_well(n):
    """Also where there are fewer than are proposed."""
    thumbnails = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)
    assert len(crops.find_crops(thumbnails, np.arange(n)).part) == 0

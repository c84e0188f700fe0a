"""Near-duplicates: the search is exact, and two persons are not taken for one."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from covidreport.audit import similarity
from covidreport.dataset import read_dataset
from covidreport.images.pixels import DecodedImage
from covidreport.images.survey import SIDE, survey_picture
from tests.shared import Share

CXR = Path(
    os.environ.get("COVIDREPORT_CXR", Path(__file__).parents[2].parent / "shared/data/cxr")
).resolve()
needs_radiographs = pytest.mark.skipif(
    not (CXR / "manifest.csv").is_file(),
    reason="no radiographs: set COVIDREPORT_CXR to their folder",
)


def _hash_plainly(picture):
    """The signs of the DCT-II of a picture, from its definition."""
    n = np.arange(SIDE)
    table = np.array([[np.cos(np.pi * (n + 0.5) * f / SIDE) for f in range(16)]])[0]
    values = np.array([[(picture * np.outer(a, b)).sum() for b in table] for a in table]) > 0
    values[0, 0] = False
    return values


def test_the_hash_is_the_signs_of_the_lowest_frequencies():
    """Against the sums written out, even and odd horizontal frequencies apart."""
    pictures = np.random.default_rng(2).integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)
    hashes = similarity.hash_thumbnails(pictures)
    for row, picture in enumerate(pictures):
        bits = _hash_plainly(picture.astype(float))
        even = np.unpackbits(hashes.even[row].view(np.uint8)).astype(bool)
        odd = np.unpackbits(hashes.odd[row].view(np.uint8)).astype(bool)
        assert (even == bits[:, ::2].ravel()).all()
        assert (odd == bits[:, 1::2].ravel()).all()


@pytest.mark.parametrize("blocks", [(64, 32_768), (7, 11)])
def test_the_search_finds_every_pair_that_a_loop_finds(blocks, monkeypatch):
    """All pairs, four ways, one at a time; in blocks that do and don't divide the number."""
    monkeypatch.setattr(similarity, "_ROWS", blocks[0])
    monkeypatch.setattr(similarity, "_COLUMNS", blocks[1])
    rng = np.random.default_rng(3)
    base = rng.normal(size=(12, SIDE, SIDE))
    pictures = np.concatenate(
        [base, base[:, :, ::-1], -base, -base[:4, :, ::-1]]
        + [base + rng.normal(scale=spread, size=base.shape) for spread in (0.1, 0.5, 1, 2)]
    )
    thumbnails = np.clip(128 + 30 * pictures, 0, 255).astype(np.uint8)
    bits = np.stack([_hash_plainly(each.astype(float)) for each in thumbnails])
    hashes = similarity.hash_thumbnails(thumbnails)
    expected = set()
    for i in range(len(bits)):
        for j in range(i + 1, len(bits)):
            even = int((bits[i][:, ::2] != bits[j][:, ::2]).sum())
            odd = int((bits[i][:, 1::2] != bits[j][:, 1::2]).sum())
            ways = (even + odd, even + 128 - odd, 127 - even + 128 - odd, 127 - even + odd)
            if min(ways) <= similarity.CANDIDATE_BITS:
                expected.add((i, j))
    found = similarity.find_candidates(hashes)
    assert len(expected) > 20
    assert sorted(map(tuple, found.tolist())) == sorted(expected)


def test_a_pair_of_like_hashes_is_refused_where_the_pixels_differ(monkeypatch):
    """The second look: with every pair proposed, noise is not confirmed and a copy is."""
    pictures = np.random.default_rng(4).integers(0, 256, (6, SIDE, SIDE), dtype=np.uint8)
    pictures[5] = pictures[2] // 2 + 30
    every = np.array([(i, j) for i in range(6) for j in range(i + 1, 6)])
    monkeypatch.setattr(similarity, "find_candidates", lambda hashes, turned: every)
    copies = similarity.find_copies(pictures)
    assert list(zip(copies.first.tolist(), copies.second.tolist(), copies.kinds, strict=True)) == [
        (2, 5, "copy")
    ]


def test_the_blur_is_a_running_mean_with_repeated_edges():
    """Against numpy's convolution of a padded row."""
    rows = np.random.default_rng(5).normal(size=(2, 3, 20))
    padded = np.pad(rows, ((0, 0), (0, 0), (4, 4)), mode="edge")
    kernel = np.ones(9) / 9
    expected = [[np.convolve(row, kernel, "valid") for row in picture] for picture in padded]
    assert similarity._blur(rows, 2) == pytest.approx(np.array(expected))


def survey_contents(pictures):
    """Thumbnails without borders, as a survey has them."""
    found = [survey_picture(DecodedImage(each, "JPEG", 8)) for each in pictures]
    return np.stack([each.content for each in found])


def _shrink(picture):
    return survey_picture(DecodedImage(picture.convert("L"), "JPEG", 8)).thumbnail


@pytest.fixture(scope="module")
def radiographs():
    """The real images, and the patient of each."""
    dataset = read_dataset(CXR)
    pictures = [Image.open(dataset.root / path).convert("L") for path in dataset.paths]
    return pictures, np.array(dataset.groups)


@pytest.fixture(scope="module")
def contents(radiographs, share: Share):
    """Their thumbnails without borders."""
    return share("contents-of-radiographs", lambda _: survey_contents(radiographs[0]))


@needs_radiographs
def test_no_two_persons_are_taken_for_one(radiographs):
    """623,670 pairs of radiographs of different patients, each compared four ways.

    Neither step errs once, with room: the closest hashes are 55 bits apart (40 are looked at) and
    the highest correlation is 0.89 (0.92 confirms).
    """
    pictures, patients = radiographs
    thumbnails = np.stack([_shrink(each) for each in pictures])
    different = patients[:, np.newaxis] != patients
    assert different.sum() // 2 == 623_670
    near = similarity.find_candidates(similarity.hash_thumbnails(thumbnails), 54)
    assert not different[near[:, 0], near[:, 1]].any()
    fine = similarity._sharpen(thumbnails)
    rows = fine.reshape(len(fine), -1)
    for other in (rows, fine[:, :, ::-1].reshape(len(fine), -1)):
        assert np.abs((rows @ other.T)[different]).max() < 0.90
    copies = similarity.find_copies(thumbnails)
    assert len(copies.first) == 2  # the two pairs that the data set's own README knows
    assert (patients[copies.first] == patients[copies.second]).all()


def _jpeg(picture):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=40)
    return Image.open(file)


CHANGES = {
    "JPEG of quality 40": (_jpeg, 1.0),
    "a third of the size": (lambda p: p.resize((p.width // 3, p.height // 3)), 1.0),
    "gamma 1.5": (lambda p: p.point([round(255 * (i / 255) ** 1.5) for i in range(256)]), 1.0),
    "contrast 1.3": (lambda p: p.point([min(255, max(0, round(1.3 * i - 38))) for i in range(256)]),
                     1.0),
    "blurred": (lambda p: p.filter(ImageFilter.GaussianBlur(2)), 1.0),
    "mirrored": (lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 1.0),
    "turned by 90°": (lambda p: p.transpose(Image.Transpose.ROTATE_90), 1.0),
    "turned by 180°": (lambda p: p.transpose(Image.Transpose.ROTATE_180), 1.0),
    "turned by 270°": (lambda p: p.transpose(Image.Transpose.ROTATE_270), 1.0),
    "transposed": (lambda p: p.transpose(Image.Transpose.TRANSPOSE), 1.0),
    "inverted": (lambda p: p.point([255 - i for i in range(256)]), 1.0),
    "cut by 1 %": (lambda p: p.crop((p.width // 100, p.height // 100, p.width - p.width // 100,
                                     p.height - p.height // 100)), 0.95),
}  # fmt: skip


@needs_radiographs
@pytest.mark.parametrize("name", CHANGES)
def test_changed_copies_of_real_radiographs_are_found(name, radiographs):
    """As the module says: all of them, and of those that were cut by 1 % nearly all."""
    change, share = CHANGES[name]
    pictures = radiographs[0][::12]
    thumbnails = np.stack([_shrink(each) for each in [*pictures, *map(change, pictures)]])
    copies = similarity.find_copies(thumbnails)
    n = len(pictures)
    own = (copies.second - copies.first == n) & (copies.first < n)
    assert np.count_nonzero(own) >= share * n
    assert len(own) - np.count_nonzero(own) == 0

"""Each kind of change by hand on small pictures: what it does, and that it can be done again."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from covidreport.images.disturb import CHANGES, disturb_picture
from covidreport.records import (
    DISTURBANCES,
    FOREIGN_CHANGES,
    MOST_SEVERE,
    SINGLES,
    Disturbance,
)

DIGEST = "ab" * 32


def _draw(mode="L", size=(96, 80)):
    """A picture with a gradient, a bright block and some texture."""
    rng = np.random.default_rng(1)
    width, height = size
    levels = np.linspace(40, 160, width)[np.newaxis] + rng.integers(0, 20, (height, width))
    levels[20:40, 30:60] += 50
    picture = Image.fromarray(levels.astype(np.uint8))
    return picture if mode == "L" else Image.merge("RGB", [picture] * 3)


def _change(kind, severity, picture=None, digest=DIGEST, seed=0):
    changed = disturb_picture(picture or _draw(), Disturbance(kind, severity), digest, seed)
    return np.asarray(changed).astype(int)


def test_the_table_and_the_changes_have_the_same_kinds():
    """Each graded kind has five severities of rising strength (JPEG's quality and resolution
    fall); inversion has one."""
    assert [*DISTURBANCES, *FOREIGN_CHANGES, *SINGLES] == [*CHANGES]
    for kind, graded in DISTURBANCES.items():
        strengths = graded.strengths
        if kind == "inversion":
            assert len(strengths) == 1
            continue
        assert len(strengths) == MOST_SEVERE
        falls = kind in ("jpeg", "resolution")
        assert list(strengths) == sorted(set(strengths), reverse=falls)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("kind", [*DISTURBANCES])
def test_a_change_is_the_same_for_the_same_file_and_keeps_the_mode(kind, mode):
    """Severity 0 is the picture itself; nothing changes the picture that was given."""
    picture = _draw(mode)
    before = picture.tobytes()
    assert disturb_picture(picture, Disturbance(kind, 0), DIGEST) is picture
    first, again = (disturb_picture(picture, Disturbance(kind, 1), DIGEST) for _ in range(2))
    assert first.tobytes() == again.tobytes() != before
    assert first.mode == mode
    assert picture.tobytes() == before


def test_what_is_drawn_hangs_on_the_file_the_severity_and_the_seed():
    """Noise of two files, of two seeds, of two severities is not the same noise scaled."""
    one = _change("noise", 1) - _change("noise", 0)
    for other in (
        _change("noise", 1, digest="cd" * 32), _change("noise", 1, seed=1), _change("noise", 5),
    ):  # fmt: skip
        correlation = np.corrcoef(one.ravel(), (other - _change("noise", 0)).ravel())[0, 1]
        assert abs(correlation) < 0.1


@pytest.mark.parametrize("kind", [kind for kind in DISTURBANCES if kind != "inversion"])
def test_a_higher_severity_changes_more(kind):
    """The mean difference to the picture as it is, after the margins that are cut are filled."""
    picture = _draw()

    def differ(severity):
        changed = disturb_picture(picture, Disturbance(kind, severity), DIGEST)
        fitted = np.asarray(changed.resize(picture.size, Image.Resampling.BILINEAR)).astype(int)
        return np.abs(fitted - np.asarray(picture)).mean()

    found = [differ(severity) for severity in range(1, MOST_SEVERE + 1)]
    assert all(low < high for low, high in pairwise(found)), found


def test_grey_levels_change_by_hand():
    """A level of 100, and white and black beside it so that the mean is 100 too."""
    picture = Image.fromarray(np.array([[100, 0, 200]], np.uint8))
    assert _change("inversion", 1, picture).tolist() == [[155, 255, 55]]
    assert _change("brightness", 5, picture).tolist() in ([[50, 0, 100]], [[150, 0, 255]])
    assert _change("contrast", 3, picture).tolist() in ([[100, 30, 170]], [[100, 0, 230]])
    # 255 * (100/255) ** 0.9 = 109.8; ** 1.1 = 91.1
    assert _change("gamma", 1, picture)[0, 0] in (110, 91)


def test_both_directions_are_drawn():
    """Of twenty files some get lighter and some darker."""
    picture = Image.fromarray(np.full((4, 4), 100, np.uint8))
    means = {_change("brightness", 1, picture, digest=str(n)).mean() for n in range(20)}
    assert means == {90, 110}


def test_jpeg_is_that_of_the_stated_quality():
    """As Pillow saves it."""
    buffer = io.BytesIO()
    _draw().save(buffer, "JPEG", quality=15)
    assert (_change("jpeg", 3) == np.asarray(Image.open(buffer))).all()


def test_noise_has_the_stated_deviation_at_the_reference_size():
    """0.08 of 255 is 20.4; a picture of twice the size has grain of two pixels, which a resize to
    224 leaves as it is."""
    grey = Image.fromarray(np.full((448, 448), 128, np.uint8))
    noise = _change("noise", 2, grey) - 128
    assert noise.std() == pytest.approx(20.4, rel=0.02)
    assert (noise[::2, ::2] == noise[1::2, 1::2]).all()


def test_lost_resolution_keeps_the_mean_and_so_many_pixels():
    """0.1 of 224 are 22 a side."""
    picture = _draw(size=(220, 220))
    changed = _change("resolution", 5, picture)
    assert changed.mean() == pytest.approx(np.asarray(picture).mean(), abs=0.5)
    assert len(np.unique(changed, axis=0)) == 22


def test_pictures_are_cut_moved_and_marked():
    """Sizes and places on 100 by 50 pixels."""
    white = Image.fromarray(np.full((50, 100), 200, np.uint8))
    assert _change("margins", 3, white).shape == (42, 84)  # 0.08 of 100, and of 50
    moved = _change("shift", 5, white)
    assert (moved > 0).sum() == (100 - 16) * (50 - 8)
    turned = _change("turn", 5, white)
    assert turned.shape == (50, 100)
    assert turned[0, 0] == 0 or turned[-1, 0] == 0
    marked = _change("marker", 5, white)
    bright = np.argwhere(marked == 255)
    assert bright[:, 0].max() < 12
    assert bright[:, 1].max() < 10 or bright[:, 1].min() > 90


def test_what_is_no_frontal_radiograph():
    """Turned and mirrored; pictures that show nothing; lungs are blacked out later, when fitted."""
    picture = Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10) + 1)
    as_is = np.asarray(picture).astype(int)
    assert (_change("turned-90", 1, picture) == np.rot90(as_is)).all()
    assert (_change("turned-180", 1, picture) == as_is[::-1, ::-1]).all()
    assert (_change("mirrored", 1, picture) == as_is[:, ::-1]).all()
    assert (_change("lungs-black", 1, picture) == as_is).all()
    assert _change("all-black", 1, picture).max() == 0
    assert _change("all-white", 1, picture).min() == 255
    assert _change("all-gradient", 1, picture)[3, [0, -1]].tolist() == [0, 255]


def test_noise_alone_is_as_coarse_as_what_a_model_sees():
    """All levels alike, of a deviation of 255 / sqrt(12) = 73.6, in grains of two pixels at 448."""
    noise = _change("all-noise", 1, Image.new("L", (448, 448)))
    assert noise.std() == pytest.approx(73.9, abs=1)
    assert noise.mean() == pytest.approx(127.5, abs=1)
    assert (noise[::2, ::2] == noise[1::2, 1::2]).all()

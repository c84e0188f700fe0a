"""Copies that are turned by a few degrees: found, and no two persons are taken for one."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from covidreport.audit import copies, turns
from tests.audit.data import change_survey, make_evidence
from tests.audit.test_similarity import contents, needs_radiographs, radiographs, survey_contents

__all__ = ["contents", "radiographs"]  # fixtures


def draw(n, seed=0):
    """Pictures 200 x 160 of soft shapes, no two of which are alike."""
    rng = np.random.default_rng(seed)
    noise = [Image.fromarray(rng.integers(0, 256, (14, 14), dtype=np.uint8)) for _ in range(n)]
    return [each.resize((200, 160), Image.Resampling.BICUBIC) for each in noise]


def turn(picture, degrees, how="same"):
    """Black where nothing was; `grown` canvas, or `cut` to what is whole; as JPEG of quality 75."""
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC, expand=how == "grown")
    if how == "cut":
        angle = math.radians(abs(degrees))
        longer, shorter = max(picture.size), min(picture.size)
        scale = 1 / (math.cos(angle) + math.sin(angle) * longer / shorter)
        sides = [side * (1 - scale) / 2 + 1 for side in picture.size]
        ends = [side - less for side, less in zip(picture.size, sides, strict=True)]
        turned = turned.crop(tuple(map(round, (*sides, *ends))))
    file = io.BytesIO()
    turned.save(file, "JPEG", quality=75)
    return Image.open(file)


@pytest.mark.parametrize("how", ["same", "grown", "cut"])
@pytest.mark.parametrize("degrees", [1.5, -4, 7.5, -11, 14])
def test_a_turned_copy_is_found_with_its_angle(how, degrees):
    """Among 30 pictures; no other pair is one."""
    pictures = draw(30)
    found = turns.find_turns(
        survey_contents([*pictures, turn(pictures[3], degrees, how)]), np.arange(31)
    )
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(3, 30)]
    assert found.degrees[0] == pytest.approx(abs(degrees), abs=1.5)


def test_a_plain_copy_is_no_turned_one():
    """It is found by its hash, and told of once."""
    pictures = draw(5)
    found = turns.find_turns(survey_contents([*pictures, turn(pictures[2], 0)]), np.arange(6))
    assert len(found.first) == 0


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_pictures_are_compared_all_the_same(n):
    """None, one, and fewer than are proposed of each."""
    assert len(turns.find_turns(survey_contents([*draw(3)]), np.arange(n)).first) == 0


def test_flat_pictures_are_like_nothing():
    """Without any shape there is no direction to turn."""
    flat = np.full((4, 64, 64), 90, np.uint8)
    assert len(turns.find_turns(flat, np.arange(4)).first) == 0


def test_rows_that_are_left_out_are_not_compared():
    """Indices are those of all pictures."""
    pictures = draw(8)
    every = survey_contents([*pictures, turn(pictures[6], 5)])
    assert len(turns.find_turns(every, np.arange(8)).first) == 0
    found = turns.find_turns(every, np.array([1, 6, 8]))
    assert (found.first.tolist(), found.second.tolist()) == ([6], [8])


def test_an_audit_names_them_with_their_angle():
    """Across splits it is an error: the model has seen the picture."""
    healthy = make_evidence(60)
    pictures = draw(60)
    pictures[7] = turn(pictures[1], 6)  # image 1 is in training, 7 in validation
    (finding,) = copies.audit_near_duplicates(
        change_survey(healthy, contents=survey_contents(pictures))
    )
    assert (finding.code, finding.severity) == ("turned-copies-across-splits", "error")
    assert finding.subjects == ("0001.png", "0007.png")
    assert "0001.png (train) and 0007.png (validation), turned by " in finding.evidence


@needs_radiographs
def test_no_two_persons_are_taken_for_one(radiographs, contents, monkeypatch):
    """Of 1,118 radiographs no pair is taken for a copy; the likest two are of one person."""
    pictures, patients = radiographs
    monkeypatch.setattr(turns, "CONFIRMED", 0.8)
    found = turns.find_turns(contents, np.arange(len(pictures)))
    same = patients[found.first] == patients[found.second]
    assert same.any()
    assert found.correlations[same].max() < 0.90
    assert found.correlations[~same].max(initial=0) < 0.87


@needs_radiographs
@pytest.mark.parametrize(("how", "least"), [("same", 37), ("grown", 32), ("cut", 37)])
def test_turned_copies_of_radiographs_are_found(radiographs, contents, how, least):
    """Of 40, by 1 to 15 degrees either way, among all others; no other pair is taken for one."""
    pictures, rng = radiographs[0], np.random.default_rng(11)
    rows = rng.choice(len(pictures), 40, replace=False)
    angles = rng.uniform(1, 15, 40) * rng.choice([-1, 1], 40)
    turned = [turn(pictures[i], angle, how) for i, angle in zip(rows, angles, strict=True)]
    every = np.concatenate([contents, survey_contents(turned)])
    found = turns.find_turns(every, np.arange(len(pictures) + 40))
    pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    seeded = {(int(i), len(pictures) + k) for k, i in enumerate(rows)}
    assert len(pairs & seeded) >= least
    assert pairs <= seeded

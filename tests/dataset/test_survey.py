"""The survey of a data set: every image once, and what was measured is kept by digest."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from covidreport.dataset import read_dataset, survey
from covidreport.dataset.digests import digest_files
from covidreport.dataset.survey import survey_images
from covidreport.storage.cache import DATA_FILE
from tests.damage import flip_byte
from tests.datasets import LABELS, write_flat_dataset

ROWS = [(10 * i, "covid-19" if i % 2 else "normal", "train") for i in range(1, 8)]


@pytest.fixture
def dataset(tmp_path):
    """Seven pictures of 10, 20, … 70, the fourth of which is broken."""
    write_flat_dataset(tmp_path / "data", ROWS)
    (tmp_path / "data" / "003.png").write_bytes(b"nonsense")
    return read_dataset(tmp_path / "data", LABELS)


def _count_opened(monkeypatch):
    from covidreport.images import read_image

    opened = []

    def read_and_count(path):
        opened.append(path.name)
        return read_image(path)

    monkeypatch.setattr("covidreport.images.read_image", read_and_count)
    return opened


def test_every_image_has_its_row(dataset):
    """In the order of the data set; of a broken one nothing but the reason is known."""
    steps = []
    survey = survey_images(dataset, digest_files(dataset), jobs=2, advance=steps.append)
    assert survey.brightness[[0, 1, 2, 4, 5, 6]].tolist() == [10, 20, 30, 50, 60, 70]
    assert np.isnan(survey.brightness[3])
    assert survey.reasons[3].startswith("not an image")
    assert [reason for i, reason in enumerate(survey.reasons) if i != 3] == [None] * 6
    assert survey.sizes[0].tolist() == [12, 20]
    assert (survey.pixels[3], survey.formats[0]) == ("", "PNG")
    assert sum(steps) == 7


def test_what_was_measured_is_not_measured_again(dataset, monkeypatch):
    """But for the broken image, a changed one and a new one; order does not matter."""
    first = survey_images(dataset, digest_files(dataset))
    opened = _count_opened(monkeypatch)
    again = survey_images(dataset, digest_files(dataset))
    assert opened == ["003.png"]
    assert again.reasons == first.reasons
    assert again.pixels == first.pixels
    assert (again.thumbnails == first.thumbnails).all()
    Image.new("L", (5, 9), 200).save(dataset.root / "000.png")
    opened.clear()
    changed = survey_images(dataset, digest_files(dataset))
    assert sorted(opened) == ["000.png", "003.png"]
    assert changed.brightness[0] == 200
    assert changed.sizes[0].tolist() == [9, 5]


def test_without_the_cache_nothing_is_cached(dataset, monkeypatch, cache_of_its_own):
    """Neither read nor written."""
    survey_images(dataset, digest_files(dataset, use_cache=False), use_cache=False)
    opened = _count_opened(monkeypatch)
    survey_images(dataset, digest_files(dataset, use_cache=False), use_cache=False)
    assert len(opened) == 7
    assert list(cache_of_its_own.iterdir()) == []


def _next_version(monkeypatch, _):
    monkeypatch.setattr(survey, "_VERSION", survey._VERSION + 1)


def _damage(monkeypatch, folder):
    flip_byte(folder / DATA_FILE)


def _other_decoder(monkeypatch, _):
    monkeypatch.setattr(survey, "decoder_versions", lambda: {"pillow": "another"})


@pytest.mark.parametrize("spoil", [_damage, _next_version, _other_decoder])
def test_a_damaged_or_older_entry_is_made_again(dataset, monkeypatch, cache_of_its_own, spoil):
    """What can't be trusted is measured."""
    first = survey_images(dataset, digest_files(dataset))
    (folder,) = (cache_of_its_own / "surveys").iterdir()
    spoil(monkeypatch, folder)
    opened = _count_opened(monkeypatch)
    again = survey_images(dataset, digest_files(dataset))
    assert len(opened) == 7
    assert again.pixels == first.pixels

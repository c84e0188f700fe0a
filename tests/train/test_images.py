"""What is kept of images from one fit to the next, and for `covidreport evaluate`."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from PIL import Image

import covidreport.dataset.files
import covidreport.images
from covidreport.dataset import read_dataset, select_split
from covidreport.dataset.digests import digest_files
from covidreport.images import read_pixels
from covidreport.images.cache import open_pixel_cache
from covidreport.records import PixelSpec
from covidreport.storage.cache_folder import take_damage
from tests.train.conftest import draw_images
from train.images import ImageStore
from train.settings import AUGMENTATIONS

SPEC = PixelSpec(28, 28, resample="bicubic")
LARGE = 1 << 30


@pytest.fixture
def opened(monkeypatch):
    """The files whose bytes are read from now on."""
    names = []
    for module in (covidreport.images, covidreport.dataset.files):
        before = module.open_regular

        def note(path, before=before):
            names.append(str(path))
            return before(path)

        monkeypatch.setattr(module, "open_regular", note)
    return names


@pytest.fixture
def dataset(tmp_path):
    return read_dataset(draw_images(tmp_path / "drawn", {"train": 7, "validation": 5}))


def make_store(dataset, cache_bytes=LARGE):
    digests = dict(zip(dataset.ids, digest_files(dataset), strict=True))
    return ImageStore(dataset, cache_bytes, digests)


@pytest.mark.parametrize("augmentation", ["none", "mild", "study-2020"])
def test_a_second_start_reads_no_image(write_study, fit, without_export, opened, augmentation):
    """Neither to digest, nor to audit, nor to decode it: 33 images, each three times before."""
    study = write_study("number = 1\nepochs = 1", defaults=f"augmentation = '{augmentation}'")
    assert fit(study, dry_run=True) == 0
    assert len(opened) >= 3 * 33
    opened.clear()
    assert fit(study, dry_run=True) == 0
    assert opened == []


@pytest.mark.parametrize("augmentation", ["mild", "study-2020"])
@pytest.mark.parametrize("limit", ["0", "5e9"])
def test_what_is_kept_changes_no_weight(
    write_study, fit, without_export, tmp_path, monkeypatch, augmentation, limit
):
    """With the cache, without it, and without any memory for images: the same bytes."""
    study = write_study("number = 1\nepochs = 2", defaults=f"augmentation = '{augmentation}'")
    assert fit(study, out=tmp_path / "kept") == 0
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", limit)
    assert fit(study, out=tmp_path / "anew", cache_bytes=0) == 0
    kept, anew = (
        torch.load(tmp_path / name / "exp1-tiny-bce" / "weights.pt") for name in ("kept", "anew")
    )
    assert all(torch.equal(kept[name], anew[name]) for name in kept)


def test_evaluate_finds_what_a_fit_has_decoded(dataset):
    """The entry of a split is the one that `covidreport evaluate` opens for it, and whole."""
    store, part = make_store(dataset), select_split(dataset, "validation")
    rows = [dataset.ids.index(sample) for sample in sorted(part.ids, reverse=True)]
    assert store.check(rows, SPEC, 2) == ()
    cache = open_pixel_cache(digest_files(part), SPEC)
    assert cache is not None
    assert not cache.missing(0, len(part)).any()
    for pixels, path in zip(cache.pixels, part.paths, strict=True):
        assert np.array_equal(pixels, read_pixels(part.root / path, SPEC))


def test_an_image_that_is_damaged_in_the_cache_is_decoded_again(dataset, opened):
    """It alone, and it is counted."""
    store = make_store(dataset)
    store.check(range(len(dataset)), SPEC, 2)
    cache = open_pixel_cache(digest_files(dataset), SPEC)
    assert cache is not None
    good = cache.pixels[3].copy()
    cache.pixels[3] ^= 1
    opened.clear()
    again = make_store(dataset)
    assert again.check(range(len(dataset)), SPEC, 2) == ()
    assert np.array_equal(again.fitted(3, SPEC), good)
    assert np.array_equal(again.fitted(4, SPEC), cache.pixels[4])
    assert [name.rpartition("/")[2] for name in opened] == [dataset.paths[3].rpartition("/")[2]]
    assert take_damage() == {"pixels": 1}


def test_a_file_that_changes_meanwhile_is_no_image_of_the_cache(dataset):
    """Named as a failure now; as it was before, it is decoded."""
    store, path = make_store(dataset), dataset.root / dataset.paths[2]
    before = path.read_bytes()
    Image.new("L", (9, 9)).save(path)
    (failure,) = store.check(range(len(dataset)), SPEC, 2)
    assert (failure.subject, failure.reason) == (
        dataset.ids[2], "the file changed while it was fitted on",
    )  # fmt: skip
    path.write_bytes(before)
    assert make_store(dataset).check(range(len(dataset)), SPEC, 2) == ()


def test_a_broken_image_is_not_decoded_at_each_start(tmp_path, opened):
    """Its reason is kept with the pixels of the others."""
    source = draw_images(tmp_path / "d", {"train": 4})
    (tmp_path / "d" / "images" / "train-2.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    broken = read_dataset(source)
    first = make_store(broken).check(range(4), SPEC, 2)
    opened.clear()
    assert make_store(broken).check(range(4), SPEC, 2, AUGMENTATIONS["study-2020"]) == first
    assert first[0].subject == broken.ids[2]
    assert opened == []


def test_rows_in_another_order_are_the_same_images(dataset, tmp_path):
    """A manifest whose rows were shuffled: each image keeps its own pixels."""
    make_store(dataset).check(range(len(dataset)), SPEC, 2)
    head, *rows = csv.reader((dataset.root / "manifest.csv").read_text().splitlines())
    with (dataset.root / "other.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows[::-1]])
    other = read_dataset(dataset.root / "other.csv")
    store = make_store(other)
    store.check(range(len(other)), SPEC, 2)
    for i, path in enumerate(other.paths):
        assert np.array_equal(store.fitted(i, SPEC), read_pixels(other.root / path, SPEC))

from __future__ import annotations

import numpy as np
import pytest
import torch

from covidreport.dataset import read_dataset
from covidreport.images import read_pixels
from covidreport.records import PixelSpec
from train.batches import BatchFeed, Split, make_batches
from train.images import ImageStore
from train.sampling import cut_batches, order_epoch
from train.settings import AUGMENTATIONS

SPEC = PixelSpec(28, 28, resample="bicubic")


@pytest.fixture(scope="module")
def dataset(manifest):
    return read_dataset(manifest)


def whole(dataset):
    """All of a data set as one split."""
    rows = np.arange(len(dataset))
    return Split("all", rows, dataset.truth, dataset.truth[:0])


def collect(dataset, *, workers=2, cache_bytes=1 << 30, kind="none", seed=(0, 1, 0), share=(0, 1)):
    """Everything that one pass over the data set gives, in order."""
    feed = BatchFeed(ImageStore(dataset, cache_bytes), SPEC, workers, AUGMENTATIONS[kind], seed)
    batches = cut_batches(order_epoch(len(dataset), 3, 1, None), 5)
    return list(make_batches(whole(dataset), feed, batches, share))


def test_pixels_are_bit_for_bit_those_that_are_evaluated(dataset):
    """Each image of a batch is `covidreport.images.read_pixels` of its file, truth beside it."""
    for batch in collect(dataset):
        for position, pixels, truth in zip(batch.positions, batch.pixels, batch.truth, strict=True):
            evaluated = read_pixels(dataset.root / dataset.paths[position], SPEC)
            assert np.array_equal(pixels.numpy().transpose(1, 2, 0), evaluated)
            assert truth.tolist() == dataset.truth[position].tolist()


@pytest.mark.parametrize("kind", ["none", "study-2020"])
def test_batches_do_not_depend_on_threads_or_memory(dataset, kind):
    """One thread or four, with images kept or decoded anew: the same bytes in the same order."""
    passes = [
        collect(dataset, workers=workers, cache_bytes=cache_bytes, kind=kind)
        for workers, cache_bytes in ((1, 1 << 30), (4, 1 << 30), (4, 0))
    ]
    for batches in zip(*passes, strict=True):
        assert all(torch.equal(batch.pixels, batches[0].pixels) for batch in batches)
        assert all(np.array_equal(batch.positions, batches[0].positions) for batch in batches)


def test_each_epoch_changes_images_anew(dataset):
    """Another epoch draws other changes of the same images."""
    first, second = (collect(dataset, kind="mild", seed=(0, epoch, 0))[0] for epoch in (1, 2))
    assert np.array_equal(first.positions, second.positions)
    assert not torch.equal(first.pixels, second.pixels)


def test_processes_divide_every_batch_among_them(dataset):
    """Two processes together make the very batches that one makes, augmentation included."""
    alone = collect(dataset, kind="study-2020")
    shares = [collect(dataset, kind="study-2020", share=(rank, 2)) for rank in (0, 1)]
    for batch, even, odd in zip(alone, *shares, strict=True):
        assert torch.equal(batch.pixels[0::2], even.pixels)
        assert torch.equal(batch.pixels[1::2], odd.pixels)


def test_an_image_that_cant_be_read_is_a_failure_with_its_reason(dataset, tmp_path):
    """`check` names it, once, and gives the others; memory that is full changes nothing."""
    from tests.train.conftest import draw_images

    source = draw_images(tmp_path / "d", {"train": 4})
    (tmp_path / "d" / "images" / "train-2.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    broken = read_dataset(source)
    for cache_bytes in (1 << 30, 0):
        store = ImageStore(broken, cache_bytes)
        for kind in (None, AUGMENTATIONS["mild"]):
            (failure,) = store.check(range(4), SPEC, 2, kind)
            assert failure.subject == broken.ids[2]
            assert failure.stage == "decode"
            assert failure.reason


def test_reading_ahead_stops_when_nobody_wants_more(dataset):
    """A pass that is left early raises nothing and leaves no work behind."""
    feed = BatchFeed(ImageStore(dataset), SPEC, 2)
    batches = make_batches(whole(dataset), feed, cut_batches(np.arange(len(dataset)), 2))
    assert len(next(batches).positions) == 2
    batches.close()


def test_batches_for_a_card_are_made_in_pinned_memory(dataset, monkeypatch):
    """Pixels and truth alike: from other memory a copy waits for the card, in every step."""
    asked = []

    def empty(*size, pin_memory=False, **others):
        asked.append(pin_memory)
        return make_empty(*size, **others)

    make_empty = torch.empty
    monkeypatch.setattr(torch, "empty", empty)
    for pinned in (True, False):
        feed = BatchFeed(ImageStore(dataset), SPEC, 1, pinned=pinned)
        (batch,) = make_batches(whole(dataset), feed, [np.arange(3)])
        assert batch.truth.tolist() == dataset.truth[:3].tolist()
    assert asked == [True, True, False, False]

"""The chains of transforms of a set of DICOM images, and how the cache of pixels keeps them."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from PIL import Image

from covidreport.evaluate import decode
from covidreport.evaluate.decode import decode_chunk
from covidreport.images import decode_image, summarize_chains
from covidreport.images.cache import open_pixel_cache
from covidreport.records import PixelSpec
from covidreport.storage.cache_folder import take_damage
from tests.images.pictures import save
from tests.images.radiographs import UNSIGNED_12, radiograph, table

SPEC = PixelSpec(8, 8)
PLAIN = ("12 bits, unsigned, Explicit VR Little Endian", "no VOI: full range")
WINDOWED = (PLAIN[0], "window: center 2000, width 900, LINEAR", "inverted: MONOCHROME1")


@pytest.fixture
def paths(tmp_path):
    """Two radiographs of one chain, one of another, a lateral one that is refused, and a PNG."""
    windowed = radiograph(
        UNSIGNED_12, PhotometricInterpretation="MONOCHROME1", WindowCenter=2000, WindowWidth=900
    )
    files = {
        "a": windowed,
        "b": radiograph(UNSIGNED_12),
        "c": windowed,
        "d": radiograph(UNSIGNED_12, ViewPosition="LL"),
        "e": save(Image.new("L", (9, 9), 3), "PNG"),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return [tmp_path / name for name in files]


def open_cache(paths, spec=SPEC):
    return open_pixel_cache([path.name for path in paths], spec)


def test_a_chunk_counts_its_images_by_chain(paths):
    """A refused image has none, and formats whose samples are shown as they are have none."""
    assert decode_chunk(paths, 0, [SPEC]).chains == {WINDOWED: 2, PLAIN: 1}


def test_the_cache_gives_the_same_chains_without_opening_a_file(paths, monkeypatch):
    """In this process and in the next one, whole and in parts."""
    first = decode_chunk(paths, 0, [SPEC], {SPEC: open_cache(paths)})
    monkeypatch.setattr(decode, "read_bytes", None)
    again = open_cache(paths)
    assert decode_chunk(paths, 0, [SPEC], {SPEC: again}).chains == first.chains
    assert decode_chunk(paths[2:], 2, [SPEC], {SPEC: again}).chains == {WINDOWED: 1}
    assert [again.chain(i) for i in range(5)] == [WINDOWED, PLAIN, WINDOWED, (), ()]


def test_a_chain_is_kept_once_for_all_of_its_images(paths):
    """A hundred thousand images of one detector need one line."""
    cache = open_cache(paths)
    decode_chunk(paths, 0, [SPEC], {SPEC: cache})
    assert len((cache.folder / "chains.jsonl").read_text().split("\n")) == 1 + 2


def test_two_processes_may_fill_one_entry(paths):
    """Each reads what the other one kept, whoever was first, and takes none of it for damage."""
    one, other = open_cache(paths), open_cache(paths)
    decode_chunk(paths[:2], 0, [SPEC], {SPEC: one})
    decode_chunk(paths[2:], 2, [SPEC], {SPEC: other})
    for each in (one, other):
        assert decode_chunk(paths, 0, [SPEC], {SPEC: each}).chains == {WINDOWED: 2, PLAIN: 1}
    assert take_damage() == {}
    assert decode_chunk(paths, 0, [SPEC], {SPEC: open_cache(paths)}).chains == {
        WINDOWED: 2, PLAIN: 1,
    }  # fmt: skip


def test_an_entry_of_pixels_for_another_size_carries_the_chain_as_well(paths):
    """One decode for two sizes; a size that comes later decodes again and says the same."""
    other = PixelSpec(4, 4)
    caches = {SPEC: open_cache(paths), other: open_cache(paths, other)}
    decode_chunk(paths[:1], 0, [SPEC], caches)
    chunk = decode_chunk(paths, 0, [SPEC, other], caches)
    assert chunk.chains == {WINDOWED: 2, PLAIN: 1}
    assert caches[other].chain(0) == WINDOWED


def test_images_whose_chains_are_lost_are_decoded_again(paths):
    """What was deleted is not taken for a set without DICOM."""
    cache = open_cache(paths)
    decode_chunk(paths, 0, [SPEC], {SPEC: cache})
    (cache.folder / "chains.jsonl").unlink()
    assert open_cache(paths).missing(0, 5).tolist() == [True, True, True, False, False]


def test_two_tables_of_one_shape_are_two_chains():
    """A lookup table is known by its entries too."""
    chains = []
    for turn in (1, -1):
        item = table(np.arange(4096)[::turn], 0, 12)
        chains.append(decode_image(radiograph(UNSIGNED_12, VOILUTSequence=[item])).transforms)
    assert chains[0] != chains[1]
    assert all(chain[1].startswith("VOI LUT: 4096 entries of 12 bits from 0, ") for chain in chains)


def test_the_summary_does_not_depend_on_the_order_of_counting():
    """The commonest first, then by name; images and chains add up."""
    counts = {("c",): 1, ("a", "x"): 5, ("b",): 1}
    expected = {
        "images": 7,
        "chains": {"a → x": 5, "b": 1, "c": 1},
    }
    for order in itertools.permutations(counts.items()):
        assert json.dumps(summarize_chains(dict(order))) == json.dumps(expected)


def test_beyond_the_most_chains_the_rest_are_counted():
    """Where each file has a window of its own, no chain is lost from the sum."""
    summary = summarize_chains({(f"window {i}",): 1 + (i == 7) for i in range(25)})
    assert summary is not None
    assert len(summary["chains"]) == 20
    assert next(iter(summary["chains"].items())) == ("window 7", 2)
    assert (summary["other_chains"], summary["other_images"]) == (5, 5)
    assert summary["images"] == 26


def test_a_set_without_dicom_has_no_summary():
    """Nothing is recorded of what was not done."""
    assert summarize_chains({}) is None

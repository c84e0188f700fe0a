"""The cache of pixels: what is damaged in it is decoded again, and nothing else is."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from covidreport import images
from covidreport.evaluate import decode
from covidreport.evaluate.decode import decode_chunk
from covidreport.images import cache
from covidreport.images.cache import open_pixel_cache, pixel_key
from covidreport.records import Equalization, PixelSpec
from covidreport.storage.cache_folder import take_damage
from tests.damage import DAMAGES, flip_byte
from tests.images.radiographs import UNSIGNED_12, radiograph

SPEC = PixelSpec(64, 64)
"""A picture is a page."""
FILES = ("pixels.u8", "rows.bin", "failures.jsonl", "chains.jsonl")
ROW = 43
"""Bytes of a row of rows.bin: state, maximum and bits, chain, checksum."""


def _png(picture) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, "PNG")
    return sink.getvalue()


@pytest.fixture
def paths(tmp_path):
    """Two grey PNG, one of 16 bits, a DICOM file and a broken one, twice over."""
    noise = np.random.default_rng(5).integers(0, 256, (2, 64, 64), np.uint8)
    kinds = [
        *(_png(Image.fromarray(each)) for each in noise),
        _png(Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64))),
        radiograph(UNSIGNED_12, ViewPosition="PA"),
        b"\x89PNG\r\n\x1a\n",
    ]
    for place, data in enumerate(kinds * 2):
        (tmp_path / str(place)).write_bytes(data)
    return [tmp_path / str(place) for place in range(10)]


@pytest.fixture
def opened(monkeypatch):
    """The names of the files that are read from now on."""
    names = []

    def read(path):
        names.append(int(path.name))
        return images.read_bytes(path)

    monkeypatch.setattr(decode, "read_bytes", read)
    return names


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _open(paths):
    return open_pixel_cache([_digest(path) for path in paths], SPEC)


def _facts(chunk):
    return chunk.pixels[SPEC].tobytes(), chunk.reasons, chunk.peaks, chunk.chains, chunk.measured


@pytest.fixture
def filled(paths):
    """The folder of an entry that holds all ten, and what a decoding gives."""
    expected = _facts(decode_chunk(paths, 0, [SPEC]))
    entry = _open(paths)
    assert _facts(decode_chunk(paths, 0, [SPEC], {SPEC: entry})) == expected
    assert take_damage() == {}
    return entry.folder, expected


def test_what_is_whole_is_read_and_not_decoded(paths, filled, opened):
    """Pixels, reasons, maxima, chains and grey levels are those of the first time."""
    assert _facts(decode_chunk(paths, 0, [SPEC], {SPEC: _open(paths)})) == filled[1]
    assert opened == []
    assert take_damage() == {}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damage_changes_what_is_read(paths, filled, damage, name):
    """Each kind of it, to each file: it is noticed, counted, and gone the next time."""
    folder, expected = filled
    damage(folder / name)

    assert _facts(decode_chunk(paths, 0, [SPEC], {SPEC: _open(paths)})) == expected
    assert take_damage()["pixels"] > 0
    assert _facts(decode_chunk(paths, 0, [SPEC], {SPEC: _open(paths)})) == expected
    assert take_damage() == {}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_changes_nothing(paths, filled, name):
    """An entry of which a part was deleted."""
    folder, expected = filled
    (folder / name).unlink()
    assert _facts(decode_chunk(paths, 0, [SPEC], {SPEC: _open(paths)})) == expected


@pytest.mark.parametrize("row", range(5))
@pytest.mark.parametrize("byte", range(ROW))
def test_any_byte_of_a_row_is_noticed(paths, filled, opened, row, byte):
    """State, maximum, chain and checksum: that image alone is decoded again."""
    folder, expected = filled
    flip_byte(folder / "rows.bin", row * ROW + byte)
    assert _facts(decode_chunk(paths, 0, [SPEC], {SPEC: _open(paths)})) == expected
    assert opened == [row]
    assert take_damage() == {"pixels": 1}


def test_rows_that_changed_places_are_noticed(paths, filled, opened):
    """Two rows and their pixels are whole, and each is another image's."""
    folder, expected = filled
    for name, size in (("pixels.u8", 64 * 64), ("rows.bin", ROW)):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[size : 2 * size] + data[:size] + data[2 * size :])
    assert _facts(decode_chunk(paths, 0, [SPEC], {SPEC: _open(paths)})) == expected
    assert opened == [0, 1]


def test_a_reason_at_another_image_fails_no_image(paths, filled):
    """A digit of failures.jsonl is another: image 1 is as it was, image 4 is tried again."""
    folder, expected = filled
    file = folder / "failures.jsonl"
    file.write_text(file.read_text().replace("[4,", "[1,"))
    assert _facts(decode_chunk(paths, 0, [SPEC], {SPEC: _open(paths)})) == expected


def test_a_file_that_changed_meanwhile_fails_this_time_alone(paths):
    """Other bytes than those of the key say nothing of those of the key."""
    entry, digests = _open(paths), [_digest(path) for path in paths]
    whole = paths[0].read_bytes()
    paths[0].write_bytes(paths[1].read_bytes())
    first = decode_chunk(paths, 0, [SPEC], {SPEC: entry}, digests)
    paths[0].write_bytes(whole)
    second = decode_chunk(paths, 0, [SPEC], {SPEC: entry}, digests)

    assert first.reasons[0] == "the file changed while it was evaluated"
    assert second.reasons[0] is None
    assert first.reasons[1:] == second.reasons[1:]


CHANGES: dict[str, Any] = {
    "height": 65, "width": 65, "fit": "pad", "resample": "nearest", "antialias": False,
    "channels": 3, "shorter_side": 80, "equalize": Equalization("clahe", "after-resize"),
}  # fmt: skip


def test_other_files_or_another_spec_are_another_entry():
    """The key holds the digests in their order and every field of the PixelSpec."""
    key = pixel_key(["a" * 64, "b" * 64], SPEC)
    assert pixel_key(["a" * 64, "b" * 64], SPEC) == key
    assert set(CHANGES) == set(PixelSpec.__struct_fields__)
    keys = {
        pixel_key(["b" * 64, "a" * 64], SPEC),
        pixel_key(["a" * 64], SPEC),
        *(pixel_key(["a" * 64, "b" * 64], replace(SPEC, **{n: v})) for n, v in CHANGES.items()),
    }
    assert len(keys) == 2 + len(CHANGES)
    assert key not in keys


def test_contrast_made_even_otherwise_is_another_entry():
    """Every field of an Equalization is in the key."""
    even = CHANGES["equalize"]
    others = {"method": "histogram", "step": "before-resize", "clip_limit": 2.0, "tiles": (8, 4)}
    assert set(others) == set(Equalization.__struct_fields__)
    keys = {
        pixel_key(["a" * 64], replace(SPEC, equalize=replace(even, **{name: value})))
        for name, value in [("method", "clahe"), *others.items()]
    }
    assert len(keys) == 1 + len(others)


@pytest.mark.parametrize("package", ["pillow", "imagecodecs", "pydicom"])
def test_another_decoder_is_another_entry(monkeypatch, package):
    """Whatever decodes decides pixels: each library, and covidreport's own code."""
    key, installed = pixel_key(["a" * 64], SPEC), cache._installed
    monkeypatch.setattr(cache, "_installed", lambda n: "0" if n == package else installed(n))
    assert pixel_key(["a" * 64], SPEC) != key


@pytest.mark.parametrize("name", ["DECODER", "_LAYOUT"])
def test_what_covidreport_decodes_or_lays_out_otherwise_is_another_entry(monkeypatch, name):
    """Both are counted up by hand."""
    key = pixel_key(["a" * 64], SPEC)
    monkeypatch.setattr(cache, name, "another")
    assert pixel_key(["a" * 64], SPEC) != key

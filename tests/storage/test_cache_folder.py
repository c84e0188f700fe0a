"""The cache folder: where it is, how large it may be, what goes first."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from covidreport.errors import UsageError
from covidreport.images.cache import open_pixel_cache
from covidreport.records import PixelSpec
from covidreport.storage import cache_folder as cache

SPEC = PixelSpec(32, 32)


def _digests(n, letter):
    return [letter * 64] * n


def test_the_folder_is_the_user_s_unless_named(monkeypatch, tmp_path):
    """COVIDREPORT_CACHE wins; on Linux XDG_CACHE_HOME is next."""
    assert cache.locate_cache() == Path(os.environ["COVIDREPORT_CACHE"])
    monkeypatch.delenv("COVIDREPORT_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.locate_cache() == tmp_path / "covidreport"


def test_the_least_recently_used_entry_goes_first(monkeypatch):
    """With room for three entries, the fourth takes the place of the one not used for longest."""
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "250e3")
    entries = {}
    for age, letter in ((300, "a"), (200, "b"), (100, "c")):
        entry = open_pixel_cache(_digests(64, letter), SPEC)
        entry.pixels[:] = 1
        entry.pixels.flush()
        used = entry.folder / cache.USED_MARK
        os.utime(used, (used.stat().st_atime, used.stat().st_mtime - age))
        entries[letter] = entry.folder
    open_pixel_cache(_digests(64, "d"), SPEC)
    assert [entries[letter].exists() for letter in "abc"] == [False, True, True]


def test_what_is_there_is_measured_once_as_long_as_there_is_room(monkeypatch):
    """Hundreds of small things are not as many walks through the folder; the limit still holds."""
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "10e3")
    walks = []
    entries = cache.list_entries

    def walk():
        walks.append(cache.locate_cache())
        return entries()

    monkeypatch.setattr(cache, "list_entries", walk)
    for place in range(4):
        assert cache.make_room(4096)
        file = cache.locate_cache() / "curves" / str(place) / "file"
        file.parent.mkdir(parents=True)
        file.write_bytes(bytes(4096))
        os.utime(file.parent, (place, place))
        assert sum(entry.size_bytes for entry in entries()) <= 8192

    assert [entry.path.name for entry in entries()] == ["2", "3"]
    assert len(walks) == 3  # the second fits beside the first, the others take another's place


def test_an_entry_larger_than_the_limit_is_not_made(monkeypatch):
    """The caller is told, and decodes without a cache."""
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "1000")
    assert open_pixel_cache(_digests(64, "a"), SPEC) is None
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "0")
    assert open_pixel_cache(_digests(1, "a"), SPEC) is None
    assert cache.list_entries() == ()


def test_a_limit_that_is_no_number_is_wrong_usage(monkeypatch):
    """The variable's name and value are said."""
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "plenty")
    with pytest.raises(UsageError, match="COVIDREPORT_CACHE_BYTES is 'plenty'"):
        cache.cache_limit()


def test_pixels_that_have_no_room_are_not_kept(monkeypatch):
    """The file is as long as it says, or there is none: one with holes ends a process (SIGBUS)
    where the disk is full when they are filled. A limit on files stands for the disk."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        assert open_pixel_cache(_digests(64, "a"), SPEC) is None
        assert open_pixel_cache(_digests(16, "b"), SPEC) is not None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    entry = open_pixel_cache(_digests(64, "c"), SPEC)
    files = [path for path in cache.locate_cache().rglob("*") if path.is_file()]
    largest = max((path.stat() for path in files), key=lambda facts: facts.st_size)
    assert entry is not None
    assert largest.st_blocks * 512 >= 64 * 32 * 32

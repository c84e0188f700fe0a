"""Records under facts, bytes under a name; what is damaged or of another make is none."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from covidreport.records import Counts, LabelCurve
from covidreport.storage import cache
from covidreport.storage.cache import (
    DATA_FILE,
    cached,
    has_entry,
    open_entry,
    read_cached,
    read_cached_bytes,
    remove_cached,
    write_cached,
    write_cached_bytes,
)
from covidreport.storage.cache_folder import list_entries, locate_cache, take_damage
from tests.damage import DAMAGES, flip_byte

CURVE = LabelCurve(2, 3, 0, 1, ((0, 0), (2, 1)), (2, 1), (1, 0))
FACTS = {"method": 1, "runs": ["a", "b"], "curve": CURVE, "threshold": 0.5}


def test_a_record_is_made_once_for_the_same_facts():
    """It comes back as it was, tuples as tuples; the order of keys is no fact."""
    made = []

    def make():
        made.append(1)
        return {"covid-19": CURVE}

    for facts in (FACTS, dict(reversed(FACTS.items()))):
        assert cached("curves", facts, make, dict[str, LabelCurve]) == {"covid-19": CURVE}
    assert made == [1]


@pytest.mark.parametrize(
    "other",
    [
        {"method": 2},
        {"runs": ["b", "a"]},
        {"curve": replace(CURVE, positives=3)},
        {"threshold": math.nextafter(0.5, 1)},
        {"more": None},
    ],
)
def test_each_fact_is_part_of_the_key(other):
    """Also a field of a record, and the last digit of a number."""
    write_cached("curves", FACTS, {"covid-19": CURVE})
    assert read_cached("curves", {**FACTS, **other}, dict[str, LabelCurve]) is None
    assert read_cached("cases", FACTS, dict[str, LabelCurve]) is None


def test_what_another_version_wrote_is_not_read(monkeypatch):
    """It may have been computed otherwise."""
    with monkeypatch.context() as earlier:
        earlier.setattr(cache, "__version__", "0.0.1")
        write_cached("curves", FACTS, {"covid-19": CURVE})
        assert read_cached("curves", FACTS, dict[str, LabelCurve]) == {"covid-19": CURVE}
    assert read_cached("curves", FACTS, dict[str, LabelCurve]) is None


def test_a_record_of_another_make_is_none():
    """As when a record has other fields and nobody counted its method up."""
    write_cached("curves", FACTS, {"covid-19": CURVE})
    assert read_cached("curves", FACTS, dict[str, Counts]) is None
    (entry,) = list_entries()
    write_cached_bytes("curves", entry.path.name, b"no JSON")
    assert read_cached("curves", FACTS, dict[str, LabelCurve]) is None


def test_none_and_what_json_has_not_is_made_each_time():
    """Nothing stands for them."""
    assert cached("curves", "none", lambda: None, LabelCurve) is None
    assert math.isnan(cached("curves", "nan", lambda: math.nan, float))
    assert list_entries() == ()


def test_a_damaged_record_is_made_again():
    """And counted."""
    write_cached("curves", FACTS, 1.5)
    (entry,) = list_entries()
    flip_byte(entry.path / DATA_FILE)
    assert cached("curves", FACTS, lambda: 2.5, float) == 2.5
    assert cached("curves", FACTS, lambda: 3.5, float) == 2.5
    assert take_damage() == {"curves": 1}


def test_a_kind_that_no_table_names_is_a_defect():
    """Whoever caches something new says what it is."""
    with pytest.raises(AssertionError, match="unheard-of"):
        write_cached("unheard-of", FACTS, 1.5)


def test_an_entry_without_bytes_has_a_folder_of_its_own(monkeypatch):
    """For files of the caller's; None where the cache is off, or what is new finds no room."""
    folder = open_entry("engines", "name")
    assert folder is not None
    assert not has_entry("engines", "name", "engine")
    (folder / "engine").write_bytes(b"engine")
    assert has_entry("engines", "name", "engine")
    remove_cached("engines", "name")
    assert not folder.exists()
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "1000")
    assert open_entry("pixels", "name", 1001) is None
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "0")
    assert open_entry("engines", "name") is None


@pytest.mark.parametrize("layout", ["a file", "an entry of version 0.1.0"])
def test_what_earlier_versions_left_under_a_name_is_nothing(layout):
    """Neither misread nor in the way of whoever asks for it."""
    place = locate_cache() / "curves" / "name"
    if layout == "a file":
        place.parent.mkdir(parents=True)
        place.write_bytes(b"{}")
    else:
        place.mkdir(parents=True)
        (place / "kept").write_bytes(b"covkept1" + bytes(8))
    assert read_cached_bytes("curves", "name") is None
    written = write_cached_bytes("curves", "name", b"new")
    assert read_cached_bytes("curves", "name") == (b"new" if written else None)
    assert written == (layout != "a file")
    assert take_damage() == {}


def test_cached_bytes_come_back_under_their_name_alone():
    """Another name and another kind have nothing."""
    assert write_cached_bytes("curves", "name", b"bytes")
    assert read_cached_bytes("curves", "name") == b"bytes"
    assert read_cached_bytes("curves", "other") is None
    assert read_cached_bytes("cases", "name") is None
    assert take_damage() == {}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_bytes_are_no_bytes_and_are_counted(damage):
    """Whatever became of the file; what is written anew stands."""
    write_cached_bytes("curves", "name", b"x" * 9000)
    damage(locate_cache() / "curves" / "name" / DATA_FILE)

    assert read_cached_bytes("curves", "name") is None
    assert take_damage() == {"curves": 1}
    write_cached_bytes("curves", "name", b"new")
    assert read_cached_bytes("curves", "name") == b"new"


def test_what_stands_under_another_name_is_damage():
    """As when a folder of the cache was copied by hand."""
    write_cached_bytes("curves", "name", b"bytes")
    (locate_cache() / "curves" / "name").rename(locate_cache() / "curves" / "other")

    assert read_cached_bytes("curves", "other") is None
    assert take_damage() == {"curves": 1}


@pytest.mark.parametrize("limit", ["0", "10"])
def test_bytes_that_find_no_room_are_not_cached(monkeypatch, limit):
    """And where the cache is off, nothing is read from it either."""
    write_cached_bytes("curves", "before", b"bytes")
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", limit)
    assert not write_cached_bytes("curves", "name", bytes(20))
    assert read_cached_bytes("curves", "name") is None
    assert (read_cached_bytes("curves", "before") is None) == (limit == "0")

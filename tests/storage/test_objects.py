"""Objects of fsspec's store in memory: what identifies them, their bytes, what faults mean."""

from __future__ import annotations

import pickle

import pytest

from covidreport.errors import UnreachableError, UsageError, WriteError
from covidreport.storage import objects
from covidreport.storage.address import Address, locate, locate_beside
from covidreport.storage.objects import (
    identify_objects,
    read_object,
    read_objects,
)

fsspec = pytest.importorskip("fsspec", reason="the extra `cloud` isn't installed")


@pytest.fixture
def store():
    """A store in memory, which other tests of the process share."""
    memory = fsspec.filesystem("memory")
    memory.pipe({f"/bucket/{i:03}": bytes([i]) for i in range(100)})
    memory.pipe({"/bucket/below/a": b"a", "/bucket/empty": b""})
    yield memory
    memory.rm("/bucket", recursive=True)


def test_an_address_is_a_path_that_keeps_its_slashes(tmp_path):
    place = locate("S3://bucket/data/manifest.csv.gz")
    assert isinstance(place, Address)
    assert (str(place), str(place.parent)) == (
        "s3://bucket/data/manifest.csv.gz", "s3://bucket/data"
    )  # fmt: skip
    assert (place.name, place.suffixes) == ("manifest.csv.gz", [".csv", ".gz"])
    assert place.resolve() == place.absolute() == place
    assert str(pickle.loads(pickle.dumps(place))) == str(place)  # noqa: S301 - our own
    assert str(locate_beside(tmp_path, "gs://b/c")) == "gs://b/c"
    assert locate_beside(tmp_path, "c") == tmp_path / "c"


def test_objects_are_found_one_by_one_and_by_a_list(store):
    """Three are looked up, a hundred are listed; None for what is not there."""
    names = [f"{i:03}" for i in range(100)]
    listed = identify_objects("memory://bucket/", [*names, "below/a", "below", "100"])
    assert len(set(listed[:101])) == 101
    assert {len(each or b"") for each in listed[:101]} == {32}
    assert listed[101:] == [None, None]
    before = identify_objects("memory://bucket/", ["007", "008", "x/y", "below"])
    assert before[2:] == [None, None]
    store.pipe("/bucket/007", b"other")
    after = identify_objects("memory://bucket/", ["007", "008"])
    assert [a == b for a, b in zip(after, before, strict=False)] == [False, True]


def test_bytes_come_in_order_and_no_more_than_asked_for(store):
    names = [f"memory://bucket/{i:03}" for i in range(100)]
    assert [each.result() for each in read_objects(names, 10)] == [bytes([i]) for i in range(100)]
    store.pipe("/bucket/long", b"0123456789")
    assert read_object("memory://bucket/long", 4) == b"0123"
    assert read_object("memory://bucket/empty", 4) == b""
    with pytest.raises(FileNotFoundError, match="there is no such object"):
        read_object("memory://bucket/none", 4)


def test_a_fault_of_one_object_is_told_from_a_store_that_is_gone(store, monkeypatch):
    """By asking of it again; credentials in what a store says are not repeated."""
    memory, _ = objects._reach("memory://bucket/000")

    def fail(*args, **more):
        raise RuntimeError("500 of https://key:secret@host/a?sig=secret")

    with monkeypatch.context() as broken:
        broken.setattr(type(memory), "cat_file", fail)
        with pytest.raises(OSError, match="the store does not give it"):
            read_object("memory://bucket/000", 4)
        assert read_object("memory://bucket/empty", 4) == b""
        broken.setattr(type(memory), "info", fail)
        with pytest.raises(UnreachableError, match="memory://bucket: does not answer") as gone:
            read_object("memory://bucket/000", 4)
    assert "https://host/a" in str(gone.value)
    assert "secret" not in str(gone.value)


def test_nothing_that_is_written_is_missing_but_the_bucket(store, monkeypatch):
    """As gcsfs says it, whose error names no bucket."""
    memory, _ = objects._reach("memory://bucket/000")

    def fail(*args, **more):
        raise FileNotFoundError("bucket/a")

    monkeypatch.setattr(type(memory), "pipe_file", fail)
    with pytest.raises(WriteError, match="there is no bucket memory://bucket"):
        objects.write_object("memory://bucket/a", b"")


def test_a_store_whose_package_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    objects.forget_stores()
    with pytest.raises(UsageError, match=r"pip install 'covidreport\[cloud\]'"):
        read_object("gs://b/a", 4)

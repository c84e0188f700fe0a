"""What a manifest held is known again for the same question, and for no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from covidreport.dataset import ManifestSettings, index
from covidreport.dataset.files import stamp_paths
from covidreport.dataset.index import DataQuery, KnownData, read_known, stamp_manifest, write_known

KNOWN = KnownData("data", "validation", ("covid-19", "normal"), 2, None, "f1", "u1")


@pytest.fixture
def asked(tmp_path):
    """A question whose answer is cached, with two files of which one has no name in UTF-8."""
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path\n")
    paths = ["a.png", "b\udcff.png"]
    for path in paths:
        (tmp_path / path).write_bytes(b"picture")
    query = DataQuery(manifest, "validation", ("covid-19", "normal"), "patient", "data", ("-1",))
    stamps = stamp_paths(f"{tmp_path}/", paths)
    write_known(query, KNOWN, stamp_manifest(query), tmp_path, paths, stamps)
    return query


def test_what_did_not_change_is_known(asked):
    """The very record."""
    assert read_known(asked) == KNOWN


@pytest.mark.parametrize("name", ["a.png", "b\udcff.png", "manifest.csv"])
def test_a_file_that_was_written_to_or_is_gone_makes_it_unknown(asked, name):
    """The manifest, or an image; also by the same bytes."""
    file = asked.source.with_name(name)
    data = file.read_bytes()
    file.unlink()
    assert read_known(asked) is None
    file.write_bytes(data)
    assert read_known(asked) is None


@pytest.mark.parametrize(
    "change",
    [
        {"split": None},
        {"labels": ("normal", "covid-19")},
        {"group": None},
        {"name": "other"},
        {"uncertain": ()},
        {"manifest": ManifestSettings(blank="negative")},
        {"source": Path("manifest-2.csv")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_question_has_another_answer(asked, change):
    """Each field alone."""
    if "source" in change:
        change = {"source": asked.source.with_name("manifest-2.csv")}
        change["source"].hardlink_to(asked.source)
    assert read_known(replace(asked, **change)) is None


def test_every_field_of_a_question_is_tried():
    """One that is added is tried above too."""
    assert set(DataQuery.__struct_fields__) == {
        "source", "split", "labels", "group", "name", "uncertain", "manifest",
    }  # fmt: skip


def test_an_answer_that_was_made_otherwise_is_none(asked, monkeypatch):
    """As by an earlier reading of manifests."""
    monkeypatch.setattr(index, "REVISION", index.REVISION + 1)
    assert read_known(asked) is None

from __future__ import annotations

import shutil

import pytest

from covidreport.dataset import guess_labels, read_dataset
from covidreport.dataset.source import make_name
from covidreport.errors import DatasetError
from tests.dataset.manifests import write_images, write_manifest

TEXT = "path,x\na.png,1\n"


def test_a_folder_that_holds_a_manifest_is_that_manifest(tmp_path):
    """The folder and the file name the same data."""
    manifest = write_manifest(tmp_path, TEXT, ["a.png", "normal/b.png"])
    from_folder, from_file = read_dataset(tmp_path), read_dataset(manifest)
    assert from_folder.source == from_file.source == manifest
    assert from_folder.paths == from_file.paths == ("a.png",)


def test_a_manifest_may_have_another_name(tmp_path):
    """Any .csv file that is named, in upper case too."""
    write_manifest(tmp_path, TEXT, ["a.png"]).rename(tmp_path / "Images.CSV")
    assert read_dataset(tmp_path / "Images.CSV").paths == ("a.png",)


def test_two_manifests_in_one_folder_are_refused(tmp_path):
    """They may differ; the user knows which is meant."""
    manifest = write_manifest(tmp_path, TEXT, ["a.png"])
    shutil.copy(manifest, tmp_path / "manifest.parquet")
    with pytest.raises(
        DatasetError, match=r"holds manifest\.csv and manifest\.parquet: name the one"
    ):
        read_dataset(tmp_path)


@pytest.mark.parametrize("read", [read_dataset, guess_labels])
def test_a_source_that_is_not_there_is_refused(tmp_path, read):
    """The error names the path that was given."""
    with pytest.raises(DatasetError, match="nowhere: 1 fault\n  no such file or folder"):
        read(tmp_path / "nowhere")


def test_other_kinds_of_file_are_refused(tmp_path):
    """The suffixes that are read are named."""
    (tmp_path / "manifest.ods").write_bytes(b"PK")
    with pytest.raises(DatasetError, match=r"a manifest is one of \.csv, \.parquet"):
        read_dataset(tmp_path / "manifest.ods")


def test_the_name_is_the_folders_unless_given(tmp_path):
    """It names the folder that evaluations go into."""
    folder = tmp_path / "CXR 2020 (Köln)"
    manifest = write_manifest(folder, TEXT, ["a.png"])
    assert read_dataset(manifest).name == "cxr-2020-k-ln"
    assert read_dataset(folder).name == "cxr-2020-k-ln"
    assert read_dataset(folder, name="Main_Set.v2").name == "main_set.v2"


def test_the_name_of_the_current_folder_is_found(tmp_path, monkeypatch):
    """`.` is a path like any other."""
    folder = write_images(tmp_path / "cxr", "normal/a.png")
    monkeypatch.chdir(folder)
    assert read_dataset(folder.relative_to(folder)).name == "cxr"


@pytest.mark.parametrize(
    ("text", "name"),
    [("cxr", "cxr"), ("..", "data"), ("../../etc", "etc"), ("a/b\\c", "a-b-c"), ("", "data"),
     ("胸部", "data"), (".hidden", "hidden"), ("x" * 300, "x" * 80)],
)  # fmt: skip
def test_names_are_safe_as_folders(text, name):
    """No separators, no climbing, no hidden folder, and not too long."""
    assert make_name(text) == name

"""Files are put whole or not at all, whatever the file system knows."""

from __future__ import annotations

import errno
import os

import pytest

from covidreport.errors import WriteError
from covidreport.storage import write
from covidreport.storage.files import fits_name
from covidreport.storage.write import encode_text, write_atomic


def _refuse(number):
    def odd(*_words, **_more):
        raise OSError(number, os.strerror(number))

    return odd


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "🫁" * 63], ids=["255", "254", "252"])
def test_a_name_may_be_as_long_as_a_file_system_lets_it(tmp_path, name):
    """The file beside it has a shorter one."""
    write_atomic(tmp_path / name, b"whole")
    assert (tmp_path / name).read_bytes() == b"whole"
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(WriteError, match="choose a shorter name"):
        write_atomic(tmp_path / f"{name}{'x' * 9}", b"")


def test_what_stood_there_stands_where_no_rename_works(tmp_path, monkeypatch):
    """Nothing is written into it in place."""
    file = tmp_path / "run.json"
    file.write_bytes(b"old")
    monkeypatch.setattr(write, "_PAUSES_S", (0.0,))
    for name in ("replace", "rename"):
        monkeypatch.setattr(os, name, _refuse(errno.EPERM))
    with pytest.raises(WriteError, match=r"run\.json: what was written can't be renamed to it"):
        write_atomic(file, b"new")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("run.json", b"old")]


def test_an_error_of_the_disk_is_none_that_is_passed_over(tmp_path, monkeypatch):
    """EIO at the flush: what was written may not be there."""
    monkeypatch.setattr(os, "fsync", _refuse(errno.EIO))
    with pytest.raises(WriteError, match="Input/output error"):
        write_atomic(tmp_path / "run.json", b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("keras", True), ("x" * 255, True), ("x" * 256, False), ("é" * 128, False), ("", False),
        (" ", False), (".", False), ("..", False), (".hidden", False), ("a/b", False),
        ("a\\b", False), ("a\0b", False), ("a\nb", False), (os.fsdecode(b"caf\xe9"), False),
    ],
)  # fmt: skip
def test_a_folder_can_be_called_so_or_not(name, fits):
    """By its length in bytes, and by what it is spelt with."""
    assert fits_name(name) is fits


def test_a_name_that_is_no_utf_8_is_escaped():
    """As JSON escapes it."""
    assert encode_text('"caf\udce9"') == b'"caf\\udce9"'

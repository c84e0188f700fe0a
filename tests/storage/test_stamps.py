"""What the file system says of a file, and what of it proves that nothing changed."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from covidreport.storage import stamps
from covidreport.storage.stamps import Stamp, is_unchanged, stamp_file

STAMP = Stamp(5, 1_700_000_000_000_000_000, 1_700_000_000_123_456_789, 7)


@pytest.fixture
def file(tmp_path):
    """A file of five bytes."""
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    return path


def _replace(file):
    """As `tar` does: another file under the name, with the size and the time of the old one."""
    facts, other = file.stat(), file.with_name("other")
    other.write_bytes(b"54321")
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    other.replace(file)


def _write_over(file):
    """As `cp -p` does: other bytes in the same inode, then the old time."""
    facts = file.stat()
    file.write_bytes(b"54321")
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _copy(file):
    """`cp -p` of the file itself: the bytes are the same, and only they can say so."""
    other = file.with_name("other")
    shutil.copy2(file, other)
    other.replace(file)


def test_an_untouched_file_is_unchanged(file):
    """Reading it changes nothing."""
    then = stamp_file(file)
    file.read_bytes()
    assert is_unchanged(then, stamp_file(file))


@pytest.mark.parametrize("change", [_replace, _write_over, _copy])
def test_a_replaced_file_is_noticed_under_its_old_size_and_time(file, change):
    """Its size and mtime are those of before; the change time is not."""
    then = stamp_file(file)
    change(file)
    now = stamp_file(file)
    assert then is not None
    assert now is not None
    assert now[:2] == then[:2]
    assert not is_unchanged(then, now)


def test_a_change_right_after_the_reading_has_another_stamp(file):
    """Stamped as soon as it is written: the stamp waits until the next change shows."""
    for _ in range(20):
        file.write_bytes(b"12345")
        then = stamp_file(file)
        _write_over(file)
        assert stamp_file(file) != then


def test_no_file_has_no_stamp(tmp_path):
    """Nothing is unchanged where nothing is."""
    assert stamp_file(tmp_path / "none") is None
    assert not is_unchanged(None, None)


@pytest.mark.parametrize(
    "made_up",
    [
        STAMP._replace(inode=0),
        STAMP._replace(ctime_ns=STAMP.mtime_ns),
        STAMP._replace(ctime_ns=0),
    ],
)
def test_a_stamp_that_the_system_makes_up_proves_nothing(made_up):
    """FAT has no inodes and gives the mtime, in whole seconds, for the time of the change."""
    assert is_unchanged(STAMP, STAMP)
    assert not is_unchanged(made_up, made_up)


def test_on_windows_bytes_decide(monkeypatch):
    """There st_ctime is the time of creation."""
    monkeypatch.setattr("sys.platform", "win32")
    assert not is_unchanged(STAMP, STAMP)


def test_it_waits_for_nothing_but_a_change_of_this_moment(file, monkeypatch):
    """Neither for an old file, nor for one whose clock is ahead."""
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    for hours in (-1, 1):
        stamps.let_clock_pass(time.time_ns() + hours * 3600 * 10**9)
    assert waits == []
    stamps.let_clock_pass(time.time_ns())
    assert len(waits) == 1
    assert 0 < waits[0] <= 0.02

"""Locks between processes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from covidreport.errors import WriteError
from covidreport.locks import claim_lock, hold_lock, take_unlocked

ROOT = Path(__file__).resolve().parent.parent
HOLDER = (
    "import sys, time; from pathlib import Path; from covidreport.locks import hold_lock\n"
    "with hold_lock(Path(sys.argv[1])):\n"
    "    print('held', flush=True); time.sleep(float(sys.argv[2]))"
)


def _start(path, seconds):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(seconds)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_waits_until_the_first_is_done(tmp_path):
    """It says so once, before it waits, and knows afterwards that it did."""
    path = tmp_path / "run" / ".lock"
    with hold_lock(path) as waited:
        assert waited is False
    said = []
    process = _start(path, 0.5)
    began = time.monotonic()
    with hold_lock(path, lambda: said.append(time.monotonic())) as waited:
        assert waited is True
        assert time.monotonic() - began > 0.2
    assert len(said) == 1
    process.communicate(timeout=10)


def test_a_killed_process_holds_nothing(tmp_path):
    """No stale lock stops the next job."""
    process = _start(tmp_path / ".lock", 60)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    with hold_lock(tmp_path / ".lock") as waited:
        assert waited is False


def test_a_place_that_can_not_be_written_is_named(tmp_path):
    """A file where a folder is wanted."""
    (tmp_path / "run").write_text("")
    with (
        pytest.raises(WriteError, match=r"\.lock: can't be written"),
        hold_lock(tmp_path / "run" / ".lock"),
    ):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="locks there are of another kind")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES])
def test_where_a_file_system_knows_no_locks_there_is_none(tmp_path, monkeypatch, number):
    """It neither waits nor fails, and says why once."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    for _ in range(2):
        with hold_lock(tmp_path / "run" / ".lock", lambda: pytest.fail("it waits")) as waited:
            assert waited is False
    assert take_unlocked() == f"{tmp_path / 'run'}: {os.strerror(number)}"
    assert take_unlocked() is None


def test_a_claim_is_refused_while_another_process_holds_it(tmp_path):
    """It does not wait; once that process has ended, however it did, the claim is free."""
    path = tmp_path / "run" / ".lock"
    process = _start(path, 60)
    with claim_lock(path) as ours:
        assert ours is False
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    with claim_lock(path) as ours, claim_lock(path) as twice:
        assert (ours, twice) == (True, False)


@pytest.mark.skipif(sys.platform == "win32", reason="locks there are of another kind")
def test_where_no_locks_are_known_a_claim_is_given_and_that_is_said(tmp_path, monkeypatch):
    """Nobody could say who else has it."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with claim_lock(tmp_path / ".lock") as ours:
        assert ours is True
    assert take_unlocked() == f"{tmp_path}: {os.strerror(errno.ENOLCK)}"

"""File systems that know less than a local disk: network shares, FUSE, FAT, a mounted file."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.command import run_command, write_project

SLOWER = {
    "nothing is flushed": (os, "fsync", errno.EINVAL),
    "permissions are not known": (os, "chmod", errno.EPERM),
    "nothing is mapped": (mmap, "mmap", errno.ENODEV),
    "nothing is reserved": (os, "posix_fallocate", errno.EOPNOTSUPP),
    "times are not set": (os, "utime", errno.EPERM),
    "room is not told": (shutil, "disk_usage", errno.ENOSYS),
}
"""Functions of the system, and what an odd file system lets them say."""


def _counts(printed):
    """The lines of the ranking: rank, run, missed, false alarms."""
    lines = [re.split("  +", line.replace("≈", " ").strip())[:4] for line in printed.splitlines()]
    return [words for words in lines if words[:1] in (["1"], ["2"])]


@pytest.fixture
def study(tmp_path):
    """Two runs and a configuration; of three positives base misses one and new none."""
    return write_project(tmp_path, base=100, new=85)


@pytest.fixture
def refuse(monkeypatch):
    """Lets a function of the system say what an odd file system says, where `only` is asked for."""

    def refuse(module, name, number, only=""):
        usual = getattr(module, name)

        def odd(*words, **more):
            if only in str(words):
                raise OSError(number, os.strerror(number))
            return usual(*words, **more)

        monkeypatch.setattr(module, name, odd)

    return refuse


@pytest.fixture
def evaluate(study, covidreport):
    """Evaluates both runs; no defect shows."""

    def evaluate(*words):
        done = covidreport("evaluate", *words)
        assert "Traceback" not in done.err
        return done

    return evaluate


def _expect_both(done):
    assert (done.code, done.err.count("error")) == (0, 0), done.err
    assert _counts(done.out) == [
        ["1", "new", "0 of 3", "1 of 4"],
        ["2", "base", "1 of 3", "1 of 4"],
    ]


def _expect_nothing_left(study):
    """Nothing is left beside the files."""
    left = {file.suffix for file in study.rglob(".*") if file.is_file()}
    assert left <= {""}, left


@pytest.mark.parametrize("odd", SLOWER.values(), ids=SLOWER)
def test_what_is_not_known_there_is_done_without(study, evaluate, refuse, odd):
    """With the same counts."""
    refuse(*odd)
    _expect_both(evaluate())
    _expect_nothing_left(study)


def test_what_is_not_renamed_over_a_file_is_put_in_its_place(study, evaluate, monkeypatch):
    """Also where files are replaced."""

    def take_care(usual):
        def odd(old, new, **more):
            if Path(new).is_file():
                raise OSError(errno.EEXIST, "File exists")
            return usual(old, new, **more)

        return odd

    for name in ("replace", "rename"):
        monkeypatch.setattr(os, name, take_care(getattr(os, name)))
    for words in ((), ("--force",)):
        _expect_both(evaluate(*words))
    _expect_nothing_left(study)


def test_without_locks_it_goes_on_and_says_so_once(evaluate, refuse):
    """A lock file of our own would outlive a killed process."""
    refuse(fcntl, "flock", errno.ENOLCK)
    done = evaluate()
    assert done.code == 0, done.err
    assert done.err.count("note: the file system knows no locks") == 1
    assert "No locks available" in done.err
    assert len(_counts(done.out)) == 2


@pytest.mark.parametrize("number", [errno.EPERM, errno.EXDEV])
def test_where_nothing_can_be_renamed_one_run_fails_by_name(study, evaluate, refuse, number):
    """What can't be put in its place whole is not written: the other run is evaluated."""
    for name in ("replace", "rename"):
        refuse(os, name, number, "runs/new")
    done = evaluate()
    assert done.code == 3, done.err
    assert "error: run new was not evaluated: runs/new/" in done.err
    assert "choose" in done.err
    assert _counts(done.out) == [["1", "base", "1 of 3", "1 of 4"]]
    assert not list(study.rglob("*.part"))
    assert not list(study.glob("runs/new/evaluations/*/*.json"))


def test_a_file_that_is_open_elsewhere_is_tried_again(evaluate, monkeypatch):
    """A scanner for viruses has each new file open for a moment, as on Windows."""
    tries: Counter[str] = Counter()
    usual = os.replace

    def odd(old, new, **more):
        tries[str(new)] += 1
        if tries[str(new)] < 3:
            raise PermissionError(errno.EACCES, "Permission denied")
        return usual(old, new, **more)

    monkeypatch.setattr(os, "replace", odd)
    done = evaluate()
    assert done.code == 0, done.err
    assert len(_counts(done.out)) == 2


def test_a_full_disk_ends_no_process(study):
    """A file system of 192 KiB: the run that stands on it fails by name, the other does not."""
    small = study / "runs" / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=192k", "tmpfs", str(small)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    try:
        model = (study / "runs" / "new" / "model.onnx").read_bytes()
        (small / "model.onnx").write_bytes(model)
        with (small / "filling").open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    break
        done = run_command(study, "evaluate", COVIDREPORT_CACHE=str(study / "cache"))
        assert "Traceback" not in done.stderr
        assert done.returncode == 3, done.stderr
        assert "run small was not evaluated" in done.stderr
        assert "No space left on device" in done.stderr
        assert len(_counts(done.stdout)) == 2
    finally:
        subprocess.run(["umount", str(small)], check=True, capture_output=True)

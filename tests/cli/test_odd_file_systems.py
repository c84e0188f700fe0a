"""File systems that know less than a local disk: network shares, FUSE, FAT, a mounted file."""

from __future__ import annotations

import subprocess

import pytest

from tests.cli.command import run_command, write_project

REFUSE = """
import errno, fcntl, mmap, os, shutil
def refuse(module, name, number, only=''):
    usual = getattr(module, name)
    def odd(*words, **more):
        if only in str(words):
            raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)))
        return usual(*words, **more)
    setattr(module, name, odd)
"""
"""Python that lets a function of the system say what an odd file system says."""
SLOWER = {
    "nothing is flushed": "refuse(os, 'fsync', 'EINVAL')",
    "permissions are not known": "refuse(os, 'chmod', 'EPERM')",
    "nothing is mapped": "refuse(mmap, 'mmap', 'ENODEV')",
    "nothing is reserved": "refuse(os, 'posix_fallocate', 'EOPNOTSUPP')",
    "times are not set": "refuse(os, 'utime', 'EPERM')",
    "room is not told": "refuse(shutil, 'disk_usage', 'ENOSYS')",
    "no rename over a file": """
def take_care(usual):
    def odd(old, new, **more):
        if os.path.isfile(new):
            raise OSError(errno.EEXIST, 'File exists')
        return usual(old, new, **more)
    return odd
os.replace, os.rename = take_care(os.replace), take_care(os.rename)""",
}


def _counts(done):
    """The lines of the ranking: rank, run, missed, found, false alarms."""
    lines = [line.replace("≈", " ").split()[:5] for line in done.stdout.splitlines()]
    return [words for words in lines if words[:1] in (["1"], ["2"])]


@pytest.fixture
def study(tmp_path):
    """Two runs and a configuration; of three positives base misses one and new none."""
    return write_project(tmp_path, base=100, new=85)


def _evaluate(study, before, *words):
    cache = str(study / "cache")
    done = run_command(study, "evaluate", *words, before=REFUSE + before, COVIDREPORT_CACHE=cache)
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("before", SLOWER.values(), ids=SLOWER)
def test_what_is_not_known_there_is_done_without(study, before):
    """With the same counts, where files are replaced too; nothing is left beside the files."""
    for words in ((), ("--force",)) if "isfile" in before else ((),):
        done = _evaluate(study, before, *words)
        assert (done.returncode, done.stderr.count("error")) == (0, 0), done.stderr
        assert _counts(done) == [["1", "new", "0", "3/3", "1"], ["2", "base", "1", "2/3", "1"]]
    left = {file.suffix for file in study.rglob(".*") if file.is_file()}
    assert left <= {""}, left


def test_without_locks_it_goes_on_and_says_so_once(study):
    """A lock file of our own would outlive a killed process."""
    done = _evaluate(study, "refuse(fcntl, 'flock', 'ENOLCK')")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("note: the file system knows no locks") == 1
    assert "No locks available" in done.stderr
    assert len(_counts(done)) == 2


@pytest.mark.parametrize("number", ["EPERM", "EXDEV"])
def test_where_nothing_can_be_renamed_one_run_fails_by_name(study, number):
    """What can't be put in its place whole is not written: the other run is evaluated."""
    odd = f"for name in ('replace', 'rename'): refuse(os, name, '{number}', 'runs/new')"
    done = _evaluate(study, odd)
    assert done.returncode == 3, done.stderr
    assert "error: run new was not evaluated: runs/new/" in done.stderr
    assert "choose" in done.stderr
    assert _counts(done) == [["1", "base", "1", "2/3", "1"]]
    assert not list(study.rglob("*.part"))
    assert not list(study.glob("runs/new/evaluations/*/*.json"))


def test_a_file_that_is_open_elsewhere_is_tried_again(study):
    """A scanner for viruses has each new file open for a moment, as on Windows."""
    busy = """
tries = {}
usual = os.replace
def odd(old, new, **more):
    tries[str(new)] = tries.get(str(new), 0) + 1
    if tries[str(new)] < 3:
        raise PermissionError(errno.EACCES, 'Permission denied')
    return usual(old, new, **more)
os.replace = odd"""
    done = _evaluate(study, busy)
    assert done.returncode == 0, done.stderr
    assert len(_counts(done)) == 2


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
        done = _evaluate(study, "")
        assert done.returncode == 3, done.stderr
        assert "run small was not evaluated" in done.stderr
        assert "No space left on device" in done.stderr
        assert len(_counts(done)) == 2
    finally:
        subprocess.run(["umount", str(small)], check=True, capture_output=True)

"""Containers run as nobody: without a home, or one that can't be written to, there is no cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from covidreport.storage.cache_folder import cache_limit, explain_no_cache
from tests.cli.command import ROOT, run_command, write_project

NOBODY = """
import os, pwd
def refuse(*words):
    raise KeyError('getpwuid(): uid not found')
os.environ.pop('HOME', None)
pwd.getpwuid = refuse
"""
"""Python that makes this process one of a user without a name, and so without a home."""
CLOSED = """
import builtins, errno, io, os, pathlib
def close(module, name):
    usual = getattr(module, name)
    def refuse(path, *words, **more):
        if isinstance(path, (str, os.PathLike)) and '/closed/' in f'{os.fspath(path)}/':
            raise PermissionError(errno.EACCES, 'Permission denied', str(path))
        return usual(path, *words, **more)
    setattr(module, name, refuse)
for name in ('stat', 'lstat', 'mkdir', 'open', 'listdir', 'scandir', 'utime', 'unlink'):
    close(os, name)
close(io, 'open')
close(builtins, 'open')
"""
"""Python that lets a process into no folder called `closed`: root is let in everywhere."""
HOMES = {
    "a file": {"HOME": "taken"},
    "not there": {"HOME": "/proc/nowhere"},
    "named, a file": {"COVIDREPORT_CACHE": "taken/cache"},
}


@pytest.fixture
def study(tmp_path):
    """Two runs, a configuration, and a file where a folder is wanted."""
    folder = write_project(tmp_path, base=100, new=85)
    (folder / "taken").write_text("")
    return folder


def _home(study: Path, **own: str) -> dict[str, str]:
    places = {name: str(study / value) if value else "" for name, value in own.items()}
    return {"XDG_CACHE_HOME": "", "COVIDREPORT_CACHE": "", **places}


@pytest.fixture
def live_in(study, monkeypatch):
    """Sets the places of one of `HOMES` for this process."""

    def live_in(own):
        for name, value in _home(study, **own).items():
            monkeypatch.setenv(name, value)

    return live_in


@pytest.mark.parametrize("own", HOMES.values(), ids=HOMES)
def test_it_goes_on_without_a_cache_and_says_so_once(study, covidreport, live_in, own):
    """Evaluated, judged and listed as ever; one note names both ways out."""
    live_in(own)
    for words in (("evaluate",), ("gate", "runs/new", "--baseline", "runs/base"), ("list",)):
        done = covidreport(*words)
        assert done.code == 0, done.err
        assert done.err.count("note: nothing is cached") == 1, done.err
        assert "COVIDREPORT_CACHE" in done.err
        assert "--no-cache" in done.err
        assert "Traceback" not in done.err
    assert (study / "taken").read_bytes() == b""


@pytest.mark.usefixtures("study")
def test_who_wants_no_cache_is_told_nothing(covidreport, live_in, monkeypatch):
    """Nor who turned it off by its limit."""
    live_in(HOMES["a file"])
    done = covidreport("evaluate", "--no-cache")
    assert (done.code, "nothing is cached" in done.err) == (0, False), done.err
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "0")
    done = covidreport("list")
    assert (done.code, "nothing is cached" in done.err) == (0, False), done.err


def test_the_cache_is_shown_and_cleared_where_there_is_none(covidreport, live_in):
    """Nothing is in it, and that is no fault."""
    live_in(HOMES["a file"])
    for word in ("info", "clear"):
        done = covidreport("cache", word)
        assert done.code == 0, done.err
        assert "Traceback" not in done.err


def test_a_user_without_a_name_can_evaluate(study):
    """No HOME, and no entry that says where it would be."""
    done = run_command(study, "evaluate", "runs/new", before=NOBODY, fresh=True, **_home(study))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("nothing is cached: no home folder is known") == 1, done.stderr


def test_a_home_of_somebody_else_is_none(study):
    """Not even to be looked into: the folder belongs to root."""
    (study / "site").mkdir()
    (study / "site" / "sitecustomize.py").write_text(CLOSED)  # for processes that ours starts too
    places = os.pathsep.join([str(study / "site"), str(ROOT)])
    home = {**_home(study, HOME="closed"), "PYTHONPATH": places}
    for words in (("evaluate",), ("list",), ("render",), ("cache", "info"), ("cache", "clear")):
        done = run_command(study, *words, **home)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert ("Permission denied" in done.stderr) == (words != ("cache", "clear")), done.stderr
    assert not (study / "closed").exists()


def test_without_a_folder_the_limit_is_zero(monkeypatch, tmp_path):
    """The one place that decides whether there is a cache."""
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("COVIDREPORT_CACHE", str(tmp_path / "taken" / "cache"))
    assert cache_limit() == 0
    assert "taken/cache can't be written to" in str(explain_no_cache())
    monkeypatch.setenv("COVIDREPORT_CACHE", str(tmp_path / "new"))
    assert (cache_limit() > 0, explain_no_cache()) == (True, None)

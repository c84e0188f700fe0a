"""The command line, called as a user calls it but inside this process."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from covidreport.cli import main, terminal


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def covidreport(tmp_path, monkeypatch, capsys):
    """Call covidreport with these words in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for console in (terminal.out, terminal.err):  # each knows its width since it was imported
        monkeypatch.setattr(console, "width", 160)
    monkeypatch.setenv("COLUMNS", "160")  # for processes that are started

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["covidreport", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call

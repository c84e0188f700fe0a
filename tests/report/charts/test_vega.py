"""The script that draws charts in a browser is made beside other work, and once."""

from __future__ import annotations

import subprocess
import sys

import pytest
import vl_convert

from covidreport.report.charts.vega import VEGA_LITE, make_bundle_ahead, read_bundle


@pytest.fixture(autouse=True)
def _nothing_read_yet():
    read_bundle.cache_clear()
    yield
    read_bundle.cache_clear()


def test_another_process_makes_the_very_same_bundle(monkeypatch):
    """It is taken from there, and kept: neither a process nor vl-convert is needed after that."""
    expected = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    with monkeypatch.context() as patch, make_bundle_ahead():
        patch.setitem(sys.modules, "vl_convert", None)  # to import it is an error
        assert read_bundle() == expected

    read_bundle.cache_clear()
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("was made again"))
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with make_bundle_ahead():
        assert read_bundle() == expected


def _refuse(*_, **__):
    raise OSError("no more processes")


def _fail(*_, **options):
    command = [sys.executable, "-c", "print('half a bundle'); raise SystemExit(1)"]
    return _POPEN(command, **options)


_POPEN = subprocess.Popen


@pytest.mark.parametrize("start", [_refuse, _fail])
def test_where_the_other_process_fails_the_bundle_is_made_here(monkeypatch, start):
    """A report needs no second process."""
    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda *_, **__: "made here")
    with make_bundle_ahead():
        assert read_bundle() == "made here"


def test_a_bundle_that_nobody_asked_for_holds_nobody_up(monkeypatch):
    """The process is ended with the work beside it."""
    started = []

    def start(*args, **options):
        started.append(_POPEN(*args, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    with make_bundle_ahead():
        pass

    (process,) = started
    assert process.returncode not in (None, 0)

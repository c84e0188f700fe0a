"""A signal ends a command whatever it interrupts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = """
import os, signal, threading, time
from covidreport.cli import app

def work():
    {begin}
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(20)
    except BaseException as error:
        {end}

app.build_app = lambda: work
app.main()
"""


def _stop(begin: str, end: str) -> tuple[int, str, float]:
    """Exit code, stderr and seconds of a command that is stopped at work."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-P", "-c", COMMAND.format(begin=begin, end=end)],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr, time.monotonic() - began


@pytest.mark.parametrize("end", ["raise ImportError('initialization failed')", "return"])
def test_what_a_signal_interrupts_may_make_another_error_of_it_or_none(end):
    """An import of native code that is interrupted raises ImportError; that was a traceback."""
    code, said, _ = _stop("pass", end)
    assert code == 143
    assert "stopped by SIGTERM" in said
    assert "Traceback" not in said


def test_a_thread_that_does_not_hear_keeps_no_stopped_command():
    """Python waits for its threads as it ends, such as one that draws a chart in native code."""
    code, said, took = _stop("threading.Thread(target=time.sleep, args=(40,)).start()", "raise")
    assert code == 143
    assert said.count("stopped by SIGTERM") == 1
    assert took < 20

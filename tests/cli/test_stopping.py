"""A signal ends a command whatever it interrupts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from covidreport.boundary import attempt

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

app.build_command = lambda: work
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


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(143)])
def test_what_a_stop_was_made_into_is_no_failure_of_a_run(stop):
    """Neither stored nor called a defect: the command ends."""

    def work():
        try:
            raise stop
        except BaseException as error:
            raise ImportError("initialization failed") from error

    with pytest.raises(type(stop)):
        attempt("run", "load", work)


def test_errors_that_name_each_other_are_a_failure_and_no_endless_search():
    """`raise first from second` may close a circle."""

    def work():
        first, second = ValueError("first"), ValueError("second")
        first.__cause__, second.__cause__ = second, first
        raise first

    failure = attempt("run", "load", work)
    assert "ValueError" in failure.reason


FORGETFUL = """class Forgetful:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
    Forgetful()"""
CALLED = """from concurrent.futures import Future
    def end(_):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)
    future = Future()
    future.add_done_callback(end)
    future.set_result(None)"""
LEFT = """def fail():
        time.sleep(0.2)
        raise ValueError("left alone")
    threading.Thread(target=fail).start()"""


@pytest.mark.parametrize(
    "begin", [FORGETFUL, CALLED, LEFT], ids=["destructor", "callback", "thread"]
)
def test_where_nobody_can_be_told_of_it_no_traceback_is_printed(begin):
    """Python prints what a destructor, a callback of a future or a thread raises."""
    code, said, _ = _stop(begin, "raise")
    assert code == 143
    assert said.splitlines() == [said.strip()]
    assert "stopped by SIGTERM" in said


def test_before_a_signal_it_is_printed_as_ever():
    """A defect in a thread is seen."""
    _, said, _ = _stop(f"{LEFT}; time.sleep(0.5)", "raise")
    assert "ValueError: left alone" in said

"""Processes of our own: what they do is what would be done here, and they end with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from covidreport.workers import Workers
from tests.processes import is_gone

ROOT = Path(__file__).resolve().parent.parent
HERE = """
import os, time
from contextlib import closing
from functools import partial
from covidreport.workers import Workers

print("begun", flush=True)
with closing(Workers(2)) as workers:
    numbers = [workers.begin(os.getpid)() for _ in range(8)]
    waiting = workers.begin(partial(time.sleep, 60))
    print(*sorted(set(numbers)), flush=True)
    waiting()
"""
"""A script without `if __name__ == "__main__"`, whose processes are at work."""
needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")


def test_work_is_done_elsewhere_and_its_results_come_in_order():
    with closing(Workers(2)) as workers:
        assert workers.ahead == 4
        begun = [workers.begin(partial(pow, 2, n)) for n in range(20)]
        assert [result() for result in begun] == [2**n for n in range(20)]
        assert workers.begin(os.getpid)() != os.getpid()


def test_without_any_it_is_done_by_who_wants_it(monkeypatch):
    """Also where no process can be started, and where each ends at once."""
    with closing(Workers()) as workers:
        assert workers.ahead == 0
        assert workers.begin(os.getpid)() == os.getpid()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with closing(Workers(2)) as workers:
        assert workers.begin(os.getpid)() == os.getpid()
    monkeypatch.undo()
    monkeypatch.setattr("covidreport.workers.write_code", lambda _: "raise SystemExit(1)")
    with closing(Workers(2)) as workers:
        assert [workers.begin(os.getpid)() for _ in range(5)] == [os.getpid()] * 5
        assert workers.ahead == 0


def test_an_error_there_is_raised_here_as_what_it_is():
    """With the traceback of this process."""
    with closing(Workers(1)) as workers:
        with pytest.raises(ValueError, match="invalid literal") as raised:
            workers.begin(partial(int, "x"))()
        assert raised.value.__traceback__ is not None
        assert workers.begin(partial(int, "7"))() == 7


@needs_proc
def test_what_a_killed_process_had_under_way_is_done_here():
    """One of two, then the other; nothing is lost, and neither comes again."""
    with closing(Workers(2)) as workers:
        first = workers.begin(os.getpid)()
        begun = [workers.begin(os.getpid) for _ in range(2)]
        waiting = [workers.begin(partial(time.sleep, 0.3)) for _ in range(2)]
        os.kill(first, signal.SIGKILL)
        later = [workers.begin(os.getpid) for _ in range(6)]
        assert [result() for result in waiting] == [None, None]
        found = {result() for result in (*begun, *later)}
        assert len(found - {first, os.getpid()}) == 1
        (other,) = found - {first, os.getpid()}
        os.kill(other, signal.SIGKILL)
        assert [workers.begin(os.getpid)() for _ in range(3)] == [os.getpid()] * 3


@needs_proc
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_they_end_with_the_process_that_asks(tmp_path, stop):
    """While one is at work; the script runs once, and nothing is said of them."""
    script = tmp_path / "script.py"
    script.write_text(f"import signal; signal.signal(2, signal.default_int_handler)\n{HERE}")
    asking = subprocess.Popen(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert asking.stdout.readline() == "begun\n"
    numbers = [int(each) for each in asking.stdout.readline().split()]
    assert 1 <= len(numbers) <= 2
    asking.send_signal(stop)
    assert all(is_gone(number) for number in numbers)
    out, said = asking.communicate(timeout=30)
    assert out == ""
    assert "Error" not in said.replace("KeyboardInterrupt", "")
    assert said.count("Traceback") == (stop == signal.SIGINT)

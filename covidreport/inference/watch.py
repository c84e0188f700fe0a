"""Ends what takes too long: one thread that looks after every call of every model.

A call is only noted down and struck out again, so that it costs nothing; the thread sleeps while
there is none. What the runtime does in the main thread is done by another one meanwhile: a signal
is heard at once, and not when the call has come to its end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from msgspec import Struct

PERIOD_S = 0.05
"""How often the thread looks while something is under way."""
PATIENCE_S = 1.0
"""How long the main thread waits for a call that it has ended."""

_T = TypeVar("_T")


class Call(Struct, eq=False):
    """Something under way; `stop` asks it to end, `overdue` says that it was asked."""

    stop: Callable[[], None]
    deadline: float
    overdue: bool = False


class Watch:
    """The calls that are under way, and the thread that looks after them."""

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def begin(self, stop: Callable[[], None], seconds: float) -> Call:
        """Look after a call that is to end within `seconds`."""
        call = Call(stop, time.monotonic() + seconds)
        self._calls.add(call)
        if self._thread is None or not self._thread.is_alive():
            self._start()
        if not self._some.is_set():
            self._some.set()
        return call

    def end(self, call: Call) -> None:
        """Look after it no longer."""
        self._calls.discard(call)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        while True:
            if not self._calls:
                self._some.clear()
                if not self._calls:  # none was begun meanwhile
                    self._some.wait()
            self._stop_overdue()
            time.sleep(PERIOD_S)

    def _stop_overdue(self) -> None:
        """Apart from the thread's own frame, which would hold the last call, and its session."""
        now = time.monotonic()
        for call in list(self._calls):
            if now > call.deadline and not call.overdue:
                call.overdue = True
                call.stop()


WATCH = Watch()


def run_watched(work: Callable[[], _T], stop: Callable[[], None], seconds: float) -> _T:
    """What `work` gives; TimeoutError where it ended because it was asked to after `seconds`.

    stop: asks it to end. In the main thread Ctrl-C and other signals ask it as well.
    """
    call = WATCH.begin(stop, seconds)
    try:
        if threading.current_thread() is threading.main_thread():
            return _run_beside(work, stop)
        return work()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if call.overdue:
            raise TimeoutError from error
        raise
    finally:
        WATCH.end(call)


def _run_beside(work: Callable[[], _T], stop: Callable[[], None]) -> _T:
    """What `work` gives in a thread of its own, so that signals are heard meanwhile."""
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised on in the main thread
            done.set_exception(error)

    thread = threading.Thread(target=run, name="call", daemon=True)
    thread.start()
    try:
        return done.result()
    finally:
        if not done.done():
            stop()
        # its last steps free what the runtime gave; where the process ends meanwhile, C++ aborts it
        thread.join(PATIENCE_S)

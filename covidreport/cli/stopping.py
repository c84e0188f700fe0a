"""Ctrl-C, and the SIGTERM by which a pipeline cancels a job: both end a command alike, and soon."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TypeVar

GRACE_S = 1.6
"""How long a command may put its things away; then the process ends as it is."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_T = TypeVar("_T")


class Stopped(SystemExit):
    """A signal ended the command; the exit code is the one that a shell gives for it."""

    def __init__(self, number: int) -> None:
        self.text = (
            f"covidreport: stopped by {signal.Signals(number).name}; what was done is kept, and "
            "the same command goes on from there"
        )
        self.said = False
        super().__init__(128 + number)

    def say(self) -> None:
        """Tell the user, once, whoever comes first: the command or what ends it."""
        if self.said:
            return
        self.said = True
        with suppress(OSError, ValueError):  # nobody reads any more
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{self.text}\n".encode())


@contextmanager
def hear_signals() -> Iterator[None]:
    """Raise Stopped in the main thread for either signal, and end the process soon after it.

    Whatever is under way is asked to end as the exception passes; what does not hear is left: a
    model's scores, decoded pixels and locks are kept by the system, as when a process is killed.
    That is so until the process is gone: Python itself waits for threads as it ends. Whatever was
    interrupted may make another error of it, as the import of native code does; it is Stopped all
    the same. Where nobody can be told of an error (a destructor, a callback, a thread that is left)
    it is a consequence from then on, and is not printed. A signal that whoever started the command
    had ignored stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[Stopped] = []

    def stop(number: int, _: FrameType | None) -> None:
        if heard:
            _leave(heard[0])
        heard.append(Stopped(number))
        logging.disable()
        timer = threading.Timer(GRACE_S, _leave, heard)
        timer.daemon = True
        timer.start()
        raise heard[0]

    def quieten(usual: Callable[[_T], object]) -> Callable[[_T], None]:
        def tell(error: _T) -> None:
            if not heard:
                usual(error)

        return tell

    hooks = sys.unraisablehook, threading.excepthook
    sys.unraisablehook, threading.excepthook = quieten(hooks[0]), quieten(hooks[1])
    before = {each: signal.getsignal(each) for each in SIGNALS}
    taken = [each for each in SIGNALS if before[each] is not signal.SIG_IGN]
    for each in taken:
        signal.signal(each, stop)
    try:
        yield
    except BaseException as error:
        if heard and error is not heard[0]:
            raise heard[0] from error
        raise
    else:
        if heard:
            raise heard[0]
    finally:
        for each in taken:
            signal.signal(each, before[each])
        if not heard:  # else the process is about to end, and threads are left behind
            sys.unraisablehook, threading.excepthook = hooks


def _leave(stopped: Stopped) -> None:
    """End the process now: nothing waits for threads that hear nothing."""
    stopped.say()
    os._exit(int(stopped.code or 0))

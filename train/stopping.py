"""Ctrl-C and SIGTERM end a fit at once, whatever torch is at.

Python's own handlers wait until the main thread is back from C, which for one `backward` of VGG16
is many seconds. What a signal writes into a socket is there at once, and a thread waits for it.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import wait
from threading import Lock, Thread
from typing import Any

WRITING = Lock()
"""Held while a checkpoint or weights are written."""
WRITING_S = 1.0
"""How long a checkpoint that is being written is waited for."""


@dataclass(slots=True)
class Bars:
    """How many lines of bars stand in the terminal, below which the cursor is."""

    lines: int = 0


BARS = Bars()
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_at_signals(words: str | None) -> Iterator[None]:
    """End the process where it is told to, with 128 plus the signal's number, as a shell has it.

    A process that another one of `train` started ends with that one too. words: what it says then.
    To be called from the main thread.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    before = {number: signal.signal(number, _pass) for number in _SIGNALS}
    woken = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    Thread(target=_wait, args=(ours, words), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        theirs.close()  # which ends the thread


def _pass(_number: int, _frame: Any) -> None:
    """With this in place of Python's own, the signal is written into the socket and that is all."""


def _wait(ours: socket.socket, words: str | None) -> None:
    parent = parent_process()
    while True:
        ready = wait([ours] if parent is None else [ours, parent.sentinel])
        data = ours.recv(1) if ours in ready else bytes([signal.SIGTERM])
        if not data:
            ours.close()
            return
        if data[0] in _SIGNALS:
            _stop(data[0], words)


def _stop(number: int, words: str | None) -> None:
    WRITING.acquire(timeout=WRITING_S)
    if words is not None:
        # the bars away, the cursor back
        above = "\x1b[1A\x1b[2K" * (BARS.lines - 1)
        tidy = f"\r\x1b[2K{above}\x1b[?25h" if BARS.lines else ""
        os.write(2, f"{tidy}{words}\n".encode())
    os._exit(128 + number)  # a thread can't unwind the main one, which may be deep in C

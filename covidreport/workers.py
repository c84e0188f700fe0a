"""Processes of our own that compute beside this one.

Each is a Python that is started anew and calls functions of this package. `multiprocessing` would
run the user's script once more in each (spawn), or copy a process whose threads are ONNX Runtime's
(fork). Whatever goes wrong there, the end of the process too, is not told of: who wants the result
does the same work here then, and an error shows as what it is.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from covidreport.boundary import PACKAGE

_ENDED: Final = (OSError, EOFError, pickle.UnpicklingError)
"""What asking a process raises that has ended, before or in the middle of its answer."""
_T = TypeVar("_T")


def write_code(module: str) -> str:
    """The code of a process that calls `answer` of a module of ours, wherever ours lies."""
    place = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})"
    return f"{place}; from {module} import answer; answer()"


class Workers:
    """Up to `count` processes; where there are none, all is done by who wants it.

    first: what each does first, so that what it needs is imported when there is work. One that ends
    is not replaced: what ended it, such as a lack of memory, would end the next.
    """

    def __init__(self, count: int = 0, first: Callable[[], object] = tuple) -> None:
        started = [_start() for _ in range(count)]
        self._children = [child for child in started if child is not None]
        self._lock = threading.Lock()
        self._left = len(self._children)
        self._idle: SimpleQueue[_Child | None] = SimpleQueue()
        for child in self._children:
            self._idle.put(child)
        self._threads = ThreadPoolExecutor(max(1, self._left), thread_name_prefix="worker")
        for _ in self._children:
            self._threads.submit(self._ask, first)

    @property
    def ahead(self) -> int:
        """How many pieces of work are worth beginning before the first result is taken."""
        return 2 * self._left

    def begin(self, work: Callable[[], _T]) -> Callable[[], _T]:
        """Let work be done elsewhere; gives what waits for its result, and raises what it raises.

        work: a function of this package with its arguments, which can be pickled. It is done again
        here where it did not succeed there, so it changes nothing outside of itself.
        """
        if not self._left:
            return work
        return partial(_take, self._threads.submit(self._ask, work), work)

    def close(self) -> None:
        """End the processes, whatever they are at."""
        for child in self._children:
            child.kill()
        self._threads.shutdown(cancel_futures=True)
        for child in self._children:
            with suppress(OSError):  # what was not sent yet can't be
                child.communicate()

    def _ask(self, work: Callable[[], _T]) -> tuple[_T] | None:
        """Its result from a process; None where it did not succeed there."""
        child = self._idle.get()
        if child is None:
            self._idle.put(None)
            return None
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            pickle.dump(work, child.stdin, pickle.HIGHEST_PROTOCOL)
            child.stdin.flush()
            result: tuple[_T] | None = pickle.load(child.stdout)  # noqa: S301 - by ours
        except _ENDED:
            child.kill()
            with self._lock:
                self._left -= 1
                if not self._left:
                    self._idle.put(None)
            return None
        self._idle.put(child)
        return result


_Child = subprocess.Popen[bytes]


def _start() -> _Child | None:
    """A process that will answer once it has imported what it needs; None where none can be
    started."""
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", write_code(__name__)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return None


def _take(future: Future[tuple[_T] | None], work: Callable[[], _T]) -> _T:
    result = future.result()
    return work() if result is None else result[0]


def answer() -> None:
    """Do what is asked for on stdin, piece by piece; what the processes do."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl-C the process that asks takes care
        answers = os.fdopen(os.dup(1), "wb")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints is no answer
        asked: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        threading.Thread(target=_listen, args=(asked,), daemon=True).start()
        while True:
            answers.write(pickle.dumps(_attempt(asked.get()), pickle.HIGHEST_PROTOCOL))
            answers.flush()
    finally:
        os._exit(0)


def _attempt(work: Callable[[], _T]) -> tuple[_T] | None:
    try:
        return (work(),)
    except Exception:  # noqa: BLE001 - it is raised again where it is done by who asked
        return None


def _listen(asked: SimpleQueue[Callable[[], Any]]) -> None:
    """Take requests while there is somebody who asks: a process that was killed leaves no other."""
    try:
        while True:
            asked.put(pickle.load(sys.stdin.buffer))  # noqa: S301 - by ours
    finally:
        os._exit(0)

"""Locks between processes on one machine or one file system; they end with the process."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from covidreport.errors import WriteError

_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextmanager
def hold_lock(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[bool]:
    """Hold the lock of a file, which is made; gives whether another process held it before.

    waiting: called once, before it waits for that process. The file stays: deleting it would let
    two processes hold two locks of one name. Raises WriteError where the file can't be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise WriteError(f"{path}: can't be written ({error.strerror})") from error
    try:
        waited = False
        try:
            _lock(handle, wait=False)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            waited = True
            waiting()
            _lock(handle, wait=True)
        yield waited
    finally:
        os.close(handle)  # which also ends the lock


if sys.platform == "win32":
    import msvcrt
    import time

    def _lock(handle: int, *, wait: bool) -> None:
        while True:
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    raise
                time.sleep(0.1)
            else:
                return

else:
    import fcntl

    def _lock(handle: int, *, wait: bool) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

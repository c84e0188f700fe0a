"""Locks between processes on one machine or one file system; they end with the process.

Some file systems know none (NFS without its lock service, some of FUSE). There it goes on without,
and says so once: a lock file of our own would outlive a process that is killed, and be waited for
without end. Files are whole all the same; two jobs at once only do their work twice.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from covidreport.errors import WriteError
from covidreport.storage.files import format_path

_TAKEN = frozenset({errno.EWOULDBLOCK, errno.EAGAIN}) | (
    {errno.EACCES, errno.EDEADLK} if sys.platform == "win32" else frozenset()
)
_unlocked: list[str] = []
"""Why there was no lock where one was wanted."""


def take_unlocked() -> str | None:
    """Why there was no lock where one was wanted, since this was asked last."""
    why = _unlocked[0] if _unlocked else None
    _unlocked.clear()
    return why


@contextmanager
def hold_lock(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[bool]:
    """Hold the lock of a file, which is made; gives whether another process held it before.

    Where the file system knows no locks there is none, which `take_unlocked` says.
    waiting: called once, before it waits for that process. The file stays: deleting it would let
    two processes hold two locks of one name. Raises WriteError where the file can't be made.
    """
    with _open(path) as handle:
        yield _wait(path, handle, waiting)


@contextmanager
def claim_lock(path: Path) -> Iterator[bool]:
    """Hold the lock of a file unless another process does; gives whether it is held here.

    It is where the file system knows no locks, which `take_unlocked` says: then others may hold it
    as well. Otherwise as `hold_lock`.
    """
    free = True
    with _open(path) as handle:
        try:
            _lock(handle, wait=False)
        except OSError as error:
            free = error.errno not in _TAKEN
            if free:
                _note_unlocked(path, error)
        yield free


def is_held(path: Path) -> bool | None:
    """Whether a process holds the lock of a file now; None where nobody can say.

    Nothing is made or waited for. The lock is had for a moment, so that a process that claims it in
    that moment finds it taken.
    """
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        _lock(handle, wait=False)
    except OSError as error:
        return True if error.errno in _TAKEN else None
    finally:
        with suppress(OSError):
            os.close(handle)
    return False


@contextmanager
def _open(path: Path) -> Iterator[int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise WriteError(f"{format_path(path)}: can't be written ({error.strerror})") from error
    try:
        yield handle
    finally:
        with suppress(OSError):
            os.close(handle)  # which also ends the lock


def _wait(path: Path, handle: int, waiting: Callable[[], None]) -> bool:
    """Take the lock, or note that there is none; whether another process held it before."""
    waited = False
    try:
        try:
            _lock(handle, wait=False)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            waited = True
            waiting()
            _lock(handle, wait=True)
    except OSError as error:
        _note_unlocked(path, error)
    return waited


def _note_unlocked(path: Path, error: OSError) -> None:
    _unlocked.append(f"{format_path(path.parent)}: {error.strerror or error}")


if sys.platform == "win32":
    import msvcrt
    import time

    def _lock(handle: int, *, wait: bool) -> None:
        while True:
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if not wait or error.errno not in _TAKEN:
                    raise
                time.sleep(0.1)
            else:
                return

else:
    import fcntl

    def _lock(handle: int, *, wait: bool) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

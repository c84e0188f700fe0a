"""Tells whether a file was opened, by inotify; on Linux alone."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_OPEN = 0x20


class Watch:
    """Watches files from its making until `seen` is asked; each opening by anybody counts."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._handle = -1
        if not sys.platform.startswith("linux") or not files:
            return
        libc = ctypes.CDLL(None, use_errno=True)
        self._handle = libc.inotify_init1(os.O_NONBLOCK)
        for file in files:
            libc.inotify_add_watch(self._handle, os.fsencode(file), _OPEN)

    def seen(self) -> bool:
        """Whether one of them was opened; ends the watch."""
        if self._handle < 0:
            return False
        try:
            return bool(os.read(self._handle, 4096))
        except BlockingIOError:
            return False
        finally:
            os.close(self._handle)
            self._handle = -1

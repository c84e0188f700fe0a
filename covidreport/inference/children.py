"""What processes of our own have in common that do what may end them."""

from __future__ import annotations

import contextlib
import signal
import sys


def limit_process(most: int) -> None:
    """Let this process take at most so many bytes of memory, and leave no core file behind."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (most, resource.RLIM_INFINITY))


def describe_exit(code: int) -> str:
    """How a process ended: the name of a signal, or its exit code."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"

"""The C library's allocator, told when to give large blocks back to the system.

glibc raises the size from which a block is a mapping of its own up to 32 MiB as soon as such
blocks are freed (mallopt(3), M_MMAP_THRESHOLD). For an evaluation that is too late: pictures and
tensors then lie in the heaps of the threads that made them, between what lives on, and it holds
more memory than it uses. For a fit it is too early: each step asks for the tensors of the one
before it again, and a mapping is filled with zeros by the system page by page.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LIMIT_BYTES = 8 << 20
_LARGEST_BYTES = 2**31 - 1
"""The library takes a C int."""


def give_memory_back() -> bool:
    """Give blocks of several megabytes back when they are freed, at some hundredths of the time
    that decoding pictures of that size takes; False where the C library has no limits to set (all
    but glibc)."""
    return _set_limits(_LIMIT_BYTES)


def keep_memory() -> bool:
    """Keep what is freed for what is asked for next: of a step of ResNet18 on a CPU the system's
    part falls from 112 to 9 ms. False as above."""
    return _set_limits(_LARGEST_BYTES)


def _set_limits(size_bytes: int) -> bool:
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    return all(
        library.mallopt(option, size_bytes) == 1
        for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD)
    )

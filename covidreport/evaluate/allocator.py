"""The C library's allocator, told to give large blocks back to the system when they are freed.

glibc raises the size from which a block is a mapping of its own up to 32 MiB as soon as such
blocks are freed (mallopt(3), M_MMAP_THRESHOLD). Pictures and tensors then lie in the heaps of the
threads that made them, between what lives on, and a long evaluation holds more memory than it
uses. With a fixed limit the pictures of several megapixels go back, at some hundredths of the time
that their decoding takes.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LIMIT_BYTES = 8 << 20


@cache
def give_memory_back() -> bool:
    """Set the limits once in this process; False where the C library has none (all but glibc)."""
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    return all(
        library.mallopt(option, _LIMIT_BYTES) == 1
        for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD)
    )

"""The one thing of EXIF that changes pixels: which way is up."""

from __future__ import annotations

import struct

_ORIENTATION_TAG = 0x0112
_ENTRY_BYTES = 12


def read_orientation(block: bytes) -> int:
    """EXIF's orientation, 1 (upright) to 8, of a TIFF block as JPEG and PNG carry it.

    1 where there is none or the block is damaged: damaged metadata doesn't make an image unusable,
    and a reader's guess must not turn it.
    """
    try:
        return _find_orientation(block)
    except (struct.error, KeyError):
        return 1


def _find_orientation(block: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}[bytes(block[:2])]
    (first_directory,) = struct.unpack_from(order + "I", block, 4)
    (n_entries,) = struct.unpack_from(order + "H", block, first_directory)
    for entry in range(n_entries):
        start = first_directory + 2 + entry * _ENTRY_BYTES
        tag, _, _, value = struct.unpack_from(order + "HHIH", block, start)
        if tag == _ORIENTATION_TAG:
            return int(value) if 1 <= value <= 8 else 1
    return 1

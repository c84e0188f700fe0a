"""What the file system says of a file, and whether it proves that the bytes are those of before.

Size and time of change (mtime) prove nothing: `tar` and `cp -p` set the time of the file that they
copied. The time of change of the inode (ctime) can't be set by a program, so a file with the same
size, mtime, ctime and inode is the same file. Where a system keeps no such time, bytes decide.

Stamps hold for one file system of one machine: they belong into the cache folder, never into a run
folder that travels.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from covidreport.storage.address import find_address
from covidreport.storage.objects import identify_objects

_COARSE_NS = 10_000_000
"""A change time in whole steps of this is one that the system makes up of another time: FAT's and
that of some network file systems follow the mtime, which a program can set."""
_TICK_NS = 20_000_000
"""Two changes within a tick of the system's clock (1 to 10 ms) may have the same change time."""


_NUMBERS: Final = struct.Struct("<qqqq")


class Stamp(NamedTuple):
    """One file's size in bytes, times in nanoseconds since 1970, and inode.

    Of an object four numbers of what identifies it to its store, which prove as much.
    """

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def stamp_file(path: Path | str) -> Stamp | None:
    """The stamp of a file, links followed; None where it can't be looked up.

    Take it before the file is read. Waits, at most 20 ms, where the file was changed so lately that
    a change after the reading could have the same time.
    """
    if (address := find_address(path)) is not None:
        (identity,) = identify_objects(f"{address.parent}/", [address.name])
        return Stamp(*_NUMBERS.unpack(identity)) if identity else None
    try:
        found = os.stat(path)  # noqa: PTH116 - as in stamp_paths
    except OSError:
        return None
    stamp = Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    let_clock_pass(stamp.ctime_ns)
    return stamp


def is_unchanged(then: Stamp | None, now: Stamp | None) -> bool:
    """Whether these stamps prove that a file's bytes are the same; where not, bytes decide."""
    return then is not None and then == now and proves(then.ctime_ns, then.inode)


@overload
def proves(ctime_ns: int, inode: int) -> bool: ...
@overload
def proves(ctime_ns: NDArray[np.int64], inode: NDArray[np.int64]) -> NDArray[np.bool_]: ...
def proves(
    ctime_ns: int | NDArray[np.int64], inode: int | NDArray[np.int64]
) -> bool | NDArray[np.bool_]:
    """Whether the system states a change time and an inode that no program can set; of each file.

    On Windows the time is that of the file's creation; elsewhere an inode of 0 or a time without
    fractions is one that the file system makes up.
    """
    known: bool | NDArray[np.bool_] = (inode != 0) & (ctime_ns % _COARSE_NS != 0)
    return known & (sys.platform != "win32")


def let_clock_pass(ctime_ns: int) -> None:
    """Wait until a change that is made now has another change time than this one."""
    left = ctime_ns + _TICK_NS - time.time_ns()
    if 0 < left <= _TICK_NS:
        time.sleep(left / 1e9)

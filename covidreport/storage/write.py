"""Puts files whole or not at all, on whatever file system: network, FUSE, FAT, a container's.

What makes a file safer or nicer (flushing, its permissions) is excluded where it is not known
there; what keeps it whole (a rename) never is.
"""

from __future__ import annotations

import errno
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from covidreport.errors import WriteError
from covidreport.storage.address import find_address, refuse_address
from covidreport.storage.files import format_path
from covidreport.storage.objects import write_object

NOT_KNOWN: Final = frozenset(
    {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY}
)
"""What an OSError says where a file system does not know what was asked of it."""
_REFUSED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EBUSY, errno.EEXIST})
"""What a rename over a file says that is open elsewhere (Windows, SMB), or where none is known."""
_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4)
"""Whoever has a file open for reading, such as a scanner for viruses, is soon done with it."""
_MOST_SIGNS: Final = 40
"""Of a file's name in that of the file beside it: a name has 255 bytes at most, a sign up to 4."""


def encode_text(text: str) -> bytes:
    """A text for a file: what of a name is no UTF-8 becomes an escape, which JSON knows too."""
    return text.encode(errors="backslashreplace")


def write_atomic(path: Path, data: bytes, *, flush: bool = True) -> None:
    """Put `data` at `path` whole or not at all: written beside it, flushed, then renamed.

    Of an `Address` it is an object that is put. flush: without it, a machine that stops soon after
    may leave the file cut off, which whoever reads it must notice. Raises WriteError where the disk
    is full, the folder can't be written to or nothing can be renamed there; what stood there before
    still stands. UsageError for an address that nobody made an `Address` of, which would be a
    folder.
    """
    if (address := find_address(path)) is not None:
        write_object(str(address), data)
        return
    refuse_address(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.resolve()  # what a link points to is replaced, and not the link
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(data)  # a device or a pipe is written to, and never replaced
        else:
            _write_beside(target, data, format_path(path), flush=flush)
    except OSError as error:
        do = "make room or choose another folder"
        if error.errno == errno.ENAMETOOLONG:
            do = "choose a shorter name"
        raise WriteError(
            f"{format_path(path)}: can't be written ({error.strerror or error}); {do}"
        ) from error


def _write_beside(path: Path, data: bytes, shown: str, *, flush: bool) -> None:
    prefix = f".{path.name[:_MOST_SIGNS]}."
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if flush:
                _flush(file.fileno())
        _open_to_readers(temporary)
        _put(temporary, path, shown)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _flush(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NOT_KNOWN:  # such as EIO or ENOSPC, which some tell only here
            raise


def _open_to_readers(path: Path) -> None:
    """mkstemp makes files that only their owner may read."""
    umask = os.umask(0)
    os.umask(umask)
    with suppress(OSError):  # FAT, and proportions of another owner, have permissions of their own
        path.chmod(0o666 & ~umask)


def _put(temporary: Path, path: Path, shown: str) -> None:
    """Rename over what stands there; where that is refused, what stands there is put aside first.

    A process that is killed between the two leaves the old file under another name, and none that
    is half written. shown: the path as it is told.
    """
    for pause in _PAUSES_S:
        try:
            temporary.replace(path)
        except OSError as error:
            if error.errno not in _REFUSED or path.is_dir():
                raise
            time.sleep(pause)
        else:
            return
    try:
        if path.is_file():
            _put_aside(temporary, path)
        else:
            temporary.replace(path)
    except OSError as error:
        raise WriteError(
            f"{shown}: what was written can't be renamed to it ({error.strerror}); "
            "close what has it open, or choose a folder of another file system"
        ) from error


def _put_aside(temporary: Path, path: Path) -> None:
    old = temporary.with_suffix(".old")
    path.rename(old)
    try:
        temporary.rename(path)
    except OSError:
        old.rename(path)
        raise
    with suppress(OSError):
        old.unlink()

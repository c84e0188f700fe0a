"""Reads what people and other programs left in a folder: regular files alone, as UTF-8.

A run folder may hold anything under any name. What would block (a pipe), never end (a device) or
not be what its name says is named, and never opened.
"""

from __future__ import annotations

import codecs
import errno
import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final

from covidreport.errors import StoreError
from covidreport.storage.address import find_address
from covidreport.storage.copied import show_place
from covidreport.storage.objects import digest_object, measure_object

MOST_NAME_BYTES: Final = 255
"""Of a file's name, on all usual file systems."""
_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
"""How texts begin that are UTF-16 or UTF-32; the mark of UTF-32 LE begins with that of UTF-16."""
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def stands(path: Path) -> bool:
    """Whether anything has that name, a link that leads nowhere too; False where nobody can say."""
    return os.path.lexists(path)


def open_file(path: Path) -> BufferedReader:
    """A regular file, opened for reading; what it is instead is said in a StoreError."""
    try:
        return open_regular(path)
    except (OSError, ValueError) as error:
        raise StoreError(f"{format_path(path)}: {_explain(path, error)}") from error


def open_regular(path: Path | str) -> BufferedReader:
    """A regular file or an object, opened for reading. OSError where it is none: a pipe would
    block, a device never end."""
    if (address := find_address(path)) is not None:
        return address.open("rb")  # type: ignore[return-value]
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    kind = name_kind(os.stat(path).st_mode)  # noqa: PTH116
    # opening a device may already do something; a pipe that takes the place now does not block
    handle = -1 if kind else os.open(path, flags)
    try:
        kind = kind or name_kind(os.fstat(handle).st_mode)
        if kind is not None:
            raise OSError(errno.EINVAL, f"is {kind}, and a file is wanted")
        return os.fdopen(handle, "rb")
    except BaseException:
        if handle >= 0:
            os.close(handle)
        raise


def read_most(file: BinaryIO, most_bytes: int) -> bytes:
    """What is in an open file, `most_bytes` and one byte more at most: that one says too much."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    # Not all that is allowed: room for a gigabyte, made and given back, takes longer than reading.
    data = file.read(min(size, most_bytes) + 1)
    grown = size < len(data) <= most_bytes
    return data + file.read(most_bytes + 1 - len(data)) if grown else data


def read_bytes(path: Path, most_bytes: int | None = None) -> bytes:
    """What is in a regular file; StoreError where it is none, or holds more than `most_bytes`."""
    with open_file(path) as file:
        try:
            data = file.read() if most_bytes is None else read_most(file, most_bytes)
        except OSError as error:
            raise StoreError(f"{format_path(path)}: can't be read ({error.strerror})") from error
    if most_bytes is not None and len(data) > most_bytes:
        raise StoreError(
            f"{format_path(path)}: holds more than {most_bytes:,} bytes, which is no such file"
        )
    return data


def read_text(path: Path, most_bytes: int | None = None) -> str:
    """The text of a regular file, as `read_bytes`; StoreError where it is not UTF-8.

    A byte order mark, which editors on Windows put first, is passed over.
    """
    data = read_bytes(path, most_bytes)
    if data.startswith(_WIDE) or b"\0" in data[:2]:
        raise StoreError(f"{format_path(path)}: is UTF-16 text; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise StoreError(
            f"{format_path(path)}: is not UTF-8 text (byte {byte:#04x} at {error.start:,}); "
            "save it as UTF-8"
        ) from error


def digest_file(path: Path) -> str:
    """The sha256 of a file's or an object's bytes, in hexadecimal."""
    if (address := find_address(path)) is not None:
        return digest_object(str(address))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def measure_file(path: Path) -> int:
    """The size of a file or an object in bytes. OSError where it can't be looked up."""
    if (address := find_address(path)) is not None:
        return measure_object(str(address))
    return path.stat().st_size


def format_path(path: Path | str) -> str:
    """A path as text that any file can hold: bytes that are no UTF-8 are spelt as `\\xff`, and what
    is the copy of an object is named by that."""
    return os.fsencode(show_place(path)).decode("utf-8", "backslashreplace")


def fits_name(name: str) -> bool:
    """Whether a folder or file can be called so: a name of text, of 255 bytes, with no separator.

    None that leads elsewhere (`..`) or that is hidden.
    """
    if not name.strip() or name.startswith(".") or not name.isprintable():
        return False  # what is no UTF-8, and NUL, is not printable
    return len(name.encode()) <= MOST_NAME_BYTES and not set(name) & {"/", "\\"}


def name_kind(mode: int) -> str | None:
    """What something is that is no regular file, by its mode: `a folder`, `a pipe`, …"""
    return next((name for is_kind, name in _KINDS if is_kind(mode)), None)


def _explain(path: Path, error: OSError | ValueError) -> str:
    """Why a file can't be opened, with where a link leads that leads nowhere."""
    if isinstance(error, ValueError):
        return "is no name that a file can have"
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return f"is a link to {format_path(os.readlink(path))}, which is not there"  # noqa: PTH115
    if error.errno == errno.EINVAL and error.strerror:
        return error.strerror
    return f"can't be read ({error.strerror})"

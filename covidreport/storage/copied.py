"""Paths in copies of folders of object stores, which readers know by their addresses."""

from __future__ import annotations

import os
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

_addresses: dict[str, str] = {}
"""By the copy of a folder, where it is of."""

if TYPE_CHECKING:
    _Base = Path
else:
    _Base = type(Path())  # before Python 3.12 `Path` itself can't be a base


class Use(IntEnum):
    """What a copy is for; the later, the more is done with it."""

    READ = 0
    WRITE = 1
    """What is new or another in it is put back."""
    MAKE = 2
    """The same, and nothing needs to be there."""


class CopiedPath(_Base):
    """A path in a copy; as text for readers (`as_posix`, in f-strings) it is the address of the
    original, and `str` opens it."""

    def as_posix(self) -> str:
        """The address, where the path lies in a copy of this process; else as any path."""
        shown = super().as_posix()
        for copy, address in _addresses.items():
            if shown == copy or shown.startswith(f"{copy}/"):
                return address + shown.removeprefix(copy)
        return shown

    def __format__(self, spec: str) -> str:
        return format(self.as_posix(), spec)


def note_copy(folder: Path, address: str) -> None:
    """Say where a folder of this machine is a copy of; known by either name, where it is linked."""
    for name in {os.fspath(folder), os.path.realpath(folder)}:
        _addresses[Path(name).as_posix()] = address


def show_place(path: Path | str) -> str:
    """A path as readers know it: that in a copy by its address, others as they are."""
    return path.as_posix() if isinstance(path, CopiedPath) else os.fspath(path)

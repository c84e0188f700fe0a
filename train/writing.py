"""Large files, put whole or not at all; a process that is told to stop lets one be ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from covidreport.errors import WriteError

from .stopping import WRITING


@contextmanager
def put_whole(path: Path) -> Iterator[Path]:
    """A file to write beside `path`, flushed and renamed to it at the end, or removed.

    WriteError where the disk is full or the folder can't be written to.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        # torch hides what its stream raised behind an error of its own
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError):
            raise
        why = cause.strerror or cause
        raise WriteError(
            f"{path}: can't be written ({why}); make room or choose another folder"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def write_tensors(path: Path, value: object) -> None:
    """`torch.save`, whole or not at all; WriteError where that can't be."""
    with WRITING, put_whole(path) as part, part.open("wb") as file:
        torch.save(value, file)


def remove_parts(folder: Path) -> None:
    """Remove what a process that was killed left half written; nobody else may write there."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)

"""Looks for run folders below one, by the names of what stands in them; reads none of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from msgspec import Struct

from covidreport.storage.files import format_path, stands
from covidreport.storage.folder import EVALUATIONS_FOLDER, MODEL_FILE, RUN_FILE

MODEL_SUFFIX: Final = ".onnx"
DEEPEST: Final = 32
"""Folders below one that is named; what lies deeper is not searched."""


class _SearchedFolder(Struct):
    """A folder that was looked into: where it lies, and the ONNX files in it."""

    folder: Path
    parent: _SearchedFolder | None
    depth: int
    models: tuple[str, ...] = ()
    is_run: bool = False
    holds_runs: bool = False

    def take(self) -> None:
        """Call it a run; no folder above it is one for its ONNX file."""
        self.is_run = True
        above = self.parent
        while above is not None and not above.holds_runs:
            above.holds_runs = True
            above = above.parent


def find_folders(path: Path, notes: list[str]) -> list[Path]:
    """The run folders at and below a folder, in the order of their names; each is seen once."""
    found = _walk(path, notes)
    for each in reversed(found):  # folders below come first
        if not each.is_run and len(each.models) == 1 and not each.holds_runs:
            each.take()
    folders = [each.folder for each in found if each.is_run]
    taken = {model_beside(folder) for folder in folders}
    for each in found:
        loose = [each.folder / name for name in each.models]
        loose = [] if each.is_run else [model for model in loose if model not in taken]
        if loose:
            notes.append(
                f"{', '.join(map(format_path, loose))}: of no run; name what is to be one, such as "
                f"`covidreport evaluate {format_path(loose[0])}`, or give each a folder of its own"
            )
    return folders


def _walk(path: Path, notes: list[str]) -> list[_SearchedFolder]:
    """Every folder at and below one, not below a run; a folder above comes before those in it."""
    found: list[_SearchedFolder] = []
    seen: set[str] = set()
    waiting = [_SearchedFolder(path, None, 0)]
    while waiting:
        each = waiting.pop()
        real = os.path.realpath(each.folder)
        if real in seen:  # a link to a folder above, or a second way to one
            continue
        seen.add(real)
        found.append(each)
        try:
            if is_declared(each.folder):
                each.take()
                continue
            each.models = list_models(each.folder)
            below = _list_folders(each.folder)
        except OSError:
            each.take()  # nobody knows what is in it: it is told as a run that can't be read
            continue
        if below and each.depth == DEEPEST:
            notes.append(f"{format_path(each.folder)}: what lies below is too deep to be searched")
            continue
        waiting += [
            _SearchedFolder(each.folder / name, each, each.depth + 1) for name in reversed(below)
        ]
    return found


def is_declared(folder: Path) -> bool:
    """Whether a folder says that it is a run, by whatever stands under those names."""
    return (
        stands(folder / RUN_FILE)
        or stands(folder / MODEL_FILE)
        or os.path.isdir(folder / EVALUATIONS_FOLDER)  # noqa: PTH112 - never raises
    )


def model_beside(folder: Path) -> Path | None:
    """The ONNX file of a run that lies beside its folder: `runs/exp1.onnx` of `runs/exp1`."""
    named = folder if folder.name not in ("", os.pardir) else folder.resolve()
    model = named.parent / f"{named.name}{MODEL_SUFFIX}"
    return model if stands(model) else None


def list_models(folder: Path) -> tuple[str, ...]:
    """The names of the ONNX files in a folder, links and whatever else is no folder among them."""
    with os.scandir(folder) as entries:
        return tuple(sorted(
            entry.name for entry in entries
            if Path(entry.name).suffix.lower() == MODEL_SUFFIX and not entry.name.startswith(".")
            and not _is_folder(entry)
        ))  # fmt: skip


def _list_folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if not e.name.startswith(".") and _is_folder(e))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False

"""The paths of a manifest: each the name of one file below its root, stated once, and there."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Sequence
from itertools import repeat
from pathlib import Path

from covidreport.dataset.faults import Faults
from covidreport.dataset.files import prefix_of
from covidreport.dataset.spellings import Spellings
from covidreport.errors import UsageError
from covidreport.storage.address import Address, explain_address, locate
from covidreport.storage.objects import identify_objects

_NOT_PLAIN = re.compile(r"\\|\0|^/|^[A-Za-z]:|(?:^|/)\.{0,2}(?:/|$)")
"""What a path of plain names below the manifest's folder never has."""
_SIGNS = ("\\", "\0", ":", "\n/", "/\n", "\n\n", "\n.", "./", "/.", "//")
"""One of these stands in a text of paths, a line each, wherever `_NOT_PLAIN` finds something."""


def read_paths(
    cells: Sequence[str], root: Path, faults: Faults, idle: Collection[int] = ()
) -> tuple[str, ...]:
    """Paths in their shortest spelling. Each must be a name below root, once, and exist.

    idle: rows whose files need not exist. An absolute path below root is the relative one; a name
    in another Unicode form than the file's is the file's.
    """
    paths = list(cells)
    bad = set()
    for row in _find_odd_paths(cells):
        path = make_relative(cells[row], root)
        fault = _find_path_fault(path)
        if fault is None:
            paths[row] = posixpath.normpath(path)
        else:
            bad.add(row)
            faults.add(row, fault)
    faults.add_repeated(paths, "path", bad)
    prefix = prefix_of(root)
    skipped = bad.union(idle)
    checked = [path for row, path in enumerate(paths) if row not in skipped] if skipped else paths
    if isinstance(root, Address):
        found = [each is not None for each in identify_objects(prefix, checked)]
    else:
        found = list(map(os.access, map(prefix.__add__, checked), repeat(os.F_OK)))
    if not all(found):
        lost = {path for path, exists in zip(checked, found, strict=True) if not exists}
        there = Spellings(root)
        meant = {path: there.find_other_form(path) for path in lost}
        for row, path in enumerate(paths):
            if row in skipped or path not in lost:
                continue
            paths[row] = meant[path] or path
            if meant[path] is None:
                faults.add(row, f"no such file: {path}{there.suggest(path)}")
    return tuple(paths)


def find_store(cells: Sequence[str]) -> Path | None:
    """The bucket that the first path lies in, where it is the address of an object.

    Always the bucket: ids that are paths stay the same when rows are added.
    """
    if not cells or explain_address(cells[0]) is None:
        return None
    try:
        found = locate(cells[0])
    except UsageError:
        return None  # said of the row
    return found.parents[-3] if len(found.parts) > 2 else None


def make_relative(path: str, root: Path) -> str:
    """An absolute path that lies in root, from there; any other as it stands."""
    if isinstance(root, Address):
        return path.removeprefix(f"{root}/")
    if not path.startswith("/"):
        return path
    for folder in (root.absolute(), root.resolve()):
        begin = f"{folder.as_posix().rstrip('/')}/"
        if path.startswith(begin):
            return path.removeprefix(begin)
    return path


def _find_odd_paths(cells: Sequence[str]) -> list[int]:
    """Rows whose path needs a second look. All paths at once first: nearly always there is none."""
    text = "\n".join(["", *cells, ""])
    if not any(sign in text for sign in _SIGNS):
        return []
    return [row for row, path in enumerate(cells) if _NOT_PLAIN.search(path)]


def _find_path_fault(path: str) -> str | None:
    parts = path.replace("\\", "/").split("/")
    if not path.strip() or posixpath.normpath(path) == ".":
        return "path is empty"
    if "\0" in path:
        return f"path {path!r} holds a null character"
    if (fault := _find_address_fault(path)) is not None:
        return f"path {fault}"
    if path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", path):
        return (
            f"path {path!r} is absolute: paths are relative to the manifest's folder, or begin "
            "with the `root` that [manifest] names"
        )
    if ".." in parts:
        return f"path {path!r} leaves the manifest's folder, or may: '..' is refused"
    return None


def _find_address_fault(path: str) -> str | None:
    if explain_address(path) is None:
        return None
    try:
        return (
            f"{locate(path)} lies elsewhere than the other images: all of a manifest are on this "
            "machine or in one bucket"
        )
    except UsageError as error:
        return str(error)

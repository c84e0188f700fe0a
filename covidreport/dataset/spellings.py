"""Files that are there under a name spelt otherwise: another Unicode form, case, blanks."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections.abc import Callable
from pathlib import Path


class Spellings:
    """Looks names up in the folders below `root`; each folder is listed once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[str, list[str]] = {}

    def find_other_form(self, path: str) -> str | None:
        """The one file whose path is this in another Unicode form; None without one."""
        found = self._find(path, _compose)
        return None if found == path else found

    def suggest(self, path: str) -> str:
        """What is there instead, for a message: case, blanks, the kind of slash; else nothing."""
        found = self._find(posixpath.normpath(path.replace("\\", "/")), loosen)
        return "" if found in (None, path) else f"; there is {found!r}"

    def _find(self, path: str, alike: Callable[[str], str]) -> str | None:
        parts: list[str] = []
        for part in path.split("/"):
            wanted = alike(part)
            near = [name for name in self._list("/".join(parts)) if alike(name) == wanted]
            if part in near:
                near = [part]
            if len(near) != 1:
                return None
            parts += near
        return "/".join(parts)

    def _list(self, folder: str) -> list[str]:
        if folder not in self._listed:
            try:
                self._listed[folder] = os.listdir(self._root / folder)  # noqa: PTH208 - names alone
            except OSError:
                self._listed[folder] = []
        return self._listed[folder]


def _compose(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def loosen(name: str) -> str:
    """A name without what is easily spelt otherwise: case, blanks, the Unicode form."""
    return "".join(_compose(name).casefold().split())

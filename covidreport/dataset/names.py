"""Images by whatever others call them."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from covidreport.dataset.paths import make_relative
from covidreport.dataset.spellings import loosen


class ImageNames:
    """Looks images up by id, path, file name, or that without its suffix.

    ids, paths: `(N,)`, paths relative to `root`. A path may be spelt with `./`, backslashes, in
    another Unicode form, or as an absolute one below `root`.
    """

    def __init__(self, ids: Sequence[str], paths: Sequence[str], root: Path) -> None:
        self._ids, self._root = ids, root
        self._exact = {name: i for names in (paths, ids) for i, name in enumerate(names)}
        self._ways: list[dict[str, set[int]]] = [{}, {}, {}]
        self._loose: dict[str, str] = {}
        for name, i in self._exact.items():
            spelt = _spell(name)
            for names, each in zip(self._ways, spelt, strict=True):
                names.setdefault(each, set()).add(i)
            self._loose.setdefault(loosen(spelt[0]), name)

    def find(self, name: str) -> int | str:
        """The row of an image; in words why there is none, empty where nothing is like it."""
        if name in self._exact:
            return self._exact[name]
        tidy, base, stem = _spell(make_relative(name.strip(), self._root))
        # a name with folders is none without them, and one with a suffix none of another kind
        wanted = [tidy, *([base] if base == tidy else []), *([stem] if stem == tidy else [])]
        for names, each in zip(self._ways, wanted, strict=False):
            found = sorted(names.get(each, ()))
            if len(found) == 1:
                return found[0]
            if found:
                some = " or ".join(self._ids[row] for row in found[:3])
                return f"may be {some}: name it as the data do"
        near = self._loose.get(loosen(tidy))
        return "" if near is None else f"is no image; there is {near!r}"


def _spell(name: str) -> tuple[str, str, str]:
    """A path in its shortest spelling and one Unicode form, its file's name, and without suffix."""
    tidy = unicodedata.normalize("NFC", posixpath.normpath(name.strip().replace("\\", "/")))
    base = posixpath.basename(tidy)
    return tidy, base, posixpath.splitext(base)[0]

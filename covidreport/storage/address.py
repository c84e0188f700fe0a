"""Addresses in object stores and on the web, told from paths.

An `Address` is a path to those who read images and manifests. Anywhere else an address is refused:
a path of such a text is no error to the system, and `s3://bucket/report.html` names a folder `s3:`.
"""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any, Final

from covidreport.errors import UsageError
from covidreport.storage import objects
from covidreport.storage.store_errors import strip_secrets
from covidreport.text import listed

SCHEMES: Final = ("s3", "gs", "az", "hf", "memory")
"""Stores that are read; `memory` is fsspec's own, which ends with the process."""
WRITTEN: Final = ("s3", "gs", "az")
"""Stores that are written to. On the Hub each file would be a commit."""
MOST_BYTES: Final = 1 << 32
"""Of a manifest, or an image whose size nobody has looked at."""
_ADDRESS: Final = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.IGNORECASE | re.DOTALL)
"""A path has one slash where the text had two; one letter before the colon is a drive."""
_CREDENTIALS: Final = re.compile(r"[^/]*@|[^?]*\?[^/]*=")
"""What stands before the server's name, or a signature behind the path."""

if TYPE_CHECKING:
    _Base = Path
else:
    _Base = type(Path())  # before Python 3.12 `Path` itself can't be a base


class Address(_Base):
    """Where an object is, or a folder of them, such as `s3://bucket/data/manifest.csv`.

    As a path it has parts, a parent, a name and a suffix; it is asked whether it is there, opened
    for reading, and deleted. Whole files are put there by `write_atomic`. What else a path can do
    is meant for this machine, and is not for it.
    """

    def __str__(self) -> str:
        scheme, _, rest = super().__str__().replace("\\", "/").partition(":")
        return f"{scheme}://{rest.lstrip('/')}"

    def __fspath__(self) -> str:
        return str(self)

    def as_posix(self) -> str:
        """The address itself."""
        return str(self)

    def absolute(self) -> Address:
        """The address itself: there is no current folder in a store."""
        return self

    def resolve(self, strict: bool = False) -> Address:  # noqa: ARG002 - as a path's
        """The address itself: there are no links in a store."""
        return self

    def exists(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002 - as a path's
        """Whether there is an object, or one below. UsageError where nobody may ask."""
        return objects.name_kind(str(self)) is not None

    def is_file(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002 - as a path's
        """Whether there is an object. UsageError where nobody may ask."""
        return objects.name_kind(str(self)) == "file"

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002 - as a path's
        """Whether there are objects below. UsageError where nobody may ask."""
        return objects.name_kind(str(self)) == "directory"

    def read_bytes(self) -> bytes:
        """The object's bytes. OSError and UnreachableError as `read_object`."""
        return objects.read_object(str(self), MOST_BYTES)

    def open(  # type: ignore[override]  # for reading alone
        self, mode: str = "r", *args: Any, **more: Any
    ) -> IO[Any]:
        """The object's bytes or its text, for reading alone."""
        if mode not in ("r", "rb"):
            raise UsageError(f"{self}: is read, and nothing is written there")
        file = io.BufferedReader(io.BytesIO(self.read_bytes()))
        return file if mode == "rb" else io.TextIOWrapper(file, *args, **more)

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the object. WriteError where that is not allowed."""
        if not missing_ok and not self.exists():
            raise FileNotFoundError(errno.ENOENT, "there is no such object", str(self))
        objects.delete_object(str(self))


def locate(place: str | os.PathLike[str]) -> Path:
    """A place as a path, or as an `Address` where it is one that can be read.

    UsageError for an address of another kind, and for one that holds credentials.
    """
    return _locate(
        place, SCHEMES, f"{_list_schemes(SCHEMES[:-1])} are read: copy what it names to this "
        "machine with its own tool",
    )  # fmt: skip


def locate_output(place: str | os.PathLike[str]) -> Path:
    """As `locate` of where a file is to be written, whole."""
    return _locate(
        place, WRITTEN, f"{_list_schemes(WRITTEN)} are written to: write to this machine, and copy "
        "from there with its own tool",
    )  # fmt: skip


def locate_runs(place: str | os.PathLike[str]) -> Path:
    """As `locate` of folders of runs, which are copied and written to."""
    return _locate(
        place, WRITTEN, f"{_list_schemes(WRITTEN)} may hold runs: copy them to this machine with "
        "its own tool",
    )  # fmt: skip


def locate_baseline(text: str) -> str | Path:
    """As `locate_runs` of a baseline in a store; else the text, which may be a run's name."""
    return locate_runs(text) if "://" in text else text


def _locate(place: str | os.PathLike[str], schemes: Sequence[str], which: str) -> Path:
    found = _ADDRESS.match(os.fspath(place))
    if found is None:
        return Path(place)
    if found[1].lower() not in schemes:
        raise UsageError(f"{_show(found)} is an address, and of those {which}")
    if _CREDENTIALS.match(found[2]):
        raise UsageError(
            f"{_show(found)} was given with credentials, which would be recorded: give them by the "
            "environment or the configuration of fsspec"
        )
    return Address(f"{found[1].lower()}://{found[2]}")


def locate_beside(folder: Path, place: str) -> Path:
    """As `locate`; a path begins in the folder."""
    located = locate(place)
    return located if isinstance(located, Address) else folder / located


def is_folder(place: Path) -> bool:
    """Whether files go into it by their own names; in a store a place without a suffix is one.

    A store is not asked: who may write there need not be allowed to look.
    """
    return not place.suffix if isinstance(place, Address) else place.is_dir()


def find_address(path: Path | str) -> Address | None:
    """The address that a path is; None for one of this machine. A text is one if it has `://`."""
    if isinstance(path, str):
        return Address(path) if "://" in path and _ADDRESS.match(path) else None
    return path if isinstance(path, Address) else None


def explain_address(place: str | os.PathLike[str]) -> str | None:
    """Why a place can't be used, where it is an address such as `s3://bucket/runs`; else None."""
    found = _ADDRESS.match(os.fspath(place))
    if found is None:
        return None
    return (
        f"{_show(found)} is an address, and files are read and written on this machine "
        "alone: give a path here, and copy from and to the address with its own tool (a folder "
        f"called '{found[1]}:' is named by its absolute path)"
    )


def _show(found: re.Match[str]) -> str:
    return strip_secrets(f"{found[1]}://{found[2]}")


def _list_schemes(schemes: Sequence[str]) -> str:
    return listed([f"{scheme}://" for scheme in schemes])


def refuse_address(place: str | os.PathLike[str], where: str = "") -> None:
    """UsageError where a place is an address; where: the option that names it."""
    why = explain_address(place)
    if why is not None:
        raise UsageError(f"{where} {why}".lstrip())


def refuse_addresses(values: Iterable[tuple[str, object]]) -> None:
    """UsageError where a path, or one in a list of them, is an address; each after what names it.

    A text is no path: a title may be a link. An `Address` was made by who can read it.
    """
    for where, value in values:
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, PurePath) and not isinstance(each, Address):
                refuse_address(each, where)

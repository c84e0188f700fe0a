"""Run folders of an object store as copies on this machine, and what changed in them put back.

Models are opened by their paths, mapped and digested; so a command works on a copy in the cache.
An object is copied once, and again where what identifies it to its store (its ETag) is another.
Scores of a killed evaluation stand in the copy as in any run folder.

There is no lock between machines. An object that another machine put since it was copied is not
replaced: that is an error, and what was computed stands in the copy until the next call, which
takes what the store has.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from covidreport.errors import ServiceError, StoreError, UsageError
from covidreport.storage import objects
from covidreport.storage.codec import decode, read_json, write_json
from covidreport.storage.copied import CopiedPath, note_copy
from covidreport.storage.files import fits_name
from covidreport.storage.folder import EVALUATION_FILE, EVALUATIONS_FOLDER, FAILURE_FILE
from covidreport.storage.search import MODEL_SUFFIX
from covidreport.storage.stamps import Stamp, stamp_file
from covidreport.text import plural

KIND = "stored-runs"
"""Of the cache; an entry is the copy of one folder of a store."""
LOCK_FILE: Final = ".lock"
_INDEX: Final = ".copied.json"
_SCHEMA: Final = "covidreport.copied/1"
_LAST: Final = (EVALUATION_FILE, FAILURE_FILE)
"""Put last: with them the other files of an evaluation hold."""
_NOT_COPIED: Final = (".pt", ".pth", ".ckpt")
"""Weights of a training, which no command opens."""


class _Copied(Struct, frozen=True):
    """What is known of one object: what identified it, and the stamp of its copy."""

    identity: str
    stamp: Stamp | None


class StoredFolder:
    """A folder of a store and its copy, which one process at a time works on.

    entry: a folder of this machine, for the copy and what is known of it.
    """

    def __init__(self, address: str, entry: Path) -> None:
        self.address = address.rstrip("/")
        if not fits_name(self.address.rpartition("/")[2]):
            raise UsageError(f"{address}: is no name of a folder")
        self._entry = entry
        self.folder = CopiedPath(entry / self.address.rpartition("/")[2])
        self._known: dict[str, _Copied] = {}

    def copy(self, *, new: bool = False) -> int:
        """Copy what is new or another there, drop what is gone; gives how many objects were copied.

        What was computed here and not put yet stays, where the store has what it had. UsageError
        where nothing is there, unless it may be a `new` folder.
        """
        self._known = self._read_index()
        there = _list_objects(self.address)
        if not there and not new:
            raise UsageError(f"{self.address}: {self._explain_nothing()}")
        gone = [name for name in self._known if name not in there]
        for name in gone:
            (self.folder / name).unlink(missing_ok=True)
            del self._known[name]
        for folder in _find_emptied(gone, there):
            shutil.rmtree(self.folder / folder, ignore_errors=True)
        wanted = [name for name, identity in there.items() if not self._has(name, identity)]
        try:
            objects.copy_objects(
                [(f"{self.address}/{name}", self.folder / name) for name in wanted]
            )
        except OSError as error:
            raise ServiceError(f"{self.address}: can't be copied ({error})") from error
        for name in wanted:
            self._known[name] = _Copied(there[name], stamp_file(self.folder / name))
        self.folder.mkdir(parents=True, exist_ok=True)
        note_copy(self.folder, self.address)
        self._write_index()
        return len(wanted)

    def put_back(self) -> int:
        """Put the files there that are new or another here, each object whole and `evaluation.json`
        last, and delete evaluations that are gone; gives how many objects were put.

        ServiceError where another machine changed one of them since it was copied: it is not put,
        nor another file of the same evaluation. WriteError and UnreachableError as `write_object`.
        """
        changed, gone = self._find_changes()
        if not changed and not gone:
            return 0
        there = _list_objects(self.address)
        others = {
            _name_whole(name) for name in (*changed, *gone)
            if there.get(name, "") != self._identify(name)
        }  # fmt: skip
        put = 0
        for name in sorted(changed, key=lambda each: (each.endswith(_LAST), each)):
            if _name_whole(name) in others:
                continue
            stamp = stamp_file(self.folder / name)
            objects.copy_to_store(self.folder / name, f"{self.address}/{name}")
            # under which ETag, the store says at the next call: another may have put one since
            self._known[name] = _Copied("put", stamp)
            put += 1
        for name in gone:
            if _name_whole(name) not in others:
                objects.delete_object(f"{self.address}/{name}")
                del self._known[name]
        self._write_index()
        if others:
            raise ServiceError(
                f"{self.address}: {', '.join(sorted(others))} was changed there meanwhile, and is "
                f"not replaced ({plural(put, 'object')} of others put); begin again: what is there "
                "now is copied, and what it lacks is computed"
            )
        return put

    def _has(self, name: str, identity: str) -> bool:
        known = self._known.get(name)
        return known is not None and known.identity == identity and (self.folder / name).is_file()

    def _identify(self, name: str) -> str:
        known = self._known.get(name)
        return "" if known is None else known.identity

    def _find_changes(self) -> tuple[list[str], list[str]]:
        """Files that were written here since they were copied, and those of evaluations that were
        deleted: of a run no command deletes another."""
        here = set(_list_files(self.folder))
        changed = [
            name for name in here
            if name not in self._known or self._known[name].stamp != stamp_file(self.folder / name)
        ]  # fmt: skip
        return changed, sorted(filter(_is_evidence, self._known.keys() - here))

    def _explain_nothing(self) -> str:
        """Why nothing is below the address."""
        if objects.name_kind(self.address) != "file":
            return "there is nothing there; give a folder of run folders"
        if self.address.endswith(MODEL_SUFFIX):
            return "is a file; of a model in a store give the folder that it is in"
        return "is a file; give a folder of run folders"

    def _read_index(self) -> dict[str, _Copied]:
        try:
            stated = read_json(self._entry / _INDEX, _SCHEMA)
            return decode(stated["objects"], dict[str, _Copied])
        except (StoreError, KeyError):
            return {}

    def _write_index(self) -> None:
        write_json(self._entry / _INDEX, {"schema": _SCHEMA, "objects": self._known})


def _list_objects(address: str) -> dict[str, str]:
    """What identifies each object below a folder that is copied, by its path from there."""
    found = objects.list_objects(address)
    return {
        name: identity.hex()
        for name, identity in found.items()
        if all(map(fits_name, name.split("/"))) and not name.endswith(_NOT_COPIED)
    }


def _find_emptied(gone: Iterable[str], there: Iterable[str]) -> set[str]:
    """The folders of which nothing is there any more, but for those in `evaluations/`: a run that
    was deleted leaves locks and scores of killed evaluations, and would be a run still."""
    standing = {folder for name in there for folder in _list_above(name)}
    return {folder for name in gone for folder in _list_above(name)} - standing


def _list_above(name: str) -> Iterator[str]:
    """`a` and `a/b` of `a/b/model.onnx`; none in an `evaluations` folder."""
    parts = name.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        if EVALUATIONS_FOLDER not in parts[:end]:
            yield "/".join(parts[:end])


def _list_files(folder: Path) -> Iterable[str]:
    for root, _, names in os.walk(folder):
        for name in names:
            path = (Path(root) / name).relative_to(folder)
            if all(map(fits_name, path.parts)) and not name.endswith(_NOT_COPIED):
                yield "/".join(path.parts)


def _is_evidence(name: str) -> bool:
    return EVALUATIONS_FOLDER in name.split("/")[:-2]


def _name_whole(name: str) -> str:
    """What is put whole or not at all: `a/evaluations/data-validation` of
    `a/evaluations/data-validation/thumbnails/1.webp`, of `a/thresholds.json` the file itself."""
    parts = name.split("/")
    end = parts.index(EVALUATIONS_FOLDER) + 2 if _is_evidence(name) else len(parts)
    return "/".join(parts[:end])

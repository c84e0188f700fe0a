"""The identity of a model: its graph and every file that the graph refers to, by their bytes.

`torch.onnx.export` writes weights into a second file by default, so the first alone says little of
what a model answers. The files are found from the references in the graph, without loading
weights. The identity of a model of one file is the sha256 of its bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from msgspec import Struct

from covidreport.errors import RunError
from covidreport.records import Evaluation, Run
from covidreport.storage.cache import read_cached, write_cached
from covidreport.storage.files import digest_file, name_kind
from covidreport.storage.outline import External
from covidreport.storage.stamps import Stamp, is_unchanged, stamp_file
from covidreport.storage.wire import read_outline

KIND = "models"
SEVERAL = b"covidreport.model/1\n"
"""What the digest of a model of several files begins with."""
_HEAD_BYTES = 1024
POINTERS: Mapping[bytes, tuple[str, str]] = {
    b"version https://git-lfs.github.com/spec/": ("Git LFS", "git lfs pull"),
    b"# xet version": ("Git Xet", "git xet checkout"),
    b"outs:\n": ("DVC", "dvc pull"),
    b"../.git/annex/objects/": ("git-annex", "git annex get"),
    b"/annex/objects/": ("git-annex", "git annex get"),
}
"""How a file begins that stands for another one, what wrote it, and what brings the real one."""


class ModelFile(Struct, frozen=True):
    """One file of a model: its path from the model's folder, with forward slashes."""

    path: str
    size_bytes: int
    sha256: str


class ModelIdentity(Struct, frozen=True):
    """What a model is known by. files: the graph first, then what it refers to, by path."""

    sha256: str
    files: tuple[ModelFile, ...]
    stamps: tuple[Stamp | None, ...] = ()
    """Of the files, as they were before they were read."""

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(file.size_bytes for file in self.files)

    def facts(self) -> dict[str, object]:
        """As an evaluation's provenance keeps it."""
        facts: dict[str, object] = {
            "file": self.files[0].path,
            "sha256": self.sha256,
            "bytes": self.size_bytes,
        }
        if len(self.files) > 1:
            facts["files"] = {
                file.path: {"sha256": file.sha256, "bytes": file.size_bytes} for file in self.files
            }
        return facts


def identify_model(path: Path, *, verify: bool = False, use_cache: bool = True) -> ModelIdentity:
    """The identity of the model in a file, with all that it refers to.

    Files whose size, times of change and inode are those of the last time are not read again;
    verify: read them all the same. use_cache: whether that is read and written there. Raises
    RunError with what is wrong where the file is no model, or where a file that it refers to is
    missing, too short, or outside of the model's folder.
    """
    known = _read_cached(path) if use_cache and not verify else None
    if known is not None:
        return known
    before = stamp_file(path)
    locations = locate_files(path)
    stamps = (before, *(stamp_file(location) for location in [*locations.values()][1:]))
    files = []
    for name, location in locations.items():
        try:
            files.append(ModelFile(name, location.stat().st_size, digest_file(location)))
        except OSError as error:
            raise RunError(f"{name} can't be read ({error.strerror})") from error
    identity = ModelIdentity(_combine(files), tuple(files), stamps)
    if use_cache and None not in stamps:
        write_cached(KIND, path.absolute(), identity)
    return identity


class ModelMatch(Struct, frozen=True):
    """A model beside the one that was evaluated, each by the bytes of all its files."""

    recorded: str | None
    """The sha256 that was evaluated; None where the answers came from elsewhere."""
    found: str | None
    """That of the model which is there; None where it is not whole."""
    fault: str = ""
    """Why it is not."""

    @property
    def same(self) -> bool:
        """Whether it is the model that was evaluated."""
        return self.found is not None and self.found == self.recorded


def match_model(
    model: Path, evaluation: Evaluation, *, verify: bool = False, use_cache: bool = True
) -> ModelMatch:
    """Whether a model is the one that was evaluated; verify, use_cache: as `identify_model`."""
    return _match(model, evaluation.facts.model_sha256, verify=verify, use_cache=use_cache)


def match_models(
    run: Run, evaluation: Evaluation, *, verify: bool = False
) -> list[tuple[Run, ModelMatch]]:
    """A run's model beside the one that was evaluated; of a configuration those of all its folds.

    Empty where there is no model. verify: as `identify_model`.
    """
    recorded = {each.run: each.model for each in evaluation.facts.folds}
    if not run.members:
        recorded = {run.name: evaluation.facts.model_sha256}
    return [
        (each, _match(each.model, recorded.get(each.name), verify=verify))
        for each in run.members or (run,)
        if each.model is not None
    ]


def _match(
    model: Path, recorded: str | None, *, verify: bool = False, use_cache: bool = True
) -> ModelMatch:
    try:
        identity = identify_model(model, verify=verify, use_cache=use_cache)
    except RunError as error:
        return ModelMatch(recorded, None, str(error))
    return ModelMatch(recorded, identity.sha256)


def check_unchanged(path: Path, identity: ModelIdentity) -> None:
    """RunError where a file of the model was written to since it was identified."""
    for i, (file, before) in enumerate(zip(identity.files, identity.stamps, strict=True)):
        if stamp_file(path.parent / file.path if i else path) != before:
            raise RunError(
                f"{file.path} was changed while the model was used; evaluate it again when nothing "
                "writes to it"
            )


def stated_digest(settings: Mapping[str, Any]) -> str | None:
    """The sha256 that a run.json states of the model that was exported; None where it does not."""
    export = settings.get("export")
    stated = export.get("sha256") if isinstance(export, Mapping) else None
    return stated if isinstance(stated, str) else None


def measure_model(path: Path) -> int:
    """The bytes that a model takes with all files that it refers to, as far as they are there."""
    sizes = {path: _size(path)}
    try:
        pieces = read_outline(path).externals()
    except (OSError, ValueError):
        pieces = ()
    for piece in pieces:
        location = path.parent / piece.location
        if "\0" not in piece.location and location not in sizes:
            sizes[location] = _size(location)
    return sum(sizes.values())


def _size(path: Path) -> int:
    try:
        facts = path.stat()
    except OSError:
        return 0
    return facts.st_size if stat.S_ISREG(facts.st_mode) else 0


def locate_files(path: Path) -> dict[str, Path]:
    """The files of a model by their path from its folder: the graph, then what it refers to.

    Every file is there, a regular one, inside of the folder and as long as the graph says.
    Raises RunError with the first fault of each file.
    """
    check_regular(path, path.name)
    try:
        outline = read_outline(path)
    except OSError as error:
        raise RunError(f"{path.name} can't be read ({error.strerror})") from error
    except ValueError as error:
        raise RunError(f"{path.name} can't be loaded: it {error}") from error
    folder = path.parent.resolve()
    found: dict[str, Path] = {}
    faults: dict[str, str] = {}
    for piece in outline.externals():
        if piece.location in faults:
            continue
        try:
            name, location = _locate(folder, piece)
            _check_length(location, piece)
        except RunError as error:
            faults[piece.location] = str(error)
        else:
            found[name] = location
    if faults:
        raise RunError(f"{path.name} is not whole: " + "; ".join(faults.values()))
    return {path.name: path, **{name: found[name] for name in sorted(found)}}


def check_regular(path: Path, name: str) -> None:
    """RunError unless there is a plain file that can be opened, and it is no pointer to one."""
    try:
        facts = path.stat()
    except OSError as error:
        if path.is_symlink():
            target = str(path.readlink())
            raise RunError(
                f"{name} is a link to {target!r}, which can't be followed ({error.strerror}); "
                "copy the file there with `cp -L`"
            ) from error
        beside = path.with_name(f"{path.name}.dvc")
        remedy = "; `dvc pull` brings it" if beside.is_file() else ""
        raise RunError(f"{name} is not there ({error.strerror}){remedy}") from error
    kind = name_kind(facts.st_mode)
    if kind is not None:
        raise RunError(f"{name} is {kind}, and no file")
    pointer = read_pointer(path)
    if pointer is not None:
        tool, remedy = pointer
        raise RunError(
            f"{name} is a pointer of {tool} and not the file itself; `{remedy}` brings it"
        )


def read_pointer(path: Path) -> tuple[str, str] | None:
    """The tool whose pointer a file is, and the command that brings what it stands for."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    for mark, tool in POINTERS.items():
        if head.startswith(mark):
            return tool
    return None


def _locate(folder: Path, piece: External) -> tuple[str, Path]:
    """A file that a tensor refers to: its path from `folder`, and where it is."""
    location = piece.location
    said = f"{location!r}, which the tensor {piece.tensor!r} refers to,"
    if not location or "\0" in location:
        raise RunError(f"{said} is no name of a file")
    name = PurePath(location)
    if name.is_absolute() or os.pardir in name.parts:
        raise RunError(f"{said} is outside of the run folder; put it beside the model")
    file = folder / name
    try:
        inside = file.resolve().is_relative_to(folder)
    except (OSError, RuntimeError) as error:
        raise RunError(f"{said} can't be followed ({error})") from error
    if not inside:
        raise RunError(
            f"{said} is a link that leaves the run folder; copy the file there with `cp -L`"
        )
    check_regular(file, said)
    return name.as_posix(), file


def _check_length(location: Path, piece: External) -> None:
    """RunError where the file ends before the tensor does."""
    size, end = location.stat().st_size, piece.offset + piece.size_bytes
    if end > size:
        raise RunError(
            f"{piece.location!r} has {size:,} bytes, and the tensor {piece.tensor!r} stands at "
            f"{piece.offset:,} to {end:,}: it is cut off, or of another model"
        )


def _combine(files: list[ModelFile]) -> str:
    """The sha256 of the only file; of several one of all, whatever the first is called."""
    if len(files) == 1:
        return files[0].sha256
    digest = hashlib.sha256(SEVERAL)
    for i, file in enumerate(files):
        name = file.path if i else ""
        digest.update(f"{json.dumps(name)} {file.size_bytes} {file.sha256}\n".encode())
    return digest.hexdigest()


def _read_cached(path: Path) -> ModelIdentity | None:
    """The identity of the last time, where the stamps of all files prove that it still holds."""
    known = read_cached(KIND, path.absolute(), ModelIdentity)
    if known is None:
        return None
    for i, (file, before) in enumerate(zip(known.files, known.stamps, strict=True)):
        if not is_unchanged(before, stamp_file(path.parent / file.path if i else path)):
            return None
    return known

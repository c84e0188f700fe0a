"""Scores as they come, chunk by chunk, so that a killed evaluation goes on where it stopped.

They are written, not mapped: a file that is mapped ends the process by SIGBUS where its disk is
full or its server gone, and some file systems map none.
"""

from __future__ import annotations

import errno
import json
import math
import os
import secrets
import shutil
import threading
import weakref
from contextlib import ExitStack, suppress
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from covidreport.errors import RunError, WriteError
from covidreport.storage.cache_folder import note_damage
from covidreport.store import write_json

FOLDER = ".partial"
SINGLE = np.dtype(np.float32)
_UNKNOWN = 0


class ScoresInMemory:
    """The scores of one run, `(N, K)`, NaN until they are known; gone with the process."""

    def __init__(self, scores: NDArray[np.floating]) -> None:
        self._scores = scores

    @classmethod
    def of(cls, n: int, k: int, kind: np.dtype[Any]) -> ScoresInMemory:
        """Of so many images of which nothing is known."""
        return cls(np.full((n, k), np.nan, kind))

    def has(self, start: int) -> bool:  # noqa: ARG002 - as `ScoresCheckpoint.has`
        """Whether the chunk that begins at image `start` was known before."""
        return False

    def put(self, start: int, rows: NDArray[np.floating]) -> None:
        """Keep the scores of a chunk, or of any other images from `start` on."""
        self._scores[start : start + len(rows)] = rows

    def read(self) -> NDArray[np.floating]:
        """All of them."""
        return self._scores


class ScoresCheckpoint:
    """The scores of one run that are known so far, `(N, K)`.

    They stand in a folder that is named beside the evaluation and holds the key of what is being
    computed; another key begins anew. Each chunk has a checksum, and one that does not agree is
    scored again. They are in the file alone, so that many runs of many images take no memory; that
    nobody exchanges them meanwhile, checksums that can be had for any rows don't tell, and seals
    do, whose secret only this process has.
    scores: where they are kept without files; with files it tells their shape and type. checks: the
    checksums `(chunks,)`. token: drawn when it was begun. files: those of scores and of
    checksums; None where the file system has no such thing: then all is in memory, and scored again
    after a kill.
    """

    def __init__(
        self, folder: Path, scores: NDArray[np.floating], checks: NDArray[np.uint64], batch: int,
        token: str, files: tuple[FileIO, FileIO] | None,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.token = token
        self._shape, self._type = scores.shape, scores.dtype
        self._memory = None if files else scores
        self._checks = checks
        self._seals = np.zeros_like(checks)
        self._secret = secrets.token_bytes(16)
        self._batch = batch
        self._files = files
        self._using = threading.Lock()
        self._closing = weakref.finalize(self, _close, files)

    def has(self, start: int) -> bool:
        """Whether the chunk that begins at image `start` is known."""
        check = int(self._checks[start // self._batch])
        if check == _UNKNOWN:
            return False
        with self._using:
            rows = self._read_rows(start, self._batch)
        if check == _check(rows, start):
            self._seals[start // self._batch] = self._seal(rows, start)
            return True
        note_damage("scores of an interrupted evaluation")
        self._checks[start // self._batch] = _UNKNOWN
        return False

    def put(self, start: int, rows: NDArray[np.floating]) -> None:
        """Keep the scores of the chunk that begins at image `start`."""
        rows = rows.astype(self._type, copy=False)
        chunk = start // self._batch
        self._checks[chunk] = _check(rows, start)
        self._seals[chunk] = self._seal(rows, start)
        with self._using:
            if self._files is not None:
                try:
                    _write(self._files[0], rows, start)
                    _write(self._files[1], self._checks[chunk : chunk + 1], chunk)
                except OSError:
                    self._take_into_memory()
            if self._memory is not None:
                self._memory[start : start + len(rows)] = rows

    def read(self) -> NDArray[np.floating]:
        """All of them, NaN where they never were known; RunError where they are not those that were
        put here, or that `has` found."""
        with self._using:
            scores = self._read_rows(0, self._shape[0])
        for chunk in np.flatnonzero(self._seals).tolist():
            start = chunk * self._batch
            if int(self._seals[chunk]) != self._seal(scores[start : start + self._batch], start):
                raise RunError(
                    f"{self.folder}: scores of image {start} and those after it are not what was "
                    "written there: the file was changed meanwhile, or its disk is damaged",
                    "Evaluate the run again.",
                )
        return scores

    def _seal(self, rows: NDArray[np.floating], start: int) -> int:
        sealed = blake2b(start.to_bytes(8, "little"), digest_size=8, key=self._secret)
        sealed.update(rows.tobytes())
        return int.from_bytes(sealed.digest(), "little") or 1

    def _read_rows(self, start: int, n: int) -> NDArray[np.floating]:
        if self._memory is not None:
            return self._memory[start : start + n]
        assert self._files is not None
        size = self._shape[1] * self._type.itemsize
        n = min(n, self._shape[0] - start)
        self._files[0].seek(start * size)
        return _fill(self._files[0].read(n * size), (n, self._shape[1]), self._type)

    def _take_into_memory(self) -> None:
        """Go on without the file, which can't be written any more: a kill costs more from here on.

        Whether there is room in the end, the evaluation itself says.
        """
        self._memory = self._read_rows(0, self._shape[0])
        self._files = None

    def remove(self) -> None:
        """Delete the folder, once the evaluation is written."""
        with self._using:
            self._files = None
            self._closing()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def discard(evaluation_folder: Path) -> None:
        """Forget what an interrupted evaluation left."""
        _remove(evaluation_folder / FOLDER)

    @staticmethod
    def read_token(evaluation_folder: Path) -> str | None:
        """The token of what an interrupted evaluation left; None where it left nothing whole."""
        facts = _read_facts(evaluation_folder / FOLDER)
        return str(facts.get("token")) if isinstance(facts, dict) else None


def open_checkpoint(
    evaluation_folder: Path, key: str, n: int, k: int, batch: int, kind: np.dtype[Any] = SINGLE
) -> ScoresCheckpoint:
    """The partial scores under this key, as they were left or new; WriteError for a full disk.

    kind: the scores' type.
    """
    try:
        return _open(evaluation_folder / FOLDER, key, n, k, batch, kind)
    except OSError as error:
        raise WriteError(
            f"{evaluation_folder / FOLDER}: can't be written ({error.strerror}); make room"
        ) from error


def _open(
    folder: Path, key: str, n: int, k: int, batch: int, kind: np.dtype[Any]
) -> ScoresCheckpoint:
    chunks = -(-n // batch)
    facts: dict[str, Any] = {"key": key, "shape": [n, k], "batch": batch, "checks": "xxh3"}
    names = folder / f"scores.f{8 * kind.itemsize}", folder / "checks.u64"
    if kind != SINGLE:
        facts["type"] = kind.name
    blank, checks = np.full((n, k), np.nan, kind), np.zeros(chunks, np.uint64)
    found = _read_facts(folder)
    token = found.pop("token", "") if isinstance(found, dict) else ""
    if found == facts:
        checks = _fill(_read_bytes(names[1]), checks.shape, checks.dtype)
    else:
        token = secrets.token_hex(16)
        _remove(folder)
        folder.mkdir(parents=True, exist_ok=True)
        names[0].write_bytes(blank.tobytes())
        names[1].write_bytes(checks.tobytes())
        write_json(folder / "partial.json", {**facts, "token": token})
    files = _open_files(*names)
    scores = blank if files else _fill(_read_bytes(names[0]), blank.shape, kind)
    return ScoresCheckpoint(folder, scores, checks, batch, str(token), files)


def _read_bytes(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""


def _fill(data: bytes, shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """What a file holds, of that shape and type; zeros for what was cut off, which agree with no
    checksum."""
    size = math.prod(shape) * kind.itemsize
    return np.frombuffer(bytearray(data[:size].ljust(size, b"\0")), kind).reshape(shape)


def _check(rows: NDArray[Any], start: int) -> int:
    return xxhash.xxh3_64_intdigest(rows.tobytes(), seed=start) or 1


def _open_files(scores: Path, checks: Path) -> tuple[FileIO, FileIO] | None:
    """Both files, to be written to where one wants; None where they can't be."""
    with ExitStack() as opened:
        try:
            files = tuple(opened.enter_context(FileIO(file, "r+")) for file in (scores, checks))
        except OSError:
            return None
        opened.pop_all()
    return files[0], files[1]


def _write(file: FileIO, rows: NDArray[Any], start: int) -> None:
    """Write rows where they stand in a file of such rows."""
    file.seek(start * (rows.nbytes // len(rows)))
    if file.write(rows.tobytes()) != rows.nbytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _close(files: tuple[FileIO, FileIO] | None) -> None:
    for file in files or ():
        with suppress(OSError):
            file.close()


def _remove(folder: Path) -> None:
    """Delete the folder; of a link, the link alone."""
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _read_facts(folder: Path) -> object:
    try:
        return json.loads((folder / "partial.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None

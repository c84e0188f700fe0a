"""Scores as they come, chunk by chunk, so that a killed evaluation goes on where it stopped.

They are written, not mapped: a file that is mapped ends the process by SIGBUS where its disk is
full or its server gone, and some file systems map none.
"""

from __future__ import annotations

import json
import secrets
import shutil
import threading
import weakref
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from covidreport.errors import WriteError
from covidreport.storage.cache_folder import note_damage
from covidreport.store import write_json

FOLDER = ".partial"
SINGLE = np.dtype(np.float32)
_UNKNOWN = 0


class ScoresCheckpoint:
    """The scores of one run that are known so far: `(N, K)`, anything elsewhere.

    They stand in a folder that is named beside the evaluation and holds the key of what is being
    computed; another key begins anew. Each chunk has a checksum, and one that does not agree is
    scored again. token: drawn when it was begun. files: those of scores and of checksums, to be
    written to; None where the file system has no such thing, and all is scored again after a kill.
    """

    def __init__(
        self, folder: Path, scores: NDArray[np.floating], checks: NDArray[np.uint64], batch: int,
        token: str, files: tuple[FileIO, FileIO] | None,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.token = token
        self.scores = scores
        self._checks = checks
        self._batch = batch
        self._files = files
        self._writing = threading.Lock()
        self._closing = weakref.finalize(self, _close, files)

    def has(self, start: int) -> bool:
        """Whether the chunk that begins at image `start` is known."""
        check = int(self._checks[start // self._batch])
        if check in (_UNKNOWN, self._check(start)):
            return check != _UNKNOWN
        note_damage("scores of an interrupted evaluation")
        self._checks[start // self._batch] = _UNKNOWN
        return False

    def mark(self, start: int) -> None:
        """Say that the scores of the chunk that begins at `start` stand in `scores`."""
        chunk = start // self._batch
        self._checks[chunk] = self._check(start)
        with self._writing:
            if self._files is None:
                return
            try:
                _write_rows(self._files[0], self.scores, start, self._batch)
                _write_rows(self._files[1], self._checks, chunk, 1)
            except OSError:
                self._files = None  # a kill costs more from here on; whether there is room in the
                # end, the evaluation itself says

    def _check(self, start: int) -> int:
        rows = self.scores[start : start + self._batch]
        return xxhash.xxh3_64_intdigest(rows.tobytes(), seed=start) or 1

    def remove(self) -> None:
        """Delete the folder, once the evaluation is written."""
        with self._writing:
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
    scores, checks = np.full((n, k), np.nan, kind), np.zeros(chunks, np.uint64)
    found = _read_facts(folder)
    token = found.pop("token", "") if isinstance(found, dict) else ""
    if found == facts:
        scores, checks = _read_array(names[0], scores), _read_array(names[1], checks)
    else:
        token = secrets.token_hex(16)
        _remove(folder)
        folder.mkdir(parents=True, exist_ok=True)
        names[0].write_bytes(scores.tobytes())
        names[1].write_bytes(checks.tobytes())
        write_json(folder / "partial.json", {**facts, "token": token})
    return ScoresCheckpoint(folder, scores, checks, batch, str(token), _open_files(*names))


def _read_array(file: Path, like: NDArray[Any]) -> NDArray[Any]:
    """What a file holds, of that shape and type; zeros for what was cut off, which agree with no
    checksum."""
    data = file.read_bytes() if file.is_file() else b""
    whole = data[: like.nbytes].ljust(like.nbytes, b"\0")
    return np.frombuffer(bytearray(whole), like.dtype).reshape(like.shape)


def _open_files(scores: Path, checks: Path) -> tuple[FileIO, FileIO] | None:
    """Both files, to be written to where one wants; None where they can't be."""
    with ExitStack() as opened:
        try:
            files = tuple(opened.enter_context(FileIO(file, "r+")) for file in (scores, checks))
        except OSError:
            return None
        opened.pop_all()
    return files[0], files[1]


def _write_rows(file: FileIO, values: NDArray[Any], start: int, n: int) -> None:
    rows = values[start : start + n]
    file.seek(start * (values.nbytes // len(values)))
    file.write(rows.tobytes())


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

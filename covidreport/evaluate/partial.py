"""Scores as they come, chunk by chunk, so that a killed evaluation goes on where it stopped."""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from covidreport.cache import note_damage
from covidreport.errors import WriteError
from covidreport.store import write_json

FOLDER = ".partial"
_UNKNOWN = 0


class PartialScores:
    """The scores of one run that are known so far: float32 `(N, K)`, anything elsewhere.

    They stand in a folder that is named beside the evaluation and holds the key of what is being
    computed; another key begins anew. Each chunk has a checksum, and one that does not agree is
    scored again. token: drawn when it was begun.
    """

    def __init__(self, folder: Path, scores: NDArray[np.float32], checks: NDArray[np.uint64],
                 batch: int, token: str) -> None:  # fmt: skip
        self.folder = folder
        self.token = token
        self.scores = scores
        self._checks = checks
        self._batch = batch

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
        self._checks[start // self._batch] = self._check(start)

    def _check(self, start: int) -> int:
        rows = self.scores[start : start + self._batch]
        return xxhash.xxh3_64_intdigest(rows.tobytes(), seed=start) or 1

    def remove(self) -> None:
        """Delete the folder, once the evaluation is written."""
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


def open_partial(evaluation_folder: Path, key: str, n: int, k: int, batch: int) -> PartialScores:
    """The partial scores under this key, as they were left or new; WriteError for a full disk."""
    try:
        return _open(evaluation_folder / FOLDER, key, n, k, batch)
    except OSError as error:
        raise WriteError(
            f"{evaluation_folder / FOLDER}: can't be written ({error.strerror}); make room"
        ) from error


def _open(folder: Path, key: str, n: int, k: int, batch: int) -> PartialScores:
    chunks = -(-n // batch)
    facts = {"key": key, "shape": [n, k], "batch": batch, "checks": "xxh3"}
    files = {"scores.f32": (np.float32, (n, k)), "checks.u64": (np.uint64, (chunks,))}
    found = _read_facts(folder)
    token = found.pop("token", "") if isinstance(found, dict) else ""
    if found != facts:
        token = secrets.token_hex(16)
        _remove(folder)
        folder.mkdir(parents=True)
        np.full((n, k), np.nan, np.float32).tofile(folder / "scores.f32")
        np.zeros(chunks, np.uint64).tofile(folder / "checks.u64")
        write_json(folder / "partial.json", {**facts, "token": token})
    scores, checks = (
        np.memmap(folder / name, dtype, "r+", shape=shape) for name, (dtype, shape) in files.items()
    )
    return PartialScores(folder, scores, checks, batch, str(token))


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

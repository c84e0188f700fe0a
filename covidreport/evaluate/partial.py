"""Scores as they come, chunk by chunk, so that a killed evaluation goes on where it stopped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covidreport.cache import boot_id
from covidreport.errors import WriteError
from covidreport.store import write_json

FOLDER = ".partial"


class PartialScores:
    """The scores of one run that are known so far: float32 `(N, K)`, NaN elsewhere.

    They stand in a folder that is named beside the evaluation and holds the key of what is being
    computed; another key begins anew.
    """

    def __init__(self, folder: Path, scores: NDArray[np.float32], done: NDArray[np.uint8],
                 batch: int) -> None:  # fmt: skip
        self.folder = folder
        self.scores = scores
        self._done = done
        self._batch = batch

    def has(self, start: int) -> bool:
        """Whether the chunk that begins at image `start` is known."""
        return bool(self._done[start // self._batch])

    def mark(self, start: int) -> None:
        """Say that the scores of the chunk that begins at `start` stand in `scores`."""
        self._done[start // self._batch] = 1

    def remove(self) -> None:
        """Delete the folder, once the evaluation is written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def discard(evaluation_folder: Path) -> None:
        """Forget what an interrupted evaluation left."""
        shutil.rmtree(evaluation_folder / FOLDER, ignore_errors=True)


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
    facts = {"key": key, "shape": [n, k], "batch": batch, "boot": boot_id()}
    files = {"scores.f32": (np.float32, (n, k)), "done.u8": (np.uint8, (chunks,))}
    if _read_facts(folder) != facts:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        np.full((n, k), np.nan, np.float32).tofile(folder / "scores.f32")
        np.zeros(chunks, np.uint8).tofile(folder / "done.u8")
        write_json(folder / "partial.json", facts)
    scores, done = (
        np.memmap(folder / name, dtype, "r+", shape=shape) for name, (dtype, shape) in files.items()
    )
    return PartialScores(folder, scores, done, batch)


def _read_facts(folder: Path) -> object:
    try:
        return json.loads((folder / "partial.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None

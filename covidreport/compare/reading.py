"""Reads the stored scores of many runs for one report, each file once: a cache in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from msgspec.structs import replace

from covidreport.records import Scores
from covidreport.store import ScoresReader, digest_file

ReadScores = Callable[[Path], Scores]
"""`read_scores`, or what stands for it."""
Made = TypeVar("Made")


class CachingReader:
    """`read_scores` that opens a file at its first call alone. Raises as it does, at every call.

    What a run's scores have in common with the first ones read (ids, truth, patients, attributes)
    is held once, so that of each further run only its own scores take memory. Files are as they
    were when they were first asked for, as long as the reader is there. hold: whether scores are
    held at all; without them, digests and what is made of the scores are.
    """

    def __init__(self, *, hold: bool = True) -> None:
        self._hold = hold
        self._scores: dict[Path, Scores] = {}
        self._digests: dict[Path, str] = {}
        self._made: tuple[object, object] = (None, None)
        self._read = ScoresReader()

    def __call__(self, path: Path) -> Scores:
        """The scores in a file."""
        if not self._hold:
            return self._read(path)
        if path not in self._scores:
            scores = self._read(path)
            self._scores[path] = _reuse_equal(scores, next(iter(self._scores.values()), scores))
        return self._scores[path]

    def digest(self, path: Path) -> str:
        """`digest_file` of it."""
        if path not in self._digests:
            self._digests[path] = digest_file(path)
        return self._digests[path]

    def make_once(self, facts: object, make: Callable[[], Made]) -> Made:
        """What `make` gives of the files, or gave the last time for equal facts."""
        if self._made[0] != facts:
            self._made = (facts, make())
        return cast("Made", self._made[1])


def digest_scores(path: Path, read: ReadScores) -> str:
    """The digest of a file of scores: once for one report, which asks for it in many places."""
    return read.digest(path) if isinstance(read, CachingReader) else digest_file(path)


def _reuse_equal(scores: Scores, first: Scores) -> Scores:
    """The same scores with the values of `first` wherever its values are equal."""
    shared = {}
    for name in Scores.__struct_fields__:
        ours, theirs = getattr(scores, name), getattr(first, name)
        if ours is theirs:
            continue
        arrays = isinstance(ours, np.ndarray), isinstance(theirs, np.ndarray)
        # Where one alone is an array, as of files of an earlier version, `==` has many answers.
        if np.array_equal(ours, theirs) if all(arrays) else not any(arrays) and ours == theirs:
            shared[name] = theirs
    found = replace(scores, **shared)
    if found.reasons is first.reasons:
        vars(found)["failed"] = first.failed  # computed once of each, and held once as well
    return found

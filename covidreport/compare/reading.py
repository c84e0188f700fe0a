"""Reads the stored scores of many runs for one report, each file once: a cache in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from covidreport.records import Scores
from covidreport.store import ScoresReader

ReadScores = Callable[[Path], Scores]
"""`read_scores`, or what stands for it."""


def caching_reader() -> ReadScores:
    """`read_scores` that opens a file at its first call alone. Raises as it does, at every call.

    What a run's scores have in common with the first ones read (ids, truth, patients, attributes)
    is held once, so that of each further run only its own scores take memory.
    """
    cached: dict[Path, Scores] = {}
    read_scores = ScoresReader()

    def read(path: Path) -> Scores:
        if path not in cached:
            scores = read_scores(path)
            cached[path] = _reuse_equal(scores, next(iter(cached.values()), scores))
        return cached[path]

    return read


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

"""Where runs look: the maps that stand beside the evaluations of a report, and their means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.boundary import attempt
from covidreport.metrics import find_peak, measure_drops, share_outside, to_probabilities
from covidreport.records import (
    CaseMap,
    Evaluation,
    ExcludedRun,
    Failure,
    Grid,
    MeanMap,
    RunMaps,
    StoredMaps,
)
from covidreport.store import read_maps

AGAIN = "`covidreport evaluate --maps` makes them again"


class Positive(Struct, frozen=True):
    """A positive by what the report calls it, and what each run said of it: y, n or f."""

    name: str
    said: str


def collect_maps(
    ranked: Sequence[tuple[Evaluation, Path]], names: Sequence[str], target: str,
    positives: Mapping[str, Positive],
) -> tuple[tuple[RunMaps, ...], tuple[ExcludedRun, ...]]:  # fmt: skip
    """The maps of the runs of a table of cases, in its order, and why others are not shown.

    ranked: evaluations with their folders; names: the runs whose answers `positives` has, by the
    names of the pictures' files. Maps of another evaluation than the one that stands, be it of
    another model, other preprocessing or other data, are not shown.
    """
    maps: list[RunMaps] = []
    excluded: list[ExcludedRun] = []
    for evaluation, folder in ranked:
        if evaluation.run not in names:
            continue
        stored = attempt(evaluation.run, "read", partial(read_maps, folder))
        if isinstance(stored, Failure):
            excluded.append(ExcludedRun(evaluation.run, stored.explanation))
        elif stored is not None and (stored.key, stored.target) != (evaluation.facts.key, target):
            why = f"its maps are of another evaluation than the one that stands: {AGAIN}"
            excluded.append(ExcludedRun(evaluation.run, why))
        elif stored is not None and not any(each.name in positives for each in stored.maps):
            excluded.append(ExcludedRun(evaluation.run, "it has maps of none of these cases"))
        elif stored is not None:
            place = names.index(evaluation.run)
            maps.append(_describe(evaluation.run, place, stored, positives))
    return tuple(maps), tuple(excluded)


def _describe(
    run: str, place: int, stored: StoredMaps, positives: Mapping[str, Positive]
) -> RunMaps:
    """The maps of the images that the report knows, by what the run says of them today."""
    known = [each for each in stored.maps if each.name in positives]
    scores = np.array([each.score for each in known])
    occluded = np.array([each.occluded for each in known])
    occluded = occluded.reshape(len(known), stored.rows * stored.columns)
    drops = measure_drops(scores, occluded, stored.activation)
    drops = drops.reshape(len(known), stored.rows, stored.columns)
    found = np.array([positives[each.name].said[place] == "y" for each in known], np.bool_)
    before = to_probabilities(scores, stored.activation)
    rows = zip(known, found, before, drops, strict=True)
    cases = {
        positives[one.name].name: CaseMap(bool(yes), float(score), *_find_peak(grid), _list(grid))
        for one, yes, score, grid in rows
    }
    return RunMaps(
        run, stored.fill, stored.pixels, stored.positives, _average(drops[found]),
        _average(drops[~found]), len(stored.failed), cases,
    )  # fmt: skip


def _average(drops: NDArray[np.float64]) -> MeanMap | None:
    """The mean of maps `(n, R, C)`; None of none."""
    if not len(drops):
        return None
    mean = drops.mean(axis=0)
    return MeanMap(len(drops), share_outside(mean), *_find_peak(mean), _list(mean))


def _find_peak(drops: NDArray[np.float64]) -> tuple[float, int, int]:
    row, column = find_peak(drops)
    return float(drops[row, column]), row, column


def _list(drops: NDArray[np.float64]) -> Grid:
    return tuple(tuple(float(value) for value in row) for row in drops)

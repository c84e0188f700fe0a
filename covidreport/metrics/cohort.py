"""Whom the images of each class show: patients, ages, and what else the data state of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.subgroups import is_age
from covidreport.records import UNKNOWN, AgeSummary, CohortColumn, Scores

Mask = NDArray[np.bool_]


def list_columns(scores: Scores) -> tuple[CohortColumn, ...]:
    """All images, then those that carry each label, then those that carry none, where there are
    any.

    A patient is described by the images of the column: by the lowest age that they state, and by
    the value that all of them state which state one.
    """
    truth = scores.truth
    classes: list[tuple[str | None, Mask]] = [("", np.ones(len(truth), bool))]
    classes += [(label, truth[:, column] == 1) for column, label in enumerate(scores.labels)]
    without = (truth == 0).all(axis=1)
    if without.any():
        classes.append((None, without))
    units = _code_units(scores)
    return tuple(_describe(scores, units, label, mask) for label, mask in classes)


def count_shared(scores: Scores) -> int:
    """How many patients (images, where they are not known) have images of several labels."""
    units = _code_units(scores)
    carried = np.zeros((units.max(initial=-1) + 1, len(scores.labels)), bool)
    for column in range(len(scores.labels)):
        carried[units[scores.truth[:, column] == 1], column] = True
    return int((carried.sum(axis=1) > 1).sum())


def count_groups(groups: Sequence[str] | None, mask: Mask) -> int | None:
    """How many patients the images of a mask `(N,)` show; None where patients are not known."""
    if groups is None:
        return None
    return len({group for group, there in zip(groups, mask.tolist(), strict=True) if there})


def count_unknown(scores: Scores) -> dict[str, int]:
    """By label, of how many images nobody states it; without those that all state."""
    missing = (scores.truth == UNKNOWN).sum(axis=0).tolist()
    return {label: n for label, n in zip(scores.labels, missing, strict=True) if n}


def _code_units(scores: Scores) -> NDArray[np.integer[Any]]:
    """The number of each image's patient, `(N,)`; of each image, where they are not known."""
    names = scores.sample_ids if scores.groups is None else scores.groups
    return np.unique(np.array(names, object), return_inverse=True)[1]


def _describe(
    scores: Scores, units: NDArray[np.integer[Any]], label: str | None, mask: Mask
) -> CohortColumn:
    inside = np.unique(units[mask], return_inverse=True)[1]
    counted = {
        name: _count_values(inside, np.array(cells, object)[mask])
        for name, cells in {**scores.attributes, **scores.single}.items()
        if scores.ages is None or not is_age(name)
    }
    return CohortColumn(
        label=label,
        images=int(mask.sum()),
        patients=count_groups(scores.groups, mask),
        age=None if scores.ages is None else _summarize(inside, scores.ages[mask]),
        values={name: values for name, (values, _) in counted.items()},
        several={name: several for name, (_, several) in counted.items()},
    )


def _summarize(units: NDArray[np.integer[Any]], ages: NDArray[np.int16]) -> AgeSummary:
    """The ages of units, `(n,)`: of each the lowest that its images state."""
    lowest = np.full(units.max(initial=-1) + 1, np.iinfo(np.int16).max, np.int16)
    stated = ages >= 0
    np.minimum.at(lowest, units[stated], ages[stated])
    known = lowest[lowest < np.iinfo(np.int16).max]
    ends = np.percentile(known, (50, 25, 75)).tolist() if known.size else (None, None, None)
    return AgeSummary(int(known.size), int(lowest.size - known.size), *ends)


def _count_values(
    units: NDArray[np.integer[Any]], cells: NDArray[np.object_]
) -> tuple[dict[str, int], int]:
    """How many units have each value alone, under `""` none, and how many have several."""
    names, values = np.unique(cells.astype(str), return_inverse=True)
    stated = names[values] != ""
    pairs = np.unique(np.column_stack([units, values])[stated], axis=0)
    total = int(units.max(initial=-1)) + 1
    kinds = np.bincount(pairs[:, 0], minlength=total)
    alone = np.bincount(pairs[kinds[pairs[:, 0]] == 1, 1], minlength=names.size).tolist()
    found = {str(name): n for name, n in zip(names, alone, strict=True) if name}
    return found | {"": int((kinds == 0).sum())}, int((kinds > 1).sum())

"""What a data set states of its images, as it is stored with the scores of each run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from covidreport.metrics.readings import list_readings
from covidreport.metrics.subgroups import group_values, read_ages, single_values
from covidreport.records import Dataset, Scores

STATISTICS: Final = 5
"""Counted up when a change makes another value or interval of the same scores: what was stored
before is then computed again from them, at the next evaluation."""


class Stated(Struct, frozen=True, eq=False):
    """Patients and what is known of the images besides truth, as the fields of `Scores` are."""

    groups: Sequence[str] | None
    attributes: Mapping[str, tuple[str, ...]]
    ages: NDArray[np.int16] | None
    single: Mapping[str, tuple[str, ...]]
    readings: Mapping[str, tuple[str, ...]]
    weights: NDArray[np.float64] | None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields by their names, for `Scores`."""
        return structs.asdict(self)


def read_stated(dataset: Dataset) -> Stated:
    """What a data set states of its images."""
    stated = dataset.attributes
    return Stated(
        dataset.groups,
        group_values(stated),
        read_ages(stated),
        single_values(stated),
        list_readings(stated),
        dataset.weights,
    )


def digest_units(stated: Stated | Scores) -> str:
    """The sha256 of what metrics, the table of patients and weighted rates depend on besides truth
    and scores."""
    facts: dict[str, Any] = {
        "groups": None if stated.groups is None else list(stated.groups),
        "attributes": dict(stated.attributes),
        "statistics": STATISTICS,
    }
    if stated.ages is not None:
        facts["ages"] = stated.ages.tolist()
    if stated.single:
        facts["single"] = dict(stated.single)
    if stated.readings:
        facts["readings"] = dict(stated.readings)
    if stated.weights is not None:
        facts["weights"] = stated.weights.tolist()
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()

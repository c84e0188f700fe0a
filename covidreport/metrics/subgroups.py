"""Metrics for parts of the images: by sex, age band, view, source, whatever the data states."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.counts import count_labels
from covidreport.metrics.matches import Proportion
from covidreport.metrics.proportions import estimate_proportions
from covidreport.metrics.readings import is_reading
from covidreport.metrics.table import CountMetric, list_metrics
from covidreport.records import Counts, Estimate, MetricPlan, Subgroup, Subgroups

FEWEST_CASES: Final = 10
"""A group with fewer positives (for the specificity: negatives) is shown and never compared."""
AGE_EDGES: Final = (0.0, 18.0, 40.0, 60.0, 80.0)
"""Years at which an age band begins; the last has no end."""
OLDEST: Final = 120.0
"""An age above this is a slip of the pen, such as the 411 years in one public data set."""
AGE_CAP: Final = 90
"""Years; who is older is kept as so old."""
MOST_VALUES: Final = 20
"""An attribute with more values than this makes no subgroups: it numbers or measures images."""
_AGE_NAME = re.compile(r"(?:patient[ _-]?)?age(?:[ _-]?(?:in[ _-]?)?years)?", re.IGNORECASE)
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([ymwd]?)", re.IGNORECASE)
_PER_YEAR = {"": 1.0, "y": 1.0, "m": 12.0, "w": 365.25 / 7, "d": 365.25}


def band_ages(cells: Sequence[str], edges: Sequence[float] = AGE_EDGES) -> tuple[str, ...]:
    """The age band of each cell, such as `40 to 59` or `80 and over`; empty where it is unknown.

    A cell is a number of years, or as DICOM writes an age: `057Y`, `006M`, `003W`, `010D`. What is
    neither, lies below the first edge or above `OLDEST` is unknown. Bands are of completed years:
    59.9 is in `40 to 59`. ValueError unless the edges are whole numbers that rise.
    """
    if not edges or any(low >= high for low, high in pairwise(edges)):
        raise ValueError(f"the edges of age bands rise, these do not: {list(edges)}")
    if any(edge != int(edge) for edge in edges):
        raise ValueError(f"age bands begin at whole years, not at {list(edges)}")
    names = [f"{low:g} to {high - 1:g}" for low, high in pairwise(edges)]
    names.append(f"{edges[-1]:g} and over")
    bands = {cell: _find_band(cell, edges, names) for cell in set(cells)}
    return tuple(bands[cell] for cell in cells)


def _find_band(cell: str, edges: Sequence[float], names: Sequence[str]) -> str:
    years = _read_years(cell)
    if years is None or years < edges[0]:
        return ""
    return names[int(np.searchsorted(np.array(edges), years, side="right")) - 1]


def _read_years(cell: str) -> float | None:
    """An age in years; None where the cell states none that a person can have."""
    match = _AGE.fullmatch(cell.strip())
    if match is None:
        return None
    years = float(match[1]) / _PER_YEAR[match[2].lower()]
    return years if years <= OLDEST else None


def is_age(name: str) -> bool:
    """Whether an attribute states ages, by its name."""
    return _AGE_NAME.fullmatch(name.strip()) is not None


def read_ages(attributes: Mapping[str, Sequence[str]]) -> NDArray[np.int16] | None:
    """Completed years of each image's patient, int16 `(N,)`, -1 where they are not known.

    None where no attribute states ages. Ages of `AGE_CAP` and over are all that: the few who are
    as old could be known by it (HIPAA, 45 CFR 164.514(b)(2)).
    """
    cells = next((cells for name, cells in attributes.items() if is_age(name)), None)
    if cells is None:
        return None
    years = {cell: _read_years(cell) for cell in set(cells)}
    whole = {cell: -1 if age is None else min(int(age), AGE_CAP) for cell, age in years.items()}
    return np.array([whole[cell] for cell in cells], np.int16)


def group_values(attributes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The attributes that subgroups are made by, each `(N,)`: 2 to `MOST_VALUES` stated values.

    Ages (a column `age`, `patient_age`, `age_years`) as bands. What has one value for every image,
    or many, such as an exact date or a file's number, is excluded: the first has nothing to
    compare (`single_values`), the second could name a patient. What a
    reader says is truth, and no attribute.
    """
    return _choose_values(attributes, 2, MOST_VALUES)


def single_values(attributes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The attributes that state one value for every image of which they state any, each `(N,)`."""
    return _choose_values(attributes, 1, 1)


def _choose_values(
    attributes: Mapping[str, Sequence[str]], fewest: int, most: int
) -> dict[str, tuple[str, ...]]:
    chosen = {}
    for name, cells in attributes.items():
        if is_reading(name):
            continue
        values = band_ages(cells) if is_age(name) else tuple(cells)
        if fewest <= len({value for value in values if value}) <= most:
            chosen[name] = values
    return chosen


class CodedValues(Struct, frozen=True, eq=False):
    """A value of each image as its place among the names of all values, which are in order; a name
    may be of none. codes `(N,)`."""

    names: tuple[str, ...]
    codes: NDArray[np.intp]

    @classmethod
    def of(cls, values: Sequence[str], codes: NDArray[np.intp] | None = None) -> CodedValues:
        """Of the value of each image; or, with codes `(N,)`, of values of which each image has the
        one at its code."""
        names = tuple(sorted(set(values)))
        numbers = {value: number for number, value in enumerate(names)}
        each = np.fromiter((numbers[value] for value in values), np.intp, len(values))
        return cls(names, each if codes is None else each[codes])


def estimate_subgroups(
    truth: NDArray[np.int8],
    predicted: NDArray[np.bool_],
    failed: NDArray[np.bool_],
    values: Sequence[str] | CodedValues,
    groups: NDArray[np.integer[Any]] | None = None,
    plan: MetricPlan | None = None,
) -> Subgroups:
    """One label's counts and rates for each value of an attribute; every array `(N,)`.

    Rates have the intervals of the plan, over patients where groups (of `code_groups`) are given.
    Images that failed count as in every rate, those of unknown truth are counted and excluded. The
    worst of several groups looks bad by chance alone: its own
    interval, which was not picked for being the worst of many, must not be read as a test. Where
    some rates are equal the group with more cases is named, then the first by name; where all are,
    none is.

    ValueError for arrays that do not fit.
    """
    coded = values if isinstance(values, CodedValues) else CodedValues.of(values)
    if not coded.codes.size == truth.size == predicted.size == failed.size:
        raise ValueError(f"{coded.codes.size} values for {truth.size} images")
    every = []
    for number, value in enumerate(coded.names):
        mask = coded.codes == number
        (counts,) = count_labels(
            truth[mask][:, np.newaxis], predicted[mask][:, np.newaxis], failed[mask]
        )
        group = _describe(value, counts)
        sensitivity, specificity = estimate_proportions(
            [
                (group.sensitivity, Proportion(mask & (truth == 1), predicted & ~failed)),
                (group.specificity, Proportion(mask & (truth == 0), ~predicted & ~failed)),
            ],
            groups,
            plan or MetricPlan(),
        )
        every.append(replace(group, sensitivity=sensitivity, specificity=specificity))
    stated = tuple(group for group in every if group.value)
    return Subgroups(
        groups=stated,
        not_stated=next((group for group in every if not group.value), None),
        worst_sensitivity=name_worst(stated, "sensitivity"),
        worst_specificity=name_worst(stated, "specificity"),
    )


def _describe(value: str, counts: Counts) -> Subgroup:
    enough = {"sensitivity": counts.positives, "specificity": counts.negatives}
    rates = list_metrics(CountMetric)
    compared = tuple(name for name, cases in enough.items() if cases >= FEWEST_CASES)
    return Subgroup(
        value=value,
        counts=counts,
        sensitivity=rates["sensitivity"].estimate(counts),
        specificity=rates["specificity"].estimate(counts),
        compared=compared if value else (),
    )


def list_lowest(groups: Sequence[Subgroup], name: str) -> tuple[str, ...]:
    """The values of the compared groups with the lowest `sensitivity` or `specificity`.

    Those with more cases first, then by name; empty where no compared group has more than another.
    """
    rates = {
        group.value: (_pick(group, name).value or 0.0, -(_pick(group, name).denominator or 0))
        for group in groups
        if name in group.compared
    }
    lowest = min(rates.values(), default=(0.0, 0))[0]
    if all(rate == lowest for rate, _ in rates.values()):
        return ()
    tied = [value for value, (rate, _) in rates.items() if rate == lowest]
    return tuple(sorted(tied, key=lambda value: (rates[value], value)))


def _pick(group: Subgroup, name: str) -> Estimate:
    return group.sensitivity if name == "sensitivity" else group.specificity


def name_worst(groups: Sequence[Subgroup], name: str) -> str | None:
    """The first of `list_lowest`; None where there is none."""
    return next(iter(list_lowest(groups, name)), None)

"""Differences between groups of images, each against a reference group, with their intervals.

Equal opportunity difference: Hardt, Price and Srebro, "Equality of opportunity in supervised
learning", Adv. Neural Inf. Process. Syst. 29 (2016) 3315-3323. Average absolute odds difference:
Bellamy et al., "AI Fairness 360: an extensible toolkit for detecting and mitigating algorithmic
bias", IBM J. Res. Dev. 63 (2019) 4:1-4:15.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations, product
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.effective import correlate_units, sample_units
from covidreport.metrics.intervals import wilson_ends
from covidreport.metrics.mover import Ends, combine_ends
from covidreport.metrics.proportions import sum_units
from covidreport.metrics.subgroups import FEWEST_CASES, MOST_VALUES
from covidreport.records import Estimate, GroupDifference, LargestDifference

METHOD: Final = "mover"
_SIGNS: Final = tuple(product((0.5, -0.5), repeat=2))
"""Half the sum of two absolute values is the largest of their signed sums."""


class JudgedImages(Struct, frozen=True, eq=False):
    """One run's answers for one label: truth int8, predicted bool, failed bool, each `(N,)`.

    groups: of `code_groups`, `(N,)`; None where images are independent.
    """

    truth: NDArray[np.int8]
    predicted: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    groups: NDArray[np.integer[Any]] | None = None


_Answers = tuple[NDArray[np.int64], NDArray[np.int64]]
"""How many images of each unit count, and of how many, `(U,)` each."""


class _Group(Struct, frozen=True, eq=False):
    """One group's answers by unit: found of positives, alarms of negatives, `(U,)` each."""

    found: _Answers
    alarms: _Answers

    @property
    def positives(self) -> int:
        return int(self.found[1].sum())

    @property
    def negatives(self) -> int:
        return int(self.alarms[1].sum())


def cross_values(
    attributes: Mapping[str, Sequence[str]], positive: NDArray[np.bool_]
) -> dict[str, tuple[str, ...]]:
    """The values of each two attributes together, `(N,)`: `F, AP` of `sex` and `view`.

    By the attributes' names, joined by ` and `; empty where either is not stated. Two of which one
    parts the positives `(N,)` no further than the other does make no new groups: they are left out.
    """
    crossed = {}
    for first, second in combinations(attributes, 2):
        pairs = zip(attributes[first], attributes[second], strict=True)
        cells = tuple(f"{a}, {b}" if a and b else "" for a, b in pairs)
        each = (_count_values(attributes[name], positive) for name in (first, second))
        if _count_values(cells, positive) > max(each):
            crossed[f"{first} and {second}"] = cells
    return crossed


def _count_values(cells: Sequence[str], chosen: NDArray[np.bool_]) -> int:
    return len({cells[row] for row in np.flatnonzero(chosen).tolist()} - {""})


def compare_groups(
    images: JudgedImages, attribute: str, values: Sequence[str], confidence: float = 0.95,
    among: Collection[str] | None = None,
) -> tuple[GroupDifference, ...]:  # fmt: skip
    """Each group of an attribute, values `(N,)`, less the reference: that with most positives.

    among: the groups of which one may be the reference, None for all. Where none of them is
    compared, nothing is: no other group takes their place.

    Groups with fewer than `FEWEST_CASES` positives are not compared; none where no two can be. The
    false alarms take as many negatives of both. Groups are independent proportions, but for
    patients who have images in both, whose correlation is taken in.

    The interval of half the sum of two absolute differences holds at least its confidence: its
    upper end is the largest of its signed sums' (one of them is the true value), the lower end the
    largest lower end, where each of the four has a quarter of that side's error.
    """
    column = np.array(values, dtype=object)
    every = {value: _count(images, column == value) for value in sorted(set(values)) if value}
    compared = {value: one for value, one in every.items() if one.positives >= FEWEST_CASES}
    candidates = [value for value in compared if among is None or value in among]
    if len(compared) < 2 or len(every) > MOST_VALUES**2 or not candidates:
        return ()
    reference = max(candidates, key=lambda value: compared[value].positives)
    return tuple(
        GroupDifference(
            attribute, value, reference, one.positives, one.negatives,
            _differ_found(one, compared[reference], confidence),
            _differ_odds(one, compared[reference], confidence),
        )
        for value, one in compared.items() if value != reference
    )  # fmt: skip


def find_largest(
    images: JudgedImages, attributes: Mapping[str, Sequence[str]], comparisons: int | None = None,
    among: Mapping[str, Collection[str]] | None = None,
) -> LargestDifference | None:  # fmt: skip
    """The largest difference in sensitivity of all groups, with an interval that allows for it.

    Largest beside its own uncertainty: the value as a multiple of its distance from the end of its
    interval that lies nearer to 0. It was picked of so many: its interval has the confidence
    1 - 0.05 / m, so that all m intervals of such a width hold together with 95 % (Dunn, "Multiple
    comparisons among means", J. Am. Stat. Assoc. 56 (1961) 52-64). comparisons: m where more were
    looked at than these attributes have. among: as of `compare_groups`, by attribute. None
    without any.
    """
    chosen = among or {}
    every = [
        (each, attribute)
        for attribute, values in attributes.items()
        for each in compare_groups(images, attribute, values, among=chosen.get(attribute))
    ]
    if not every:
        return None
    number = max(len(every), comparisons or 0)
    largest, attribute = max(every, key=lambda each: _stand_out(each[0].sensitivity))
    level = 1 - 0.05 / number
    values = attributes[attribute]
    again = compare_groups(images, attribute, values, level, chosen.get(attribute))
    (widened,) = (each for each in again if each.value == largest.value)
    return LargestDifference(widened, number, level)


def _stand_out(difference: Estimate) -> float:
    """By how many times its distance from the nearer end a difference is off 0."""
    value, low, high = difference.value, difference.low, difference.high
    if not value or low is None or high is None:
        return 0.0
    near = value - low if value > 0 else high - value
    return abs(value) / near if near > 0 else np.inf


def _count(images: JudgedImages, mask: NDArray[np.bool_]) -> _Group:
    groups = images.groups
    scored = ~images.failed
    positive, negative = mask & (images.truth == 1), mask & (images.truth == 0)
    found, cleared = images.predicted & scored, ~images.predicted & scored
    if groups is None:
        groups = np.arange(len(mask))
    return _Group(
        (sum_units(positive & found, groups), sum_units(positive, groups)),
        (sum_units(negative & ~cleared, groups), sum_units(negative, groups)),
    )


def _differ_found(one: _Group, other: _Group, confidence: float) -> Estimate:
    parts = one.found, other.found
    weights = 1.0, -1.0
    terms = _list_terms(parts, confidence)
    return _describe(
        _add(terms, weights), combine_ends(terms, weights, _correlate(parts)), (-1.0, 1.0)
    )


def _differ_odds(one: _Group, other: _Group, confidence: float) -> Estimate:
    """Half of what true and false positive rates differ by, without their signs."""
    if min(one.negatives, other.negatives) < FEWEST_CASES:
        return Estimate(None)
    parts = one.found, other.found, one.alarms, other.alarms
    shared = _correlate(parts)
    terms = _list_terms(parts, confidence)
    wider = _list_terms(parts, 1 - (1 - confidence) / len(_SIGNS))
    signed = [(a, -a, b, -b) for a, b in _SIGNS]
    lows = [combine_ends(wider, weights, shared)[0] for weights in signed]
    highs = [combine_ends(terms, weights, shared)[1] for weights in signed]
    value = max(_add(terms, weights) for weights in signed)
    return _describe(value, (np.max([0.0, *lows]), np.max(highs)), (0.0, 1.0))


def _correlate(parts: Sequence[_Answers]) -> dict[tuple[int, int], NDArray[np.float64]]:
    """By their places: how the proportions hang together by the units that they share."""
    return {
        (i, j): correlate_units(parts[i], parts[j]) for i, j in combinations(range(len(parts)), 2)
    }


def _list_terms(parts: Sequence[_Answers], confidence: float) -> list[tuple[Any, Any, Any]]:
    """Each proportion with the ends of its Wilson interval."""
    samples = [sample_units(*part, confidence) for part in parts]
    return [(each.proportion, *wilson_ends(*each, confidence)) for each in samples]


def _add(terms: Sequence[tuple[Any, Any, Any]], weights: Sequence[float]) -> float:
    return sum(w * float(term[0]) for w, term in zip(weights, terms, strict=True))


def _describe(value: float, ends: Ends, limits: tuple[float, float]) -> Estimate:
    estimate = Estimate(value)
    low, high = (float(each) for each in ends)
    if np.isnan(low) or np.isnan(high):
        return estimate  # one patient alone has a group's images
    return replace(estimate, low=max(low, limits[0]), high=min(high, limits[1]), method=METHOD)

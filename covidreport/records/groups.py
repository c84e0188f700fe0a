"""What one run's answers say of groups of images: crossed attributes, differences."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from covidreport.records.score_metrics import Subgroups
from covidreport.records.scores import Estimate


class GroupReference(Struct, frozen=True):
    """The group that a user wants the others of an attribute compared with; origin: where he says
    so, in words."""

    attribute: str
    value: str
    origin: str


class RefusedReference(Struct, frozen=True):
    """A reference with too few positives, or none: no group of `attribute` is compared.

    attribute: that of the reference, or it and another crossed; then positives: of the largest
    crossed group that is of the reference.
    """

    attribute: str
    reference: GroupReference
    positives: int


class GroupDifference(Struct, frozen=True):
    """A group less the reference group of its attribute, of one run and label.

    attribute: its name, or two joined by ` and `, with the values joined by a comma. positives,
    negatives: the group's images. sensitivity: the difference in it (equal opportunity difference).
    odds: half the sum of the absolute differences in sensitivity and in the false alarm rate
    (average absolute odds difference); without a value where either group has few negatives.
    chosen: where a user chose the reference, in words; empty where it is the group with most cases.
    """

    attribute: str
    value: str
    reference: str
    positives: int
    negatives: int
    sensitivity: Estimate
    odds: Estimate
    chosen: str = ""


class LargestDifference(Struct, frozen=True):
    """The largest difference in sensitivity, its interval at `level`: it was picked of so many."""

    difference: GroupDifference
    comparisons: int
    level: float


class RunGroups(Struct, frozen=True):
    """One ranked run's groups for the target.

    crossed: by two attributes' names joined by ` and `. largest: over all of `differences`; None
    without any. attributes: whose groups were looked at. refused: chosen references that are none.
    """

    run: str
    crossed: Mapping[str, Subgroups]
    differences: tuple[GroupDifference, ...]
    largest: LargestDifference | None
    attributes: tuple[str, ...] = ()
    refused: tuple[RefusedReference, ...] = ()


class SpotCut(Struct, frozen=True):
    """What is so of a picture: its `value` of a trait, or a number of at `most`, or `over` one."""

    trait: str
    value: str | None = None
    most: float | None = None
    over: float | None = None


class WeakSpot(Struct, frozen=True):
    """A part of the positives that is missed more often than chance explains.

    run: whose; None for all together, whose sensitivities are means over runs. positives: in it.
    inside, outside: the sensitivity there. p_value: adjusted for all parts and runs. runs: how many
    miss a larger share inside than outside.
    """

    run: str | None
    cuts: tuple[SpotCut, ...]
    positives: int
    inside: Estimate
    outside: Estimate
    p_value: float
    runs: int


class WeakSpots(Struct, frozen=True):
    """What was sought, and what was found; what all runs share stands first.

    parts: how many were looked at. detectable: by how much less sensitive the best run has to be on
    half of the positives for it to be named in four of five such studies; None where no difference
    is large enough.
    """

    spots: tuple[WeakSpot, ...]
    positives: int
    runs: int
    traits: tuple[str, ...]
    parts: int
    permutations: int
    detectable: float | None

"""Whom a report's images show, as the first table of papers has it, and how they were counted."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class AgeSummary(Struct, frozen=True):
    """Completed years of those whose age is known, and of how many it is not."""

    known: int
    unknown: int
    median: float | None
    lower: float | None
    """The first quartile, by linear interpolation."""
    upper: float | None


class CohortColumn(Struct, frozen=True):
    """The images of one class, or all.

    label: the class; empty for all images, None for those that carry no label. values: by attribute
    and stated value, how many patients (images, where patients are not known) have that value
    alone; under `""` how many state none. several: by attribute, patients whose images state more
    than one value.
    """

    label: str | None
    images: int
    patients: int | None
    age: AgeSummary | None
    values: Mapping[str, Mapping[str, int]]
    several: Mapping[str, int]


class Cohort(Struct, frozen=True):
    """Of one data set and split: all images first, then those of each label.

    shared: how many patients (else images) stand in the columns of several labels. unknown: by
    label, of how many images nobody states it.
    """

    dataset: str
    split: str
    columns: tuple[CohortColumn, ...]
    shared: int
    unknown: Mapping[str, int]


class Flow(Struct, frozen=True):
    """How images came to be counted for the target, as the flow diagram of STARD 2015 has it.

    images: of the ranked split, in the data set and scored or not. left_out: rows or pictures that
    are none of the data set's images, by the reason. other_splits: images by split; both None where
    that was not recorded. failed: images that could not be scored, by the reason. Where patients
    are known, so many have any such image: one with images of both kinds counts as both.
    """

    images: int
    unknown: int
    """Images of which nobody states whether they have the target: in no figure of it."""
    positives: int
    negatives: int
    failed_positive: int
    failed_negative: int
    failed: Mapping[str, int]
    left_out: Mapping[str, int] | None = None
    other_splits: Mapping[str, int] | None = None
    patients: int | None = None
    positive_patients: int | None = None
    negative_patients: int | None = None

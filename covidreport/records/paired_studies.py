"""The same experiments, fitted by two study files: such as they were run, and corrected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from covidreport.records.comparison import Comparison


class ExperimentPair(Struct, frozen=True):
    """One experiment in both studies: its run in each, by name.

    changed: the settings in which these differ, but for those in which all pairs do, with both
    values. sensitivity, specificity: the second run less the first; None where the scores of one
    can't be compared.
    """

    experiment: str
    first: str
    second: str
    changed: Mapping[str, tuple[Any, Any]]
    sensitivity: Comparison | None = None
    specificity: Comparison | None = None


class PairedStudies(Struct, frozen=True):
    """Two studies whose experiments have the same numbers.

    changed: the settings in which all pairs differ alike, with both values. P-values are adjusted
    over all pairs. alone: runs of either study whose number the other lacks, or has several times.
    """

    first: str
    second: str
    changed: Mapping[str, tuple[Any, Any]]
    pairs: tuple[ExperimentPair, ...]
    alone: tuple[str, ...] = ()

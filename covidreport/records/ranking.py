"""Runs in order, and runs that differ in nothing but their seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from covidreport.records.comparison import RunComparisons
from covidreport.records.patients import PatientFigures


class RankedRun(Struct, frozen=True):
    """A row of a ranking. `rank` is None for a run that is shown and not ranked."""

    run: str
    rank: int | None
    missed: int
    false_alarms: int
    why_unranked: str | None = None
    counted: bool = True
    """False where the run has no counts of the target: its 0 missed and 0 false alarms mean
    nothing and show as a dash."""
    average_precision: float | None = None
    """What settles the order of runs equal in both counts; None where only counts are known."""
    patients: PatientFigures | None = None
    """By patient, which settles no order; None where patients, or who missed which image, are not
    known."""


class Ranking(Struct, frozen=True):
    """Runs on the same images and labels, in order: fewest missed, then fewest false alarms."""

    target: str
    dataset: str
    split: str
    fingerprint: str | None
    rows: tuple[RankedRun, ...]
    """The ranked ones in order, then the unranked by name."""
    key: str = "missed positives, then false alarms, then average precision"
    specificity_floor: float = 0.5
    comparisons: RunComparisons | None = None
    """None where fewer than two runs are ranked, or nobody compared them."""


class SeedSpread(Struct, frozen=True):
    """A metric over seeds. All are None where no value is defined; `sd` also where only one is."""

    runs: int
    """How many runs have a value."""
    undefined: int
    mean: float | None
    sd: float | None
    """The standard deviation of single runs (n - 1), not that of the mean."""
    low: float | None
    high: float | None
    """The smallest and the largest value: no interval."""


class SeedComparison(Struct, frozen=True):
    """Two configurations over their seeds: the mean of the first minus the mean of the second."""

    difference: float
    low: float | None
    high: float | None
    """Welch's 95 % interval; None where the spread of both is 0 or a configuration
    has one seed."""
    p_value: float
    method: str
    """`permutation` or `welch`."""
    smallest_p: float | None
    """The smallest p-value that so many seeds can give by permutation, however far apart they lie:
    0.333 for 2 against 2, 0.1 for 3 against 3, 0.029 for 4 against 4. Above 0.05, these seeds can't
    show a difference. None for `welch`."""
    seeds: tuple[int, int]


class RepeatedConfiguration(Struct, frozen=True):
    """Runs that differ in nothing but their seed, and how far their metrics spread."""

    runs: tuple[str, ...]
    seeds: tuple[Any, ...]
    settings: Mapping[str, Any]
    """What they share, of what sets the configurations of a report apart."""
    copies: tuple[str, ...]
    """Runs with a seed that stands in `seeds` already: no new sample."""
    metrics: Mapping[str, SeedSpread]
    """`missed`, `sensitivity`, `specificity` and `roc_auc` of the target."""


class ConfigurationComparison(Struct, frozen=True):
    """Two configurations by one metric over their seeds; each is named by its index in
    `Repeats`."""

    first: int
    second: int
    metric: str
    comparison: SeedComparison
    adjusted_p_value: float
    """Holm's, over all pairs of configurations."""


class Repeats(Struct, frozen=True):
    """The configurations on the images of one ranking that were run with several seeds."""

    ranking: int
    """Its index among the rankings of the report."""
    configurations: tuple[RepeatedConfiguration, ...]
    comparisons: tuple[ConfigurationComparison, ...] = ()

"""What an enriched set says of the ward: rates in which each image stands for so many patients."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from covidreport.records.comparison import ExcludedRun
from covidreport.records.scores import Estimate


class WeightedRate(Struct, frozen=True):
    """A weighted rate with its interval. size: of how many independent, equally weighted images it
    has the evidence; None where that is not known. total: the weight of the images that it is of.
    """

    estimate: Estimate
    size: float | None
    total: float = 0.0


class WeightedRun(Struct, frozen=True):
    """One run's weighted rates for the target, by their names.

    rank: by the weight of what it missed, then of its false alarms; None where it has none in the
    ranking. sensitivity, specificity: less those of the first by weights; None of the first itself.
    """

    run: str
    rank: int | None
    rates: Mapping[str, WeightedRate]
    sensitivity: Estimate | None = None
    specificity: Estimate | None = None


class Weighted(Struct, frozen=True):
    """The runs of the ranking by weighted rates, the first of them first.

    low, high: the smallest and the largest weight. confidence: of the intervals of differences, so
    that all runs' together hold in 95 %. excluded: runs that can't stand there, with the reason.
    """

    runs: tuple[WeightedRun, ...]
    low: float
    high: float
    confidence: float
    excluded: tuple[ExcludedRun, ...] = ()
    asked: bool = False
    """Whether somebody asked for the ranking by weights."""

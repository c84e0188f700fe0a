"""One run on one split of one data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from covidreport.records.details import Details
from covidreport.records.finding import Failure, Finding
from covidreport.records.scores import Counts, Estimate


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One run on one split of one data set: counts, estimates, findings, provenance."""

    run: str
    dataset: str
    split: str
    variant: str | None
    fingerprint: str | None
    """Of the data set: ids, truth, split and the bytes of the files; None for copied counts."""
    labels: tuple[str, ...]
    n_images: int
    n_groups: int | None
    """How many patients, where patients are known."""
    thresholds: Mapping[str, float]
    """Per label, a probability."""
    thresholds_from: str
    """`default`, `option`, `configuration`, `published`, `tuned on <split>`, or the last with
    ` (exploratory)` behind it where that split is the one that is reported."""
    counts: Mapping[str, Counts]
    estimates: Mapping[str, Mapping[str, Estimate]]
    """Per label, then per metric; the figures over all labels stand under `""`."""
    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    timing: Mapping[str, Any] = field(default_factory=dict)
    """Time stamps and durations: the one place where two equal evaluations differ."""
    has_scores: bool = True
    details: Details | None = None
    """None where there are only counts, and in files of a covidreport that did not make them."""

    @property
    def key(self) -> str:
        """The folder's name under evaluations/."""
        parts = [self.dataset, self.split] + ([self.variant] if self.variant else [])
        return "-".join(parts)

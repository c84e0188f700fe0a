"""Thresholds that were tuned to reach a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, convert, field

from covidreport.records.provenance import Called
from covidreport.records.scores import Estimate

TargetMetric = Literal["sensitivity", "specificity"]


class RankAt(Struct, frozen=True):
    """The target that runs are ranked at: each at the threshold that was tuned for it."""

    label: str
    metric: TargetMetric
    value: float
    split: str
    """On which thresholds are tuned."""

    def __str__(self) -> str:
        """Such as `a specificity of 0.95 for covid-19, tuned on tuning`."""
        return f"a {self.metric} of {self.value:g} for {self.label}, tuned on {self.split}"


class ThresholdFit(Struct, frozen=True):
    """One label's threshold, tuned to reach a target, and what the tuning images allow to be said.

    `cases` are the positives where `metric` is the sensitivity, the negatives where it is the
    specificity.
    """

    threshold: float
    """A probability, as everywhere."""
    metric: TargetMetric
    target: float
    method: Literal["plain", "guaranteed"]
    """`plain`: reaches the target on the tuning images; `guaranteed`: its bound reaches it."""
    cases: int
    sensitivity: Estimate
    """On the tuning images, as is `specificity`."""
    specificity: Estimate
    bound: float | None
    """With `confidence`, `metric` is at least this on new images of the same kind (one-sided); None
    where no bound holds (`TunedThresholds.unbounded`)."""
    confidence: float
    guaranteed_threshold: float | None
    """Where `bound` would reach the target; None where there are too few cases, or no bound."""
    cases_needed: int | None
    """From how many cases on a guarantee is possible; None where it never is, or no bound holds."""


class TunedThresholds(Struct, frozen=True):
    """thresholds.json of a run: the thresholds that were tuned on one split, by label."""

    run: str
    dataset: str
    split: str
    evaluation: str
    """The key of the evaluation whose scores were used."""
    fingerprint: str | None
    n_images: int
    n_groups: int | None
    model_sha256: str | None
    """Of the model that gave the scores; None where they came from elsewhere."""
    fits: Mapping[str, ThresholdFit]
    unbounded: str = ""
    """Why nothing is known of new images, such as a split that was trained on; empty where bounds
    hold."""
    timing: Mapping[str, Any] = field(default_factory=dict)
    """When, and by which command: the one place where two equal tunings differ."""

    @property
    def called(self) -> Called:
        """The command that tuned them."""
        return convert(self.timing, Called)

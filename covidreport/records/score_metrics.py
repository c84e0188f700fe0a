"""Metrics of scores and answers beyond the estimates of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from covidreport.records.scores import Counts, Estimate

IntervalKind = Literal["wilson", "clopper-pearson"]


class MetricPlan(Struct, frozen=True):
    """Which metrics an evaluation gets beside its counts, and how their intervals are made."""

    interval: IntervalKind = "wilson"
    """Of rates; where patients are known and have several images, on the effective sample."""
    specificities: tuple[float, ...] = (0.9, 0.95)
    """At which the best sensitivity is computed."""
    sensitivities: tuple[float, ...] = (0.9, 0.95)
    """At which the best specificity is computed."""
    prevalence: Mapping[str, float] = field(default_factory=dict)
    """By label, the proportion of patients for whom predictive values are computed."""
    normal: str | None = None
    """The label that says that there is no disease; None where the data has none."""
    resamples: int | None = None
    """Of an evaluation of an earlier version, which drew average precision's interval."""
    seed: int | None = None


class OperatingPoint(Struct, frozen=True):
    """The best sensitivity at a specificity of `at`, or the reverse, over all thresholds."""

    at: float
    estimate: Estimate


class ReliabilityBin(Struct, frozen=True):
    """The images whose probability lies in one bin: from `low` on, below `high` (the last: up to).

    `predicted` is their mean probability, None in an empty bin; `observed` the proportion of
    them that is positive, with its interval.
    """

    low: float
    high: float
    count: int
    predicted: float | None
    observed: Estimate


class Calibration(Struct, frozen=True):
    """Whether one label's scores can be read as probabilities."""

    images: int
    """With a score and a known truth; the Brier score takes failed ones as well."""
    brier: Estimate
    intercept: Estimate
    slope: Estimate
    ece: Estimate
    """With the edges of `bins`; of all images, or as the mean over folds."""
    bins: tuple[ReliabilityBin, ...]


class NetBenefit(Struct, frozen=True):
    """One point of a decision curve, in true positives an image; to treat nobody is 0.

    low, high, method: the interval of `run`; None where there is none, and in files of a
    covidreport that made none.
    """

    threshold: float
    run: float
    treat_all: float
    low: float | None = None
    high: float | None = None
    method: str | None = None

    @property
    def estimate(self) -> Estimate:
        """That of the run."""
        return Estimate(self.run, self.low, self.high, method=self.method)


class LabelScoreMetrics(Struct, frozen=True):
    """What scores and answers say of one label beyond its estimates."""

    sensitivity_at: tuple[OperatingPoint, ...]
    """The greatest sensitivity at each specificity of the plan."""
    specificity_at: tuple[OperatingPoint, ...]
    positive_likelihood_ratio: Estimate
    negative_likelihood_ratio: Estimate
    prevalence: float | None
    """The stated one, of `ppv` and `npv`; None where none was stated."""
    ppv: Estimate
    npv: Estimate
    calibration: Calibration
    net_benefit: tuple[NetBenefit, ...]
    pooled: Mapping[str, float | None] = field(default_factory=dict)
    """Of cross-validated configurations: what of all images at once the metrics are, by name, that
    stand as means over folds."""
    near: Counts | None = None
    """What is counted of the images whose score lies within 1e-5 of the threshold, where the last
    digits decide; None in files of a covidreport that did not count them."""


class Subgroup(Struct, frozen=True):
    """One label's metrics on the images of one value of an attribute."""

    value: str
    """Empty for the images whose value is not stated."""
    counts: Counts
    sensitivity: Estimate
    specificity: Estimate
    compared: tuple[str, ...]
    """Of `sensitivity` and `specificity`, those with enough cases to be compared."""


class Subgroups(Struct, frozen=True):
    """All values of an attribute, by name; images without a value stand apart."""

    groups: tuple[Subgroup, ...]
    not_stated: Subgroup | None
    """None where every image states a value. It is never compared."""
    worst_sensitivity: str | None
    """The value with the lowest sensitivity, of several that with most cases; None where fewer than
    two can be compared, or all are equal."""
    worst_specificity: str | None


class Consistency(Struct, frozen=True):
    """Proportions of the scored images, with intervals."""

    nothing: Estimate
    """No label at all. Where a label says normal, such an image got no answer."""
    contradiction: Estimate
    """Normal together with a disease; undefined where no label says normal."""
    failed: int
    """Images that could not be scored: they have no answers, and are in neither proportion."""


class ScoreMetrics(Struct, frozen=True):
    """What scores say beyond counts and estimates, of all labels and of each."""

    plan: MetricPlan
    labels: Mapping[str, LabelScoreMetrics]
    consistency: Consistency
    subgroups: Mapping[str, Mapping[str, Subgroups]]
    """By attribute, then by label."""
    units: str
    """sha256 of the patients and attributes that intervals and subgroups were made with, and of the
    version of the statistics."""

"""One run on one split of one data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, convert, field

from covidreport.records.cost import Cost
from covidreport.records.finding import Failure, Finding
from covidreport.records.provenance import Provenance, ThresholdOrigin, Timing, Tuning
from covidreport.records.score_metrics import ScoreMetrics
from covidreport.records.scores import Counts, Estimate


class Evaluation(Struct, frozen=True):
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
    """Per label, a probability; empty where `argmax` decides."""
    thresholds_from: str
    """In words, as files and tables have it: `default`, `tuned on validation`, `argmax`; see
    `origin`."""
    counts: Mapping[str, Counts]
    estimates: Mapping[str, Mapping[str, Estimate]]
    """Per label, then per metric; the metrics over all labels stand under `""`."""
    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """All that the metrics depend on, as it is stored and shown; what decides is in `facts`."""
    timing: Mapping[str, Any] = field(default_factory=dict)
    """Time stamps and durations: the one place where two equal evaluations differ; see
    `times`."""
    has_scores: bool = True
    score_metrics: ScoreMetrics | None = None
    """None where there are only counts, and in files of a covidreport that did not make them."""
    label_fingerprints: Mapping[str, str] = field(default_factory=dict)
    """By label: of ids, splits, the bytes of the files and the truth of that label alone; empty for
    copied counts, and in files of a covidreport that made none."""

    @property
    def facts(self) -> Provenance:
        """What is decided by the provenance."""
        return convert(self.provenance, Provenance)

    @property
    def times(self) -> Timing:
        """What is decided by the times."""
        return convert(self.timing, Timing)

    @property
    def cost(self) -> Cost:
        """What its model costs, as far as that was recorded."""
        model, times = self.facts.model, self.times
        return Cost(
            None if model is None else model.parameters,
            None if model is None else model.bytes,
            times.images_timed / times.inference_s
            if times.images_timed and times.inference_s
            else None,
            times.memory_bytes,
            times.machine,
        )

    @property
    def origin(self) -> ThresholdOrigin:
        """Where the thresholds come from."""
        return ThresholdOrigin.find(self.thresholds_from, self.tuning, self.split)

    @property
    def tuning(self) -> Tuning | None:
        """On which images thresholds were tuned and for what, as far as it says."""
        return self.facts.tuning

    def is_of(self, fingerprint: str | None) -> bool:
        """Whether it is of the images that a fingerprint names: whole, or of one of its labels."""
        return fingerprint in (self.fingerprint, *self.label_fingerprints.values())

    @property
    def key(self) -> str:
        """The folder's name under evaluations/."""
        return name_evaluation(self.dataset, self.split, self.variant)


def name_evaluation(dataset: str, split: str, variant: str | None) -> str:
    """The name of an evaluation's folder."""
    return "-".join([dataset, split, *([variant] if variant else [])])

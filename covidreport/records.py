"""The frozen records that travel from `evaluate` to `render`: no logic beyond sums, no I/O.

Fractions are fractions (0 to 1); a duration ends in `_s`, a size in `_bytes`. Arrays are NumPy
arrays whose shapes stand beside them: N images, K labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Fit = Literal["stretch", "crop", "pad"]
Resample = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Activation = Literal["logit", "sigmoid", "softmax", "softmax-logit"]
Layout = Literal["NCHW", "NHWC"]
Dtype = Literal["uint8", "float32", "float16"]
TargetMetric = Literal["sensitivity", "specificity"]
Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The gravest first."""
TUNED_ON = "tuned on "
"""How `Evaluation.thresholds_from` begins where each run has thresholds of its own."""
UNKNOWN = -1
"""The truth of a label that nobody stated."""


@dataclass(frozen=True, slots=True)
class PixelSpec:
    """The pixels that a model wants: runs with equal `PixelSpec` share one decoded image.

    fit: `stretch` to height x width; `crop` scales the shorter side to `shorter_side` (by default
    the smaller of height and width) and cuts the centre out; `pad` scales the longer side and adds
    black.
    """

    height: int
    width: int
    fit: Fit = "stretch"
    resample: Resample = "bilinear"
    antialias: bool = True
    channels: int = 1
    shorter_side: int | None = None


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The contract of a model: what goes in, what comes out, and what the outputs mean."""

    pixels: PixelSpec
    labels: tuple[str, ...]
    """The labels of the output columns, in their order, under the data set's names."""
    input_name: str
    output_name: str
    layout: Layout = "NCHW"
    dtype: Dtype = "uint8"
    batch: int | None = None
    """A fixed batch size, or None where the batch axis is dynamic."""
    divisor: float = 1.0
    """Pixels (0 to 255) are divided by this, then `mean` is subtracted and `std` divided by."""
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    activation: Activation = "logit"
    columns: tuple[int, ...] = ()
    """The output column of each label; empty where they are 0 … K-1."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of history.csv: the epoch (from 1) and its figures by column name."""

    epoch: int
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder as found on disk; nothing of it has been executed."""

    name: str
    folder: Path
    model: Path | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """run.json whole: block, description, hyperparameters, seed, data, versions, …"""
    history: tuple[Epoch, ...] = ()

    @property
    def block(self) -> str | None:
        """The part of the study that the run belongs to, such as `4b`."""
        value = self.settings.get("block")
        return None if value is None else str(value)

    @property
    def experiment(self) -> str | None:
        """The number that the study gives to the experiment, such as `15`."""
        value = self.settings.get("experiment")
        return None if value is None else str(value)

    @property
    def description(self) -> str:
        """What the run is, in its author's words; may be empty."""
        return str(self.settings.get("description") or "")

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """Architecture, loss, optimizer and so on, by name; may be empty."""
        value = self.settings.get("hyperparameters")
        return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Images and their truth, by column: entry i of every column is image i.

    ids and paths: `(N,)`; a path is relative to `root`. truth: int8 `(N, K)`, 1, 0 or `UNKNOWN`.
    splits and groups: `(N,)` or None where the data has none. A group is a patient: images of one
    group are not independent. attributes: by name, `(N,)` strings, empty where not stated.
    """

    name: str
    root: Path
    source: Path
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    paths: tuple[str, ...]
    truth: NDArray[np.int8]
    splits: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be done: `subject` is a sample id or a run's name."""

    subject: str
    stage: Literal["read", "decode", "load", "infer", "score"]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What one run gave for each image.

    sample_ids `(N,)`; truth int8 `(N, K)`; scores float32 `(N, K)` as the model gave them, NaN in
    the rows of images that failed; reasons `(N,)`, None where the image was scored; groups `(N,)`
    or None.
    """

    sample_ids: tuple[str, ...]
    labels: tuple[str, ...]
    truth: NDArray[np.int8]
    scores: NDArray[np.float32]
    activation: Activation
    reasons: tuple[str | None, ...]
    groups: tuple[str, ...] | None = None

    @property
    def failed(self) -> NDArray[np.bool_]:
        """bool `(N,)`: True where the image could not be scored."""
        return np.array([reason is not None for reason in self.reasons], dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Counts:
    """One label's 2x2 table and what could not be put into it; all seven add up to N."""

    tn: int
    fp: int
    fn: int
    tp: int
    failed_positive: int = 0
    failed_negative: int = 0
    unknown: int = 0

    @property
    def positives(self) -> int:
        """Images that carry the label, scored or not."""
        return self.tp + self.fn + self.failed_positive

    @property
    def negatives(self) -> int:
        """Images that do not carry the label, scored or not."""
        return self.tn + self.fp + self.failed_negative

    @property
    def total(self) -> int:
        """All images, N."""
        return self.positives + self.negatives + self.unknown

    @property
    def missed(self) -> int:
        """Positives that were not found: a positive that could not be scored counts as missed."""
        return self.fn + self.failed_positive

    @property
    def false_alarms(self) -> int:
        """Negatives not cleared: a negative that could not be scored counts as a false alarm."""
        return self.fp + self.failed_negative


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its evidence. `value` is None where it is undefined, and shows as a dash."""

    value: float | None
    low: float | None = None
    high: float | None = None
    numerator: int | None = None
    denominator: int | None = None
    method: str | None = None
    """How the interval was made, such as `wilson`; None where there is no interval."""


@dataclass(frozen=True, slots=True)
class ThresholdFit:
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
    bound: float
    """With `confidence`, `metric` is at least this on new images of the same kind (one-sided)."""
    confidence: float
    guaranteed_threshold: float | None
    """Where `bound` would reach the target; None where there are too few cases."""
    cases_needed: int | None
    """From how many cases on a guarantee is possible; None where it never is."""


@dataclass(frozen=True, slots=True)
class TunedThresholds:
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
    timing: Mapping[str, Any] = field(default_factory=dict)
    """When: the one place where two equal tunings differ."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run against another on the same images: the difference, its interval, the p-values."""

    first: str
    second: str
    metric: str
    """`sensitivity`, `specificity` or `roc_auc`."""
    difference: float | None
    """The first run's figure minus the second's: over 0 where the first is better."""
    low: float | None = None
    high: float | None = None
    interval: str | None = None
    """How low and high were made; they hold for this difference alone, not for all at once."""
    p_value: float | None = None
    adjusted_p_value: float | None = None
    """For having made all comparisons of its kind."""
    test: str | None = None
    """Such as `mcnemar-exact`, `sign-flip over groups` or `delong`."""
    correction: str | None = None
    """Such as `max-t by sign-flips over 153` or `holm over 17`: how, and over how many."""
    only_first: int | None = None
    """Images that only the first run got wrong; None where the metric is not about answers."""
    only_second: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a reader must know: what is wrong, the evidence, and what to do."""

    severity: Severity
    code: str
    """A short fixed name, such as `prevalence-differs`."""
    what: str
    evidence: str
    remedy: str
    subjects: tuple[str, ...] = ()
    """Names of the runs or ids of the samples that it is about; empty where it is about all."""


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

    @property
    def key(self) -> str:
        """The folder's name under evaluations/."""
        parts = [self.dataset, self.split] + ([self.variant] if self.variant else [])
        return "-".join(parts)


@dataclass(frozen=True, slots=True)
class RankedRun:
    """A row of a ranking. `rank` is None for a run that is shown and not ranked."""

    run: str
    rank: int | None
    missed: int
    false_alarms: int
    why_unranked: str | None = None
    counted: bool = True
    """False where the run has no counts of the target: its 0 missed and 0 false alarms mean
    nothing and show as a dash."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Runs on the same images and labels, in order: fewest missed, then fewest false alarms."""

    target: str
    dataset: str
    split: str
    fingerprint: str | None
    rows: tuple[RankedRun, ...]
    """The ranked ones in order, then the unranked by name."""
    key: str = "missed positives, then false alarms"
    specificity_floor: float = 0.5


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """A run as a report shows it: the folder's facts and its evaluations by split."""

    run: Run
    evaluation: Evaluation | None
    """On the split that the report ranks; None where it has none."""
    others: tuple[Evaluation, ...] = ()
    """On other splits of the same data set, such as the training split."""
    failure: Failure | None = None
    """Why it has no evaluation."""


@dataclass(frozen=True, slots=True)
class ReportData:
    """All that a report is made from."""

    title: str
    target: str
    dataset: str
    split: str
    runs: tuple[ReportedRun, ...]
    rankings: tuple[Ranking, ...]
    """One for each set of runs evaluated on the same images and labels, the largest first."""
    findings: tuple[Finding, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

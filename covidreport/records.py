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
IntervalKind = Literal["wilson", "clopper-pearson"]
Severity = Literal["error", "warning", "note"]
CaseAnswer = Literal["yes", "no", "failed"]
"""What a run said of one image for one label; `failed` where it could not be scored."""
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The gravest first."""
Stage = Literal[
    "read", "decode", "load", "infer", "score", "data", "provider", "baseline", "judge", "write",
    "unexpected",
]  # fmt: skip
"""Where something could not be done. From `data` on: in a gate, which then has no verdict."""
TUNED_ON = "tuned on "
"""How `Evaluation.thresholds_from` begins where each run has thresholds of its own."""
EXPLORATORY = " (exploratory)"
"""How it ends where they were tuned on the very images that are reported."""
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


@dataclass(frozen=True, slots=True, eq=False)
class ImageSurvey:
    """What the image files of a data set are like, by column: entry i of every column is image i.

    Where an image can't be decoded its reason stands in `reasons`, and nothing else is known of it.
    """

    reasons: tuple[str | None, ...]
    pixels: tuple[str, ...]
    """A digest of the decoded pixels: equal where the pictures are, whatever the files."""
    formats: tuple[str, ...]
    """Such as `JPEG`."""
    colours: tuple[str, ...]
    """`grey` or `colour`."""
    bits: NDArray[np.int32]
    """Of a sample in the file, `(N,)`."""
    sizes: NDArray[np.int32]
    """Height and width in pixels, `(N, 2)`."""
    brightness: NDArray[np.float32]
    """The mean grey value, 0 to 255, `(N,)`; NaN where the image can't be decoded."""
    thumbnails: NDArray[np.uint8]
    """The picture in grey, stretched to a small square, `(N, 32, 32)`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be done: `subject` is a sample id or a run's name."""

    subject: str
    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What one run gave for each image.

    sample_ids `(N,)`; truth int8 `(N, K)`; scores float32 `(N, K)` as the model gave them, NaN in
    the rows of images that failed; reasons `(N,)`, None where the image was scored; groups `(N,)`
    or None. attributes: what subgroups are made by, by name, `(N,)` each: few values (ages as
    bands), empty where not stated.
    """

    sample_ids: tuple[str, ...]
    labels: tuple[str, ...]
    truth: NDArray[np.int8]
    scores: NDArray[np.float32]
    activation: Activation
    reasons: tuple[str | None, ...]
    groups: tuple[str, ...] | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
class FigurePlan:
    """Which figures an evaluation gets beside its counts, and how their intervals are made."""

    interval: IntervalKind = "wilson"
    """Of rates; where patients are known and have several images, the bootstrap takes its place."""
    specificities: tuple[float, ...] = (0.9, 0.95)
    """At which the best sensitivity is told."""
    sensitivities: tuple[float, ...] = (0.9, 0.95)
    """At which the best specificity is told."""
    prevalence: Mapping[str, float] = field(default_factory=dict)
    """By label, the share of patients for whom predictive values are told."""
    normal: str | None = None
    """The label that says that there is no disease; None where the data has none."""
    resamples: int = 2000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The best sensitivity at a specificity of `at`, or the reverse, over all thresholds."""

    at: float
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The images whose probability lies in one bin: from `low` on, below `high` (the last: up to).

    `predicted` is their mean probability, None in an empty bin; `observed` the share of them that
    is positive, with its interval.
    """

    low: float
    high: float
    count: int
    predicted: float | None
    observed: Estimate


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether one label's scores can be read as probabilities."""

    images: int
    """With a score and a known truth; the Brier score takes failed ones as well."""
    brier: Estimate
    intercept: Estimate
    slope: Estimate
    ece: Estimate
    """With the very `bins` that stand here."""
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class NetBenefit:
    """One point of a decision curve, in true positives an image; to treat nobody is 0."""

    threshold: float
    run: float
    treat_all: float


@dataclass(frozen=True, slots=True)
class LabelDetails:
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


@dataclass(frozen=True, slots=True)
class Subgroup:
    """One label's figures on the images of one value of an attribute."""

    value: str
    """Empty for the images whose value is not stated."""
    counts: Counts
    sensitivity: Estimate
    specificity: Estimate
    compared: frozenset[str]
    """Of `sensitivity` and `specificity`, those with enough cases to be compared."""


@dataclass(frozen=True, slots=True)
class Subgroups:
    """All values of an attribute, by name; images without a value stand apart."""

    groups: tuple[Subgroup, ...]
    not_stated: Subgroup | None
    """None where every image states a value. It is never compared."""
    worst_sensitivity: str | None
    """The value with the lowest sensitivity; None where fewer than two can be compared."""
    worst_specificity: str | None


@dataclass(frozen=True, slots=True)
class Consistency:
    """Shares of the scored images, with intervals."""

    nothing: Estimate
    """No label at all. Where a label says normal, such an image got no answer."""
    contradiction: Estimate
    """Normal together with a disease; undefined where no label says normal."""
    failed: int
    """Images that could not be scored: they have no answers, and are in neither share."""


@dataclass(frozen=True, slots=True)
class Details:
    """What scores allow to be said beyond counts and estimates."""

    plan: FigurePlan
    labels: Mapping[str, LabelDetails]
    consistency: Consistency
    subgroups: Mapping[str, Mapping[str, Subgroups]]
    """By attribute, then by label."""
    units: str
    """sha256 of the patients and attributes that intervals and subgroups were made with."""


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
    details: Details | None = None
    """None where there are only counts, and in files of a covidreport that did not make them."""

    @property
    def key(self) -> str:
        """The folder's name under evaluations/."""
        parts = [self.dataset, self.split] + ([self.variant] if self.variant else [])
        return "-".join(parts)


@dataclass(frozen=True, slots=True)
class RunStanding:
    """What is known of a ranked run's place beyond its rank."""

    run: str
    told_apart: bool | None
    """From the best: False for the best itself and for every run that can't be told from it; None
    where counts alone can't say."""
    adjusted_p_value: float | None = None
    """Of the comparison with the best, over all pairs; from counts alone the least that it can be.
    None for the best itself."""
    rank_low: int | None = None
    rank_high: int | None = None
    best_probability: float | None = None
    """How often the bootstrap repeats its first place."""


@dataclass(frozen=True, slots=True)
class OverallTest:
    """Whether any run differs from the rest: Cochran's Q, None where no image tells runs apart."""

    statistic: float | None
    degrees: int
    p_value: float
    method: str


@dataclass(frozen=True, slots=True)
class SmallestGap:
    """What comparisons of missed cases can show, and what the gap at hand would take."""

    comparisons: int
    cases: int
    """The fewest cases by which two runs must differ to be told apart at all."""
    positives: int
    level: float
    """What a pair's own p-value must not exceed; `cases` rests on it."""
    first: str | None = None
    second: str | None = None
    """The pair of the gap at hand: the best, and the next run that misses more."""
    gap: int | None = None
    positives_needed: int | None = None
    """To tell that gap apart with `power`, if the shares stay what they are; None where there is
    no gap, or where it was told apart."""
    power: float = 0.8


@dataclass(frozen=True, slots=True)
class NonInferior:
    """Whether a run's sensitivity is at most `margin` under that of `reference`."""

    run: str
    reference: str
    margin: float
    answer: Literal["yes", "no", "the data cannot say"]
    difference: float | None
    low: float | None
    high: float | None
    interval: str | None
    confidence: float
    """Of this interval, so that all of them together hold with 95 %."""


@dataclass(frozen=True, slots=True)
class RunCombination:
    """Runs that vote, and what they would have missed and raised together."""

    runs: tuple[str, ...]
    rule: Literal["any-positive", "majority"]
    missed: int
    false_alarms: int
    tried_runs: int
    """It is the best of all combinations of its kind among so many runs."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A run that was not compared, and why."""

    run: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunComparisons:
    """The ranked runs of one ranking against each other, on the same images.

    Comparisons are of all pairs, the higher ranked run first; of the pairs with the best alone
    where runs are very many; or, where `planned`, of each other run with the baseline, which was
    named beforehand, corrected over these alone. `standings` rest on all pairs in every case,
    since the best was picked from the data.
    """

    basis: Literal["scores", "counts"]
    """`counts`: only bounds are known, and only standings and the smallest gap are given."""
    positives: int
    negatives: int
    standings: tuple[RunStanding, ...]
    """In the order of the ranking."""
    smallest_gap: SmallestGap
    n_groups: int | None = None
    """How many patients, where some have several images; comparisons are then over patients."""
    sensitivity: tuple[Comparison, ...] = ()
    specificity: tuple[Comparison, ...] = ()
    roc_auc: tuple[Comparison, ...] = ()
    overall: OverallTest | None = None
    baseline: str | None = None
    planned: bool = False
    """False although there is a baseline where that run is not compared: see `left_out`."""
    margin: float | None = None
    non_inferiority: tuple[NonInferior, ...] = ()
    combinations: tuple[RunCombination, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    alpha: float = 0.05
    resamples: int = 0
    flips: int = 0
    seed: int = 0


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
    average_precision: float | None = None
    """What settles the order of runs equal in both counts; None where only counts are known."""


@dataclass(frozen=True, slots=True)
class Ranking:
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


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over seeds. All are None where no value is defined; `sd` also where only one is."""

    runs: int
    """How many runs have a value."""
    undefined: int
    mean: float | None
    sd: float | None
    """The standard deviation of single runs (n - 1), not that of the mean."""
    low: float | None
    high: float | None
    """The smallest and the largest value: no interval."""


@dataclass(frozen=True, slots=True)
class SeedComparison:
    """Two methods over their seeds: the mean of the first minus the mean of the second."""

    difference: float
    low: float | None
    high: float | None
    """Welch's 95 % interval; None where the spread of both is 0 or a method has one seed."""
    p_value: float
    method: str
    """`permutation` or `welch`."""
    smallest_p: float | None
    """The smallest p-value that so many seeds can give by permutation, however far apart they lie:
    0.333 for 2 against 2, 0.1 for 3 against 3, 0.029 for 4 against 4. Above 0.05, these seeds can't
    show a difference. None for `welch`."""
    seeds: tuple[int, int]


@dataclass(frozen=True, slots=True)
class RepeatedMethod:
    """Runs that differ in nothing but their seed, and how far their figures spread."""

    runs: tuple[str, ...]
    seeds: tuple[Any, ...]
    settings: Mapping[str, Any]
    """What they share, of what sets the methods of a report apart."""
    copies: tuple[str, ...]
    """Runs with a seed that stands in `seeds` already: no new draw."""
    figures: Mapping[str, Spread]
    """`missed`, `sensitivity`, `specificity` and `roc_auc` of the target."""


@dataclass(frozen=True, slots=True)
class MethodComparison:
    """Two methods by one figure over their seeds; each is named by its place in `Repeats`."""

    first: int
    second: int
    metric: str
    comparison: SeedComparison
    adjusted_p_value: float
    """Holm's, over all pairs of methods."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """The methods on the images of one ranking that were run with several seeds."""

    ranking: int
    """Its place among the rankings of the report."""
    methods: tuple[RepeatedMethod, ...]
    comparisons: tuple[MethodComparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One image of a report, and what each compared run said of it for the target."""

    name: str
    """A salted digest of its id, or the id where that was asked for."""
    group: str | None
    """The patient, named alike; None where patients are not known."""
    attributes: Mapping[str, str]
    """As `Scores.attributes`: what is stated of the image, never empty."""
    answers: tuple[CaseAnswer, ...]
    scores: tuple[float | None, ...]
    """As probabilities (calibrated or not), in the order of the runs; None where it failed."""


@dataclass(frozen=True, slots=True)
class CaseTable:
    """The images of the first ranking that a reader wants to look at one by one.

    `runs` are those whose scores were read, in the order of the ranking. All images that carry the
    target are in `positives`, those that most runs missed first, or `positives_left_out` says how
    many are not; the same holds of the images without it that some run called positive.
    """

    runs: tuple[str, ...]
    thresholds: tuple[float, ...]
    """Of each run for the target, a probability."""
    positives: tuple[Case, ...]
    positives_left_out: int
    false_alarms: tuple[Case, ...]
    """Those with the highest mean score over the runs first."""
    false_alarms_left_out: int
    left_out: tuple[LeftOut, ...] = ()
    """Ranked runs whose scores could not be read, or were never stored."""
    ids_shown: bool = False
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """Small JPEG pictures by the name of their case: those that `evaluate --thumbnails` wrote."""


@dataclass(frozen=True, slots=True)
class LabelCurve:
    """One run's answers to one label at every threshold.

    An image that could not be scored is never found and always a false alarm, at any threshold.
    """

    positives: int
    negatives: int
    failed_positive: int
    failed_negative: int
    outline: tuple[tuple[int, int], ...]
    """Found and false alarms from the highest score down: the shape of its curves, not all of
    their points."""
    found: tuple[int, ...]
    """At each of `ThresholdCurves.thresholds` of the label, exactly."""
    false_alarms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ThresholdCurves:
    """What other thresholds would have given, from the stored scores of the report's runs."""

    thresholds: Mapping[str, tuple[float, ...]]
    """Rising probabilities by label; those that any run was evaluated at are among them."""
    runs: Mapping[str, Mapping[str, LabelCurve]]
    """By run and label."""
    left_out: tuple[LeftOut, ...] = ()
    """Runs whose stored scores could not be read."""


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
    repeats: tuple[Repeats, ...] = ()
    cases: CaseTable | None = None
    """None where no run of the first ranking has scores that can be read."""
    curves: ThresholdCurves | None = None
    """None where no run has scores."""


LimitSeverity = Literal["fail", "warn"]
LimitOutcome = Literal["pass", "warn", "fail", "inconclusive"]
VerdictOutcome = Literal["pass", "fail", "inconclusive", "error"]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure of a gated run has to keep: bounds, or a distance from the baseline's figure.

    At least one of `min`, `max` and `max_regression` is set.
    """

    metric: str
    """A count, an estimate or a detail by its name (`missed`, `sensitivity`, `brier`), or the bound
    of an interval (`sensitivity.low`)."""
    label: str
    """Empty for figures over all labels."""
    min: float | None = None
    max: float | None = None
    max_regression: float | None = None
    """How much worse than the baseline's figure it may be; worse is what the metric says it is."""
    relative: bool = False
    """`max_regression` is a share of the baseline's figure, not a difference from it."""
    evidence: bool = False
    """The whole interval of the paired difference has to stay within `max_regression`, so that too
    few cases to tell are no pass. For sensitivity and specificity."""
    severity: LimitSeverity = "fail"
    origin: str = "default"
    """Where it was stated: `default`, `option`, or the configuration file's name."""

    @property
    def name(self) -> str:
        """What is limited, such as `covid-19 sensitivity.low`; two limits may share it."""
        return f"{self.label} {self.metric}".lstrip()


@dataclass(frozen=True, slots=True)
class LimitResult:
    """What became of one limit."""

    limit: Limit
    outcome: LimitOutcome
    value: float | None
    """The run's figure; None where it is undefined, which fails."""
    baseline: float | None
    """The baseline's figure, whether or not the limit looks at it; None where there is none."""
    allowed_min: float | None
    """What the value had to reach, the baseline counted in; None where there is no such bound."""
    allowed_max: float | None
    sentence: str
    """The figure, the limit and what follows, for a reader."""
    figure: Estimate | None = None
    """The run's figure with its evidence; None for plain counts and the undefined."""
    positives_needed: int | None = None
    """Of an inconclusive one: about how many cases it would take; None where no number is known."""


@dataclass(frozen=True, slots=True)
class GateBaseline:
    """What a run was gated against: the same images, labels and thresholds, or it is refused."""

    run: str
    kind: Literal["run", "file", "best"]
    """A run folder, a baseline.json, or the best ranked run of a folder."""
    source: str
    """The path as it was given."""
    model_sha256: str | None
    covidreport: str | None
    """The version that made its figures, where known."""
    counts: Counts
    """Of the target."""
    estimates: Mapping[str, Estimate]
    """Of the target, by metric."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says of one run, and on what grounds: all that is shown anywhere comes from here.

    Cases are named as they may be shown: by salted digest, or by sample id where `ids_shown`.
    """

    outcome: VerdictOutcome
    run: str
    target: str
    sentence: str
    """The whole verdict for a reader, in a line or two."""
    folder: str = ""
    """Of the run, as it was given."""
    model_sha256: str | None = None
    dataset: str | None = None
    """None, as all below, where the run could not be evaluated (`error`)."""
    split: str | None = None
    variant: str | None = None
    fingerprint: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Per label, a probability."""
    thresholds_from: str | None = None
    baseline: GateBaseline | None = None
    """None where no limit needed one, or it was refused."""
    results: tuple[LimitResult, ...] = ()
    counts: Counts | None = None
    """Of the target."""
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    """Of the target, by metric."""
    comparisons: tuple[Comparison, ...] = ()
    """The run (first) with the baseline: paired differences in `sensitivity` and `specificity`, as
    far as both have answers to single images."""
    not_compared: str | None = None
    """Why there is no paired comparison, where there is a baseline and none."""
    smallest_gap: SmallestGap | None = None
    """What one comparison of missed cases can show on these positives, and what this gap takes."""
    newly_missed: tuple[str, ...] = ()
    """Positives that the baseline found and the run missed."""
    newly_found: tuple[str, ...] = ()
    """Positives that the baseline missed and the run found."""
    ids_shown: bool = False
    findings: tuple[Finding, ...] = ()
    error: Failure | None = None
    """Why there is no judgment; set exactly where the outcome is `error`."""
    evaluation: Evaluation | None = None
    """Whole, for outputs that show more; verdict.json leaves it out."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Versions and whatever else the verdict depends on."""
    timing: Mapping[str, Any] = field(default_factory=dict)
    """Time stamps and durations: the one place where two equal verdicts differ."""

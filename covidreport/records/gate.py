"""What a run has to keep, and what a gate says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from covidreport.records.comparison import Comparison, DetectableDifference
from covidreport.records.evaluation import Evaluation
from covidreport.records.finding import Failure, Finding
from covidreport.records.patients import PatientFigures
from covidreport.records.provenance import ThresholdOrigin, Tuning
from covidreport.records.scores import Counts, Estimate

LimitSeverity = Literal["fail", "warn"]
LimitOutcome = Literal["pass", "warn", "fail", "inconclusive"]
VerdictOutcome = Literal["pass", "fail", "inconclusive", "error"]
ScoresFrom = Literal["computed here", "as stored"]
"""Whether this machine computed scores from model and images, or took what a run folder holds."""
MissPolicy = Literal["strict", "evidence", "tolerant"]
"""What the gate asks of missed cases: none more than the baseline's; that a loss over the margin is
excluded; none more but for an allowance that holds false failures under a share."""


class Limit(Struct, frozen=True):
    """What a metric of a gated run has to keep: bounds, or a distance from the baseline's value.

    At least one of `min`, `max` and `max_regression` is set.
    """

    metric: str
    """A count, an estimate or a detail by its name (`missed`, `sensitivity`, `brier`), or the bound
    of an interval (`sensitivity.low`)."""
    label: str
    """Empty for metrics over all labels."""
    min: float | None = None
    max: float | None = None
    max_regression: float | None = None
    """How much worse than the baseline's value it may be; worse is what the metric says it is."""
    relative: bool = False
    """`max_regression` is a proportion of the baseline's value, not a difference from it."""
    evidence: bool = False
    """The whole interval of the paired difference has to stay within `max_regression`, so that too
    few cases to tell are no pass. For sensitivity and specificity."""
    severity: LimitSeverity = "fail"
    origin: str = "default"
    """Where it was stated: `default`, `option`, or the configuration file's name."""
    policy: MissPolicy | None = None
    """Set where it is the limit on missed cases that a policy makes. In a verdict `max_regression`
    of a tolerant one is its allowance, in cases."""
    group: bool = False
    """Whether it is on the missed cases of one group, whose noise decides what is allowed: in a
    verdict `max_regression` is that allowance, in cases; None where it can't be asked."""

    @property
    def name(self) -> str:
        """What is limited, such as `covid-19 sensitivity.low`; two limits may share it."""
        return f"{self.label} {self.metric}".lstrip()

    @property
    def has_own_allowance(self) -> bool:
        """Whether noise decides what is allowed beside the baseline, and not who stated it."""
        return self.group or self.policy == "tolerant"


class LimitResult(Struct, frozen=True):
    """What became of one limit."""

    limit: Limit
    outcome: LimitOutcome
    value: float | None
    """The run's; None where it is undefined, which fails."""
    baseline: float | None
    """The baseline's, whether or not the limit looks at it; None where there is none."""
    allowed_min: float | None
    """What the value had to reach, the baseline counted in; None where there is no such bound."""
    allowed_max: float | None
    sentence: str
    """The value, the limit and what follows, for a reader."""
    estimate: Estimate | None = None
    """The run's value with its evidence; None for plain counts and the undefined."""
    positives_needed: int | None = None
    """Of an inconclusive one: about how many cases it would take; None where no number is known."""


class WrongCases(Struct, frozen=True):
    """The images of the target that a run got wrong: failed ones are among both kinds."""

    salt: str
    """What tells later whether the salt of the digests is the same, without telling it."""
    missed: tuple[str, ...]
    """By salted digest, in its order; so are `false_alarms`."""
    false_alarms: tuple[str, ...]


class ReferenceDiscordance(Struct, frozen=True):
    """How far runs differ on the same positives, by the latent normal model of `LatentPair`."""

    between: float
    """The correlation of a run with the baseline on one image."""
    within: float | None
    """That of one run on two images of a patient; None where no patient has several, or nothing
    tells."""
    runs: int
    """How many runs beside the baseline it was estimated from."""


class PickedBaseline(Struct, frozen=True):
    """That a baseline was picked as the best of several runs on its images, which flatters it."""

    runs: int
    """How many could have been picked."""
    missed: float
    """What a run that is picked so misses on other images, of as many positives, in the mean: as
    `PickedRun.missed`."""


class GateEvidence(Struct, frozen=True):
    """One run as a gate knows it: the one that is judged, and the one that it is judged against.

    baseline.json is its encoding: the order of the fields is that of the file, and so are their
    names but for those in `gate.evidence.BASELINE.names`.
    """

    covidreport: str
    """The version that took it down."""
    evaluated_with: str | None
    """The version that made the metrics, where known."""
    run: str
    model_sha256: str | None
    """Of the model that gave the answers; None where they came from elsewhere."""
    target: str
    dataset: str
    split: str
    variant: str | None
    fingerprint: str | None
    labels: tuple[str, ...]
    n_images: int
    n_groups: int | None
    thresholds: Mapping[str, float]
    """Per label, a probability; empty where `argmax` decides."""
    thresholds_from: str
    tuning: Tuning | None
    counts: Mapping[str, Counts]
    metrics: Mapping[str, Mapping[str, Estimate]]
    """Every metric that a limit can name but for `counts`, per label (empty: over all labels)."""
    wrong: WrongCases | None
    """None where only counts are known."""
    known: Mapping[str, str]
    """The runs that were there when a baseline was set, by name, as `identify_run` has them."""
    reference: ReferenceDiscordance | None = None
    """None where no other runs were at hand when the baseline was set."""
    judged: tuple[str, ...] = ()
    """Models that verdicts on these images were noted of, by digest, in its order."""
    picked: PickedBaseline | None = None
    """None where it was not the best of the runs at hand when the baseline was set."""
    label_fingerprints: Mapping[str, str] = field(default_factory=dict)
    """As `Evaluation.label_fingerprints`."""
    machine: str | None = None
    """What its images were scored on; None where that was not recorded."""

    @property
    def origin(self) -> ThresholdOrigin:
        """Where the thresholds come from."""
        return ThresholdOrigin.find(self.thresholds_from, self.tuning, self.split)


Comparable: TypeAlias = Evaluation | GateEvidence
"""What says of a run on which images, at which thresholds and with which counts it was made."""


class GateBaseline(Struct, frozen=True):
    """What a run was gated against: the same images, truth of the target and thresholds, or it is
    refused."""

    run: str
    kind: Literal["run", "file", "best"]
    """A run folder, a baseline.json, or the best ranked run of a folder."""
    source: str
    """The path as it was given."""
    model_sha256: str | None
    covidreport: str | None
    """The version that made its metrics, where known."""
    counts: Counts
    """Of the target."""
    estimates: Mapping[str, Estimate]
    """Of the target, by metric."""
    scores_from: ScoresFrom = "as stored"
    """A baseline.json is as stored too: it states metrics, and holds no scores."""


class GateOdds(Struct, frozen=True):
    """How often chance alone decides the limit on missed cases, whatever the verdict was.

    Over all sets of as many cases as these, by a latent normal model of the baseline and another
    run. The judged run has no part in them.
    """

    policy: MissPolicy | None
    """None where a limit on missed cases was stated."""
    evidence: bool
    """Whether a loss over a margin has to be excluded for a pass."""
    allowance: int | None
    """How many cases more than the baseline a run may miss; None where evidence alone decides."""
    margin: float
    """How much less sensitive the worse run is, a fraction."""
    equal_fails: float
    """How often a run as sensitive as the baseline fails, a fraction."""
    worse_passes: float | None
    """How often a run passes that is less sensitive by the margin; None where there can be none."""
    positives: int
    patients: int | None
    """With positives; None where each image counts as a patient."""
    sensitivity: float
    """The baseline's, as if half a case more had been found and half a case more missed."""
    between: float
    """The latent correlation of two runs on an image."""
    within: float | None
    """That of one run on two images of a patient; None where each image counts as a patient."""
    reference_runs: int
    """How many runs the correlations were estimated from; 0 where they are assumed."""
    tries: int
    """How many models were judged on these images, this one and those noted in the baseline."""
    tries_pass: float | None
    """The most that the chance can be that of so many runs, each worse by the margin, one passes;
    None as `worse_passes`."""
    picked: PickedBaseline | None = None
    """Where having been picked flatters the baseline: equal runs fail more often then than
    `equal_fails` says, which knows nothing of it."""


class GroupBand(Struct, frozen=True):
    """How many cases more than the baseline a run may miss in one group, by the group's noise."""

    metric: str
    """That of its limit, such as `missed[sex=F]`."""
    positives: int
    patients: int | None
    """With positives; None where each image counts as a patient."""
    sensitivity: float
    """That the noise is reckoned with: the baseline's in the group, or the lower end of its whole,
    whichever is nearer to one half."""
    allowance: int
    equal_fails: float
    """How often a run that is as sensitive in the group fails by it, a fraction."""
    worse_fails: float | None
    """How often one does that is less sensitive there by the margin; None where none can be."""
    caught: float | None
    """How much less sensitive there a run is that fails by it in 4 of 5 times; None where none
    does."""


class GroupNoise(Struct, frozen=True):
    """What chance alone does to the limits on groups, by the same model as `GateOdds`."""

    bands: tuple[GroupBand, ...]
    share: float
    """How often an equal run may fail by any group at most."""
    equal_fails: float
    """How often one does at most: the chances of all groups together, however they overlap."""
    margin: float
    between: float
    within: float | None
    reference_runs: int
    """As `GateOdds`, like the two before it."""
    not_judged: Mapping[str, int]
    """The positives of groups with too few of them, by the metric that a limit would have."""


class GateDifference(DetectableDifference, frozen=True):
    """What one comparison of missed cases can detect, and what the one at hand would take."""

    positives_needed: int | None = None
    """To detect it with `power`, if the proportions stay what they are; None where there is none,
    or where it is significant."""
    power: float = 0.8


class Verdict(Struct, frozen=True):
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
    target_fingerprint: str | None = None
    """Of the images and the truth of the target alone, the same for runs of other labels."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Per label, a probability."""
    thresholds_from: str | None = None
    scores_from: ScoresFrom | None = None
    """As stored: a claim of the run folder, of which nothing was computed here."""
    thresholds_written_here: bool | None = None
    """Whether `tune` wrote them on this machine, from scores computed here; None where they are not
    the run's own."""
    baseline: GateBaseline | None = None
    """None where no limit needed one, or it was refused."""
    results: tuple[LimitResult, ...] = ()
    counts: Counts | None = None
    """Of the target."""
    patients: PatientFigures | None = None
    """Of the target, by patient: no limit looks at them. None where patients are not known."""
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    """Of the target, by metric."""
    comparisons: tuple[Comparison, ...] = ()
    """The run (first) with the baseline: paired differences in `sensitivity` and `specificity`, as
    far as both have answers to single images."""
    not_compared: str | None = None
    """Why there is no paired comparison, where there is a baseline and none."""
    detectable_difference: GateDifference | None = None
    """What one comparison of missed cases can show on these positives, and what this gap takes."""
    newly_missed: tuple[str, ...] = ()
    """Positives that the baseline found and the run missed."""
    newly_found: tuple[str, ...] = ()
    """Positives that the baseline missed and the run found."""
    odds: GateOdds | None = None
    """Of the limit on missed cases; None where none looks at a baseline."""
    groups: GroupNoise | None = None
    """Of the limits on groups; None where none is judged."""
    judged: tuple[str, ...] = ()
    """The models that were judged on these images, by digest, in its order: this one, those beside
    it, and those noted in the baseline, which is not among them."""
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


class NotJudged(Struct, frozen=True):
    """A run that was found and needed no verdict."""

    run: str
    folder: str
    why: str
    """Such as `is the baseline`."""


class Beside(Struct, frozen=True):
    """What a reader of verdicts must know that is no verdict on any run."""

    notices: tuple[Finding, ...] = ()
    """Of the yardstick: said before every verdict."""
    not_judged: tuple[NotJudged, ...] = ()

"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from covidreport.records.cohort import Cohort, Flow
from covidreport.records.comparison import ExcludedRun
from covidreport.records.disturbance import DisturbedRun
from covidreport.records.evaluation import Evaluation
from covidreport.records.finding import Failure, Finding
from covidreport.records.foreign import ForeignRun
from covidreport.records.gate import ScoresFrom
from covidreport.records.groups import RunGroups, WeakSpots
from covidreport.records.maps import RunMaps
from covidreport.records.paired_studies import PairedStudies
from covidreport.records.ranking import Ranking, Repeats
from covidreport.records.readers import ReaderStudy
from covidreport.records.run import Run
from covidreport.records.score_metrics import Subgroup
from covidreport.records.scores import Estimate
from covidreport.records.sites import Sites
from covidreport.records.study import Study
from covidreport.records.truths import ReadersTruth
from covidreport.records.weighted import Weighted

CaseAnswer = Literal["yes", "no", "failed"]
"""What a run said of one image for one label; `failed` where it could not be scored."""


class Case(Struct, frozen=True):
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


class DoubtfulLabel(Struct, frozen=True):
    """An image whose label runs contradict with certainty; positive: whether it has the target."""

    case: Case
    positive: bool


class SplitCase(Struct, frozen=True):
    """An image on which readers differ; who called it positive, and who negative."""

    case: Case
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    truth: bool | None = None
    """Whether the data set's truth is positive; None where it is unknown."""


class CaseTable(Struct, frozen=True):
    """The images of the first ranking that a reader wants to look at one by one.

    `runs` are those whose scores were read, in the order of the ranking. All images that carry the
    target are in `positives`, those that most runs missed first, or `positives_omitted` says how
    many are not; the same holds of the images without it that some run called positive.
    """

    runs: tuple[str, ...]
    thresholds: tuple[float | None, ...]
    """Of each run for the target, a probability."""
    positives: tuple[Case, ...]
    positives_omitted: int
    false_alarms: tuple[Case, ...]
    """Those with the highest mean score over the runs first."""
    false_alarms_omitted: int
    excluded: tuple[ExcludedRun, ...] = ()
    """Ranked runs whose scores could not be read, or were never stored."""
    ids_shown: bool = False
    label_errors: tuple[DoubtfulLabel, ...] | None = None
    """Images that look mislabelled, the most doubtful first; None where a run was trained on these
    images, and nobody can tell."""
    label_errors_omitted: int = 0
    split: tuple[SplitCase, ...] = ()
    """Images on which several readers differ, those nearest to as many for as against first."""
    split_omitted: int = 0
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """Small JPEG pictures by the name of their case: those that `evaluate --thumbnails` wrote."""
    maps: tuple[RunMaps, ...] = ()
    """Where runs look, of those that `evaluate --maps` mapped, in the order of the ranking."""
    maps_excluded: tuple[ExcludedRun, ...] = ()
    """Runs whose maps are not shown: they can't be read, or are of another evaluation."""


class CalibrationPoint(Struct, frozen=True):
    """How often the label is there among images of one predicted probability, with its band."""

    predicted: float
    observed: float
    low: float
    high: float


class LabelCurve(Struct, frozen=True):
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
    calibration: tuple[CalibrationPoint, ...] = ()
    """Smoothed; empty where there is no such curve."""


class ThresholdCurves(Struct, frozen=True):
    """What other thresholds would have given, from the stored scores of the report's runs."""

    thresholds: Mapping[str, tuple[float, ...]]
    """Rising probabilities by label; those that any run was evaluated at are among them."""
    runs: Mapping[str, Mapping[str, LabelCurve]]
    """By run and label."""
    excluded: tuple[ExcludedRun, ...] = ()
    """Runs whose stored scores could not be read."""


class ClassErrors(Struct, frozen=True):
    """One run's answers to the images of each true class."""

    run: str
    false_alarms: tuple[Subgroup, ...]
    """The images without the target by what else is true of them: `value` is the labels that they
    carry, joined by ` and `; empty where that is not known. They add up to the evaluation's."""
    called: tuple[tuple[int, ...], ...] | None
    """A row for each label, of the images of that class: how many were called each label alone, in
    the order of `TrueClasses.labels`, then none, several, and not scored. None unless every image
    carries exactly one label."""


class TrueClasses(Struct, frozen=True):
    """The ranked runs' errors by true class, from their stored scores."""

    labels: tuple[str, ...]
    runs: tuple[ClassErrors, ...]
    """Those whose scores were read, in the order of the ranking."""


class PredictiveValues(Struct, frozen=True):
    """How far a run's answers for the target can be believed at one prevalence."""

    run: str
    prevalence: float
    stated: bool
    """Whether the settings state it; the others are usual ones."""
    ppv: Estimate
    npv: Estimate


class Frequency(Struct, frozen=True):
    """How many of a round number, with the ends of the interval; None for no interval."""

    n: int
    low: int | None
    high: int | None


class NaturalFrequencies(Struct, frozen=True):
    """Of `total` cases at a prevalence, so many with the disease, missed, and false alarms."""

    prevalence: float
    total: int
    positives: int
    missed: Frequency
    false_alarms: Frequency

    @property
    def found(self) -> int:
        """Those with the disease that are not missed."""
        return self.positives - self.missed.n

    @property
    def cleared(self) -> int:
        """Those without it that are no false alarms."""
        return self.total - self.positives - self.false_alarms.n


class RunFrequencies(Struct, frozen=True):
    """A ranked run's natural frequencies; patients: whether cases are patients, else images."""

    run: str
    patients: bool
    frequencies: NaturalFrequencies


class ReferralPoint(Struct, frozen=True):
    """What a run still misses when about a share `at` of the images goes to a radiologist.

    referred: of `images`, how many really go. missed: of the positives; those that are referred
    count as found. It has no interval where the cut was chosen on these very images.
    """

    at: float
    referred: int
    images: int
    missed: Estimate


class RunReferral(Struct, frozen=True):
    """A run's least certain images referred: at a few shares, and at all of them.

    split: the images that the cuts are quantiles of; None for the ranked ones. curve: shares of the
    images that are referred, with the share of positives that is still missed; exploratory.
    """

    run: str
    split: str | None
    points: tuple[ReferralPoint, ...]
    curve: tuple[tuple[float, float], ...]


class DatasetDifference(Struct, frozen=True):
    """A run's metric of the target on one data set less the same on the first one.

    Their images are separate. difference: without interval where either has none; its value is None
    where the two can't be compared, and `why` says why not.
    """

    run: str
    metric: str
    difference: Estimate
    why: str = ""


class ReportedDataset(Struct, frozen=True):
    """One of several data sets that a report's runs were evaluated on."""

    dataset: str
    split: str
    variant: str | None
    fingerprint: str | None
    rankings: tuple[Ranking, ...] = ()
    """As those of the report; empty for the data set that the report ranks."""
    why_first: str = ""
    """Why the others are compared with this one: the report ranks it; empty for these."""
    differences: tuple[DatasetDifference, ...] = ()
    """Of each run that was evaluated on both, to the first data set."""
    cases: CaseTable | None = None
    """As those of the report, which the data set that it ranks does not repeat."""
    curves: ThresholdCurves | None = None
    """Likewise."""

    def find(self, reported: ReportedRun) -> Evaluation | None:
        """A run's evaluation on it; None where it has none of these very images."""
        of = self.dataset, self.variant
        every = (reported.evaluation, *reported.elsewhere)
        return next(
            (
                e for e in every
                if e and (e.dataset, e.variant) == of and e.is_of(self.fingerprint)
            ), None,
        )  # fmt: skip


class ReportedRun(Struct, frozen=True):
    """A run as a report shows it: the folder's facts and its evaluations by split."""

    run: Run
    evaluation: Evaluation | None
    """On the split that the report ranks; None where it has none."""
    others: tuple[Evaluation, ...] = ()
    """Of the same data set: on other splits, such as the training split, and variants."""
    failure: Failure | None = None
    """Why it has no evaluation."""
    elsewhere: tuple[Evaluation, ...] = ()
    """On other data sets, one each: those of `ReportData.datasets`."""
    scores_from: ScoresFrom | None = None
    """Whether the evaluation was computed here; None where there is none, or nobody asked."""
    thresholds_written_here: bool | None = None
    """As `Verdict.thresholds_written_here`."""

    @property
    def usual(self) -> tuple[Evaluation, ...]:
        """One a split: that on the ranked split, then those of other splits that are its like.

        Of the same data set and variant: another precision, an occlusion or a disturbance is
        another question about the same run, and stands in a section of its own.
        """
        first = self.evaluation
        variant = None if first is None else first.variant
        found = {} if first is None else {first.split: first}
        for each in self.others:
            if each.variant == variant and (first is None or each.dataset == first.dataset):
                found.setdefault(each.split, each)
        return tuple(found.values())

    def find(self, split: str) -> Evaluation | None:
        """The usual evaluation on a split; None where there is none."""
        return next((each for each in self.usual if each.split == split), None)


class ReportData(Struct, frozen=True):
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
    classes: TrueClasses | None = None
    """None where no run of the first ranking has scores that can be read."""
    frequencies: tuple[RunFrequencies, ...] = ()
    """At the stated prevalence, of the ranked runs of the first ranking; empty without one."""
    referral: tuple[RunReferral, ...] = ()
    """Of the ranked runs of the first ranking that have scores, in its order."""
    predictive: tuple[PredictiveValues, ...] = ()
    """Of the ranked runs of the first ranking, in its order; of each from the lowest prevalence."""
    datasets: tuple[ReportedDataset, ...] = ()
    """Where runs were evaluated on several: the one that others are compared with is the first."""
    study: Study = Study()
    """What the authors state."""
    cohorts: tuple[Cohort, ...] = ()
    """Of the ranked images first, then of others that runs have scores of."""
    disturbed: tuple[DisturbedRun, ...] = ()
    """Of the runs that were evaluated on changed pictures, in the order of the first ranking."""
    foreign: tuple[ForeignRun, ...] = ()
    """The same of pictures that are no frontal radiograph."""
    flow: Flow | None = None
    """Of the ranked images; None where no ranked run was evaluated."""
    groups: tuple[RunGroups, ...] = ()
    """Of the first ranked runs of the first ranking whose images state attributes, in its order."""
    weak_spots: WeakSpots | None = None
    """Of the ranked runs of the first ranking; None where nothing is known of its cases."""
    sites: Sites | None = None
    """The runs by site; None where nobody asked for it, or no sites are known."""
    readers: ReaderStudy | None = None
    """None where no person's readings are among the first ranking."""
    truths: ReadersTruth | None = None
    """None where no several readers' truth is stored with the first ranking's images."""
    weighted: Weighted | None = None
    """None where no sampling weights are stored with the first ranking's images."""
    paired_studies: tuple[PairedStudies, ...] = ()
    """Of the runs of the first ranking, for any two studies that share experiments."""

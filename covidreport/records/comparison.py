"""Pairwise comparisons of runs on the same images."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from covidreport.records.plan import StudyPlan
from covidreport.records.scores import Estimate


class Comparison(Struct, frozen=True):
    """Two runs on the same images: the difference, its interval, the p-values."""

    first: str
    second: str
    metric: str
    """`sensitivity`, `specificity`, `roc_auc` or `sensitivity_at_specificity`."""
    difference: float | None
    """The first run's value minus the second's: over 0 where the first is better."""
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

    def is_significant(self, alpha: float) -> bool:
        """Whether the two are significantly different, after all corrections."""
        return self.adjusted_p_value is not None and self.adjusted_p_value <= alpha


class FoldsWon(Struct, frozen=True):
    """In how many folds one configuration missed fewer than another, where both have the same."""

    first: str
    second: str
    fewer: int
    """Folds in which the first missed fewer."""
    more: int
    folds: int
    """With positives."""


class RankEvidence(Struct, frozen=True):
    """How certain a ranked run's rank is."""

    run: str
    significantly_different: bool | None
    """From the best: False for the best itself and for every run that does not differ significantly
    from it, which does not mean that it is equal; None where counts alone can't say."""
    adjusted_p_value: float | None = None
    """Of the comparison with the best, over all pairs; from counts alone the least that it can be.
    None for the best itself."""
    rank_low: int | None = None
    rank_high: int | None = None
    best_probability: float | None = None
    """How often the bootstrap repeats its first place: not how likely it is to be the best."""
    p_value: float | None = None
    """The same as `adjusted_p_value` before it was adjusted; of several best runs the largest."""
    p_value_high: float | None = None
    """From counts alone the most that it can be; 1 where patients have several images. None where
    the p-value itself is known."""
    adjusted_p_value_high: float | None = None


class OverallTest(Struct, frozen=True):
    """Whether any run differs from the rest: Cochran's Q, None where all runs are
    right and wrong on the same images."""

    statistic: float | None
    degrees: int
    p_value: float
    method: str


class DetectableDifference(Struct, frozen=True):
    """What difference in missed cases comparisons can detect at all, and the one at hand."""

    comparisons: int
    cases: int
    """The fewest cases by which two runs must differ to be significantly different at all."""
    positives: int
    level: float
    """What a pair's own p-value must not exceed; `cases` rests on it."""
    first: str | None = None
    second: str | None = None
    """The pair whose difference is at hand: the best, and the next run that misses more."""
    gap: int | None = None


class NonInferior(Struct, frozen=True):
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


class RunCombination(Struct, frozen=True):
    """Runs that vote, and what they would have missed and raised together."""

    runs: tuple[str, ...]
    rule: Literal["any-positive", "majority"]
    missed: int
    false_alarms: int
    tried_runs: int
    """It is the best of all combinations of its kind among so many runs."""


class ExcludedRun(Struct, frozen=True):
    """A run that was not compared, and why."""

    run: str
    reason: str


class PickedRun(Struct, frozen=True):
    """What a run that is picked as the best one was does on images that did not pick it."""

    runs: int
    """How many could have been picked, those among them that have no rank here."""
    sensitivity: Estimate
    """Bias-corrected; the interval is of the true sensitivity of the run that was picked."""
    specificity: Estimate
    """No value where too few units have negatives."""
    missed: float
    """Of as many positives as there are, in the mean: no prediction of a number."""
    resamples: int
    at_most: bool = False
    """Whether the correction is at most this large: counts alone don't say who missed whom."""


class RunAtSpecificity(Struct, frozen=True):
    """What a run finds at a specificity: a point of its ROC curve, not a threshold to be used."""

    run: str
    sensitivity: Estimate
    """The greatest among thresholds that reach the specificity, fitted anew in every resample; no
    value where images that failed put it out of reach."""
    specificity: Estimate
    """The one really reached there; without an interval."""


class SameSpecificity(Struct, frozen=True):
    """The ranked runs at one specificity, and each other one against `reference`."""

    run: str | None
    """Whose specificity it is, at that run's own threshold; None where it is stated."""
    specificity: float
    false_alarms: int
    """The most at which it is reached."""
    reference: str
    """The best run, or the baseline where that was named."""
    runs: tuple[RunAtSpecificity, ...]
    """Those whose scores were read, in the order of the ranking."""
    comparisons: tuple[Comparison, ...]
    """The best minus each other run, adjusted for all pairs of runs, since the best was picked; or
    each other run minus the baseline, adjusted for these alone."""
    resamples: int

    def find(self, run: str) -> RunAtSpecificity | None:
        """A run's figures; None where its scores were not read."""
        return next((each for each in self.runs if each.run == run), None)

    def compare(self, run: str) -> Comparison | None:
        """A run's comparison with the reference; None of that itself."""
        pairs = (each for each in self.comparisons if run in (each.first, each.second))
        return None if run == self.reference else next(pairs, None)


class RunComparisons(Struct, frozen=True):
    """The ranked runs of one ranking compared pair by pair, on the same images.

    Comparisons are of all pairs, the higher ranked run first; of the pairs with the best alone
    where runs are very many; or, where `planned`, of each other run with the baseline that was
    named, corrected over these alone. `rank_evidence` rests on all pairs in every case, since the
    best was picked from the data.
    """

    basis: Literal["scores", "counts"]
    """`counts`: only bounds are known, and only rank evidence and the detectable difference are
    given."""
    positives: int
    negatives: int
    rank_evidence: tuple[RankEvidence, ...]
    """In the order of the ranking."""
    detectable_difference: DetectableDifference
    n_groups: int | None = None
    """How many patients, where some have several images; comparisons are then over patients."""
    sensitivity: tuple[Comparison, ...] = ()
    specificity: tuple[Comparison, ...] = ()
    roc_auc: tuple[Comparison, ...] = ()
    overall: OverallTest | None = None
    baseline: str | None = None
    planned: bool = False
    """False although there is a baseline where that run is not compared: see `excluded`."""
    named: str = ""
    """Where the baseline was named, such as `on the command line`; empty unless `planned`."""
    margin: float | None = None
    non_inferiority: tuple[NonInferior, ...] = ()
    margin_plan: StudyPlan | None = None
    """How many positives it takes to show that one run as good as the reference is at most the
    margin worse, if runs agree as these do; None where nothing is left open."""
    combinations: tuple[RunCombination, ...] = ()
    excluded: tuple[ExcludedRun, ...] = ()
    picked: PickedRun | None = None
    """None where fewer than five images or patients are positive, on images that trained a run, and
    of counts alone where patients have several images."""
    same_specificity: tuple[SameSpecificity, ...] = ()
    """At the best run's own specificity first, then at the baseline's and at the stated ones."""
    alpha: float = 0.05
    resamples: int = 0
    flips: int = 0
    seed: int = 0
    folds: tuple[FoldsWon, ...] = ()
    """Of every pair that was trained on the same folds, the higher ranked first."""
    independence_assumed: bool = False
    """From counts alone: that images are of different patients, which nobody stated."""

    def find(self, run: str) -> RankEvidence | None:
        """The evidence for a run's rank; None where it was not compared."""
        return next((each for each in self.rank_evidence if each.run == run), None)

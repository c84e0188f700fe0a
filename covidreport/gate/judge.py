"""From two sides and criteria to a verdict: pure judgment, the same for the same evidence.

A metric that is undefined or missing fails its limit. A regression is judged by the plain values;
what the paired test says of it stands beside, and decides where a limit asks for evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport import __version__
from covidreport.compare.patients import figure_patients
from covidreport.compare.ranking import name_images
from covidreport.errors import UsageError
from covidreport.gate.comparable import check_comparable
from covidreport.gate.evidence import GateSide, StoredEvaluation, list_estimates, salt_cases
from covidreport.gate.findings import compare_sides
from covidreport.gate.groups import GroupLimits, GroupRule, limit_groups
from covidreport.gate.limit_wording import describe_allowed, describe_loss, describe_value
from covidreport.gate.limits import DEFAULT_MARGIN
from covidreport.gate.metrics import (
    MEASURED,
    TOLERANCE,
    check_prevalence,
    direction_of,
    explain_missing,
    is_over_labels,
    read_value,
)
from covidreport.gate.near_threshold import find_hanging
from covidreport.gate.odds import (
    FALSE_FAILURE_SHARE,
    list_judged,
    model_odds,
    settle_allowance,
    state_odds,
)
from covidreport.gate.paired import (
    METRICS,
    PairedRuns,
    exclude_loss,
    find_significant_loss,
    name_comparisons,
    pair_runs,
)
from covidreport.gate.wording import summarise
from covidreport.records import (
    Comparison,
    Evaluation,
    Failure,
    GateEvidence,
    Limit,
    LimitOutcome,
    LimitResult,
    PatientFigures,
    PatientRule,
    Stage,
    Verdict,
    VerdictOutcome,
)
from covidreport.text import choose_salt, name_cases

_BY_ANSWER: Final[Mapping[str, LimitOutcome]] = {
    "yes": "pass",
    "no": "fail",
    "the data cannot say": "inconclusive",
}
"""What becomes of a limit by whether the data exclude the loss."""


class GateCriteria(Struct, frozen=True):
    """By what is judged, whatever the run is."""

    target: str
    limits: tuple[Limit, ...]
    show_ids: bool = False
    prevalence: Mapping[str, float] = field(default_factory=dict)
    """By label, where the settings state one: that at which predictive values are judged."""
    margin: float = DEFAULT_MARGIN
    """How much less sensitive the worse run of the odds is."""
    false_failure_share: float = FALSE_FAILURE_SHARE
    """How often an equal run fails at most by a tolerant limit."""
    patient_rule: PatientRule = "any"
    """How many of a patient's images have to be called positive for him to be."""
    no_group_loses: tuple[str, ...] = ()
    """Attributes in none of whose groups a run may lose more than the group's noise allows."""
    no_group_loses_from: str = "--no-group-loses"
    """Where that was stated."""
    labels: frozenset[str] = frozenset()
    """Those that any of the judged runs has: a limit on one of them is misspelt for none."""

    @property
    def group_rule(self) -> GroupRule:
        """What is asked of groups."""
        share = self.false_failure_share
        return GroupRule(self.no_group_loses, share, self.margin, self.no_group_loses_from)


def judge_run(run: GateSide, criteria: GateCriteria, baseline: GateSide | None) -> Verdict:
    """The verdict on one run.

    Raises GateError where the baseline is of other images, labels or thresholds, and UsageError
    where a limit names a label that the data does not have.
    """
    ours, theirs = run.evidence, None if baseline is None else baseline.evidence
    stored = run.stored
    assert stored is not None  # what is judged stands in a folder
    _check(ours, criteria, theirs)
    paired = _pair(run, baseline)
    model = None if baseline is None else model_odds(run, baseline)
    limits = settle_allowance(criteria.limits, model, criteria.false_failure_share)
    groups = limit_groups(criteria.group_rule, run, paired, model)
    results = _judge_limits(limits, groups, run, baseline, paired)
    comparisons: tuple[Comparison, ...] = ()
    lost: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    if paired is not None and theirs is not None:
        comparisons = name_comparisons(paired, ours.run, theirs.run)
        salt = choose_salt(name_images([ours, theirs], ours.target))
        lost = name_cases(paired.newly_missed, salt, show_ids=criteria.show_ids)
        found = name_cases(paired.newly_found, salt, show_ids=criteria.show_ids)
    findings = (
        *(() if baseline is None else compare_sides(run, baseline, comparisons)),
        *find_hanging(run, baseline, results, partial(_judge_again, limits, groups)),
        *stored.evaluation.findings,
    )
    verdict = Verdict(
        outcome=combine_results(results),
        run=ours.run,
        target=ours.target,
        sentence="",
        folder=run.source,
        model_sha256=ours.model_sha256,
        dataset=ours.dataset,
        split=ours.split,
        variant=ours.variant,
        fingerprint=ours.fingerprint,
        target_fingerprint=ours.label_fingerprints.get(ours.target),
        thresholds=ours.thresholds,
        thresholds_from=ours.thresholds_from,
        scores_from=run.scores_from,
        thresholds_written_here=stored.thresholds_written_here,
        baseline=None if baseline is None else baseline.describe(),
        results=results,
        counts=ours.counts[ours.target],
        patients=_count_patients(stored, criteria),
        estimates=list_estimates(ours),
        comparisons=comparisons,
        not_compared=None if theirs is None else _explain_unpaired(ours, theirs),
        detectable_difference=None if paired is None else paired.detectable_difference,
        newly_missed=lost,
        newly_found=found,
        odds=None if theirs is None else state_odds(limits, theirs, model, criteria.margin),
        groups=groups.noise,
        judged=list_judged(ours, theirs),
        ids_shown=criteria.show_ids,
        findings=findings,
        evaluation=stored.evaluation,
        provenance=_provenance(stored.evaluation),
    )
    return replace(verdict, sentence=summarise(verdict))


def _count_patients(stored: StoredEvaluation, criteria: GateCriteria) -> PatientFigures | None:
    answers = stored.answers
    if answers is None:
        return None
    return figure_patients(stored.evaluation, answers, criteria.target, criteria.patient_rule)


def refuse_run(
    run: str, folder: str, target: str, stage: Stage, reason: str,
    timing: Mapping[str, Any] | None = None,
) -> Verdict:  # fmt: skip
    """The verdict on a run that could not be judged: neither a pass nor a fail."""
    return Verdict(
        outcome="error",
        run=run,
        target=target,
        sentence=f"{run} could not be judged ({stage}): {reason}",
        folder=folder,
        error=Failure(run, stage, reason),
        provenance={"versions": {"covidreport": __version__}},
        timing=timing or {},
    )


def combine_results(results: Sequence[LimitResult]) -> VerdictOutcome:
    """A failed limit fails a run; one that can't be told leaves it open; a warning does neither."""
    outcomes = {result.outcome for result in results}
    if "fail" in outcomes:
        return "fail"
    return "inconclusive" if "inconclusive" in outcomes else "pass"


def _check(run: GateEvidence, criteria: GateCriteria, baseline: GateEvidence | None) -> None:
    """Raise UsageError or GateError where the run can't be judged by these criteria."""
    limits = criteria.limits
    known = {"", *run.labels, *criteria.labels, *(baseline.labels if baseline else ())}
    strange = [each.name for each in limits if each.label not in known]
    if strange:
        raise UsageError(
            f"the limit on {strange[0]} names no label of the data; its labels are "
            f"{', '.join(run.labels)}"
        )
    check_prevalence(limits, criteria.prevalence, run)
    if baseline is not None:
        compared = [limit for limit in limits if limit.max_regression is not None]
        check_prevalence(compared, criteria.prevalence, baseline, of_baseline=True)
        check_comparable(run, baseline)


def _pair(run: GateSide, baseline: GateSide | None) -> PairedRuns | None:
    """Both on the same images; None where one has counts alone."""
    if baseline is None or baseline.evidence.wrong is None:
        return None
    if run.stored is None or run.stored.answers is None:
        return None
    salt = salt_cases(baseline.evidence)
    return pair_runs(run.stored.answers, baseline.evidence.wrong, salt)


def _explain_unpaired(run: GateEvidence, baseline: GateEvidence) -> str | None:
    """Why there is no paired test; None where there is one."""
    alone = next((each.run for each in (run, baseline) if each.wrong is None), None)
    if alone is None:
        return None
    return f"{alone} has counts alone: a paired test takes answers to single images"


def _judge_again(
    limits: Sequence[Limit], groups: GroupLimits, run: GateSide, baseline: GateSide | None
) -> tuple[LimitResult, ...]:
    """Every limit on other evidence of the same images."""
    return _judge_limits(limits, groups, run, baseline, _pair(run, baseline))


def _judge_limits(
    limits: Sequence[Limit], groups: GroupLimits, run: GateSide, baseline: GateSide | None,
    paired: PairedRuns | None,
) -> tuple[LimitResult, ...]:  # fmt: skip
    """Those on groups last."""
    ours, theirs = run.evidence, None if baseline is None else baseline.evidence
    results = [_judge_limit(each, ours, theirs, paired) for each in limits]
    if paired is not None and theirs is not None:
        (mine, other), _ = paired.paired.find_wrong("sensitivity")
        ours, theirs = groups.count(ours, mine), groups.count(theirs, other)
    for each in groups.limits:
        why = groups.refused.get(each.metric, "")
        results.append(
            _refuse_limit(each, ours, why) if why else _judge_limit(each, ours, theirs, paired)
        )
    return tuple(results)


def _judge_limit(
    limit: Limit, run: GateEvidence, baseline: GateEvidence | None, paired: PairedRuns | None
) -> LimitResult:
    why = _explain_not_asked(limit, run, baseline)
    if why:
        return _refuse_limit(limit, run, why)
    if limit.evidence:
        assert baseline is not None  # `choose_limits` refuses such a limit without one
        return _judge_loss(limit, run, baseline, paired)
    value, estimate = read_value(run, limit.label, limit.metric)
    theirs = None if baseline is None else read_value(baseline, limit.label, limit.metric)[0]
    low, high = _allowed(limit, theirs)
    holds = value is not None and not (limit.max_regression is not None and theirs is None)
    if value is not None:
        holds = holds and (low is None or value >= low - TOLERANCE)
        holds = holds and (high is None or value <= high + TOLERANCE)
    missing = "" if value is not None else explain_missing(run.metrics, limit.label, limit.metric)
    said = describe_value(limit, value, estimate, low if low is not None else high, missing)
    return LimitResult(
        limit=limit,
        outcome=_soften(limit, "pass" if holds else "fail"),
        value=value,
        baseline=theirs,
        allowed_min=low,
        allowed_max=high,
        sentence=f"{said}; {describe_allowed(limit, low, high, theirs, value)}.",
        estimate=estimate,
    )


def _refuse_limit(limit: Limit, run: GateEvidence, why: str) -> LimitResult:
    """A limit that can't be asked, which is no pass."""
    return LimitResult(
        limit=limit,
        outcome=_soften(limit, "inconclusive"),
        value=read_value(run, limit.label, limit.metric)[0],
        baseline=None,
        allowed_min=None,
        allowed_max=None,
        sentence=f"{limit.name} can't be asked: {why}.",
    )


def _explain_not_asked(limit: Limit, run: GateEvidence, baseline: GateEvidence | None) -> str:
    """Why a limit says nothing of a run or a baseline that lacks labels; empty where it does."""
    if limit.label and limit.label not in run.labels:
        return f"{run.run} has no output for {limit.label}; it has {', '.join(run.labels)}"
    if baseline is None or limit.max_regression is None:
        return ""
    if limit.metric in MEASURED and run.machine != baseline.machine:
        ours, theirs = (each.machine or "one that was not recorded" for each in (run, baseline))
        return f"it depends on the machine; the run's is {ours}, the baseline's is {theirs}"
    if limit.label and limit.label not in baseline.labels:
        return f"the baseline {baseline.run} was evaluated for {', '.join(baseline.labels)}"
    other = set(run.labels) != set(baseline.labels)
    if is_over_labels(limit.metric) and other:
        return (
            f"it is over all labels, and these are {', '.join(run.labels)} of {run.run} and "
            f"{', '.join(baseline.labels)} of the baseline {baseline.run}"
        )
    return ""


def _soften(limit: Limit, outcome: LimitOutcome) -> LimitOutcome:
    return outcome if outcome == "pass" or limit.severity == "fail" else "warn"


def _allowed(limit: Limit, baseline: float | None) -> tuple[float | None, float | None]:
    """The lowest and the highest value that keep a limit, the baseline counted in."""
    low, high = limit.min, limit.max
    if limit.max_regression is None or baseline is None:
        return low, high
    slack = limit.max_regression * (abs(baseline) if limit.relative else 1)
    if direction_of(limit.metric) == "lower":
        ceiling = baseline + slack
        return low, ceiling if high is None else min(high, ceiling)
    floor = baseline - slack
    return floor if low is None else max(low, floor), high


def _judge_loss(
    limit: Limit, run: GateEvidence, baseline: GateEvidence, paired: PairedRuns | None
) -> LimitResult:
    """Whether the interval of the paired difference excludes a loss of more than the margin."""
    (metric,) = (each for each in METRICS if each == limit.metric)
    judged, needed, loss = None, None, None
    outcome: LimitOutcome = "inconclusive"
    if paired is not None:
        assert limit.max_regression is not None
        judged, needed = exclude_loss(paired, metric, limit.max_regression)
        outcome = _BY_ANSWER[judged.answer]
        loss = find_significant_loss(paired, metric) if limit.policy == "evidence" else None
        if loss is not None:
            outcome = "fail"
    counts = run.counts[limit.label]
    cases = counts.positives if metric == "sensitivity" else counts.negatives
    return LimitResult(
        limit=limit,
        outcome=_soften(limit, outcome),
        value=read_value(run, limit.label, metric)[0],
        baseline=read_value(baseline, limit.label, metric)[0],
        allowed_min=None,
        allowed_max=None,
        sentence=describe_loss(limit, baseline.run, judged, cases, needed, loss),
        positives_needed=None if loss is not None else needed,
    )


def _provenance(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "evaluation": {
            "key": evaluation.facts.key,
            "provider": evaluation.facts.provider,
            "versions": evaluation.facts.versions,
        },
        "versions": {"covidreport": __version__},
    }

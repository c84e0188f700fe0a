"""From evidence, limits and a baseline to a verdict: pure judgment, the same for the same evidence.

A figure that is undefined or missing fails its limit. A regression is judged by the plain figures;
what the paired test says of it stands beside, and decides where a limit asks for evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from covidreport import __version__
from covidreport.compare.bounds import ALPHA
from covidreport.errors import GateError, UsageError
from covidreport.gate.baseline import Baseline, find_differences
from covidreport.gate.evidence import Evidence
from covidreport.gate.figures import (
    TOLERANCE,
    check_prevalence,
    direction_of,
    explain_missing,
    read_value,
)
from covidreport.gate.near_threshold import find_hanging
from covidreport.gate.outcomes import WORSE_SPECIFICITY
from covidreport.gate.paired import (
    METRICS,
    PairedRuns,
    exclude_loss,
    name_comparisons,
    pair_runs,
)
from covidreport.gate.wording import (
    describe_allowed,
    describe_figure,
    describe_origin,
    describe_test,
    format_value,
)
from covidreport.metrics import iter_metrics
from covidreport.records import (
    Comparison,
    Evaluation,
    Failure,
    Finding,
    Limit,
    LimitOutcome,
    LimitResult,
    Stage,
    Verdict,
    VerdictOutcome,
)
from covidreport.text import choose_salt, name_cases, plural


@dataclass(frozen=True, slots=True)
class Terms:
    """By what is judged, whatever the run is."""

    target: str
    limits: tuple[Limit, ...]
    show_ids: bool = False
    prevalence: Mapping[str, float] = field(default_factory=dict)
    """By label, where the settings state one: that at which predictive values are judged."""


def judge_run(evidence: Evidence, terms: Terms, baseline: Baseline | None) -> Verdict:
    """The verdict on one run.

    Raises GateError where the baseline is of other images, labels or thresholds, and UsageError
    where a limit names a label that the data does not have.
    """
    evaluation = evidence.evaluation
    _check_labels(terms.limits, evaluation)
    check_prevalence(terms.limits, terms.prevalence, evaluation, evidence.figures)
    if baseline is not None:
        compared = [limit for limit in terms.limits if limit.max_regression is not None]
        check_prevalence(
            compared, terms.prevalence, baseline.evaluation, baseline.figures, of_baseline=True
        )
    paired: PairedRuns | None = None
    not_compared = None
    salt = choose_salt(evaluation.fingerprint)
    if baseline is not None:
        _check_comparable(evaluation, baseline)
        if evidence.answers is None or baseline.wrong is None:
            who = evaluation.run if evidence.answers is None else baseline.evaluation.run
            not_compared = f"{who} has counts alone: a paired test takes answers to single images"
        else:
            paired = pair_runs(evidence.answers, baseline.wrong, salt)
    results = tuple(_judge_limit(each, evidence, baseline, paired) for each in terms.limits)
    outcome = decide_outcome(results)
    lost = name_cases(paired.newly_missed if paired else (), salt, show_ids=terms.show_ids)
    found = name_cases(paired.newly_found if paired else (), salt, show_ids=terms.show_ids)
    against = None if baseline is None else baseline.evaluation.run
    comparisons = name_comparisons(paired, evaluation.run, against) if paired and against else ()
    worse = _find_worse_specificity(comparisons, evaluation, terms.target, baseline)
    return Verdict(
        outcome=outcome,
        run=evaluation.run,
        target=terms.target,
        sentence=_summarise(evidence, terms.target, results, baseline, worse=bool(worse)),
        folder=evidence.run.place,
        model_sha256=evaluation.facts.model_sha256,
        dataset=evaluation.dataset,
        split=evaluation.split,
        variant=evaluation.variant,
        fingerprint=evaluation.fingerprint,
        thresholds=evaluation.thresholds,
        thresholds_from=evaluation.thresholds_from,
        scores_from=evidence.scores_from,
        thresholds_written_here=evidence.thresholds_written_here,
        baseline=None if baseline is None else baseline.record(),
        results=results,
        counts=evaluation.counts[terms.target],
        estimates={
            each.key: each.estimate
            for each in iter_metrics(evaluation)
            if each.label == terms.target and each.metric is not None
        },
        comparisons=comparisons,
        not_compared=not_compared,
        smallest_gap=paired.smallest_gap if paired else None,
        newly_missed=lost,
        newly_found=found,
        ids_shown=terms.show_ids,
        findings=(
            *worse,
            *_version_findings(evaluation, baseline),
            *_same_model(evidence, baseline),
            *find_hanging(
                evidence, baseline, terms.target, results, partial(_judge_again, terms.limits)
            ),
            *evaluation.findings,
        ),
        evaluation=evaluation,
        provenance=_provenance(evaluation),
    )


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


def decide_outcome(results: Sequence[LimitResult]) -> VerdictOutcome:
    """A failed limit fails a run; one that can't be told leaves it open; a warning does neither."""
    outcomes = {result.outcome for result in results}
    if "fail" in outcomes:
        return "fail"
    return "inconclusive" if "inconclusive" in outcomes else "pass"


def _check_labels(limits: Sequence[Limit], evaluation: Evaluation) -> None:
    strange = [each.name for each in limits if each.label and each.label not in evaluation.labels]
    if strange:
        raise UsageError(
            f"the limit on {strange[0]} names no label of the data; its labels are "
            f"{', '.join(evaluation.labels)}"
        )


def _check_comparable(evaluation: Evaluation, baseline: Baseline) -> None:
    differences = find_differences(evaluation, baseline.evaluation)
    if differences:
        raise GateError(
            "baseline",
            f"{evaluation.run} can't be compared with the baseline {baseline.evaluation.run}: they "
            "are not of the same images, labels and thresholds. "
            + "; ".join(differences)
            + ". Evaluate both on the same data, or set the baseline again with `covidreport "
            "baseline set`",
        )


def _judge_limit(
    limit: Limit, evidence: Evidence, baseline: Baseline | None, paired: PairedRuns | None
) -> LimitResult:
    value, figure = read_value(evidence.figures, limit.label, limit.metric)
    theirs = None
    if baseline is not None:
        theirs, _ = read_value(baseline.figures, limit.label, limit.metric)
    if limit.evidence:
        assert baseline is not None
        return _judge_evidence(limit, value, theirs, paired, baseline.evaluation.run)
    low, high = _allowed(limit, theirs)
    kept = value is not None and not (limit.max_regression is not None and theirs is None)
    if value is not None:
        kept = kept and (low is None or value >= low - TOLERANCE)
        kept = kept and (high is None or value <= high + TOLERANCE)
    bound = low if low is not None else high
    missing = "" if value is not None else explain_missing(
        evidence.figures, limit.label, limit.metric
    )  # fmt: skip
    return LimitResult(
        limit=limit,
        outcome=_outcome(limit, "pass" if kept else "fail"),
        value=value,
        baseline=theirs,
        allowed_min=low,
        allowed_max=high,
        sentence=(
            f"{describe_figure(limit, value, figure, bound, missing)}; "
            f"{describe_allowed(limit, low, high, theirs, value)}."
        ),
        figure=figure,
    )


def _judge_again(
    limits: Sequence[Limit], evidence: Evidence, baseline: Baseline | None
) -> tuple[LimitResult, ...]:
    """Every limit on other evidence of the same images."""
    paired = None
    if baseline is not None and baseline.wrong is not None and evidence.answers is not None:
        salt = choose_salt(evidence.evaluation.fingerprint)
        paired = pair_runs(evidence.answers, baseline.wrong, salt)
    return tuple(_judge_limit(each, evidence, baseline, paired) for each in limits)


def _outcome(limit: Limit, outcome: LimitOutcome) -> LimitOutcome:
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


def _judge_evidence(
    limit: Limit, value: float | None, theirs: float | None, paired: PairedRuns | None,
    baseline: str,
) -> LimitResult:  # fmt: skip
    """Whether the interval of the paired difference excludes a loss of more than the margin."""
    margin = limit.max_regression
    (metric,) = (each for each in METRICS if each == limit.metric)
    assert margin is not None
    loss = f"a loss of more than {margin:g} in {limit.name} against {baseline}"
    needed = None
    outcome: LimitOutcome
    if paired is None:
        outcome = "inconclusive"
        sentence = f"Counts alone can't exclude {loss}: that takes the answers to single images."
    else:
        judged, needed = exclude_loss(paired, metric, margin)
        cases = "positives" if metric == "sensitivity" else "negatives"
        at_hand = int((paired.paired.truth == (1 if metric == "sensitivity" else 0)).sum())
        if judged.answer == "yes":
            outcome, sentence = "pass", f"The data exclude {loss}"
        elif judged.answer == "no":
            outcome, sentence = "fail", f"The data show {loss}"
        else:
            outcome, sentence = "inconclusive", f"{at_hand:,} {cases} can't exclude {loss}"
        if judged.difference is not None and judged.interval.low is not None:
            sentence += (
                f": the difference is {format_value(judged.difference)} (95 % interval "
                f"{format_value(judged.interval.low)} to {format_value(judged.interval.high)}, "
                f"{judged.interval.method})"
            )
        if needed is not None:
            sentence += f"; it would take about {needed:,} {cases}, if all stays as it looks"
        sentence += "."
    return LimitResult(
        limit, _outcome(limit, outcome), value, theirs, None, None, sentence,
        positives_needed=needed,
    )  # fmt: skip


def _summarise(
    evidence: Evidence, target: str, results: Sequence[LimitResult], baseline: Baseline | None,
    *, worse: bool,
) -> str:  # fmt: skip
    """The verdict in a line: the cases that were missed, the limits, and whose word it rests on."""
    evaluation = evidence.evaluation
    counts = evaluation.counts[target]
    text = f"{evaluation.run} misses {counts.missed:,} of {counts.positives:,} {target} cases"
    if baseline is not None:
        theirs = baseline.evaluation.counts[target]
        text += f", the baseline {baseline.evaluation.run} {theirs.missed:,}"
    broken = [result for result in results if result.outcome == "fail"]
    open_ones = [result for result in results if result.outcome == "inconclusive"]
    warned = sum(result.outcome == "warn" for result in results)
    limits = plural(len(results), "limit")
    if broken:
        names = ", ".join(dict.fromkeys(result.limit.name for result in broken))
        text += f"; {len(broken)} of {limits} not kept: {names}"
    elif open_ones:
        names = ", ".join(dict.fromkeys(result.limit.name for result in open_ones))
        text += f"; {len(open_ones)} of {limits} can't be told: {names}"
    else:
        text += f"; {limits} kept" if not warned else f"; {len(results) - warned} of {limits} kept"
    if warned:
        text += f", {plural(warned, 'warning')}"
    if worse:
        text += "; its specificity is significantly worse than the baseline's"
    from_run = baseline is not None and baseline.kind != "file"
    theirs_from = baseline.scores_from if baseline is not None and from_run else None
    origin = describe_origin(evidence.scores_from, theirs_from, evidence.thresholds_written_here)
    return f"{text}; {origin}."


def _find_worse_specificity(
    comparisons: Sequence[Comparison], evaluation: Evaluation, target: str,
    baseline: Baseline | None,
) -> tuple[Finding, ...]:  # fmt: skip
    """A warning where the run raises more false alarms than the baseline, by more than chance.

    The built-in limits look at missed cases and at a floor, which lets many more false alarms by.
    """
    compared = next((each for each in comparisons if each.metric == "specificity"), None)
    if baseline is None or compared is None:
        return ()
    difference, p_value = compared.difference, compared.p_value
    if difference is None or difference >= 0 or p_value is None or p_value > ALPHA:
        return ()
    ours, theirs = evaluation.counts[target], baseline.evaluation.counts[target]
    return (
        Finding(
            "warning",
            WORSE_SPECIFICITY,
            f"{evaluation.run} raises {plural(ours.false_alarms, 'false alarm')} among "
            f"{plural(ours.negatives, 'negative')}, the baseline {baseline.evaluation.run} "
            f"{theirs.false_alarms:,}: its specificity is significantly worse",
            describe_test(compared),
            "Where that may not pass, state a limit, such as --limit "
            "'false_alarms<=baseline+10%' or specificity>=baseline-0.02.",
            (evaluation.run,),
        ),
    )


def _same_model(evidence: Evidence, baseline: Baseline | None) -> tuple[Finding, ...]:
    """That a run is judged against itself: by its folder, or by the bytes of its model."""
    digest = evidence.evaluation.facts.model_sha256
    if baseline is None or digest is None or digest != baseline.model_sha256:
        return ()
    run, theirs = evidence.run.name, baseline.evaluation.run
    own = baseline.folder is not None and baseline.folder.resolve() == evidence.run.folder.resolve()
    told = f"{run} is its own baseline"
    if not own:
        told = f"The model of {run} has the same bytes as that of its baseline {theirs}"
    return (
        Finding(
            "warning",
            "own-baseline" if own else "same-model-as-baseline",
            told,
            f"both have the sha256 {digest[:12]}: a model is never worse than itself",
            "Judge it against another run, or by limits that need no baseline.",
            (run,),
        ),
    )


def _version_findings(evaluation: Evaluation, baseline: Baseline | None) -> tuple[Finding, ...]:
    ours = evaluation.facts.covidreport
    theirs = None if baseline is None else baseline.evaluation.facts.covidreport
    if baseline is None or ours == theirs or ours is None or theirs is None:
        return ()
    return (
        Finding(
            "note",
            "baseline-of-another-version",
            f"The baseline {baseline.evaluation.run} was evaluated by covidreport {theirs}, the "
            f"run by {ours}",
            "images, labels and thresholds are the same; scores may differ in their last digits",
            "Evaluate the baseline again with this version and set it anew.",
            (baseline.evaluation.run,),
        ),
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

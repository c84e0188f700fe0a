"""The runs on the same images twice: as usual, and with a part of every image blacked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from covidreport.boundary import attempt
from covidreport.evaluate.folders import choose_hardware, complete_request, read_images
from covidreport.evaluate.identity import find_stored
from covidreport.evaluate.occlude import Occlusion
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.outcome import RunOutcome, list_evaluated
from covidreport.evaluate.record import evaluate_runs
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.resolve import choose_data
from covidreport.evaluate.scoring import apply_chosen, is_applied
from covidreport.evaluate.thresholds import Thresholds
from covidreport.evaluate.tuned import keep_thresholds
from covidreport.records import Evaluation, Failure, FindingMade, OnEvent, Run, ignore_events
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores, write_evaluation


@dataclass(frozen=True, slots=True)
class OccludedFolders:
    """What became of each run, as usual and with the region blacked out."""

    request: EvaluationRequest
    """Of the usual evaluations."""
    usual: tuple[RunOutcome, ...]
    occluded: tuple[RunOutcome, ...]
    """Of the runs that have a usual evaluation."""

    @property
    def pairs(self) -> tuple[tuple[Run, Evaluation, Evaluation], ...]:
        """The runs that have both evaluations, each with both."""
        after = {run.folder: evaluation for run, evaluation in list_evaluated(self.occluded)}
        return tuple(
            (run, usual, after[run.folder])
            for run, usual in list_evaluated(self.usual)
            if run.folder in after
        )


def occlude_folders(
    runs: Sequence[Run], options: EvaluateOptions, occlusion: Occlusion,
    on_event: OnEvent = ignore_events,
) -> OccludedFolders:  # fmt: skip
    """Evaluate runs as options say, as usual and with a region blacked out.

    Raises UsageError, DatasetError or ProviderError where no run could be evaluated.
    """
    query = choose_data(options, runs)
    execution, findings = choose_hardware(options)
    images = read_images(query, options, on_event)
    request = complete_request(options, images, execution, findings)
    for finding in request.warnings:
        on_event(FindingMade(finding))
    usual = evaluate_usual(request, runs, on_event)
    return OccludedFolders(request, usual, evaluate_occluded(request, occlusion, usual, on_event))


def evaluate_usual(
    request: EvaluationRequest, runs: Sequence[Run], on_event: OnEvent = ignore_events
) -> tuple[RunOutcome, ...]:
    """The usual evaluations: those that stand as they are, with their thresholds, else new ones."""
    outcomes: dict[Path, RunOutcome] = {}
    for run in runs:
        find = partial(
            find_stored, run, request.name, fingerprint=request.fingerprint,
            labels=request.dataset.labels, n_groups=request.n_groups,
            provider=request.provider_facts, batch=request.batch, verify=request.verify,
            use_cache=request.use_cache,
        )  # fmt: skip
        stored = None if request.force else attempt(run.name, "read", find)
        if isinstance(stored, Evaluation):
            outcomes[run.folder] = RunOutcome(run, stored, reused=True)
    rest = [run for run in runs if run.folder not in outcomes]
    for outcome in evaluate_runs(request, rest, on_event):
        outcomes[outcome.run.folder] = outcome
    return tuple(outcomes[run.folder] for run in runs)


def evaluate_occluded(
    request: EvaluationRequest, occlusion: Occlusion, usual: Sequence[RunOutcome],
    on_event: OnEvent = ignore_events,
) -> tuple[RunOutcome, ...]:  # fmt: skip
    """The same runs with the region blacked out, each at the thresholds of its usual evaluation.

    usual: of `evaluate_usual`; runs that failed there are excluded.
    """
    evaluated = {each.run.folder: each.evaluation for each in usual if each.evaluation is not None}
    runs = [each.run for each in usual if each.run.folder in evaluated]
    blacked = replace(request, occlusion=occlusion, thresholds=Thresholds())
    outcomes = []
    for outcome in evaluate_runs(blacked, runs, on_event):
        if outcome.evaluation is not None:
            usually = evaluated[outcome.run.folder]
            take = partial(_take_thresholds, outcome, usually, request)
            taken = attempt(outcome.run.name, "score", take)
            if isinstance(taken, Failure):
                outcome = RunOutcome(outcome.run, failure=taken)
            else:
                outcome = replace(outcome, evaluation=taken)
        outcomes.append(outcome)
    return tuple(outcomes)


def _take_thresholds(
    outcome: RunOutcome, usual: Evaluation, request: EvaluationRequest
) -> Evaluation:
    """The evaluation at the thresholds of another of the same run; written where that changes it.

    A threshold of its own would hide what the run no longer sees.
    """
    evaluation = outcome.evaluation
    assert evaluation is not None
    chosen = keep_thresholds(usual)
    if is_applied(evaluation, chosen):
        return evaluation
    file = evaluation_folder(outcome.run.folder, evaluation.key) / SCORES_FILE
    changed = apply_chosen(evaluation, read_scores(file), chosen)
    with request.made.rewriting(outcome.run, evaluation, use_cache=request.use_cache):
        write_evaluation(outcome.run.folder, changed)
    return changed

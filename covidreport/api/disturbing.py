"""Runs evaluated on changed pictures once all are evaluated on the pictures as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from covidreport.compare.changed import read_changed, state_margin
from covidreport.errors import UsageError
from covidreport.evaluate.disturbances import DisturbOptions
from covidreport.evaluate.disturbing import evaluate_changed, request_disturbed
from covidreport.evaluate.folders import EvaluatedFolders
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.outcome import RunOutcome, list_evaluated
from covidreport.evaluate.request import EvaluationRequest
from covidreport.records import DisturbedRun, Evaluation, Noted, OnEvent, Run
from covidreport.text import list_some

MOST_NAMED = 10


def check_disturb(options: EvaluateOptions) -> None:
    """UsageError, before anything is evaluated, where pictures can't be changed as options say."""
    if options.occlusion is not None and options.disturb is not None and options.disturb.asked:
        raise UsageError("--disturb changes whole pictures: ask for it without --occlude")


def disturb_runs(
    done: EvaluatedFolders, options: DisturbOptions, target: str, on_event: OnEvent
) -> tuple[RunOutcome, ...]:
    """Evaluate the runs that were evaluated on changed pictures of their own images."""
    return _evaluate_each(
        done, lambda request: request_disturbed(request, target, options), on_event
    )


def compare_disturbed(
    outcomes: Sequence[RunOutcome], disturbed: Sequence[RunOutcome], target: str,
    margin: float | None,
) -> tuple[DisturbedRun, ...]:  # fmt: skip
    """What changed pictures do to the answers of each run that was evaluated on both."""
    usual = {run.name: evaluation for run, evaluation in list_evaluated(outcomes)}
    return tuple(
        state_margin(read_changed(run, usual[run.name], changed, target), margin)
        for run, changed in list_evaluated(disturbed)
    )


def _evaluate_each(
    done: EvaluatedFolders, change: Callable[[EvaluationRequest], EvaluationRequest],
    on_event: OnEvent,
) -> tuple[RunOutcome, ...]:  # fmt: skip
    """What becomes of the runs on changed pictures, those of one request together."""
    evaluated = [each for each in list_evaluated(done.outcomes) if each[0].name in done.requests]
    _tell_folds(done, on_event)
    groups: dict[int, list[tuple[Run, Evaluation]]] = {}
    for run, evaluation in evaluated:
        groups.setdefault(id(done.requests[run.name]), []).append((run, evaluation))
    outcomes: list[RunOutcome] = []
    for group in groups.values():
        request = change(done.requests[group[0][0].name])
        outcomes += evaluate_changed(request, group, on_event)
    return tuple(outcomes)


def _tell_folds(done: EvaluatedFolders, on_event: OnEvent) -> None:
    names = [run.name for run, _ in list_evaluated(done.outcomes) if run.name not in done.requests]
    if names:
        said = "each fold has a model of its own, and pictures are changed for single ones"
        on_event(Noted(f"not disturbed: {list_some(names, MOST_NAMED)}: {said}", warning=True))

"""Runs evaluated on changed and on foreign pictures once all are evaluated on the usual ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from covidreport.audit.disturbance import audit_disturbed
from covidreport.audit.foreign import audit_foreign
from covidreport.boundary import attempt
from covidreport.compare.changed import read_changed, state_margin
from covidreport.compare.foreign import correct_foreign, read_foreign
from covidreport.errors import UsageError
from covidreport.evaluate.disturbing import evaluate_changed, request_disturbed
from covidreport.evaluate.folders import EvaluatedFolders
from covidreport.evaluate.foreign import read_foreign_folders, request_foreign
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.outcome import RunOutcome, list_evaluated
from covidreport.evaluate.request import EvaluationRequest
from covidreport.records import (
    AS_IS,
    FOREIGN_CHANGES,
    SINGLES,
    Evaluation,
    Failure,
    Finding,
    Noted,
    OnEvent,
    ReportData,
    Run,
    part_row,
)
from covidreport.text import list_some

MOST_NAMED = 10
_T = TypeVar("_T")


class ChangedPictures(Struct, frozen=True):
    """What became of runs on changed and on foreign pictures, and what is found in that."""

    disturbed: tuple[RunOutcome, ...] = ()
    foreign: tuple[RunOutcome, ...] = ()
    findings: tuple[Finding, ...] = ()


def check_changes(options: EvaluateOptions) -> None:
    """UsageError or DatasetError, before anything is evaluated, where pictures can't be changed or
    shown as options say."""
    asked = {"disturb": options.disturb, "foreign": options.foreign}
    for name, each in asked.items():
        if options.occlusion is not None and each is not None and each.asked:
            raise UsageError(f"--{name} is about whole pictures: ask for it without --occlude")
    if options.foreign is not None and options.foreign.asked:
        read_foreign_folders(options.foreign.folders or ())


def change_pictures(
    done: EvaluatedFolders, options: EvaluateOptions, data: ReportData, margin: float | None,
    on_event: OnEvent,
) -> ChangedPictures:  # fmt: skip
    """Evaluate the runs that were evaluated on what options ask for besides their own images.

    data: of target and rankings. Findings are those that stand in a report of these runs.
    """
    target = data.target
    disturb, foreign = options.disturb, options.foreign
    changed: tuple[RunOutcome, ...] = ()
    shown: tuple[RunOutcome, ...] = ()
    findings: tuple[Finding, ...] = ()
    if disturb is not None and disturb.asked:
        make = partial(request_disturbed, target=target, options=disturb)
        changed = _evaluate_each(done, make, "--disturb", on_event)
        lost = _compare_each(done.outcomes, changed, partial(read_changed, target=target), on_event)
        stated = tuple(state_margin(each, margin) for each in lost)
        findings = audit_disturbed(replace(data, disturbed=stated))
    if foreign is not None and foreign.asked:
        make = partial(request_foreign, target=target, options=foreign, on_event=on_event)
        shown = _evaluate_each(done, make, "--foreign", on_event)
        _tell_unscored(shown, on_event)
        said = _compare_each(done.outcomes, shown, partial(read_foreign, target=target), on_event)
        findings += audit_foreign(replace(data, foreign=correct_foreign(said)))
    return ChangedPictures(changed, shown, findings)


def _compare_each(
    outcomes: Sequence[RunOutcome], changed: Sequence[RunOutcome],
    read: Callable[[Run, Evaluation, Evaluation], _T], on_event: OnEvent,
) -> list[_T]:  # fmt: skip
    """What is read of each run that was evaluated on both."""
    usual = {run.name: evaluation for run, evaluation in list_evaluated(outcomes)}
    found = []
    for run, evaluation in list_evaluated(changed):
        each = attempt(run.name, "read", partial(read, run, usual[run.name], evaluation))
        if isinstance(each, Failure):
            on_event(Noted(f"run {run.name}: {evaluation.key}: {each.explanation}", warning=True))
        else:
            found.append(each)
    return found


def _tell_unscored(shown: Sequence[RunOutcome], on_event: OnEvent) -> None:
    """Name the pictures of folders without a score, each with the first reason that a run has."""
    built_in = (AS_IS.name, *FOREIGN_CHANGES, *SINGLES)
    reasons: dict[tuple[str, str], str] = {}
    for _, evaluation in list_evaluated(shown):
        for each in evaluation.failures:
            reasons.setdefault(part_row(each.subject), each.reason)
    named = [
        f"{name} of {kind} ({why})" for (name, kind), why in reasons.items() if kind not in built_in
    ]
    if named:
        said = f"foreign pictures without a score: {list_some(named, MOST_NAMED)}"
        on_event(Noted(said, warning=True))


def _evaluate_each(
    done: EvaluatedFolders, change: Callable[[EvaluationRequest], EvaluationRequest],
    option: str, on_event: OnEvent,
) -> tuple[RunOutcome, ...]:  # fmt: skip
    """What becomes of the runs on changed pictures, those of one request together."""
    evaluated = [each for each in list_evaluated(done.outcomes) if each[0].name in done.requests]
    _tell_folds(done, option, on_event)
    groups: dict[int, list[tuple[Run, Evaluation]]] = {}
    for run, evaluation in evaluated:
        groups.setdefault(id(done.requests[run.name]), []).append((run, evaluation))
    outcomes: list[RunOutcome] = []
    for group in groups.values():
        request = change(done.requests[group[0][0].name])
        outcomes += evaluate_changed(request, group, on_event)
    return tuple(outcomes)


def _tell_folds(done: EvaluatedFolders, option: str, on_event: OnEvent) -> None:
    names = [run.name for run, _ in list_evaluated(done.outcomes) if run.name not in done.requests]
    if names:
        said = "each fold has a model of its own, and pictures are changed for single ones"
        left = list_some(names, MOST_NAMED)
        on_event(Noted(f"{option} leaves {left} out: {said}", warning=True))

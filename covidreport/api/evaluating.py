"""Runs evaluated, and ranked by what came out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from covidreport.api.disturbing import change_pictures, check_changes
from covidreport.api.finding import find_runs
from covidreport.api.mapping import check_maps, choose_mapped, map_runs
from covidreport.api.stored_runs import open_stored
from covidreport.audit.occlusion import Remaining, audit_occlusion, list_remaining
from covidreport.audit.settings import audit_epochs
from covidreport.boundary import attempt
from covidreport.compare import rank_and_compare
from covidreport.compare.ranking import RankedSet
from covidreport.errors import UsageError
from covidreport.evaluate.feeding import check_evaluated
from covidreport.evaluate.folders import evaluate_folders
from covidreport.evaluate.maps import MadeMaps
from covidreport.evaluate.options import EvaluateOptions, merge_options
from covidreport.evaluate.outcome import (
    RunOutcome,
    find_too_many_failed,
    list_evaluated,
    list_failures,
)
from covidreport.evaluate.preprocessing import PreprocessingCheck
from covidreport.evaluate.resolve import part_runs
from covidreport.evaluate.sharing import check_sharing
from covidreport.records import (
    Evaluation,
    Failure,
    Finding,
    FindingMade,
    Noted,
    OnEvent,
    ReportData,
    ReportedRun,
    Run,
    ignore_events,
    name_evaluation,
)
from covidreport.settings import find_settings
from covidreport.storage.copied import Use
from covidreport.storage.made_here import MadeHere
from covidreport.store import evaluation_folder, read_evaluation
from covidreport.text.failed import MOST_FAILED


class EvaluatedRuns(Struct, frozen=True):
    """What became of runs that were to be evaluated, and how they rank."""

    outcomes: tuple[RunOutcome, ...]
    """Of each run its evaluation, or why it has none."""
    rankings: tuple[RankedSet, ...]
    """One for each set of images, with the comparisons of its runs."""
    findings: tuple[Finding, ...]
    """What must be known of the data, the machine and of occlusions; each was told as an event. Of
    runs it stands in their evaluations."""
    without_model: tuple[Run, ...]
    """Runs that hold metrics alone: nothing of them was changed."""
    too_many_failed: Mapping[str, Sequence[str]]
    """Names of runs of which nothing can be said since too many images failed, by the reason."""
    target: str
    """The label that they were ranked by."""
    remaining: tuple[Remaining, ...] = ()
    """Where a part of every image was blacked out: ROC AUC beside that of the usual evaluation."""
    preprocessing: tuple[PreprocessingCheck, ...] = ()
    """What other ways to feed the models showed, where that was asked."""
    maps: tuple[MadeMaps, ...] = ()
    """Where runs look, where that was asked: of the runs that have maps now."""

    disturbed: tuple[RunOutcome, ...] = ()
    """What became of each run on changed pictures, where that was asked."""
    foreign: tuple[RunOutcome, ...] = ()
    """The same on pictures that are no frontal radiograph."""

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Why runs have no evaluation."""
        return tuple(list_failures((*self.outcomes, *self.disturbed, *self.foreign)))


def evaluate_runs(
    *folders: str | os.PathLike[str],
    options: EvaluateOptions | None = None,
    on_event: OnEvent = ignore_events,
) -> EvaluatedRuns:
    """Run the models in `folders` (by default `runs`) over images, as `covidreport evaluate` does.

    Writes counts, metrics and scores into each run's folder; what stands there unchanged is kept.
    Of a shard (`options.shard`) the scores alone are written, into `options.parts`; without a shard
    the parts there are merged, and no image is scored.
    A run that fails does not stop the others: its outcome says why. on_event: is called with what
    the work is at, in this thread. Raises UsageError, DatasetError or ProviderError where no run
    can be evaluated.
    """
    with open_stored(folders, on_event, [Use.WRITE] * len(folders)) as here:
        return _evaluate_here(here, options or EvaluateOptions(), on_event)


def _evaluate_here(
    folders: Sequence[Path], stated: EvaluateOptions, on_event: OnEvent
) -> EvaluatedRuns:
    """The same for folders of this machine."""
    settings = find_settings(Path.cwd())
    options = merge_options(stated, settings.evaluate)
    runs, alone = part_runs(find_runs(folders, on_event, options.input))
    if not runs:
        raise UsageError(
            "no run here has a model to run: what was imported or pulled without its model is "
            "ranked by `covidreport render`, and takes other thresholds from `covidreport score`"
        )
    check_sharing(stated)
    check_maps(options, runs)
    check_changes(options)
    made = MadeHere()
    done = evaluate_folders(runs, options, on_event, made)
    target = options.target or settings.target
    if options.shard is not None:  # nothing can be said of a part
        return EvaluatedRuns(done.outcomes, (), done.findings, tuple(alone), {}, target)
    preprocessing: tuple[PreprocessingCheck, ...] = ()
    if options.check_preprocessing:
        outcomes, preprocessing = check_evaluated(done.outcomes, options, made, on_event)
        done = replace(done, outcomes=outcomes)
    alike = [each for each in list_evaluated(done.outcomes) if each[0].fold is None]
    plan = settings.plan_comparisons(runs)
    rankings = rank_and_compare(alike, target, settings.specificity_floor, plan)
    maps: tuple[MadeMaps, ...] = ()
    if options.maps is not None:
        names = choose_mapped(options.maps.runs, rankings, plan.baseline)
        maps, _ = map_runs(names, done.outcomes, options, target, done.requests, on_event)
    ranked = ReportData("", target, "", "", (), tuple(each.ranking for each in rankings))
    changed = change_pictures(done, options, ranked, plan.margin, on_event)
    most = MOST_FAILED if options.max_failed_share is None else options.max_failed_share
    too_many = find_too_many_failed(done.outcomes, most)
    chosen = audit_epochs((run, each.split) for run, each in list_evaluated(done.outcomes))
    for finding in (*chosen, *changed.findings):
        on_event(FindingMade(finding))
    findings = (*done.findings, *chosen, *changed.findings)
    remaining: tuple[Remaining, ...] = ()
    if options.occlusion is not None:
        both = _join_usual(done.outcomes, target, on_event)
        remaining, shortcuts = list_remaining(both), audit_occlusion(both)
        findings = (*findings, *shortcuts)
        for finding in shortcuts:
            on_event(FindingMade(finding))
    return EvaluatedRuns(
        done.outcomes,
        rankings,
        findings,
        tuple(alone),
        too_many,
        target,
        remaining,
        preprocessing,
        maps,
        changed.disturbed,
        changed.foreign,
    )


def _join_usual(outcomes: Sequence[RunOutcome], target: str, on_event: OnEvent) -> ReportData:
    """Each run's evaluation of a variant beside the usual one, of the runs that have one."""
    found = []
    for run, variant in list_evaluated(outcomes):
        folder = evaluation_folder(
            run.folder, name_evaluation(variant.dataset, variant.split, None)
        )
        usual = attempt(run.name, "read", partial(read_evaluation, folder))
        if isinstance(usual, Evaluation):
            found.append(ReportedRun(run, usual, (variant,)))
            continue
        why = usual.reason if folder.exists() else "was not evaluated as usual on these images"
        remedy = "`covidreport evaluate` without --occlude gives what to compare with"
        on_event(Noted(f"run {run.name}: {why}; {remedy}", warning=True))
    first = found[0].others[0] if found else None
    dataset, split = ("", "") if first is None else (first.dataset, first.split)
    return ReportData("", target, dataset, split, tuple(found), ())

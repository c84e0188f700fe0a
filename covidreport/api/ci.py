"""New or changed runs evaluated, judged and reported, as a pipeline does it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from covidreport.api.finding import find_runs
from covidreport.api.gating import GatedRuns, open_judged, resolve_gate
from covidreport.errors import GateError, NothingEvaluatedError, UsageError
from covidreport.evaluate.folders import evaluate_folders
from covidreport.evaluate.options import EvaluateOptions, merge_options
from covidreport.evaluate.outcome import RunOutcome, describe_scored_again, list_evaluated
from covidreport.evaluate.resolve import find_data, part_runs
from covidreport.gate import gating
from covidreport.gate.baseline import BASELINE_FILE
from covidreport.gate.evidence import GateSide
from covidreport.gate.gating import (
    GateRequest,
    complete_images,
    open_baseline,
    pass_over_known,
    stamp_time,
)
from covidreport.gate.judge import refuse_run
from covidreport.gate.odds import count_tries
from covidreport.gate.options import GateOptions
from covidreport.gate.stored import Trust
from covidreport.integrations.base_branch import compare_with_base, find_base
from covidreport.records import (
    Beside,
    Failure,
    Finding,
    Noted,
    NotJudged,
    OnEvent,
    ReportData,
    Run,
    Stage,
    Verdict,
    ignore_events,
)
from covidreport.report.collect import collect_report
from covidreport.settings import SETTINGS_FILE, Settings, find_settings, read_at_thresholds
from covidreport.storage.chosen import ImageQuery
from covidreport.storage.copied import Use
from covidreport.storage.folds import FOLDS, join_folds, split_folds
from covidreport.storage.made_here import MadeHere
from covidreport.storage.runs import discover_runs, names_runs
from covidreport.storage.shared import share_input

IS_BASELINE = "is the baseline"
OWN_BASELINE: tuple[Stage, str] = (
    "baseline",
    "it is its own baseline: whatever its model is by now, it is no worse than itself. Name "
    "another run as baseline, or a file that `covidreport baseline set` wrote before the change",
)


class CiResult(Struct, frozen=True):
    """The verdicts of one call, what must be known beside them, and the report on all runs."""

    verdicts: tuple[Verdict, ...]
    beside: Beside
    report: ReportData | None
    """None where no run has an evaluation on the judged images."""


class CiJob(Struct, frozen=True):
    """What one call has to do."""

    runs: Sequence[Run]
    named: Sequence[Path]
    """The folders that were asked for: in which runs were found, or which they are."""
    gate: GateOptions
    request: GateRequest
    options: EvaluateOptions
    settings: Settings


def run_ci(
    *folders: str | os.PathLike[str],
    gate: GateOptions | None = None,
    evaluate: EvaluateOptions | None = None,
    base: str | None = None,
    on_event: OnEvent = ignore_events,
) -> CiResult:
    """Evaluate new or changed runs, judge each, and collect a report, as `covidreport ci` does.

    Scores that this machine did not compute are computed again, unless `trust_stored`. base: the
    branch that the yardsticks are compared with, else as GitHub or GitLab states. Writes
    evaluations into the run folders and nothing else. A run that fails has a verdict that says why.
    Raises UsageError, DatasetError, GateError or ProviderError where nothing can be judged.
    """
    settings = find_settings(Path.cwd())
    options = evaluate or EvaluateOptions()
    shared = merge_options(options, settings.evaluate).input
    with open_judged(folders, gate or GateOptions(), Use.WRITE, on_event) as (here, stated):
        runs = find_runs(here, on_event, shared)
        job = prepare_ci(runs, here, stated, options, settings)
        notices = compare_yardsticks(job, base, os.environ)
        judged = judge_new(job, on_event)
        beside = Beside(notices, judged.not_judged)
        return CiResult(judged.verdicts, beside, collect_judged(job, judged.verdicts, on_event))


def prepare_ci(
    runs: Sequence[Run], named: Sequence[Path], gate: GateOptions, evaluate: EvaluateOptions,
    settings: Settings,
) -> CiJob:  # fmt: skip
    """What options and settings come to; UsageError where they make no sense."""
    trust = Trust(MadeHere(), gate.trust_stored)
    options = merge_options(evaluate, settings.evaluate)
    options = replace(
        options, verify=True, trust_stored=gate.trust_stored,
        split=_name_rows(gate.split) or options.split,
    )  # fmt: skip
    request = replace(resolve_gate(gate, settings, runs), trust=trust)
    # What an option asks for is evaluated so, and judged as it stands.
    at = read_at_thresholds(options.thresholds)
    request = replace(request, images=replace(request.images, at=at))
    return CiJob(runs, named, gate, request, options, settings)


def compare_yardsticks(
    job: CiJob, base: str | None, environment: Mapping[str, str]
) -> tuple[Finding, ...]:
    """What of baseline, settings and manifest differs from the base branch; empty without one."""
    branch = find_base(base, environment)
    if branch is None:
        return ()
    return compare_with_base(branch, _list_yardsticks(job), Path.cwd(), SETTINGS_FILE)


def _list_yardsticks(job: CiJob) -> list[Path]:
    """What decides verdicts beside the settings: the baseline, wherever it is, and the manifest."""
    path, settings = job.request.baseline, job.settings
    if path is not None and names_runs(path):
        found = [run.folder for run in split_folds(_find_others(job, path))]
    elif path is not None:
        found = [path]
    else:  # one that is not there may have been deleted
        named = job.gate.baseline or settings.baseline
        found = [] if named else [settings.folder / BASELINE_FILE]
    try:
        data = find_data(job.options, split_folds(job.runs))
    except UsageError:
        return found  # said where it is needed
    words, base = job.options.manifest, data if data.is_dir() else data.parent
    return [*found, data, *(base / file for file in (words.list_files() if words else ()))]


def judge_new(job: CiJob, on_event: OnEvent) -> GatedRuns:
    """Evaluate and judge the runs that are neither the baseline nor known to it."""
    path, request = job.request.baseline, job.request
    if path is not None and names_runs(path):
        others = _find_others(job, path)
        theirs = {run.folder.resolve() for run in others}
        if theirs >= {run.folder.resolve() for run in job.runs}:
            return GatedRuns(tuple(_refuse(run, request, *OWN_BASELINE) for run in job.runs))
        request = _aim(request, _evaluate(job, others, job.options, on_event))
    opened = open_baseline(job.runs, request)
    baseline = None if isinstance(opened, GateError) else opened
    new, skipped = _choose_new(job, baseline)
    failed, request = _evaluate_new(job, new, baseline, on_event)
    verdicts: list[Verdict] = []
    for run in new:
        failure = failed.get(run.name)
        if failure is None:
            verdicts += gating.gate_runs([run], request, opened)
        else:
            verdicts.append(_refuse(run, request, failure.stage, failure.explanation))
    return GatedRuns(count_tries(verdicts), skipped)


def _name_rows(split: str | None) -> str | None:
    """The split whose images are evaluated; None where that over all folds is judged."""
    return None if split == FOLDS else split


def _refuse(run: Run, request: GateRequest, stage: Stage, reason: str) -> Verdict:
    return refuse_run(
        run.name, run.folder_text, request.criteria.target, stage, reason, stamp_time()
    )


def _choose_new(job: CiJob, baseline: GateSide | None) -> tuple[list[Run], tuple[NotJudged, ...]]:
    """The runs that are not the baseline, nor known to it; and the others."""
    new, known = pass_over_known(job.runs, baseline, job.named)
    path = None
    if baseline is not None and baseline.stored is not None:
        path = baseline.stored.folder.resolve()
    own = [run for run in new if run.folder.resolve() == path]
    same = (NotJudged(run.name, run.folder_text, IS_BASELINE) for run in own)
    return [run for run in new if run not in own], (*known, *same)


def _find_others(job: CiJob, path: Path) -> list[Run]:
    """The run, or the runs, that the others are judged against."""
    gated = {run.folder.resolve() for run in job.runs}
    found = join_folds(share_input(discover_runs([path]), job.options.input))
    return [run for run in found if len(found) == 1 or run.folder.resolve() not in gated]


def _aim(request: GateRequest, outcomes: Sequence[RunOutcome]) -> GateRequest:
    """The request for the evaluations that this call made, whatever else was evaluated before."""
    done = list_evaluated(outcomes)
    if not done:
        return request
    _, first = done[0]
    images = replace(
        request.images, dataset=first.dataset, split=first.split, variant=first.variant or ""
    )
    return replace(request, images=images)


def _evaluate_new(
    job: CiJob, new: Sequence[Run], baseline: GateSide | None, on_event: OnEvent
) -> tuple[dict[str, Failure], GateRequest]:
    """Evaluate the new runs: those that failed, and what is to be judged of the others."""
    options = job.options
    if baseline is not None:
        images = complete_images(job.request.images, baseline)
        labels = options.labels or baseline.evidence.labels
        options = replace(options, labels=labels, split=_name_rows(images.split) or options.split)
    outcomes = _evaluate(job, new, options, on_event)
    failed = {each.run.name: each.failure for each in outcomes if each.failure is not None}
    return failed, _aim(job.request, outcomes)


def _evaluate(
    job: CiJob, runs: Sequence[Run], options: EvaluateOptions, on_event: OnEvent
) -> Sequence[RunOutcome]:
    """What became of the runs that can be evaluated; imported metrics stand as they are."""
    possible, _ = part_runs(runs)
    if not possible:
        return ()
    try:
        find_data(options, split_folds(possible))
    except UsageError as error:
        raise GateError("data", str(error)) from error
    done = evaluate_folders(possible, options, on_event, job.request.trust.made)
    for sentence in describe_scored_again(done.outcomes, job.settings.target):
        on_event(Noted(sentence))
    return done.outcomes


def collect_judged(job: CiJob, verdicts: Sequence[Verdict], on_event: OnEvent) -> ReportData | None:
    """The report on all runs, those that were not judged among them, on the judged images.

    None, and an event that says why, where no run has an evaluation on them.
    """
    settings = job.settings
    judged = next((each for each in verdicts if each.dataset is not None), None)
    images = (
        settings.query_stored(split=job.gate.split)
        if judged is None
        else ImageQuery(judged.dataset, judged.split, judged.variant or "")
    )
    images = replace(images, at=job.request.images.at)
    try:
        return collect_report(
            job.runs,
            settings.choose_report(),
            images=images,
            plan=settings.plan_comparisons(job.runs),
            command=job.options.command,
            made=job.request.trust.made,
        )
    except UsageError as error:
        nothing = isinstance(error, NothingEvaluatedError)
        why = "none of these runs could be evaluated" if nothing else str(error)
        on_event(Noted(f"no report was written: {why}"))
        return None

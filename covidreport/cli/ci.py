"""`covidreport ci`: evaluate, gate and render what is new, in one call of a pipeline."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.gate import EXIT_CODES_TEXT, GateOptions
from covidreport.cli.options import (
    JUDGED,
    BaseBranch,
    BatchSize,
    BatchTimeout,
    Data,
    DeviceId,
    EvidenceMargin,
    GateBaseline,
    Jobs,
    Limits,
    MaxFailedShare,
    MemoryLimit,
    Precision,
    Provider,
    RequireEvidence,
    Runs,
    ShowIds,
    Threshold,
    TrustStored,
    TunedThresholds,
    Verbose,
    VerdictAsJson,
    Warnings,
    read_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covidreport.evaluate.options import EvaluateOptions
    from covidreport.evaluate.outcome import Outcome
    from covidreport.gate.evidence import GateSide
    from covidreport.gate.gating import GateRequest
    from covidreport.records import Failure, Finding, NotJudged, Run, Stage, Verdict
    from covidreport.settings import Settings

REPORT_FILE = "report.html"
IS_BASELINE = "is the baseline"
OWN_BASELINE: tuple[Stage, str] = (
    "baseline",
    "it is its own baseline: whatever its model is by now, it is no worse than itself. Name "
    "another run as baseline, or a file that `covidreport baseline set` wrote before the change",
)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Evaluate, gate and report new or changed runs, in one call.",
        help=(
            "Evaluate new or changed runs, judge each as `covidreport gate` does, render a report, "
            "and write every output into one folder.\n\nOf a folder of runs those are passed over "
            "that `covidreport baseline set --known` saw as they are. Scores that this machine did "
            "not compute are computed again, unless --trust-stored; files are compared by their "
            "bytes. On GitHub the job summary, annotations and outputs are written too.\n\n"
            + EXIT_CODES_TEXT
        ),
        epilog="Example: covidreport ci runs/ --baseline baseline.json --data data/manifest.csv",
    )(ci)


def ci(
    context: typer.Context,
    folders: Runs = None,
    baseline: GateBaseline = None,
    limit: Limits = None,
    warn: Warnings = None,
    require_evidence: RequireEvidence = False,
    margin: EvidenceMargin = None,
    data: Data = None,
    split: Annotated[
        str | None,
        typer.Option(help=f"Which split.  {JUDGED}"),
    ] = None,
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    provider: Provider = None,
    precision: Precision = "fp32",
    device_id: DeviceId = 0,
    batch_size: BatchSize = None,
    jobs: Jobs = None,
    output_dir: Annotated[
        Path, typer.Option(help="A folder for the report, verdict.json and all other outputs.")
    ] = Path("verdict"),
    trust_stored: TrustStored = False,
    base: BaseBranch = None,
    show_ids: ShowIds = False,
    max_failed_share: MaxFailedShare = None,
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
    as_json: VerdictAsJson = False,
    verbose: Verbose = False,
) -> None:
    """Evaluate, judge and report."""
    from covidreport.cli.terminal import show_tracebacks
    from covidreport.cli.verdicts import conclude, judge_or_explain, never_exit_one

    with never_exit_one():
        from covidreport.cli.found import find_runs
        from covidreport.cli.gate import ask_images, make_request
        from covidreport.gate.stored import Trust
        from covidreport.integrations.base_branch import compare_with_base, find_base
        from covidreport.integrations.write import clear_outputs
        from covidreport.records import Beside
        from covidreport.settings import SETTINGS_FILE
        from covidreport.storage.made_here import MadeHere

        show_tracebacks(verbose)
        settings, options = read_options(context)
        branch = find_base(base, os.environ)
        clear_outputs(output_dir, also=REPORT_FILE)
        runs = find_runs(folders)
        gate_options = GateOptions(
            baseline, limit or [], warn or [], require_evidence, margin, show_ids, max_failed_share
        )
        request = make_request(gate_options, ask_images(settings, split=split), settings, runs)
        job = _Job(
            runs,
            folders or [],
            replace(request, trust=Trust(MadeHere(), trust_stored)),
            replace(options, verify=True),
            settings,
            output_dir,
            split,
        )
        skipped: list[NotJudged] = []
        notices: list[Finding] = []
        if branch is not None:
            notices += compare_with_base(
                branch, _list_yardsticks(job, baseline), Path.cwd(), SETTINGS_FILE
            )
        verdicts = judge_or_explain(runs, settings.target, lambda: _judge_new(job, skipped))
        render = (lambda: _render(job, verdicts)) if verdicts else None
        beside = Beside(tuple(notices), tuple(skipped))
        conclude(verdicts, output_dir, as_json=as_json, beside=beside, also=render)


@dataclass(frozen=True, slots=True)
class _Job:
    """What one call has to do."""

    runs: Sequence[Run]
    folders: Sequence[Path]
    """In which they were found, or which they are."""
    request: GateRequest
    options: EvaluateOptions
    settings: Settings
    output_dir: Path
    split: str | None
    """As the option says."""


def _list_yardsticks(job: _Job, baseline: str | None) -> list[Path]:
    """What decides verdicts beside the settings: the baseline, wherever it is, and the manifest."""
    from covidreport.errors import UsageError
    from covidreport.evaluate.resolve import find_data
    from covidreport.gate.baseline import BASELINE_FILE

    place, settings = job.request.baseline, job.settings
    if place is not None and place.is_dir():
        found = [run.folder for run in _find_others(job, place)]
    elif place is not None:
        found = [place]
    else:  # one that is not there may have been deleted
        found = [] if baseline or settings.baseline else [settings.folder / BASELINE_FILE]
    try:
        return [*found, find_data(job.options, job.runs)]
    except UsageError:
        return found  # said where it is needed


def _judge_new(job: _Job, skipped: list[NotJudged]) -> tuple[Verdict, ...]:
    """Evaluate and judge; the runs that need no verdict go into `skipped`."""
    from covidreport.errors import GateError
    from covidreport.gate.gating import gate_runs, open_baseline

    place, request = job.request.baseline, job.request
    if place is not None and place.is_dir():
        others = _find_others(job, place)
        theirs = {run.folder.resolve() for run in others}
        if theirs >= {run.folder.resolve() for run in job.runs}:
            return tuple(_refuse(run, request, *OWN_BASELINE) for run in job.runs)
        request = _aim(request, _evaluate(job, others, job.options))
    opened = open_baseline(job.runs, request)
    baseline = None if isinstance(opened, GateError) else opened
    new = _choose_new(job, baseline, skipped)
    failed, request = _evaluate_new(job, new, baseline)
    verdicts: list[Verdict] = []
    for run in new:
        failure = failed.get(run.name)
        if failure is None:
            verdicts += gate_runs([run], request, opened)
        else:
            verdicts.append(_refuse(run, request, failure.stage, failure.explanation))
    return tuple(verdicts)


def _refuse(run: Run, request: GateRequest, stage: Stage, reason: str) -> Verdict:
    from covidreport.gate.gating import stamp_time
    from covidreport.gate.judge import refuse_run

    return refuse_run(run.name, run.place, request.criteria.target, stage, reason, stamp_time())


def _choose_new(job: _Job, baseline: GateSide | None, skipped: list[NotJudged]) -> list[Run]:
    """The runs that are not the baseline, nor known to it; the rest is skipped."""
    from covidreport.gate.gating import pass_over_known
    from covidreport.records import NotJudged

    new, known = pass_over_known(job.runs, baseline, job.folders)
    skipped += known
    place = None
    if baseline is not None and baseline.stored is not None:
        place = baseline.stored.folder.resolve()
    own = [run for run in new if run.folder.resolve() == place]
    skipped += [NotJudged(run.name, run.place, IS_BASELINE) for run in own]
    return [run for run in new if run not in own]


def _find_others(job: _Job, place: Path) -> list[Run]:
    """The run, or the runs, that the others are judged against."""
    from covidreport.storage.runs import discover_runs

    gated = {run.folder.resolve() for run in job.runs}
    found = discover_runs([place])
    return [run for run in found if len(found) == 1 or run.folder.resolve() not in gated]


def _aim(request: GateRequest, outcomes: Sequence[Outcome]) -> GateRequest:
    """The request for the evaluations that this call made, whatever else was evaluated before."""
    done = [each.evaluation for each in outcomes if each.evaluation is not None]
    if not done:
        return request
    dataset, split, variant = done[0].dataset, done[0].split, done[0].variant or ""
    images = replace(request.images, dataset=dataset, split=split, variant=variant)
    return replace(request, images=images)


def _evaluate_new(
    job: _Job, new: Sequence[Run], baseline: GateSide | None
) -> tuple[dict[str, Failure], GateRequest]:
    """Evaluate the new runs: those that failed, and what is to be judged of the others."""
    from covidreport.gate.gating import complete_images

    options = job.options
    if baseline is not None:
        images = complete_images(job.request.images, baseline)
        labels = options.labels or baseline.evidence.labels
        options = replace(options, labels=labels, split=images.split or options.split)
    outcomes = _evaluate(job, new, options)
    failed = {each.run.name: each.failure for each in outcomes if each.failure is not None}
    return failed, _aim(job.request, outcomes)


def _evaluate(job: _Job, runs: Sequence[Run], options: EvaluateOptions) -> Sequence[Outcome]:
    """What became of the runs that can be evaluated; imported figures stand as they are."""
    from covidreport.cli.progress import show_events
    from covidreport.cli.terminal import say
    from covidreport.errors import GateError, UsageError
    from covidreport.evaluate.folders import evaluate_folders
    from covidreport.evaluate.outcome import describe_scored_again
    from covidreport.evaluate.resolve import find_data, part_runs

    possible, _ = part_runs(runs)
    if not possible:
        return ()
    try:
        find_data(options, possible)
    except UsageError as error:
        raise GateError("data", str(error)) from error
    with show_events() as on_event:
        done = evaluate_folders(possible, options, on_event, job.request.trust.made)
    for sentence in describe_scored_again(done.outcomes, job.settings.target):
        say(sentence, "yellow")
    return done.outcomes


def _render(job: _Job, verdicts: Sequence[Verdict]) -> Path | None:
    """Write the report on all runs, those that were not judged among them, on the judged images.

    None where no run has an evaluation on them; then none of an earlier call stands there either.
    """
    from covidreport.cli.terminal import say
    from covidreport.errors import NothingEvaluatedError, UsageError
    from covidreport.report.collect import collect_report
    from covidreport.report.html import render_html
    from covidreport.storage.chosen import AskedImages
    from covidreport.store import encode_text, write_atomic

    settings = job.settings
    judged = next((each for each in verdicts if each.dataset is not None), None)
    images = (
        settings.ask_stored(split=job.split)
        if judged is None
        else AskedImages(judged.dataset, judged.split, judged.variant or "")
    )
    path = job.output_dir / REPORT_FILE
    try:
        data = collect_report(
            job.runs,
            target=settings.target,
            specificity_floor=settings.specificity_floor,
            images=images,
            plan=settings.plan_comparisons(job.runs),
            command=job.options.command,
            made=job.request.trust.made,
        )
    except UsageError as error:
        path.unlink(missing_ok=True)
        nothing = isinstance(error, NothingEvaluatedError)
        why = "none of these runs could be evaluated" if nothing else str(error)
        say(f"no report was written: {why}")
        return None
    write_atomic(path, encode_text(render_html(data)))
    return path

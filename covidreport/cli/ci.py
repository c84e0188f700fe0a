"""`covidreport ci`: evaluate, gate and render what is new, in one call of a pipeline."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import (
    GATE_EXIT_CODES,
    JUDGED,
    BaseBranch,
    BatchSize,
    BatchTimeout,
    Data,
    Devices,
    EvidenceMargin,
    GateBaseline,
    Jobs,
    Limits,
    MaxFailedShare,
    MemoryLimit,
    NoGroupLoses,
    Policy,
    Precision,
    Provider,
    RequireEvidence,
    ShowIds,
    Threshold,
    TrustStored,
    TunedThresholds,
    VerdictAsJson,
    Warnings,
    WrittenRuns,
    take_gate_options,
    take_options,
)
from covidreport.storage.address import locate_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covidreport.api.ci import CiJob
    from covidreport.records import Verdict

REPORT_FILE = "report.html"


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
            + GATE_EXIT_CODES
        ),
        epilog="Example: covidreport ci runs/ --baseline baseline.json --data data/manifest.csv",
    )(ci)


def ci(
    context: typer.Context,
    folders: WrittenRuns = None,
    baseline: GateBaseline = None,
    limit: Limits = None,
    warn: Warnings = None,
    policy: Policy = None,
    require_evidence: RequireEvidence = False,
    margin: EvidenceMargin = None,
    no_group_loses: NoGroupLoses = None,
    data: Data = None,
    split: Annotated[
        str | None,
        typer.Option(help=f"Which split.  {JUDGED}"),
    ] = None,
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    provider: Provider = None,
    precision: Precision = "fp32",
    devices: Devices = None,
    batch_size: BatchSize = None,
    jobs: Jobs = None,
    output_dir: Annotated[
        Path,
        typer.Option(
            help="A folder for the report, verdict.json and all other outputs.",
            parser=locate_output,
            metavar="PATH",
        ),
    ] = Path("verdict"),
    trust_stored: TrustStored = False,
    base: BaseBranch = None,
    show_ids: ShowIds = False,
    max_failed_share: MaxFailedShare = None,
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
    as_json: VerdictAsJson = False,
) -> None:
    """Evaluate, judge and report."""
    from covidreport.cli.verdicts import conclude, judge_or_explain, never_exit_one

    with never_exit_one():
        from msgspec.structs import replace

        from covidreport.api.ci import compare_yardsticks, judge_new, prepare_ci
        from covidreport.api.finding import find_runs
        from covidreport.cli.progress import show_events
        from covidreport.integrations.write import clear_outputs
        from covidreport.records import Beside
        from covidreport.settings import find_settings

        settings = find_settings(Path.cwd())
        clear_outputs(output_dir, also=REPORT_FILE)
        gate = replace(take_gate_options(context), baseline=baseline)
        options = take_options(context)
        with show_events() as on_event:
            runs = find_runs(folders or (), on_event, settings.evaluate.input)
            job = prepare_ci(runs, folders or (), gate, options, settings)
            notices = compare_yardsticks(job, base, os.environ)
            judged = judge_or_explain(runs, settings.target, partial(judge_new, job, on_event))
        render = partial(_render, job, judged.verdicts, output_dir) if judged.verdicts else None
        beside = Beside(notices, judged.not_judged)
        conclude(judged.verdicts, output_dir, as_json=as_json, beside=beside, also=render)


def _render(job: CiJob, verdicts: Sequence[Verdict], output_dir: Path) -> Path | None:
    """Write the report; where there is none, none of an earlier call stands there either."""
    from covidreport.api.ci import collect_judged
    from covidreport.cli.progress import show_events
    from covidreport.report.html import render_html
    from covidreport.report.options import RenderOptions
    from covidreport.store import encode_text, write_atomic

    path = output_dir / REPORT_FILE
    with show_events() as on_event:
        data = collect_judged(job, verdicts, on_event)
    if data is None:
        path.unlink(missing_ok=True)
        return None
    options = RenderOptions(hide=job.settings.hide)
    write_atomic(path, encode_text(render_html(data, options)))
    return path

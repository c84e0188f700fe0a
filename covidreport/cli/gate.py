"""`covidreport gate`: judge evaluated runs by limits and a baseline; runs no model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from covidreport.cli.options import (
    GATE_EXIT_CODES,
    JUDGED,
    EvidenceMargin,
    GateBaseline,
    Limits,
    MaxFailedShare,
    NoGroupLoses,
    Policy,
    RequireEvidence,
    ShowIds,
    Variant,
    VerdictAsJson,
    Warnings,
    take_gate_options,
)
from covidreport.storage.address import locate_output, locate_runs
from covidreport.storage.copied import Use

HELP = (
    "Judge evaluated runs by limits and a baseline. Reads what `covidreport evaluate` stored; "
    "opens no image and runs no model.\n\n"
    "A limit is [LABEL:]FIGURE>=BOUND or <=BOUND, such as sensitivity.low>=0.70 or "
    "missed<=baseline. Without others: not one COVID-19 image missed more than by the baseline, "
    "and a specificity at or above the floor. Of a folder of runs those are passed over that "
    "`covidreport baseline set --known` saw as they are. docs/gate.md has all of it.\n\n"
)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Pass or fail runs by limits and a baseline.",
        help=HELP + GATE_EXIT_CODES,
        epilog="Example: covidreport gate runs/new --baseline baseline.json --output-dir verdict",
    )(gate)


def gate(
    context: typer.Context,
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUNS",
            help="Run folders, or folders of them; or a folder in an object store.",
            parser=locate_runs,
        ),
        Use.READ,
    ],
    baseline: GateBaseline = None,
    limit: Limits = None,
    warn: Warnings = None,
    policy: Policy = None,
    require_evidence: RequireEvidence = False,
    margin: EvidenceMargin = None,
    no_group_loses: NoGroupLoses = None,
    split: Annotated[
        str | None,
        typer.Option(help=f"Which split.  {JUDGED}"),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Which data set.  [default: the baseline's, else the configured one]"),
    ] = None,
    variant: Variant = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            help="A folder for verdict.json and all other outputs.",
            parser=locate_output,
            metavar="PATH",
        ),
    ] = None,
    show_ids: ShowIds = False,
    max_failed_share: MaxFailedShare = None,
    as_json: VerdictAsJson = False,
) -> None:
    """Judge runs."""
    from covidreport.cli.verdicts import conclude, judge_or_explain, never_exit_one

    with never_exit_one():
        from msgspec.structs import replace

        from covidreport.api.finding import find_runs
        from covidreport.api.gating import judge_runs, resolve_gate
        from covidreport.cli.progress import show_events
        from covidreport.integrations.write import clear_outputs
        from covidreport.records import Beside
        from covidreport.settings import find_settings

        settings = find_settings(Path.cwd())
        if output_dir is not None:
            clear_outputs(output_dir)
        with show_events() as on_event:
            runs = find_runs(folders, on_event, settings.evaluate.input)
            options = replace(take_gate_options(context), baseline=baseline)
            request = resolve_gate(options, settings, runs)
            judge = partial(judge_runs, runs, folders, request, on_event)
            judged = judge_or_explain(runs, settings.target, judge)
        beside = Beside(not_judged=judged.not_judged)
        conclude(judged.verdicts, output_dir, as_json=as_json, beside=beside)

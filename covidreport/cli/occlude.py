"""`covidreport occlude`: the earlier name of `evaluate --occlude`, kept for one version."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import replace

from covidreport.cli.options import (
    AsJson,
    BatchSize,
    BatchTimeout,
    Cache,
    Data,
    EvaluatedSplit,
    Jobs,
    MemoryLimit,
    Provider,
    WrittenRuns,
    take_options,
)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Now `evaluate --occlude`.",
        help=(
            "The same as `covidreport evaluate --occlude REGION:FRACTION`, under its earlier name, "
            "which goes with version 0.3.0."
        ),
        epilog="Example: covidreport occlude runs/ --region centre --fraction 0.8",
        deprecated=True,
        hidden=True,
    )(occlude)


def occlude(
    context: typer.Context,
    folders: WrittenRuns = None,
    data: Data = None,
    split: EvaluatedSplit = None,
    region: Annotated[
        str, typer.Option(help="centre, borders or corners.", metavar="NAME")
    ] = "centre",
    fraction: Annotated[
        float | None, typer.Option(help="How much of height and width.", metavar="SHARE")
    ] = None,
    provider: Provider = None,
    batch_size: BatchSize = None,
    jobs: Jobs = None,
    cache: Cache = True,
    batch_timeout_s: BatchTimeout = None,
    memory_limit: MemoryLimit = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate with a region blacked out."""
    from covidreport.cli.evaluate import evaluate_and_show
    from covidreport.cli.terminal import say_deprecated
    from covidreport.evaluate.occlusion import read_occlusion

    say_deprecated("command", "occlude")
    occlusion = read_occlusion(region if fraction is None else f"{region}:{fraction:g}")
    options = replace(take_options(context), occlusion=occlusion)
    evaluate_and_show(folders or (), [options], as_json=as_json)

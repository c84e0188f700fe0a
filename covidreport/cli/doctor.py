"""`covidreport doctor`: which execution providers work here, and why the others don't."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Say which execution providers work, and why not.",
        help=(
            "Try every execution provider on this machine and say which work and why others don't."
            "\n\nExit code: 0 at least one works, 3 none does."
        ),
        epilog="Example: covidreport doctor",
    )(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Diagnose providers."""
    from covidreport import __version__
    from covidreport.cli.terminal import out
    from covidreport.inference.providers import PROVIDERS, describe_runtime, try_provider

    statuses = [try_provider(provider) for provider in PROVIDERS]
    runtime = describe_runtime()
    chosen = next((status.provider.name for status in statuses if status.works), None)
    if as_json:
        document = {
            "schema": "covidreport.doctor/1",
            "covidreport": __version__,
            **runtime,
            "auto": chosen,
            "providers": [
                {"name": s.provider.name, "works": s.works, "state": s.state, "detail": s.detail}
                for s in statuses
            ],
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        from rich.table import Table
        from rich.text import Text

        out.print(f"covidreport {__version__}, ONNX Runtime {runtime['onnxruntime']}")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("provider", "state", ""):
            table.add_column(name, overflow="fold")
        for status in statuses:
            style = "green" if status.works else "yellow"
            table.add_row(
                Text(status.provider.name), Text(status.state, style), Text(status.detail)
            )
        out.print(table)
        out.print(f"`--provider auto` runs on: {chosen or 'nothing'}", markup=False)
    if chosen is None:
        raise typer.Exit(3)

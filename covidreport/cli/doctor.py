"""`covidreport doctor`: which execution providers work here, and why the others don't."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from covidreport.cli.options import AsJson
from covidreport.errors import ProviderError

if TYPE_CHECKING:
    from covidreport.inference.cards import Card

SCHEMA = "covidreport.doctor/1"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Say which execution providers work, and why not.",
        help=(
            "Try every execution provider on this machine and say which work and why others don't."
            "\n\nExit code: 0 at least one works, 3 none does, or ONNX Runtime is not there."
        ),
        epilog="Example: covidreport doctor",
    )(doctor)


def doctor(
    device_id: Annotated[int, typer.Option(min=0, help="Which card to try, from 0.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Diagnose providers."""
    from covidreport import __version__
    from covidreport.cli.terminal import out, print_json

    try:
        from covidreport.inference.cards import cuda_of_build, read_driver
        from covidreport.inference.providers import PROVIDERS, describe_runtime, try_provider
    except ProviderError as error:
        if as_json:
            print_json(
                {"schema": SCHEMA, "covidreport": __version__, "onnxruntime": None,
                 "fault": str(error), "auto": None, "providers": []}
            )  # fmt: skip
        else:
            out.print(f"covidreport {__version__}, no ONNX Runtime: {error}", markup=False)
        raise typer.Exit(3) from None
    statuses = [try_provider(provider, device_id) for provider in PROVIDERS]
    runtime = describe_runtime()
    driver = read_driver()
    built = cuda_of_build()
    usable = (s.provider for s in statuses if s.works and s.provider.automatic)
    chosen = next((provider.name for provider in usable), None)
    if as_json:
        document = {
            "schema": SCHEMA,
            "covidreport": __version__,
            **runtime,
            "built_for_cuda": None if built is None else f"{built[0]}.{built[1]}",
            "driver": None if driver is None else to_builtins(driver),
            "auto": chosen,
            "providers": [
                {
                    "name": s.provider.name,
                    "works": s.works,
                    "state": s.state,
                    "detail": s.detail,
                    "precisions": list(s.provider.precisions),
                    "verified": s.provider.verified,
                }
                for s in statuses
            ],
        }
        print_json(document)
    else:
        from covidreport.cli.tables import Row, print_table
        from covidreport.text.columns import Column

        cuda = "no CUDA" if built is None else f"built for CUDA {built[0]}.{built[1]}"
        out.print(f"covidreport {__version__}, ONNX Runtime {runtime['onnxruntime']}, {cuda}")
        if driver is None:
            out.print("NVIDIA driver: none answers")
        else:
            out.print(
                f"NVIDIA driver {driver.version}, up to CUDA {'.'.join(map(str, driver.cuda))}"
            )
        for number, card in enumerate(driver.cards if driver else ()):
            out.print(f"  --device-id {number}: {_describe_card(card)}", markup=False)
        columns = (
            Column("provider"), Column("state"), Column("precisions", "text", 1), Column("what"),
        )  # fmt: skip
        rows = [
            Row(
                (
                    status.provider.name,
                    (status.state, "green" if status.works else "yellow"),
                    ", ".join(status.provider.precisions),
                    status.detail,
                )
            )
            for status in statuses
        ]
        print_table(out, columns, rows)
        out.print(f"`--provider auto` runs on: {chosen or 'nothing'}", markup=False)
    if chosen is None:
        raise typer.Exit(3)


def _describe_card(card: Card) -> str:
    from covidreport.inference.cards import TF32_SINCE
    from covidreport.text.sizes import size

    words = [card.name, f"compute capability {'.'.join(map(str, card.capability))}"]
    if card.capability < TF32_SINCE:
        words[-1] += " (no TF32)"
    return ", ".join([*words, f"{size(card.free_bytes)} of {size(card.memory_bytes)} free"])

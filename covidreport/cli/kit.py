"""`covidreport kit`: runs as one sealed file, for images that can't leave another hospital."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from covidreport.cli.options import AsJson, Runs, TunedThresholds, read_options
from covidreport.storage.address import locate_output


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Seal runs into one file for data that can't move.",
        help=(
            "Write one file with the models, contracts and thresholds of runs, and the digest of "
            "each. Another hospital evaluates it on its own images with `covidreport evaluate "
            "kit.zip --data DATA --counts-only answer.json` and sends the answer back: counts "
            "alone. `covidreport import-counts answer.json` brings it in.\n\n"
            "Sealed means that a change is noticed, by digests. There is no signature: tell the "
            "other hospital the digest that is printed by another way than the file's. The same "
            "runs give the same bytes.\n\n"
            "Exit code: 0 the kit stands, 2 wrong usage, 3 a run has no contract or threshold that "
            "can be sealed; then nothing is written."
        ),
        epilog="Example: covidreport kit runs/a runs/b --by sex --output kit.zip",
    )(kit)


def kit(
    context: typer.Context,
    folders: Runs = None,
    output: Annotated[
        Path, typer.Option(help="Where to write the kit.", parser=locate_output, metavar="PATH")
    ] = Path("kit.zip"),
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            help="A probability, or LABEL=PROBABILITY; repeatable.  [default: as configured, else "
            "each run's own tuned one]"
        ),
    ] = None,
    thresholds: TunedThresholds = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Ask for counts by this attribute of the images, too; repeatable.",
            metavar="ATTRIBUTE",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Seal runs."""
    from covidreport.cli.tables import print_line
    from covidreport.cli.terminal import out, print_json, say, say_note
    from covidreport.evaluate.thresholds import Thresholds
    from covidreport.kit.seal import KitRequest, seal_runs
    from covidreport.storage.files import measure_file
    from covidreport.storage.runs import discover_runs
    from covidreport.storage.shared import share_input
    from covidreport.text import plural
    from covidreport.text.sizes import size

    settings, options = read_options(context)
    found = discover_runs(folders or [Path("runs")], say_note)
    runs = share_input(found, settings.evaluate.input)
    request = KitRequest(
        runs, settings.target, options.thresholds or Thresholds(), tuple(dict.fromkeys(by or ())),
        options.model_limits,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="covidreport-seal-") as work:
        sealed, digest = seal_runs(request, output, Path(work))
    if as_json:
        names = [each.run for each in sealed.runs]
        document = {"schema": "covidreport.kit/1", "file": str(output), "sha256": digest}
        print_json({**document, "target": sealed.target, "runs": names})
        return
    bytes_ = size(measure_file(output))
    print_line(out, f"wrote {output}: {plural(len(sealed.runs), 'run')}, {bytes_}")
    print_line(out, f"kit {digest}")
    say(
        "the other hospital runs: covidreport evaluate "
        f"{output.name} --data DATA --counts-only answer.json"
    )
    say_note("tell them the digest by another way than the file: a kit has no signature")

"""`covidreport import-counts`: run folders from a table of counts, such as a paper prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from covidreport.cli.options import AsJson, NewRuns


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "import-counts",
        short_help="Make run folders from published counts.",
        help=(
            "Make run folders from a CSV table of counts, so that published metrics can be "
            "reported and ranked.\n\n"
            "Columns: run, split, label, tn, fp, fn, tp; one row for each label of each run and "
            "split. What only scores could say then shows a dash."
        ),
        epilog="Example: covidreport import-counts paper.csv --output runs/paper --name paper-2020",
    )(import_counts_command)


def import_counts_command(
    file: Annotated[Path, typer.Argument(help="The table of counts (.csv).")],
    output: NewRuns = Path("runs"),
    name: Annotated[
        str | None, typer.Option(help="What to call the data set.  [default: the file's name]")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Refuse a table that lacks this label.", metavar="LABEL")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="The probability above which a label was predicted.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import counts."""
    from covidreport.cli.terminal import print_paths
    from covidreport.evaluate.import_counts import import_counts

    made = import_counts(
        file, output, dataset=name or file.stem, target=target, threshold=threshold
    )
    print_paths("covidreport.import-counts/1", made, as_json=as_json)

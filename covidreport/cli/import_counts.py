"""`covidreport import-counts`: run folders from a table of counts, such as a paper prints; and what
another hospital answered to a kit, beside the runs that were sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from covidreport.cli.options import AsJson, NewRuns
from covidreport.errors import UsageError
from covidreport.storage.address import locate


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "import-counts",
        short_help="Make run folders from published counts.",
        help=(
            "Make run folders from a CSV table of counts, so that published metrics can be "
            "reported and ranked.\n\n"
            "Columns: run, split, label, tn, fp, fn, tp; one row for each label of each run and "
            "split. A column dataset says where rows are of several data sets; blank is the one "
            "that --name names. What only scores could say then shows a dash.\n\n"
            "Runs are ranked by the label covid-19. Where the table calls it otherwise, such as "
            'COVID, write target = "COVID" into covidreport.toml.\n\n'
            "Or bring an answer to a kit in (answer.json, as `covidreport evaluate kit.zip "
            "--counts-only answer.json` wrote it): a data set of counts beside the sealed runs. An "
            "answer of another model, threshold, contract or setting than the sealed one is "
            "refused."
        ),
        epilog="Example: covidreport import-counts paper.csv --output runs/paper --name paper-2020",
    )(import_counts_command)


def import_counts_command(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The table of counts (.csv), or an answer to a kit (.json).",
            parser=locate,
        ),
    ],
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
    kit: Annotated[
        Path | None,
        typer.Option(help="The kit that an answer is to.  [default: kit.zip]", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import counts."""
    if file.suffix.lower() == ".json":
        given = [each for each in ("target", "threshold") if context.params[each] is not None]
        if given:
            raise UsageError(f"--{given[0]}: an answer has those that its kit sealed")
        _bring(context, file, output, as_json=as_json)
        return
    if kit is not None:
        raise UsageError("--kit goes with an answer (.json), and this is a table of counts")
    from covidreport.cli.terminal import print_paths
    from covidreport.evaluate.import_counts import import_counts

    made = import_counts(
        file, output, dataset=name or file.stem, target=target, threshold=threshold
    )
    print_paths("covidreport.import-counts/1", made, as_json=as_json)


def _bring(context: typer.Context, file: Path, output: Path, *, as_json: bool) -> None:
    """Bring an answer in, and say what it came to."""
    from covidreport.cli.options import read_options
    from covidreport.cli.terminal import print_paths, say, say_note
    from covidreport.kit.bring import bring_answer
    from covidreport.storage.runs import discover_runs
    from covidreport.storage.shared import share_input

    name, kit = context.params["name"] or file.stem, context.params["kit"] or Path("kit.zip")
    if not kit.is_file():
        raise UsageError(f"{kit}: the kit that {file} answers is needed: name it with --kit")
    settings, _ = read_options(context)
    runs = share_input(discover_runs([output], say_note), settings.evaluate.input)
    brought = bring_answer(file, kit, runs, name)
    print_paths("covidreport.import-counts/1", brought.folders, as_json=as_json)
    for why in brought.without:
        say(f"warning: {why}, and has no counts", "yellow")
    for other in brought.alike:
        say(f"warning: the counts of {name} are those of {other}: the same images twice?", "yellow")
    if brought.known:
        say_note(f"{file} was brought in before: nothing of {name} has changed")
    else:
        say(f"{name} stands beside the other data sets: covidreport render {output} --site dataset")

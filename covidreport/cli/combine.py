"""`covidreport combine`: two or three runs as one, or a run with a layer behind it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from covidreport.cli.options import (
    AsJson,
    NewRuns,
    StoredDataset,
    Threshold,
    TunedThresholds,
    read_options,
)
from covidreport.errors import UsageError
from covidreport.storage.address import locate_runs
from covidreport.storage.copied import Use

if TYPE_CHECKING:
    from covidreport.metrics.combined import CombinedBy
    from covidreport.records import Run

HOW = ("mean", "either", "majority")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Make one run of two or three, or recalibrate one.",
        help=(
            "Write two or three runs of one pixel contract as one ONNX run: the mean of their "
            "probabilities, or positive where one (either) or two of three (majority) say so. A "
            "vote is by --threshold, or by each run's own with --thresholds tuned, and its "
            "threshold is 0.5. Or write one run with a layer behind it (--recalibrate), fitted on "
            "its stored scores of another split than the one that is reported. The new run says "
            "what it was made of. It is evaluated, ranked and gated like any other.\n\n"
            "Exit code: 0 the run stands, 2 wrong usage, 3 the runs can't be made one."
        ),
        epilog="Example: covidreport combine runs/a runs/b --how either --thresholds tuned",
    )(combine)


def combine(
    context: typer.Context,
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Run folders, or ONNX files.", parser=locate_runs),
        Use.READ,
    ],
    how: Annotated[
        str, typer.Option(help="mean, either or majority (of three).", metavar="NAME")
    ] = "mean",
    threshold: Threshold = None,
    thresholds: TunedThresholds = None,
    recalibrate: Annotated[
        str | None,
        typer.Option(
            help="temperature (one for all labels) or platt (a line for each), for one run.",
            metavar="NAME",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="The split that --recalibrate fits on.  [default: as configured, else tuning]"
        ),
    ] = None,
    dataset: StoredDataset = None,
    name: Annotated[
        str | None, typer.Option(help="What to call the new run.  [default: of what it is made]")
    ] = None,
    output: NewRuns = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Combine runs."""
    from covidreport.cli.tables import print_line
    from covidreport.cli.terminal import out, print_json, say, say_note
    from covidreport.combine import NewRun, combine_runs, recalibrate_run
    from covidreport.combine.layers import LAYERS, refuse_reported
    from covidreport.evaluate.thresholds import TUNING_SPLIT, Thresholds
    from covidreport.storage.runs import discover_runs
    from covidreport.storage.shared import share_input

    if how not in HOW:
        raise UsageError(f"--how {how}: one of {', '.join(HOW)}")
    if recalibrate not in (None, *LAYERS):
        raise UsageError(f"--recalibrate {recalibrate}: one of {', '.join(LAYERS)}")
    if (threshold or thresholds) and (recalibrate is not None or how == "mean"):
        raise UsageError("thresholds are those of a vote: say --how either, or leave them out")
    settings, options = read_options(context)
    runs = share_input(discover_runs(folders, say_note), settings.evaluate.input)
    into = NewRun(output, name, options.model_limits)
    reported = settings.evaluate.split or "validation"
    if recalibrate is None:
        stated = options.thresholds or Thresholds()
        run = combine_runs(_in_order(runs, folders), cast("CombinedBy", how), stated, into)
    else:
        if len(runs) != 1:
            raise UsageError(f"--recalibrate takes one run, and {len(runs)} are given")
        fitted_on = split or settings.tuning_split or TUNING_SPLIT
        refuse_reported(fitted_on, reported)
        run, fitted = recalibrate_run(runs[0], recalibrate, fitted_on, dataset, into)
        for label, why in fitted.layer.left.items():
            say_note(f"{label} stays as it is: {why}")
    if as_json:
        print_json({"schema": "covidreport.combine/1", **_describe(run)})
    else:
        print_line(out, f"wrote {run.folder_text}: {run.description}")
    say(f"its model answered drawn pictures as its parts say: {run.model}")
    words = ["covidreport", "evaluate", run.folder_text]
    say(f"evaluate it: {shlex.join(words)}")
    if recalibrate is not None or how == "mean":
        say(
            f"its threshold is 0.5 until one is tuned: {shlex.join([*words, '--split', 'SPLIT'])} "
            f"on another split, then {shlex.join(['covidreport', 'tune', run.folder_text])}"
        )
    if recalibrate is None:
        say_note(
            "runs that were picked together on some images look better on these than they are: "
            "evaluate the new run on images that had no part in the choice"
        )


def _in_order(runs: tuple[Run, ...], folders: list[Path]) -> list[Run]:
    """The runs as they were named, where each is named by itself."""
    places = [folder.resolve() for folder in folders]
    return sorted(runs, key=lambda run: _place(run, places))


def _place(run: Run, places: list[Path]) -> int:
    own = run.folder.resolve()
    return next((i for i, place in enumerate(places) if own in (place, place.with_suffix(""))), 0)


def _describe(run: Run) -> dict[str, Any]:
    return {"run": run.name, "folder": run.folder_text, "made_of": run.part("made_of")}

"""`covidreport pull`: run folders from what was pushed to a server, or what a tracker wrote."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import AsJson, NewRuns
from covidreport.cli.push import DEFAULT_EXPERIMENT, Address, Experiment
from covidreport.errors import UsageError
from covidreport.storage.copied import show_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from covidreport.integrations.trackers import Tracked
    from covidreport.records import Failure


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Make run folders from what was pushed to MLflow, or a tracker wrote.",
        help=(
            "Make run folders from what `covidreport push` left on an MLflow server, to be listed, "
            "rendered or compared here.\n\nEach file is compared with what was pushed. A folder "
            "that holds another run is never touched.\n\nWith --wandb or --tensorboard it reads "
            "what these wrote here while models were trained: settings and summary become "
            "run.json, the curves history.csv; a model that stands in the folder already stays.\n\n"
            "Exit code: 0 all runs are here, 2 wrong usage, 3 a run or the server failed."
        ),
        epilog="Example: covidreport pull --mlflow http://127.0.0.1:5000 --output runs/",
    )(pull)


def pull(
    uri: Address = None,
    wandb: Annotated[
        Path | None,
        typer.Option(
            help="A folder `wandb` of Weights & Biases, one run in it, or its .wandb file.",
            metavar="FOLDER",
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            help="A folder of TensorBoard's event files: each folder in it that holds some is a "
            "run.",
            metavar="FOLDER",
        ),
    ] = None,
    output: NewRuns = Path("runs"),
    experiment: Experiment = DEFAULT_EXPERIMENT,
    as_json: AsJson = False,
) -> None:
    """Pull runs."""
    from covidreport.cli.terminal import failure_as_json, print_json, say_failures
    from covidreport.records import Failure

    if wandb is not None and tensorboard is not None:
        raise UsageError("--wandb and --tensorboard: one at a time")
    if wandb is not None:
        pulled = _pull_tracked(_read_wandb(wandb), output)
    elif tensorboard is not None:
        pulled = _pull_tracked(_read_tensorboard(tensorboard), output)
    elif uri:
        pulled = _pull_pushed(uri, experiment, output)
    else:
        raise UsageError("nothing to pull from: give --mlflow URI, --wandb or --tensorboard FOLDER")
    failed: list[Failure] = []
    here: list[dict[str, object]] = []
    for each in pulled:
        if isinstance(each, Failure):
            failed.append(each)
            continue
        here.append(each)
        if not as_json:
            typer.echo(each["folder"])
    if as_json:
        print_json(
            {
                "schema": "covidreport.pull/1",
                "runs": here,
                "failures": [failure_as_json(failure) for failure in failed],
            }
        )
    say_failures(failed, "pulled")
    if failed:
        raise typer.Exit(3)


def _pull_pushed(uri: str, experiment: str, output: Path) -> Iterator[dict[str, object] | Failure]:
    """The runs of an MLflow server, as they come."""
    from covidreport.cli.terminal import say
    from covidreport.integrations.mlflow import pull_runs
    from covidreport.integrations.mlflow.server import MlflowServer
    from covidreport.records import Failure

    for pulled in pull_runs(MlflowServer(uri), experiment, output):
        if isinstance(pulled, Failure):
            yield pulled
            continue
        yield {"folder": show_place(pulled.folder), "older": pulled.older}
        if pulled.older:
            older = "1 older run of this name was"
            if pulled.older > 1:
                older = f"{pulled.older} older runs of this name were"
            say(f"{pulled.folder.name}: {older} left there")


def _read_wandb(path: Path) -> Sequence[tuple[str, Callable[[], Tracked]]]:
    from covidreport.integrations.trackers import find_wandb_logs, read_wandb_log

    return [(log.stem, partial(read_wandb_log, log)) for log in find_wandb_logs(path)]


def _read_tensorboard(path: Path) -> Sequence[tuple[str, Callable[[], Tracked]]]:
    from covidreport.integrations.trackers import find_event_folders, read_event_folder

    return [
        (folder.name, partial(read_event_folder, folder, path))
        for folder in find_event_folders(path)
    ]


def _pull_tracked(
    found: Sequence[tuple[str, Callable[[], Tracked]]], output: Path
) -> Iterator[dict[str, object] | Failure]:
    """A tracker's runs: all are read before any is written, so that each has a name of its own."""
    from covidreport.boundary import attempt
    from covidreport.cli.terminal import say_note
    from covidreport.integrations.trackers import name_folders, place_tracked
    from covidreport.records import Failure

    read = [attempt(name, "read", each) for name, each in found]
    yield from (each for each in read if isinstance(each, Failure))
    tracked = [each for each in read if not isinstance(each, Failure)]
    for name, each in zip(name_folders(tracked), tracked, strict=True):
        placed = attempt(name, "read", partial(place_tracked, each, output / name))
        if isinstance(placed, Failure):
            yield placed
            continue
        yield {"folder": show_place(placed.folder), "older": 0, "epochs": placed.epochs}
        for note in placed.notes:
            say_note(f"{name}: {note}")

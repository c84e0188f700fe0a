"""`covidreport push` and `pull`: runs onto a server, and back from it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidreport.cli.options import NewRuns, Runs

if TYPE_CHECKING:
    from covidreport.config import Settings
    from covidreport.records import Run

DEFAULT_EXPERIMENT = "covidreport"

Address = Annotated[
    str,
    typer.Option(
        "--mlflow",
        envvar="MLFLOW_TRACKING_URI",
        show_envvar=True,
        help="The address of an MLflow server, such as http://127.0.0.1:5000.",
        metavar="URI",
    ),
]
Experiment = Annotated[str, typer.Option(help="The MLflow experiment that holds the runs.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(
        short_help="Log runs on an MLflow server.",
        help=(
            "Log runs on an MLflow server: parameters, metrics with their intervals, counts, the "
            "training's history, the report and the evaluation.\n\nA run that was pushed before is "
            "updated; one whose model was trained again is a new run there. Images are never "
            "sent, and scores, which name images and patients, only with --scores.\n\n"
            "Exit code: 0 all runs are there, 2 wrong usage, 3 a run or the server failed."
        ),
        epilog="Example: covidreport push runs/ --mlflow http://127.0.0.1:5000",
    )(push)
    app.command(
        short_help="Make run folders from what was pushed to an MLflow server.",
        help=(
            "Make run folders from what `covidreport push` left on an MLflow server, to be listed, "
            "rendered or compared here.\n\nEach file is compared with what was pushed. A folder "
            "that holds another run is never touched.\n\n"
            "Exit code: 0 all runs are here, 2 wrong usage, 3 a run or the server failed."
        ),
        epilog="Example: covidreport pull --mlflow http://127.0.0.1:5000 --output runs/",
    )(pull)


def push(
    uri: Address,
    folders: Runs = None,
    experiment: Experiment = DEFAULT_EXPERIMENT,
    scores: Annotated[
        bool, typer.Option("--scores", help="Send each image's scores, under its name, too.")
    ] = False,
    models: Annotated[bool, typer.Option("--models", help="Send the model files too.")] = False,
) -> None:
    """Push runs."""
    from covidreport.boundary import attempt
    from covidreport.cli.found import find_runs
    from covidreport.cli.terminal import say, say_failures, show_progress
    from covidreport.config import find_settings
    from covidreport.errors import ServiceError, UsageError
    from covidreport.integrations.mlflow import PushRequest, push_run
    from covidreport.integrations.mlflow.server import MlflowServer
    from covidreport.records import Failure

    settings = find_settings(Path.cwd())
    runs = find_runs(folders)
    server = MlflowServer(uri)
    request = PushRequest(experiment, lambda run: _render(run, settings), scores, models)
    failed: list[Failure] = []
    with show_progress(f"Pushing {len(runs)} runs", len(runs)) as advance:
        for run in runs:
            send = partial(push_run, server, run, request)
            done = attempt(run.name, "read", send, through=(ServiceError, UsageError))
            if isinstance(done, Failure):
                failed.append(done)
            else:
                typer.echo(f"{done.outcome:9}  {done.run}  {done.address}")
            advance(1)
    say_failures(failed, "pushed")
    if failed:
        say(f"{len(failed)} of {len(runs)} runs were not pushed; the others were")
        raise typer.Exit(3)


def _render(run: Run, settings: Settings) -> str | None:
    """The report on one run; None where it was not evaluated."""
    from covidreport.report import FORMATS
    from covidreport.report.collect import collect_report
    from covidreport.runs import read_evaluations

    if not read_evaluations(run)[0]:
        return None
    data = collect_report(
        [run], target=settings.target, specificity_floor=settings.specificity_floor,
        figures=settings.figures,
    )  # fmt: skip
    return FORMATS["html"].render(data)


def pull(
    uri: Address,
    output: NewRuns = Path("runs"),
    experiment: Experiment = DEFAULT_EXPERIMENT,
) -> None:
    """Pull runs."""
    from covidreport.cli.terminal import say, say_failures
    from covidreport.integrations.mlflow import pull_runs
    from covidreport.integrations.mlflow.server import MlflowServer
    from covidreport.records import Failure

    failed: list[Failure] = []
    for pulled in pull_runs(MlflowServer(uri), experiment, output):
        if isinstance(pulled, Failure):
            failed.append(pulled)
            continue
        typer.echo(pulled.folder)
        if pulled.older:
            say(f"{pulled.folder.name}: {pulled.older} older runs of this name were left there")
    say_failures(failed, "pulled")
    if failed:
        raise typer.Exit(3)

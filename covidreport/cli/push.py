"""`covidreport push`: runs onto an MLflow server."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct, to_builtins

from covidreport.cli.options import (
    AsJson,
    RankSites,
    RankWeighted,
    ReferenceGroups,
    Runs,
    Site,
)
from covidreport.cli.pushing import Registry, judge_for, push_hub, register_pushed
from covidreport.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covidreport.integrations.mlflow import Pushed, PushRequest, Registered
    from covidreport.records import RankAt, Run
    from covidreport.report.choices import ReportChoices
    from covidreport.settings import Settings
    from covidreport.storage.chosen import ImageQuery

DEFAULT_EXPERIMENT = "covidreport"

Address = Annotated[
    str | None,
    typer.Option(
        "--mlflow",
        envvar="MLFLOW_TRACKING_URI",
        show_envvar=True,
        help="The address of an MLflow server, such as http://127.0.0.1:5000, or a tracking "
        "database without one, such as sqlite:///mlflow.db.",
        metavar="URI",
    ),
]
Experiment = Annotated[str, typer.Option(help="The MLflow experiment that holds the runs.")]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Log runs on an MLflow server, or upload one to the Hugging Face Hub.",
        help=(
            "Log runs on an MLflow server: parameters, metrics with their intervals, counts, the "
            "training's history, the report and the evaluation.\n\nA run that was pushed before is "
            "updated; one whose model was trained again is a new run there. Images are never "
            "sent, and scores, which name images and patients, only with --scores.\n\nWith --hub "
            "one run becomes a repository of the Hugging Face Hub: the model, its card (README.md) "
            "and what describes it; no evaluation, which may name images.\n\n"
            "Exit code: 0 all runs are there, 2 wrong usage, 3 a run or the server failed."
        ),
        epilog="Example: covidreport push runs/ --mlflow http://127.0.0.1:5000",
    )(push)


def push(
    uri: Address = None,
    folders: Runs = None,
    experiment: Experiment = DEFAULT_EXPERIMENT,
    scores: Annotated[
        bool, typer.Option("--scores", help="Send each image's scores, under its name, too.")
    ] = False,
    models: Annotated[bool, typer.Option("--models", help="Send the model files too.")] = False,
    hub: Annotated[
        str | None,
        typer.Option(
            help="Upload one run's model and card to this repository of the Hugging Face Hub, "
            "private unless it is there; without huggingface_hub or a token the folder to upload "
            "is written.",
            metavar="OWNER/NAME",
        ),
    ] = None,
    register_as: Annotated[
        str | None,
        typer.Option(
            "--register",
            help="Register each run's model there under this name, with the gate's verdict as "
            "tags; the model files are sent.",
            metavar="NAME",
        ),
    ] = None,
    alias: Annotated[
        str | None,
        typer.Option(
            help="Of one registered run: let this alias name its version, such as champion, where "
            "the gate passes it."
        ),
    ] = None,
    site: Site = None,
    rank_sites: RankSites = None,
    reference_group: ReferenceGroups = None,
    rank_weighted: RankWeighted = False,
    as_json: AsJson = False,
) -> None:
    """Push runs."""
    if alias is not None and register_as is None:
        raise UsageError("--alias names a registered version: give --register NAME")
    if hub is not None:
        if register_as is not None:
            raise UsageError("--register is MLflow's: leave --hub out")
        if scores or models:
            raise UsageError("--hub always sends the model and never scores: leave the option out")
        push_hub(hub, folders or (), as_json=as_json)
        return
    if uri is None:
        raise UsageError("nowhere to push to: give --mlflow URI or --hub OWNER/NAME")
    from covidreport.cli.terminal import say_note
    from covidreport.integrations.mlflow import PushRequest
    from covidreport.settings import find_settings
    from covidreport.storage.runs import discover_runs

    settings = find_settings(Path.cwd())
    runs = discover_runs(folders or (), say_note)
    if alias is not None and len(runs) != 1:
        raise UsageError("--alias is of one run: name its folder")
    choices = settings.choose_report(
        site, rank_sites, reference_group or (), rank_weighted=rank_weighted
    )
    report = _Report(choices, settings.hide, _choose_images(runs, settings), settings.rank_at)
    request = PushRequest(
        experiment, report.render, report.digest(), scores, models or register_as is not None
    )
    registry = None if register_as is None else judge_for(register_as, alias, runs)
    _push_runs(uri, runs, request, registry, as_json=as_json)


def _push_runs(
    uri: str, runs: Sequence[Run], request: PushRequest, registry: Registry | None, *,
    as_json: bool,
) -> None:  # fmt: skip
    """Push each run, and say what became of it. registry: where it is registered, if it is."""
    from covidreport.boundary import attempt
    from covidreport.cli.progress import show_events
    from covidreport.cli.terminal import (
        failure_as_json,
        part_of,
        print_json,
        say,
        say_failures,
    )
    from covidreport.errors import ServiceError
    from covidreport.integrations.mlflow import push_run
    from covidreport.integrations.mlflow.server import MlflowServer
    from covidreport.records import Failure, StageStarted, StepsDone

    server = MlflowServer(uri)
    failed: list[Failure] = []
    pushed: list[Pushed] = []
    registered: list[Registered] = []
    with show_events() as on_event:
        on_event(StageStarted(f"Pushing {len(runs)} runs", len(runs)))
        for run in runs:
            send = partial(push_run, server, run, request)
            done = attempt(run.name, "read", send, through=(ServiceError, UsageError))
            if isinstance(done, Failure):
                failed.append(done)
            else:
                pushed.append(done)
                if not as_json:
                    typer.echo(f"{done.outcome:9}  {done.run}  {done.address}")
                if registry is not None:
                    enter = partial(register_pushed, server, run, done, registry)
                    entered = attempt(run.name, "judge", enter, through=(ServiceError, UsageError))
                    if isinstance(entered, Failure):
                        failed.append(entered)
                    else:
                        registered.append(entered)
            on_event(StepsDone(1))
    if as_json:
        print_json(
            {
                "schema": "covidreport.push/1",
                "runs": [to_builtins(each) for each in pushed],
                "registered": [to_builtins(each) for each in registered],
                "failures": [failure_as_json(failure) for failure in failed],
            }
        )
    say_failures(failed, "pushed")
    if not as_json:
        for each in registered:
            typer.echo(f"registered {each.name}, version {each.version}: {each.verdict}")
    if failed:
        rest = "; the others were" if len(failed) < len(runs) else ""
        say(f"{part_of(len(failed), len(runs), 'was', 'were')} not pushed{rest}")
        raise typer.Exit(3)
    if any(each.alias == "stays" for each in registered):
        say("the alias stays where it is: only a version that the gate passes gets it")
        raise typer.Exit(1)


def _choose_images(runs: Sequence[Run], settings: Settings) -> ImageQuery | None:
    """What all reports are about; None where that can't be said, and no report is sent."""
    from covidreport.cli.terminal import say_note
    from covidreport.storage.chosen import ImageQuery, choose_images
    from covidreport.storage.runs import read_evaluations

    there = [evaluation for run in runs for evaluation in read_evaluations(run)[0]]
    if not there:
        return None
    try:
        found = choose_images(there, settings.query_stored())
    except UsageError as error:
        say_note(f"no report is sent: {error}")
        return None
    if found.note:
        say_note(found.note)
    return ImageQuery(found.dataset, found.split, found.variant or "", at=settings.read_at)


class _Report(Struct, frozen=True):
    """How the report of each run is made."""

    choices: ReportChoices
    hide: frozenset[str]
    images: ImageQuery | None
    """None where nothing was evaluated, or other images of each run: none is sent."""
    rank_at: RankAt | None

    def digest(self) -> str:
        """Of all that is chosen: a report that was sent is sent again where this is another."""
        images = self.images and (self.images.dataset, self.images.split, self.images.variant)
        chosen = repr((self.choices, sorted(self.hide), images, self.rank_at))
        return hashlib.sha256(chosen.encode()).hexdigest()

    def render(self, run: Run) -> str | None:
        """The report on one run; None, and a note that says why, where there can be none."""
        from covidreport.cli.terminal import say_note
        from covidreport.report.collect import collect_report
        from covidreport.report.formats import FORMATS
        from covidreport.report.options import RenderOptions

        if self.images is None:
            return None
        try:
            data = collect_report([run], self.choices, images=self.images)
        except UsageError as error:
            say_note(f"run {run.name}: no report is sent: {error}")
            return None
        return FORMATS["html"].render(data, RenderOptions(hide=self.hide))

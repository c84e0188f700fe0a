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

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    site: Site = None,
    rank_sites: RankSites = None,
    reference_group: ReferenceGroups = None,
    rank_weighted: RankWeighted = False,
    as_json: AsJson = False,
) -> None:
    """Push runs."""
    from covidreport.errors import UsageError

    if hub is not None:
        if scores or models:
            raise UsageError("--hub always sends the model and never scores: leave the option out")
        _push_hub(hub, folders or (), as_json=as_json)
        return
    if uri is None:
        raise UsageError("nowhere to push to: give --mlflow URI or --hub OWNER/NAME")
    from covidreport.boundary import attempt
    from covidreport.cli.progress import show_events
    from covidreport.cli.terminal import (
        failure_as_json,
        part_of,
        print_json,
        say,
        say_failures,
        say_note,
    )
    from covidreport.errors import ServiceError, UsageError
    from covidreport.integrations.mlflow import Pushed, PushRequest, push_run
    from covidreport.integrations.mlflow.server import MlflowServer
    from covidreport.records import Failure, StageStarted, StepsDone
    from covidreport.settings import find_settings
    from covidreport.storage.runs import discover_runs

    settings = find_settings(Path.cwd())
    choices = settings.choose_report(
        site, rank_sites, reference_group or (), rank_weighted=rank_weighted
    )
    runs = discover_runs(folders or (), say_note)
    server = MlflowServer(uri)
    images = _choose_images(runs, settings)
    report = _Report(choices, settings.hide, images, settings.rank_at)
    request = PushRequest(experiment, report.render, report.digest(), scores, models)
    failed: list[Failure] = []
    pushed: list[Pushed] = []
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
            on_event(StepsDone(1))
    if as_json:
        print_json(
            {
                "schema": "covidreport.push/1",
                "runs": [to_builtins(each) for each in pushed],
                "failures": [failure_as_json(failure) for failure in failed],
            }
        )
    say_failures(failed, "pushed")
    if failed:
        rest = "; the others were" if len(failed) < len(runs) else ""
        say(f"{part_of(len(failed), len(runs), 'was', 'were')} not pushed{rest}")
        raise typer.Exit(3)


def _push_hub(repository: str, folders: Sequence[Path], *, as_json: bool) -> None:
    """Upload one run, or write the folder that is to be uploaded."""
    import tempfile

    from covidreport.cli.terminal import print_json, say, say_note
    from covidreport.errors import RunError, UsageError
    from covidreport.integrations import hub
    from covidreport.integrations.mlflow.push import check_evaluated
    from covidreport.report.collect import collect_report
    from covidreport.settings import find_settings
    from covidreport.storage.runs import discover_runs

    hub.check_repository(repository)
    settings = find_settings(Path.cwd())
    runs = discover_runs(folders, say_note)
    if len(runs) != 1:
        raise UsageError("--hub is of one run: name its folder")
    if runs[0].faults:
        raise RunError("; ".join(runs[0].faults))
    check_evaluated(runs[0])
    images = settings.query_stored()
    data = collect_report(runs, settings.choose_report(), images=images, tell=say_note)
    why_not = hub.why_not_uploaded()
    if why_not is None:
        with tempfile.TemporaryDirectory() as scratch:
            hub.write_repository(data, Path(scratch))
            where = hub.upload_repository(Path(scratch), repository)
    else:
        where = f"{repository.rpartition('/')[2]}-hub"
        hub.write_repository(data, Path(where))
    if as_json:
        print_json({"schema": "covidreport.push-hub/1", "repository": repository,
                    "uploaded": why_not is None, "where": where})  # fmt: skip
    else:
        typer.echo(where)
    if why_not is not None:
        say(f"not uploaded, for {why_not}: `hf upload {repository} {where}` does it")


def _choose_images(runs: Sequence[Run], settings: Settings) -> ImageQuery | None:
    """What all reports are about; None where that can't be said, and no report is sent."""
    from covidreport.cli.terminal import say_note
    from covidreport.errors import UsageError
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
        from covidreport.errors import UsageError
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

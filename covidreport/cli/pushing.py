"""What `covidreport push` does besides: a run on the Hugging Face Hub, and in MLflow's registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from msgspec import Struct

from covidreport.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from covidreport.integrations.mlflow import Pushed, Registered
    from covidreport.integrations.mlflow.server import MlflowServer
    from covidreport.records import Run, Verdict


class Registry(Struct, frozen=True):
    """Under which name runs are registered, the alias that one gets, and the verdict on each."""

    name: str
    alias: str | None
    verdicts: Mapping[str, Verdict]


def judge_for(name: str, alias: str | None, runs: Sequence[Run]) -> Registry:
    """Judge runs as `covidreport gate` would, before any of them is pushed: UsageError where there
    is nothing to judge by."""
    from covidreport.api.gating import gate_runs

    judged = {run.name: each for run in runs for each in gate_runs(run.folder).verdicts}
    return Registry(name, alias, judged)


def register_pushed(
    server: MlflowServer, run: Run, pushed: Pushed, registry: Registry
) -> Registered:
    """Register a run with the verdict on it."""
    from covidreport.integrations.mlflow import register_run

    if run.model is None:
        raise RunError("there is no model to register")
    return register_run(server, pushed, registry.name, registry.alias, registry.verdicts[run.name])


def push_hub(repository: str, folders: Sequence[Path], *, as_json: bool) -> None:
    """Upload one run, or write the folder that is to be uploaded."""
    import tempfile

    from covidreport.cli.terminal import print_json, say, say_note
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

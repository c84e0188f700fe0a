"""Run folders from an MLflow server: what was pushed there comes back as it was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from covidreport.errors import StoreError, UsageError
from covidreport.integrations.mlflow.facts import FOLDER_TAG
from covidreport.integrations.mlflow.files import LIST_FILE, describe_file, is_plain_name, read_list
from covidreport.integrations.mlflow.push import RUN_FOLDER
from covidreport.integrations.mlflow.server import MlflowServer, RemoteRun
from covidreport.store import write_json

MARKER_SCHEMA = "covidreport.pulled/1"
MARKER_FILE = "pulled.json"
"""In a run folder that came from a server: it may be replaced by the next pull."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A run folder that came from a server; `older`: how many runs of its name were left there."""

    folder: Path
    address: str
    older: int


def pull_runs(server: MlflowServer, experiment: str, output: Path) -> Iterator[Pulled]:
    """Write the runs of an experiment into folders under `output`, each whole or not at all.

    Of several runs for one folder, such as a model that was trained again, the one that was pushed
    last. Raises UsageError where there are none or a folder holds another run (then nothing is
    written), StoreError where what the server has is not what was pushed.
    """
    found = server.find_experiment(experiment)
    if found is None:
        raise UsageError(f"{server.shown}: there is no experiment {experiment!r}")
    newest: dict[str, RemoteRun] = {}
    older: dict[str, int] = {}
    for remote in server.list_runs(found):
        folder = remote.tags.get(FOLDER_TAG, "")
        if folder in newest:
            older[folder] = older.get(folder, 0) + 1
        newest.setdefault(folder, remote)
    if not newest:
        raise UsageError(f"{server.shown}: nothing was pushed into the experiment {experiment!r}")
    for folder, remote in newest.items():
        if not is_plain_name(folder):
            raise StoreError(f"{server.address(remote)}: {folder!r} is no name for a folder here")
        place = output / folder
        if place.exists() and not (place / MARKER_FILE).is_file():
            raise UsageError(f"{place} holds a run that was not pulled; choose another --output")
    output.mkdir(parents=True, exist_ok=True)
    for folder, remote in newest.items():
        _pull(server, remote, output / folder)
        yield Pulled(output / folder, server.address(remote), older.get(folder, 0))


def _pull(server: MlflowServer, remote: RemoteRun, place: Path) -> None:
    """Fetch into a folder beside `place`, compare with what was pushed, then put it there."""
    where = server.address(remote)
    if not server.has(remote.id, LIST_FILE):
        raise StoreError(f"{where}: its push broke off, there is no {LIST_FILE}; push it again")
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=place.parent) as name:
        scratch = Path(name)
        text = server.receive(remote.id, LIST_FILE, scratch).read_text(encoding="utf-8")
        _, files = read_list(text, where)
        fresh = scratch / RUN_FOLDER
        for file in files:
            into = (fresh / file.path).parent
            got = server.receive(remote.id, f"{RUN_FOLDER}/{file.path}", into)
            if describe_file(got, file.path) != file:
                raise StoreError(
                    f"{where}: {file.path} is not the file that was pushed (its sha256 differs); "
                    "push the run again"
                )
        write_json(
            fresh / MARKER_FILE, {"schema": MARKER_SCHEMA, "from": where, "mlflow_run": remote.id}
        )
        if place.exists():
            place.rename(scratch / "replaced")
        fresh.rename(place)

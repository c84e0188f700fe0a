"""Run folders from an MLflow server: what was pushed there comes back as it was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from covidreport.boundary import attempt
from covidreport.errors import ServiceError, StoreError, UsageError
from covidreport.integrations.mlflow.facts import FOLDER_TAG
from covidreport.integrations.mlflow.files import LIST_FILE, describe_file, read_list
from covidreport.integrations.mlflow.push import RUN_FOLDER
from covidreport.integrations.mlflow.server import MlflowServer, RemoteRun
from covidreport.integrations.naming import is_plain_name
from covidreport.records import Failure
from covidreport.store import write_json

MARKER_SCHEMA = "covidreport.pulled/1"
MARKER_FILE = "pulled.json"
"""In a run folder that came from a server: it may be replaced by the next pull."""


class Pulled(Struct, frozen=True):
    """A run folder that came from a server; `older`: how many runs of its name were left there."""

    folder: Path
    address: str
    older: int = 0


def pull_runs(server: MlflowServer, experiment: str, output: Path) -> Iterator[Pulled | Failure]:
    """Write the runs of an experiment into folders under `output`, each whole or not at all.

    Of several runs for one folder, such as a model that was trained again, the one that was pushed
    last. Gives the failure of one that the server does not have as it was pushed, or whose name is
    none for a folder here; the others are written. Raises UsageError where there are none or a
    folder holds another run (then nothing is written), ServiceError where the server is gone.
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
    for folder in filter(is_plain_name, newest):
        target = output / folder
        if target.exists() and not (target / MARKER_FILE).is_file():
            raise UsageError(f"{target} holds a run that was not pulled; choose another --output")
    output.mkdir(parents=True, exist_ok=True)
    for folder, remote in newest.items():
        pulled = attempt(
            folder, "read", partial(pull_run, server, remote, output), through=(ServiceError,)
        )
        older_here = older.get(folder, 0)
        yield pulled if isinstance(pulled, Failure) else replace(pulled, older=older_here)


def pull_run(server: MlflowServer, remote: RemoteRun, output: Path) -> Pulled:
    """Fetch into a folder beside the run's, compare with what was pushed, then put it there.

    Raises StoreError where the server does not have it as it was pushed.
    """
    where, folder = server.address(remote), remote.tags.get(FOLDER_TAG, "")
    if not is_plain_name(folder):
        raise StoreError(f"{where}: {folder!r} is no name for a folder here")
    target = output / folder
    if not server.has(remote.id, LIST_FILE):
        raise StoreError(f"{where}: its push broke off, there is no {LIST_FILE}; push it again")
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=target.parent) as name:
        scratch = Path(name)
        text = server.receive(remote.id, LIST_FILE, scratch).read_text(encoding="utf-8")
        files = read_list(text, where).files
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
        if target.exists():
            target.rename(scratch / "replaced")
        fresh.rename(target)
    return Pulled(target, where)

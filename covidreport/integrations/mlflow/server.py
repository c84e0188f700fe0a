"""An MLflow server, in the few words that we need of it. The only place that imports `mlflow`."""

from __future__ import annotations

import getpass
import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct

from covidreport.errors import ServiceError, UsageError
from covidreport.integrations.mlflow.facts import (
    IDENTITY_TAG,
    LONGEST_TAG,
    PUSHED_TAG,
    DataInput,
    RunFacts,
)

PATIENCE_S = 10
_MOST_METRICS = 500
_MOST_OTHERS = 100
_MOST_RUNS = 500
T = TypeVar("T")


class RemoteRun(Struct, frozen=True):
    """An MLflow run as the server has it: `metrics` are the last value of each metric."""

    id: str
    experiment: str
    name: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    status: str
    inputs: frozenset[str] = frozenset()
    """Digests of the data sets that it has as inputs."""
    started_ms: int = 0
    ended_ms: int = 0

    @property
    def pushed_ms(self) -> int:
        """When it was pushed last; of an earlier version's push when it ended."""
        stated = self.tags.get(PUSHED_TAG, "")
        return int(stated) if stated.isdecimal() else self.ended_ms


class Point(Struct, frozen=True):
    """One value of a metric; the step is the epoch, or 0."""

    key: str
    value: float
    step: int
    time_ms: int


def hide_password(uri: str) -> str:
    """The address without a user and a password in it, to be shown."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class MlflowServer:
    """A connection to a server, or to a tracking database that no server stands before.

    Every method raises ServiceError where it refuses or does not answer. Raises UsageError where
    `mlflow` is not installed or takes no such `uri`.
    """

    def __init__(self, uri: str) -> None:
        self.shown = hide_password(uri)
        if not uri:
            raise UsageError(
                "--mlflow: the address of a server is wanted, such as http://127.0.0.1:5000 "
                "(`mlflow server` starts one), or a database, such as sqlite:///mlflow.db"
            )
        self._is_server = urlsplit(uri).scheme in ("http", "https")
        self._uri = uri.rstrip("/") if self._is_server else uri
        self._client = _open_client(self._uri)
        if self._is_server:
            self._reach()

    def _reach(self) -> None:
        """Ask once whether anybody is there: mlflow itself would go on asking for minutes."""
        try:
            with urllib.request.urlopen(self._uri, timeout=PATIENCE_S):  # noqa: S310 # http(s), see above
                pass
        except urllib.error.HTTPError:
            pass  # somebody answers; whether we are let in is seen at the first question
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise ServiceError(
                f"{self.shown}: no MLflow server answers there ({reason}); start it, or "
                "mend --mlflow"
            ) from error

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException

        kinds: tuple[type[Exception], ...] = (MlflowException, RequestException)
        if not self._is_server:
            from sqlalchemy.exc import SQLAlchemyError

            kinds = (MlflowException, SQLAlchemyError, OSError)
        try:
            yield
        except kinds as error:
            raise ServiceError(f"{self.shown}: {what}: {_quote(error, self._uri)}") from error

    def find_experiment(self, name: str) -> str | None:
        """The id of an experiment; None where there is none of this name."""
        with self._asking(f"looking for the experiment {name!r}"):
            found = self._client.get_experiment_by_name(name)
        if found is None:
            return None
        if found.lifecycle_stage != "active":
            raise ServiceError(
                f"{self.shown}: the experiment {name!r} was deleted there: restore it, or choose "
                "another --experiment"
            )
        return str(found.experiment_id)

    def make_experiment(self, name: str) -> str:
        """Make an experiment and give its id."""
        with self._asking(f"making the experiment {name!r}"):
            return str(self._client.create_experiment(name))

    def list_runs(self, experiment: str, identity: str | None = None) -> Iterator[RemoteRun]:
        """The runs of an experiment that covidreport pushed, those pushed last first.

        identity: only those of this identity.
        """
        found = list(self._search_runs(experiment, identity))
        yield from sorted(found, key=lambda run: run.pushed_ms, reverse=True)

    def _search_runs(self, experiment: str, identity: str | None) -> Iterator[RemoteRun]:
        condition = f"= '{identity}'" if identity else "!= ''"
        token = None
        while True:
            with self._asking("listing runs"):
                page = self._client.search_runs(
                    [experiment],
                    filter_string=f'tags."{IDENTITY_TAG}" {condition}',
                    max_results=_MOST_RUNS,
                    page_token=token,
                )
            yield from map(_read_run, page)
            token = page.token
            if not token:
                return

    def make_run(self, experiment: str, facts: RunFacts) -> RemoteRun:
        """Make a run that `list_runs` will find; its user is whoever pushes it first."""
        started = None if facts.times is None else facts.times.started_ms
        tags = {IDENTITY_TAG: facts.identity, **_name_user()}
        with self._asking(f"making a run for {facts.name!r}"):
            made = self._client.create_run(experiment, started, tags, facts.name)
        return _read_run(made)

    def log_inputs(self, run: str, inputs: Sequence[DataInput]) -> None:
        """Log data sets as inputs of a run."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        datasets = [
            DatasetInput(
                Dataset(each.name, each.digest, "local", json.dumps({"uri": each.source}),
                        profile=each.profile or None),
                [InputTag("mlflow.data.context", each.context)],
            )
            for each in inputs
        ]  # fmt: skip
        with self._asking("logging data sets"):
            self._client.log_inputs(run, datasets)

    def log(
        self, run: str, parameters: Mapping[str, str], points: Sequence[Point],
        tags: Mapping[str, str],
    ) -> None:  # fmt: skip
        """Log parameters, metrics and tags, in as many requests as the server's limits ask for."""
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(each.key, each.value, each.time_ms, each.step) for each in points]
        params = [Param(*each) for each in parameters.items()]
        labels = [RunTag(*each) for each in tags.items()]
        with self._asking("logging metrics"):
            for some in _pieces(metrics, _MOST_METRICS):
                self._client.log_batch(run, metrics=some)
            for some in _pieces(params, _MOST_OTHERS):
                self._client.log_batch(run, params=some)
            for some in _pieces(labels, _MOST_OTHERS):
                self._client.log_batch(run, tags=some)

    def finish(self, run: str, status: str, time_ms: int) -> None:
        """State that a run is FINISHED or FAILED, and when."""
        with self._asking("ending a run"):
            self._client.set_terminated(run, status=status, end_time=time_ms)

    def send(self, run: str, file: Path, path: str) -> None:
        """Store a file of the run under `path`, over one that was there."""
        folder, _, name = path.rpartition("/")
        if file.name != name:
            raise ValueError(f"{file} can't be stored as {path}: mlflow keeps a file's name")
        with self._asking(f"sending {path}"):
            self._client.log_artifact(run, str(file), folder or None)

    def send_text(self, run: str, text: str, path: str) -> None:
        """Store a text as a file of the run, over one that was there."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / path.rpartition("/")[2]
            file.write_text(text, encoding="utf-8")
            self.send(run, file, path)

    def has(self, run: str, path: str) -> bool:
        """Whether a file stands in the top folder of the run's files."""
        with self._asking("listing files"):
            return any(each.path == path for each in self._client.list_artifacts(run))

    def receive(self, run: str, path: str, into: Path) -> Path:
        """Fetch a file of the run into the folder `into`, and give its place there."""
        into.mkdir(parents=True, exist_ok=True)
        with self._asking(f"fetching {path}"):
            return Path(self._client.download_artifacts(run, path, str(into)))

    def make_version(self, name: str, run: str, source: str) -> str:
        """The version of the registered model `name` that is the run, made where there is none."""
        from mlflow.exceptions import MlflowException

        with self._asking(f"registering {name!r}"):
            try:
                self._client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            there = self._client.search_model_versions(f"name = '{name}' and run_id = '{run}'")
            made = (
                there[0]
                if there
                else self._client.create_model_version(name, source, run, await_creation_for=0)
            )
        return str(made.version)

    def tag_version(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version of a registered model."""
        with self._asking(f"tagging {name!r}, version {version}"):
            for key, value in tags.items():
                self._client.set_model_version_tag(name, version, key, value[:LONGEST_TAG])

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Let an alias name this version, and no other any more."""
        with self._asking(f"setting the alias {alias!r} of {name!r}"):
            self._client.set_registered_model_alias(name, alias, version)

    def find_version(self, name: str, alias: str | None, version: str | None) -> RemoteRun:
        """The run that a version of a registered model is, by its alias or its number."""
        with self._asking(f"looking for {name!r}, {alias or version}"):
            found = (
                self._client.get_model_version(name, version)
                if alias is None
                else self._client.get_model_version_by_alias(name, alias)
            )
            return _read_run(self._client.get_run(found.run_id))

    def address(self, run: RemoteRun) -> str:
        """Where a person sees the run; without a server its database and its id."""
        if not self._is_server:
            return f"{self.shown} (run {run.id})"
        # else MLflow shows an experiment as one of language models
        view = "?workflowType=machine_learning"
        return f"{self.shown.rstrip('/')}/#/experiments/{run.experiment}/runs/{run.id}{view}"


def _open_client(uri: str) -> Any:
    """A client of the server or database at `uri`."""
    # unless it is told not to, mlflow reports its use to its makers, draws progress bars and prints
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError as error:
        raise UsageError(
            f"MLflow's client is not installed ({error.name} is missing): "
            "pip install 'covidreport[mlflow]'"
        ) from error
    try:
        return MlflowClient(tracking_uri=uri)
    except MlflowException as error:
        raise UsageError(f"--mlflow {hide_password(uri)}: {_quote(error, uri)}") from error
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--mlflow {hide_password(uri)}: MLflow needs {error.name} for it: "
            f"pip install {error.name}"
        ) from error


def _quote(error: Exception, uri: str) -> str:
    """The first line of what MLflow says, without a password."""
    first = str(error).strip().splitlines() or [type(error).__name__]
    return first[0].replace(uri, hide_password(uri))


def _name_user() -> dict[str, str]:
    """The tag of who pushes, as MLflow's own client sets it; none where the system has no name."""
    try:
        return {"mlflow.user": getpass.getuser()}
    except (OSError, KeyError, ImportError):  # no environment, and no entry of the user's id
        return {}


def _read_run(run: Any) -> RemoteRun:
    inputs = run.inputs.dataset_inputs if run.inputs is not None else ()
    return RemoteRun(
        id=run.info.run_id,
        experiment=run.info.experiment_id,
        name=run.info.run_name or "",
        parameters=dict(run.data.params),
        metrics=dict(run.data.metrics),
        tags=dict(run.data.tags),
        status=run.info.status,
        inputs=frozenset(each.dataset.digest for each in inputs),
        started_ms=run.info.start_time or 0,
        ended_ms=run.info.end_time or 0,
    )


def _pieces(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]

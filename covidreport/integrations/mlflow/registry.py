"""Models in MLflow's registry: a pushed run as a version, and the version that an alias names."""

from __future__ import annotations

import atexit
import os
import re
import tempfile
from pathlib import Path
from typing import Literal

from msgspec import Struct

from covidreport.errors import UsageError
from covidreport.gate.baseline import REGISTERED
from covidreport.integrations.mlflow.pull import pull_run
from covidreport.integrations.mlflow.push import RUN_FOLDER, Pushed
from covidreport.integrations.mlflow.server import MlflowServer
from covidreport.records import Verdict

_ADDRESS = re.compile(r"models:/+(?P<name>[^/@]+)(@(?P<alias>[^/@]+)|/(?P<version>\d+))")
URI_VARIABLE = "MLFLOW_TRACKING_URI"
ALIAS_NEEDS = "pass"
"""The verdict without which no alias is moved."""


class Registered(Struct, frozen=True):
    """A version of a registered model, the verdict on it, and the alias that it has now."""

    name: str
    version: str
    verdict: str
    alias: Literal["moved", "stays", "not asked"]


def register_run(
    server: MlflowServer, pushed: Pushed, name: str, alias: str | None, verdict: Verdict
) -> Registered:
    """Make the pushed run a version of the model `name`, or find the one that it is already.

    The gate's verdict becomes tags of the version. alias: is moved to it where the verdict is a
    pass; where it is not, it stays with whatever version has it.
    """
    version = server.make_version(name, pushed.id, f"runs:/{pushed.id}/{RUN_FOLDER}")
    server.tag_version(name, version, _list_tags(verdict))
    if alias is None:
        return Registered(name, version, verdict.outcome, "not asked")
    if verdict.outcome != ALIAS_NEEDS:
        return Registered(name, version, verdict.outcome, "stays")
    server.set_alias(name, alias, version)
    return Registered(name, version, verdict.outcome, "moved")


def _list_tags(verdict: Verdict) -> dict[str, str]:
    """The verdict as tags; what it lacks becomes empty, for an earlier one may have had it."""
    counts, baseline = verdict.counts, verdict.baseline
    return {
        "covidreport.verdict": verdict.outcome,
        "covidreport.verdict_sentence": verdict.sentence,
        "covidreport.baseline": "" if baseline is None else baseline.run,
        "covidreport.target": verdict.target,
        "covidreport.missed": "" if counts is None else str(counts.missed),
        "covidreport.false_alarms": "" if counts is None else str(counts.false_alarms),
        "covidreport.fingerprint": verdict.fingerprint or "",
        "covidreport.model_sha256": verdict.model_sha256 or "",
        "covidreport.scores_from": verdict.scores_from or "",
    }


def fetch_registered(address: str) -> Path:
    """The run folder of a registered model, such as `models:/covid-net@champion` or
    `models:/covid-net/3`, from the server that MLFLOW_TRACKING_URI names.

    It is kept for as long as the process lives. Raises UsageError for another address or where no
    server is named, ServiceError where the server has no such model, StoreError where it is not as
    it was pushed.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise UsageError(f"{address}: {REGISTERED}NAME@ALIAS or {REGISTERED}NAME/VERSION is wanted")
    uri = os.environ.get(URI_VARIABLE, "")
    if not uri:
        raise UsageError(f"{address}: set {URI_VARIABLE} to the server that has it")
    server = MlflowServer(uri)
    remote = server.find_version(found["name"], found["alias"], found["version"])
    place = tempfile.TemporaryDirectory(prefix="covidreport-baseline-")
    atexit.register(place.cleanup)
    return pull_run(server, remote, Path(place.name)).folder

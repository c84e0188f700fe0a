"""A run folder onto an MLflow server: made once, then updated."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from covidreport.errors import RunError
from covidreport.integrations.mlflow.facts import PUSHED_TAG, RunFacts, gather_facts
from covidreport.integrations.mlflow.files import (
    LIST_FILE,
    PushedFile,
    PushedList,
    format_list,
    list_files,
    read_list,
)
from covidreport.integrations.mlflow.server import MlflowServer, Point, RemoteRun
from covidreport.records import Evaluation, Run
from covidreport.storage.model import identify_model
from covidreport.storage.runs import read_evaluations
from covidreport.store import EVALUATIONS_FOLDER, read_failure

REPORT_FILE = "report.html"
RUN_FOLDER = "run"
"""Under which the files of the run folder stand among the run's artifacts."""


class PushRequest(Struct, frozen=True):
    """How runs are pushed.

    scores: each image's scores go along; they name images and patients. model: model.onnx goes
    along. render: the report on one run as HTML, None where there can be none. report: what says
    how it is made: where that is another than at the last push, the report is sent again.
    """

    experiment: str
    render: Callable[[Run], str | None]
    report: str
    scores: bool = False
    model: bool = False


class Pushed(Struct, frozen=True):
    """What became of a run on the server, and where a person sees it there."""

    run: str
    outcome: Literal["new", "updated", "unchanged"]
    address: str
    id: str
    """Of the MLflow run."""


def push_run(server: MlflowServer, run: Run, request: PushRequest) -> Pushed:
    """Make or update the MLflow run of `run`: the same run, with the same model, is one there.

    Raises RunError where the model is not the one that was evaluated or files are broken, and
    ServiceError where the server does not take it. A push that broke off is made whole by the next.
    """
    facts, evaluations = _read(run)
    experiment = server.find_experiment(request.experiment)
    if experiment is None:
        experiment = server.make_experiment(request.experiment)
    there = next(server.list_runs(experiment, facts.identity), None)
    remote = there or server.make_run(experiment, facts)
    changed = _send_files(server, remote, run, evaluations, request)
    changed |= _log_facts(server, remote, facts)
    status = "FINISHED" if facts.failure is None else "FAILED"
    if changed or remote.status != status:
        now = _now_ms()
        ended = now if facts.times is None else facts.times.finished_ms
        # made by an earlier version, it began there when it was pushed
        ended = ended if ended >= remote.started_ms else now
        server.log(remote.id, {}, [], {PUSHED_TAG: str(now)})
        server.finish(remote.id, status, ended)
        changed = True
    outcome: Literal["updated", "unchanged"] = "updated" if changed else "unchanged"
    return Pushed(run.name, "new" if there is None else outcome, server.address(remote), remote.id)


def _read(run: Run) -> tuple[RunFacts, tuple[Evaluation, ...]]:
    model, evaluations = check_evaluated(run)
    return gather_facts(run, evaluations, model, _why_failed(run)), evaluations


def check_evaluated(run: Run) -> tuple[str | None, tuple[Evaluation, ...]]:
    """The sha256 of a run's model, and its evaluations; RunError where these are of another model,
    or broken: what is pushed would stand beside metrics that are not its own."""
    evaluations, faults = read_evaluations(run)
    if faults:
        raise RunError("; ".join(faults))
    model = None if run.model is None else identify_model(run.model, verify=True).sha256
    for evaluation in evaluations:
        evaluated = evaluation.facts.model_sha256
        if model is None:
            model = evaluated
        elif evaluated not in (None, model):
            raise RunError(
                f"its model is not the one that {evaluation.key} was evaluated with: run "
                "`covidreport evaluate` again, then push"
            )
    return model, evaluations


def _send_files(
    server: MlflowServer, remote: RemoteRun, run: Run, evaluations: tuple[Evaluation, ...],
    request: PushRequest,
) -> bool:  # fmt: skip
    """Send what the server does not have yet; whether anything was sent."""
    there = _read_sent(server, remote)
    files = _choose_files(run, evaluations, request, there)
    new = [(file, source) for file, source in files if file not in there.files]
    listed = PushedList(run.folder.resolve().name, tuple(file for file, _ in files), request.report)
    if not new and len(there.files) == len(files) and there.report == request.report:
        return False
    for file, source in new:
        server.send(remote.id, source, f"{RUN_FOLDER}/{file.path}")
    report = request.render(run)
    if report is not None:
        server.send_text(remote.id, report, REPORT_FILE)
    server.send_text(
        remote.id, format_list(listed), LIST_FILE
    )  # last: it says that the others are there
    return True


def _choose_files(
    run: Run, evaluations: tuple[Evaluation, ...], request: PushRequest, there: PushedList
) -> list[tuple[PushedFile, Path]]:
    """What is asked for, and what an earlier push was asked for, as long as it is the same here:
    a push without options takes nothing back, and sends nothing that it wasn't told to."""
    asked = list(list_files(run, evaluations, scores=request.scores, model=request.model))
    if set(there.files) <= {file for file, _ in asked}:
        return asked
    every = list_files(run, evaluations, scores=True, model=True)
    return asked + [each for each in every if each not in asked and each[0] in there.files]


def _read_sent(server: MlflowServer, remote: RemoteRun) -> PushedList:
    """What an earlier push left there."""
    if not server.has(remote.id, LIST_FILE):
        return PushedList("", ())
    with tempfile.TemporaryDirectory() as folder:
        text = server.receive(remote.id, LIST_FILE, Path(folder)).read_text(encoding="utf-8")
    return read_list(text, server.address(remote))


def _log_facts(server: MlflowServer, remote: RemoteRun, facts: RunFacts) -> bool:
    """Log what is not there yet; whether anything was.

    MLflow forgets no metric: one that is no longer defined becomes NaN there.
    """
    now = _now_ms()
    points = [
        Point(key, value, 0, now)
        for key, value in facts.metrics.items()
        if remote.metrics.get(key) != value
    ]
    columns = {key for key, _, _ in facts.history}
    points += [
        Point(key, math.nan, 0, now)
        for key, value in remote.metrics.items()
        if key not in facts.metrics and key not in columns and not math.isnan(value)
    ]
    last = {key: value for key, _, value in facts.history}
    points += [
        Point(key, value, epoch, now)
        for key, epoch, value in facts.history
        if remote.metrics.get(key) != last[key]
    ]
    parameters = {k: v for k, v in facts.parameters.items() if remote.parameters.get(k) != v}
    ours = {key for key in remote.tags if key.startswith("covidreport.")} - {PUSHED_TAG}
    gone = dict.fromkeys(ours, "")
    tags = {k: v for k, v in {**gone, **facts.tags}.items() if remote.tags.get(k, "") != v}
    inputs = [each for each in facts.inputs if each.digest not in remote.inputs]
    if inputs:
        server.log_inputs(remote.id, inputs)
    if not (points or parameters or tags):
        return bool(inputs)
    server.log(remote.id, parameters, points, tags)
    return True


def _why_failed(run: Run) -> str | None:
    """Why the last attempt at one of its evaluations failed; None where none did."""
    for folder in sorted((run.folder / EVALUATIONS_FOLDER).glob("*/")):
        failure = read_failure(folder)
        if failure is not None:
            return failure.explanation
    return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""From runs and a data set to evaluation files: opens models, runs the loop, writes evidence."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from covidreport import __version__
from covidreport.config import Thresholds
from covidreport.dataset import fingerprint
from covidreport.errors import RunError
from covidreport.evaluate.loop import (
    Advance,
    DecodedSet,
    OpenedRun,
    ScoredRun,
    count_jobs,
    gather_scores,
    open_columns,
    score_runs,
)
from covidreport.inference.providers import Provider, describe_runtime
from covidreport.inference.session import Session, open_session
from covidreport.metrics import estimate_scores
from covidreport.records import Dataset, Evaluation, Failure, Finding, Run
from covidreport.store import (
    SCORES_FILE,
    clear_failure,
    evaluation_folder,
    write_evaluation,
    write_failure,
    write_scores,
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be evaluated, and how.

    dataset: one split of it. digests `(N,)`: of the files' bytes. asked_provider is the word of
    the user (`auto` too), provider the one that was found to work.
    """

    dataset: Dataset
    split: str
    digests: tuple[str, ...]
    thresholds: Thresholds
    asked_provider: str
    provider: Provider
    batch: int
    jobs: int | None = None
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run: an evaluation or a failure."""

    run: Run
    evaluation: Evaluation | None = None
    failure: Failure | None = None


def open_model(run: Run, provider: Provider) -> Session | Failure:
    """The run's model, loaded; or why it can't be."""
    unreadable = run.settings.get("unreadable")
    if unreadable:
        return Failure(run.name, "read", "; ".join(unreadable))
    if run.model is None:
        wanted = run.settings.get("model") or "model.onnx"
        return Failure(run.name, "load", f"there is no {wanted} in {run.folder}")
    try:
        return open_session(run.model, provider.name, described=run.settings.get("input"))
    except RunError as error:
        return Failure(run.name, "load", str(error))


def evaluate_runs(
    request: Request, opened: Sequence[tuple[Run, Session | Failure]], advance: Advance
) -> tuple[Outcome, ...]:
    """Evaluate every opened run on the request's images and write what came out, run by run.

    A run that fails leaves a failure.json that says why; the others finish.
    """
    labels = request.dataset.labels
    ready: list[OpenedRun] = []
    failures: dict[str, Failure] = {}
    for run, session in opened:
        if isinstance(session, Failure):
            failures[run.name] = session
            continue
        try:
            ready.append(OpenedRun(run, session, open_columns(session, labels)))
        except RunError as error:
            failures[run.name] = Failure(run.name, "load", str(error))
    started = time.time()
    scored, decoded = score_runs(
        request.dataset, ready, batch=request.batch, jobs=request.jobs, advance=advance
    )
    by_name = {item.opened.run.name: item for item in scored}
    fingerprint_ = fingerprint(request.dataset, request.digests)
    outcomes = []
    for run, _ in opened:
        item = by_name.get(run.name)
        failure = failures.get(run.name) or (item.failure if item else None)
        if item is None or failure is not None:
            assert failure is not None
            outcomes.append(_keep_failure(request, run, failure))
            continue
        evaluation = _build_evaluation(request, item, decoded, fingerprint_, started)
        folder = evaluation_folder(run.folder, evaluation.key)
        write_scores(folder / SCORES_FILE, gather_scores(request.dataset, item, decoded))
        write_evaluation(run.folder, evaluation)
        clear_failure(folder)
        outcomes.append(Outcome(run, evaluation))
    return tuple(outcomes)


def _keep_failure(request: Request, run: Run, failure: Failure) -> Outcome:
    write_failure(run.folder, f"{request.dataset.name}-{request.split}", failure)
    return Outcome(run, failure=failure)


def _build_evaluation(
    request: Request, scored: ScoredRun, decoded: DecodedSet, fingerprint_: str, started: float
) -> Evaluation:
    dataset = request.dataset
    assert scored.opened.run.model is not None
    thresholds = request.thresholds.of(dataset.labels)
    scores = gather_scores(dataset, scored, decoded)
    counts, estimates = estimate_scores(scores, [thresholds[label] for label in dataset.labels])
    failures = tuple(
        Failure(sample, "decode", reason)
        for sample, reason in zip(dataset.ids, decoded.reasons, strict=True)
        if reason is not None
    )
    return Evaluation(
        run=scored.opened.run.name,
        dataset=dataset.name,
        split=request.split,
        variant=None,
        fingerprint=fingerprint_,
        labels=dataset.labels,
        n_images=len(dataset),
        n_groups=None if dataset.groups is None else len(set(dataset.groups)),
        thresholds=thresholds,
        thresholds_from=request.thresholds.origin,
        counts=counts,
        estimates=estimates,
        findings=(*request.warnings, *decoded.findings, *_failed_images(failures, len(dataset))),
        failures=failures,
        provenance=_provenance(request, scored.opened),
        timing={
            "started": _timestamp(started),
            "finished": _timestamp(time.time()),
            "decode_s": round(decoded.decode_s, 3),
            "inference_s": round(scored.inference_s, 3),
            "jobs": request.jobs or count_jobs(),
            "model_mtime_ns": scored.opened.run.model.stat().st_mtime_ns,
        },
    )


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _failed_images(failures: Sequence[Failure], n: int) -> tuple[Finding, ...]:
    if not failures:
        return ()
    return (
        Finding(
            "warning",
            "images-failed",
            f"{len(failures)} of {n} images could not be scored",
            f"{failures[0].subject}: {failures[0].reason}",
            "mend or replace these files and evaluate again; until then each counts against every "
            "run: a positive as missed, a negative as a false alarm",
            tuple(failure.subject for failure in failures),
        ),
    )


def _provenance(request: Request, opened: OpenedRun) -> dict[str, Any]:
    """All that the figures depend on; nothing here differs between two equal evaluations."""
    session = opened.session
    assert opened.run.model is not None
    names = ("numpy", "pillow", "imagecodecs", "pyarrow")
    return {
        "model": {
            "file": opened.run.model.name,
            "sha256": session.digest,
            "bytes": opened.run.model.stat().st_size,
        },
        "input": asdict(replace(session.spec, columns=opened.columns)),
        "data": {"source": request.dataset.source.as_posix()},
        "provider": {
            "asked": request.asked_provider,
            "ran": session.provider.name,
            "options": dict(session.provider.options),
            "precision": "fp32",
        },
        "batch": request.batch,
        "threads_per_session": 1,
        "versions": {
            "covidreport": __version__,
            "python": platform.python_version(),
            **describe_runtime(),
            **{name: version(name) for name in names},
        },
        "machine": {"system": platform.system(), "processor": platform.machine()},
    }

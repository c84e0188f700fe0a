"""Fits experiments in turn, those that no other process has; one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from covidreport.errors import CovidReportError, RunError, UsageError, WriteError
from covidreport.locks import claim_lock
from covidreport.store import RUN_FILE, RUN_SCHEMA, read_json, write_run

from . import LOCK_FILE
from .device import find_card_fault
from .fit import (
    DifferentRunError,
    FitOutcome,
    Request,
    clear_run,
    describe_error,
    find_stage,
    fit_experiment,
)
from .settings import Experiment
from .task import Watcher


def fit_experiments(
    request: Request,
    experiments: Sequence[Experiment],
    watch: Callable[[Experiment], Watcher],
) -> Iterator[FitOutcome]:
    """Fit the experiments in turn and say how each ended.

    Whatever is raised is that experiment's failure: its stage and reason stand in run.json, the
    next one starts, and the same command tries it again. What another process is fitting is passed
    over, and asked for once more at the end: that process may have been killed. Processes that fit
    one experiment together agree on a failure. RunError where an error leaves the card unusable: no
    other one is begun.
    """
    left = sorted(experiments, key=lambda each: each.name not in request.faults)
    while left:
        elsewhere = []
        for experiment in left:
            fault = find_card_fault(request.device)
            if fault and experiment.name not in request.faults:
                raise RunError(
                    f"the card can't be used any more ({fault}); the same command goes on with the "
                    "experiments that are left"
                )
            outcome = _take(request, experiment, watch)
            if outcome is None:
                elsewhere.append(experiment)
            else:
                yield outcome
        if len(elsewhere) == len(left):
            break
        left = elsewhere
    for experiment in left:
        yield FitOutcome(experiment, request.out / experiment.name, "elsewhere")


def _take(
    request: Request, experiment: Experiment, watch: Callable[[Experiment], Watcher]
) -> FitOutcome | None:
    """Fit one experiment, and keep others from it meanwhile; None where another process has it."""
    with ExitStack() as held:
        lock = claim_lock(request.out / experiment.name / LOCK_FILE)
        try:
            if not request.ranks.lead(lambda: held.enter_context(lock)):
                return None
            return fit_experiment(request, experiment, watch(experiment))
        except Exception as error:  # noqa: BLE001  # the one boundary around an experiment
            return _fail(request, experiment, error)


def _fail(request: Request, experiment: Experiment, error: Exception) -> FitOutcome:
    """The failure of an experiment, also in its run.json where that can be written."""
    failure = request.ranks.agree(error, find_stage(error), describe_error(error))
    folder, reason = request.out / experiment.name, failure.reason
    if request.ranks.leads and not isinstance(error, DifferentRunError):
        try:
            _write_failure(folder, failure.stage, reason)
        except (CovidReportError, OSError) as also:
            reason += f" (nor could run.json be written: {also})"
    return FitOutcome(experiment, folder, "failed", f"{failure.stage}: {reason}")


def _write_failure(folder: Path, stage: str, reason: str) -> None:
    """Say in run.json that the run failed, when, at what and why; what else it says stays."""
    try:
        record = read_json(folder / RUN_FILE, RUN_SCHEMA)
    except CovidReportError:
        record = {"name": folder.name}
    at = datetime.now(UTC).isoformat()
    write_run(folder, record | {"status": "failed", "stage": stage, "reason": reason, "failed": at})


def clear_runs(out: Path, experiments: Sequence[Experiment]) -> None:
    """Remove what former fits left, of all experiments or of none.

    UsageError where another process is fitting one of them.
    """
    with ExitStack() as held:
        ours: list[str] = []
        taken: list[str] = []
        for experiment in experiments:
            with suppress(WriteError):  # which is that experiment's failure, once it is its turn
                lock = claim_lock(out / experiment.name / LOCK_FILE)
                (ours if held.enter_context(lock) else taken).append(experiment.name)
        if taken:
            raise UsageError(
                f"--overwrite: another process is fitting {', '.join(taken)} in {out}; stop it, or "
                "wait for it"
            )
        for name in ours:
            clear_run(out / name)

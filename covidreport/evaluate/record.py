"""From runs and a data set to evaluation files: keeps what stands, runs the loop for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from covidreport.boundary import attempt
from covidreport.evaluate.describe import import_all
from covidreport.evaluate.group import Work, count_workers, evaluate_group
from covidreport.evaluate.identity import explain_foreign
from covidreport.evaluate.memory import group_by_memory
from covidreport.evaluate.opening import refuse_run
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.reuse import reuse_stored
from covidreport.evaluate.shards import keep_part
from covidreport.evaluate.tuned import ChosenThresholds, ReportedImages, choose_thresholds
from covidreport.evaluate.write import fail_run
from covidreport.inference.contract import read_decision
from covidreport.locks import hold_lock
from covidreport.records import (
    EvaluationReplaced,
    Failure,
    OnEvent,
    Run,
    StageStarted,
    WaitingForRun,
    count_steps,
    ignore_events,
)
from covidreport.storage.model import identify_model
from covidreport.storage.replaced import RENAME, find_replaced
from covidreport.store import EVALUATION_FILE, evaluation_folder
from covidreport.workers import Workers

LOCK_FILE = ".lock"
"""In an evaluation's folder: held by the process that computes it."""


def evaluate_runs(
    request: EvaluationRequest, runs: Sequence[Run], on_event: OnEvent = ignore_events
) -> tuple[RunOutcome, ...]:
    """Evaluate every run on the request's images and write what came out, run by run.

    What stands is kept unless `force` is set: scores that would come out the same are not computed
    again, and other thresholds are applied to them. Models are loaded in groups that fit into
    memory: on a card all at once, and those that did not fit beside the others after them. A run
    that fails, by whatever is raised while it is read, opened, scored or stored, leaves a
    failure.json that says why; the others finish. Two processes never compute the same
    evaluation at once: the second waits, and keeps what the first has made.
    """
    outcomes: dict[Path, RunOutcome] = {}
    chosen: dict[Path, ChosenThresholds] = {}
    replaced: dict[str, None] = {}
    for run in runs:
        outcome = (
            _refuse(request, run)
            or _explain_parts(request, run)
            or _choose(request, run, chosen)
            or _find_standing(request, run, chosen, on_event)
            or _keep_other_images(request, run, replaced)
        )
        if outcome is not None:
            outcomes[run.folder] = outcome
    for what in replaced:
        on_event(EvaluationReplaced(what))
    rest = [run for run in runs if run.folder not in outcomes]
    if rest:
        images = len(request.dataset)
        on_event(StageStarted(_name_stage(request), len(rest) * images))
        for outcome in _evaluate_rest(request, rest, chosen, on_event):
            outcomes[outcome.run.folder] = outcome
    return tuple(outcomes[run.folder] for run in runs)


def _name_stage(request: EvaluationRequest) -> str:
    if request.disturbances is not None:
        return f"Evaluating {len(request.dataset):,} {request.disturbances.words}"
    if request.parts is not None:
        return f"Merging {len(request.dataset):,} images"
    of = f" of shard {request.cut.shard}" if request.cut else ""
    without = f" without {request.occlusion.region}" if request.occlusion else ""
    return f"Evaluating {len(request.dataset):,} images{of}{without}"


def _evaluate_rest(
    request: EvaluationRequest, runs: Sequence[Run], chosen: Mapping[Path, ChosenThresholds],
    on_event: OnEvent,
) -> list[RunOutcome]:  # fmt: skip
    """Evaluate the runs of which nothing can be kept, in groups that fit into memory."""
    outcomes: list[RunOutcome] = []
    on_device = request.execution.provider.accelerator
    groups = [runs] if on_device else group_by_memory(runs, limits=request.limits)
    if request.parts is not None:  # nothing is shared, and all that is known of the images is held
        groups = [[run] for run in runs]
    with ExitStack() as stack:
        scratch = None
        if len(groups) > 1:  # each group needs the pixels that the first has decoded
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="covidreport-")))
        workers = Workers(count_workers(request, len(runs)), import_all)
        stack.callback(workers.close)
        work = Work(request, chosen, count_steps(on_event), scratch, workers=workers)
        for group in groups:
            with ExitStack() as locks:
                found = _lock_runs(work, group, on_event, locks)
                left = [run for run in group if run.folder not in found]
                outcomes += [*found.values(), *evaluate_group(work, left)]
        work.caches.clear()
    return outcomes


def _refuse(request: EvaluationRequest, run: Run) -> RunOutcome | None:
    """The failure of a run that can't be read, or whose evaluations are another's.

    Nothing is written there.
    """
    if run.faults:
        return RunOutcome(run, failure=refuse_run(run))
    if request.cut is not None:
        return None
    found = attempt(run.name, "read", partial(explain_foreign, run, request.name))
    if isinstance(found, str):
        found = Failure(run.name, "read", found)
    return None if found is None else RunOutcome(run, failure=found)


def _explain_parts(request: EvaluationRequest, run: Run) -> RunOutcome | None:
    """The failure of a run of which not all parts are there; what stands is as good as it was."""
    if request.parts is None:
        return None
    found = attempt(run.name, "read", partial(request.parts.locate, run.name))
    return RunOutcome(run, failure=found) if isinstance(found, Failure) else None


def _find_standing(
    request: EvaluationRequest, run: Run, chosen: Mapping[Path, ChosenThresholds],
    on_event: OnEvent,
) -> RunOutcome | None:  # fmt: skip
    """What stands and would come out the same; None where there is something to do."""
    if request.cut is not None:
        return keep_part(request, run)
    return reuse_stored(request, run, chosen[run.folder], request.known, on_event)


def _keep_other_images(
    request: EvaluationRequest, run: Run, replaced: dict[str, None]
) -> RunOutcome | None:
    """The run's failure where an evaluation of another data set stands under the same name.

    Nothing is written: what stands is as good as it was. What is to be said of one of the same data
    set, which is replaced, goes into `replaced`.
    """
    if request.cut is not None:
        return None
    folder = evaluation_folder(run.folder, request.name)
    found = attempt(run.name, "read", partial(find_replaced, folder, request.images))
    if found is None or isinstance(found, Failure):
        return None  # what can't be read is computed again
    if found.other_data and request.trust_stored:
        return RunOutcome(run, failure=Failure(run.name, "write", found.reason, f"{RENAME}."))
    replaced[found.what] = None
    return None


def _lock_runs(
    work: Work, runs: Sequence[Run], on_event: OnEvent, locks: ExitStack
) -> dict[Path, RunOutcome]:
    """Lock the evaluations of some runs; gives those that another process finished meanwhile.

    Always in the order of the folders, so that no two processes wait for each other. A run whose
    folder can't be locked is a failure: nothing could be stored there.
    """
    request = work.request
    found: dict[Path, RunOutcome] = {}
    for run in sorted(runs, key=lambda each: each.folder.resolve()):
        path = request.place(run) / LOCK_FILE
        lock = hold_lock(path, partial(on_event, WaitingForRun(run.name)))
        waited = attempt(run.name, "write", partial(locks.enter_context, lock))
        outcome = None
        if isinstance(waited, Failure):
            outcome = fail_run(request, waited, run)
        elif waited:
            outcome = _find_standing(request, run, work.chosen, on_event)
        if outcome is not None:
            found[run.folder] = outcome
            work.advance(len(request.dataset))
    return found


def _choose(
    request: EvaluationRequest, run: Run, chosen: dict[Path, ChosenThresholds]
) -> RunOutcome | None:
    """Find the run's thresholds on these images; its failure where it has none that fit.

    A shard is scored without any.
    """
    if request.cut is not None:
        return None
    found = attempt(run.name, "score", partial(_find_thresholds, request, run))
    if not isinstance(found, Failure):
        chosen[run.folder] = found
        return None
    if (evaluation_folder(run.folder, request.name) / EVALUATION_FILE).exists():
        return RunOutcome(run, failure=found)  # what stands is as good as it was
    return fail_run(request, found, run)


def _find_thresholds(request: EvaluationRequest, run: Run) -> ChosenThresholds:
    dataset = request.dataset
    images = ReportedImages(
        dataset.name, request.split, request.fingerprint, dataset.labels, dataset.ids
    )
    digest = None
    if request.thresholds.tuned and run.model is not None:
        digest = identify_model(run.model, use_cache=request.use_cache).sha256
    return choose_thresholds(request.thresholds, run, images, digest, read_decision(run))

"""From runs and a data set to evaluation files: keeps what stands, runs the loop for the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from covidreport.config import Thresholds
from covidreport.dataset.index import KnownData
from covidreport.errors import RunError, StoreError, UsageError
from covidreport.evaluate.build import build_evaluation, key_of
from covidreport.evaluate.cpu_check import CpuCheck, CpuReference
from covidreport.evaluate.identity import find_stored
from covidreport.evaluate.loop import (
    Advance,
    DecodedSet,
    OpenedRun,
    ScoredRun,
    gather_scores,
    open_columns,
    score_runs,
)
from covidreport.evaluate.memory import device_budget, group_by_memory
from covidreport.evaluate.partial import PartialScores, open_partial
from covidreport.evaluate.request import Request, name_evaluation
from covidreport.evaluate.scoring import apply_chosen, is_applied, take_units
from covidreport.evaluate.tuned import ChosenThresholds, ReportedImages, choose_thresholds
from covidreport.images import check_spec
from covidreport.images.cache import (
    PixelCache,
    finish_pixel_cache,
    open_pixel_cache,
    open_scratch,
)
from covidreport.inference.engines import engine_folder
from covidreport.inference.execution import Execution
from covidreport.inference.providers import CPU
from covidreport.inference.session import Session, measure_variation, open_session
from covidreport.locks import hold_lock
from covidreport.metrics import digest_units
from covidreport.records import Dataset, Evaluation, Failure, FigurePlan, PixelSpec, Run
from covidreport.store import (
    EVALUATION_FILE,
    SCORES_FILE,
    check_scores,
    clear_failure,
    digest_file,
    evaluation_folder,
    read_scores,
    write_evaluation,
    write_failure,
    write_scores,
)

LOCK_FILE = ".lock"
"""In an evaluation's folder: held by the process that computes it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run: an evaluation or a failure; kept: it stood already."""

    run: Run
    evaluation: Evaluation | None = None
    failure: Failure | None = None
    kept: bool = False


@dataclass(slots=True)
class Progress:
    """How the caller is told: with how many steps there are, and with each that is done."""

    begin: Callable[[int], None] = field(default=lambda _: None)
    advance: Advance = field(default=lambda _: None)
    waiting: Callable[[Run], None] = field(default=lambda _: None)
    """Called before it waits for another process that evaluates the same run on the same images."""
    damaged: Callable[[Run, str], None] = field(default=lambda _, __: None)
    """Called with why stored scores can't be read, before they are computed again."""


def open_model(
    run: Run, execution: Execution = CPU, *, batch: int | None = None
) -> Session | Failure:
    """The run's model, loaded; or why it can't be. batch: images in every call of a device."""
    if run.faults:
        return refuse_run(run)
    if run.model is None:
        wanted = run.settings.get("model") or "model.onnx"
        return Failure(run.name, "load", f"there is no {wanted} in {run.folder}")
    try:
        session = open_session(
            run.model, execution, described=run.settings.get("input"), static_batch=batch,
            engines=_engine_folder(run.model, execution),
        )  # fmt: skip
        check_spec(session.spec.pixels)
    except (RunError, UsageError) as error:
        return Failure(run.name, "load", str(error))
    return session


def refuse_run(run: Run) -> Failure:
    """Why a run can't be used, by its folder alone. Nothing is stored of it: every reader of the
    folder sees the same, and what stands there is as good as it was."""
    return Failure(run.name, "read", "; ".join(run.faults))


def _engine_folder(model: Path, execution: Execution) -> Path | None:
    """Where TensorRT keeps what it compiled of a model for this card; None for other providers."""
    if execution.provider.name != "tensorrt":
        return None
    return engine_folder(digest_file(model), execution)


def evaluate_runs(
    request: Request, runs: Sequence[Run], progress: Progress | None = None
) -> tuple[Outcome, ...]:
    """Evaluate every run on the request's images and write what came out, run by run.

    What stands is kept unless `force` is set: scores that would come out the same are not computed
    again, and other thresholds are applied to them. Models are loaded in groups that fit into
    memory. A run that fails leaves a failure.json that says why; the others finish. Two processes
    never compute the same evaluation at once: the second waits, and keeps what the first has made.
    """
    progress = progress or Progress()
    outcomes: dict[str, Outcome] = {}
    chosen: dict[str, ChosenThresholds] = {}
    known = request.known
    for run in runs:
        if run.faults:
            outcomes[run.name] = Outcome(run, failure=refuse_run(run))
            continue
        outcome = _choose(request, run, chosen) or _keep_stored(
            request, run, chosen, known, progress
        )
        if outcome is not None:
            outcomes[run.name] = outcome
    rest = [run for run in runs if run.name not in outcomes]
    progress.begin(len(rest) * len(request.dataset))
    caches: dict[PixelSpec, PixelCache] = {}
    groups = group_by_memory(rest, device_budget(request.execution))
    with ExitStack() as stack:
        scratch = None
        if len(groups) > 1:  # each group needs the pixels that the first has decoded
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="covidreport-")))
        for group in groups:
            with ExitStack() as locks:
                found = _lock_runs(request, group, chosen, progress, locks)
                left = [run for run in group if run.name not in found]
                for outcome in (
                    *found.values(),
                    *_evaluate_group(request, left, chosen, caches, scratch, progress.advance),
                ):
                    outcomes[outcome.run.name] = outcome
        for cache in caches.values():
            finish_pixel_cache(cache)
        caches.clear()
    return tuple(outcomes[run.name] for run in runs)


def _lock_runs(
    request: Request, runs: Sequence[Run], chosen: Mapping[str, ChosenThresholds],
    progress: Progress, locks: ExitStack,
) -> dict[str, Outcome]:  # fmt: skip
    """Lock the evaluations of some runs; gives those that another process finished meanwhile.

    Always in the order of the folders, so that no two processes wait for each other.
    """
    found: dict[str, Outcome] = {}
    for run in sorted(runs, key=lambda each: each.folder.resolve()):
        path = evaluation_folder(run.folder, request.name) / LOCK_FILE
        if locks.enter_context(hold_lock(path, partial(progress.waiting, run))):
            outcome = _keep_stored(request, run, chosen, request.known, progress)
            if outcome is not None:
                found[run.name] = outcome
                progress.advance(len(request.dataset))
    return found


def _choose(request: Request, run: Run, chosen: dict[str, ChosenThresholds]) -> Outcome | None:
    """Find the run's thresholds on these images; its failure where it has none that fit."""
    dataset = request.dataset
    images = ReportedImages(
        dataset.name, request.split, request.fingerprint, dataset.labels, dataset.ids
    )
    try:
        tuned = request.thresholds.tuned and run.model is not None
        digest = digest_file(run.model) if tuned and run.model else None
        chosen[run.name] = choose_thresholds(request.thresholds, run, images, digest)
    except (RunError, OSError) as error:
        failure = Failure(run.name, "score", str(error))
        if (evaluation_folder(run.folder, request.name) / EVALUATION_FILE).exists():
            return Outcome(run, failure=failure)  # what stands is as good as it was
        return _write_failure(request, failure, run)
    return None


def _keep_stored(
    request: Request, run: Run, chosen: Mapping[str, ChosenThresholds], known: KnownData,
    progress: Progress,
) -> Outcome | None:  # fmt: skip
    """The stored evaluation where it may be kept, with today's thresholds."""
    if request.force:
        return None
    try:
        return _keep(
            known, request.name, request.provider_facts, request.batch, run, chosen[run.name],
            request.plan, verify=request.verify, dataset=request.dataset,
        )  # fmt: skip
    except StoreError as error:
        progress.damaged(run, str(error))
        return None


def keep_all(
    known: KnownData, thresholds: Thresholds, execution: Execution, batch: int, runs: Sequence[Run],
    plan: FigurePlan,
) -> tuple[Outcome, ...] | None:  # fmt: skip
    """The stored evaluations of all runs, if every one may be kept; else None.

    For data that is known to be unchanged: no image is looked at and no model is loaded. Other
    thresholds than the stored ones are applied to the stored scores.
    """
    name = name_evaluation(known.dataset, known.split, execution.variant)
    chosen = ChosenThresholds(thresholds.of(known.labels), thresholds.origin)
    outcomes = []
    for run in runs:
        if run.faults:
            outcomes.append(Outcome(run, failure=refuse_run(run)))
            continue
        try:
            outcome = _keep(known, name, execution.facts(), batch, run, chosen, plan, verify=False)
        except StoreError:
            return None  # the long way says so, and computes them again
        if outcome is None:
            return None
        outcomes.append(outcome)
    return tuple(outcomes)


def _keep(
    known: KnownData, name: str, provider: Mapping[str, Any], batch: int, run: Run,
    chosen: ChosenThresholds, plan: FigurePlan, *, verify: bool, dataset: Dataset | None = None,
) -> Outcome | None:  # fmt: skip
    """What stands of a run, at these thresholds; None where it has to be computed.

    dataset: where today's patients and attributes are from, if the stored ones are others; without
    it None is the answer then.
    """
    stored = find_stored(
        run, name, fingerprint=known.fingerprint, labels=known.labels, n_groups=known.n_groups,
        provider=provider, batch=batch, verify=verify,
    )  # fmt: skip
    if stored is None:
        return None
    file = evaluation_folder(run.folder, name) / SCORES_FILE
    check_scores(file)
    if is_applied(stored, chosen, plan, known.units):
        return Outcome(run, stored, kept=True)
    scores = read_scores(file)
    if digest_units(scores.groups, scores.attributes) != known.units:
        if dataset is None:
            return None
        scores = take_units(scores, dataset)
        write_scores(file, scores)
    evaluation = apply_chosen(stored, scores, chosen, plan)
    write_evaluation(run.folder, evaluation)
    return Outcome(run, evaluation, kept=True)


def _evaluate_group(
    request: Request, runs: Sequence[Run], chosen: Mapping[str, ChosenThresholds],
    caches: dict[PixelSpec, PixelCache], scratch: Path | None, advance: Advance,
) -> list[Outcome]:  # fmt: skip
    """Load the models of one group, score, write; the models are freed with the return."""
    if not runs:
        return []
    started = time.time()
    n = len(request.dataset)
    ready: list[OpenedRun] = []
    outcomes: list[Outcome] = []
    for run in runs:
        session = open_model(run, request.execution, batch=request.batch)
        try:
            if isinstance(session, Failure):
                outcomes.append(_write_failure(request, session, run))
                advance(n)
            else:
                columns = open_columns(session, request.dataset.labels)
                ready.append(OpenedRun(run, session, columns, measure_variation(session)))
        except RunError as error:
            outcomes.append(_write_failure(request, Failure(run.name, "load", str(error)), run))
            advance(n)
    _open_caches(request, ready, caches, scratch)
    partials = [_open_partial(request, opened) for opened in ready]
    scored, decoded = score_runs(
        request.dataset, ready, batch=request.batch, jobs=request.jobs, advance=advance,
        caches=caches, digests=request.digests, partials=partials, occlusion=request.occlusion,
    )  # fmt: skip
    on_device = request.execution.provider.accelerator
    reference = CpuReference(request.dataset, caches, request.occlusion) if on_device else None
    for item, kept in zip(scored, partials, strict=True):
        if item.failure is not None:
            outcomes.append(_write_failure(request, item.failure, item.opened.run))
            continue
        try:
            values = chosen[item.opened.run.name].values
            thresholds = [values[label] for label in request.dataset.labels]
            check = reference.check(item, thresholds) if reference else None
        except RunError as error:
            reason = f"can't be compared with the CPU: {error}"
            failure = Failure(item.opened.run.name, "infer", reason)
            outcomes.append(_write_failure(request, failure, item.opened.run))
            continue
        outcomes.append(
            _write_scored(request, item, chosen[item.opened.run.name], decoded, started, check)
        )
        kept.remove()
    return outcomes


def _open_caches(
    request: Request,
    ready: Sequence[OpenedRun],
    caches: dict[PixelSpec, PixelCache],
    scratch: Path | None,
) -> None:
    """A place for the pixels of each kind: in the cache, or in `scratch` where there is none."""
    for spec in dict.fromkeys(opened.session.spec.pixels for opened in ready):
        if spec in caches:
            continue
        cache = open_pixel_cache(request.digests, spec) if request.use_cache else None
        if cache is None and scratch is not None:
            cache = open_scratch(scratch, len(request.dataset), spec)
        if cache is not None:
            caches[spec] = cache


def _open_partial(request: Request, opened: OpenedRun) -> PartialScores:
    folder = evaluation_folder(opened.run.folder, request.name)
    n, k = request.dataset.truth.shape
    key = key_of(request, opened)
    if request.force:
        PartialScores.discard(folder)
    return open_partial(folder, key, n, k, request.batch)


def _write_failure(request: Request, failure: Failure, run: Run) -> Outcome:
    write_failure(run.folder, request.name, failure)
    return Outcome(run, failure=failure)


def _write_scored(
    request: Request, scored: ScoredRun, chosen: ChosenThresholds, decoded: DecodedSet,
    started: float, check: CpuCheck | None,
) -> Outcome:  # fmt: skip
    run = scored.opened.run
    folder = evaluation_folder(run.folder, request.name)
    scores = gather_scores(request.dataset, scored, decoded)
    evaluation = build_evaluation(request, scored, scores, chosen, decoded, started, check)
    write_scores(folder / SCORES_FILE, scores)
    write_evaluation(run.folder, evaluation)
    clear_failure(folder)
    return Outcome(run, evaluation)

"""Where runs look: a patch of each positive hidden after another, and what becomes of the score.

Nothing here scores by itself: each picture stands in a data set once for each patch, and the main
loop scores those rows as any others, in batches, with what a killed call has left.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.boundary import attempt
from covidreport.dataset.split import take_rows
from covidreport.errors import RunError
from covidreport.evaluate.checkpoint import ScoresCheckpoint
from covidreport.evaluate.company import check_company
from covidreport.evaluate.cpu_check import spread
from covidreport.evaluate.loop import Advance, count_jobs, score_runs
from covidreport.evaluate.opening import open_run
from covidreport.evaluate.patches import Patches
from covidreport.evaluate.record import LOCK_FILE
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.scored import DecodedSet, OpenedRun, ScoredRun
from covidreport.evaluate.write import open_partial
from covidreport.inference.session import OutOfMemoryError
from covidreport.inference.trial import TRIAL
from covidreport.locks import hold_lock
from covidreport.metrics import decide_label
from covidreport.records import (
    Evaluation,
    Failure,
    MapFill,
    Noted,
    OnEvent,
    Run,
    Scores,
    StageStarted,
    StoredMap,
    StoredMaps,
    WaitingForRun,
    count_steps,
    ignore_events,
)
from covidreport.store import (
    MAPS_FOLDER,
    SCORES_FILE,
    evaluation_folder,
    name_thumbnail,
    read_maps,
    read_scores,
    write_maps,
)
from covidreport.text import list_some, plural, whole
from covidreport.text.thresholds import find_label_rule

MOST: Final = 200
"""Positives of a run that are mapped."""
MOST_MISSED: Final = 100
"""Of more than that, those with the lowest scores; the rest are found ones, evenly spread."""
MOST_NAMED: Final = 5


class MapTask(Struct, frozen=True):
    """A run of which maps are wanted, with its evaluation and what that was made of."""

    request: EvaluationRequest
    run: Run
    evaluation: Evaluation


class MadeMaps(Struct, frozen=True):
    """What became of one run's maps. inferences and seconds: 0 where they stood already."""

    run: str
    evaluation: str
    """The name of its folder, in which `maps/` stands."""
    images: int
    positives: int
    """Images with the target that could be scored."""
    patches: int
    failed: int
    """Images that could not be read again."""
    kept: bool
    inferences: int = 0
    seconds: float = 0.0


class _Plan(Struct, frozen=True):
    """Which images of a run are mapped, by their rows in the data set, and their own scores."""

    task: MapTask
    patches: Patches
    target: str
    folder: Path
    rows: tuple[int, ...]
    names: tuple[str, ...]
    whole: NDArray[np.floating]
    scores: Scores
    positives: int
    stood: StoredMaps | None = None
    """What stands in the folder, where it is the same."""

    @property
    def inferences(self) -> int:
        return len(self.rows) * self.patches.number


def choose_positives(scores: Scores, target: str, yes: NDArray[np.bool_]) -> tuple[int, ...]:
    """The rows of a run's scores that are mapped: all positives that could be scored, or `MOST`.

    yes bool `(N,)`: which images were called. Of more the `MOST_MISSED` lowest of those that were
    missed, and found ones evenly from the lowest score to the highest.
    """
    column = scores.labels.index(target)
    values = scores.scores[:, column]
    rows = np.flatnonzero((scores.truth[:, column] == 1) & ~scores.failed)
    rows = rows[np.argsort(values[rows], kind="stable")]
    if len(rows) > MOST:
        missed = rows[~yes[rows]][:MOST_MISSED]
        rows = np.concatenate([missed, spread(rows[yes[rows]], MOST - len(missed))])
    return tuple(sorted(int(row) for row in rows))


def make_maps(
    tasks: Sequence[MapTask], fill: MapFill, target: str, on_event: OnEvent = ignore_events
) -> tuple[tuple[MadeMaps, ...], tuple[Failure, ...]]:
    """Write `maps/` into the evaluations of these runs; also why some have none.

    What stands and would come out the same is kept. How many inferences it takes, and by the images
    a second of the evaluations how long, is told before it begins.
    """
    failures: list[Failure] = []
    made: list[MadeMaps] = []
    plans: list[_Plan] = []
    for task in tasks:
        plan = attempt(task.run.name, "read", partial(_plan, task, Patches(fill), target))
        if isinstance(plan, Failure):
            failures.append(plan)
        elif plan.stood is not None:
            made.append(_describe(plan, plan.stood, kept=True))
        else:
            plans.append(plan)
    if plans:
        on_event(Noted(_tell_cost(plans)))
        total = sum(plan.inferences for plan in plans)
        on_event(StageStarted(f"Mapping {plural(total, 'inference')}", total))
    for plan in plans:
        advance = count_steps(on_event)
        began = time.perf_counter()
        work = partial(_make_locked, plan, advance, on_event)
        stored = attempt(plan.task.run.name, "infer", work)
        if isinstance(stored, Failure):
            failures.append(stored)
            continue
        seconds = time.perf_counter() - began
        done = _describe(plan, stored, kept=False)
        made.append(replace(done, inferences=plan.inferences, seconds=seconds))
    return tuple(made), tuple(failures)


def _describe(plan: _Plan, stored: StoredMaps, *, kept: bool) -> MadeMaps:
    task = plan.task
    return MadeMaps(
        task.run.name, task.evaluation.key, len(stored.maps), stored.positives,
        plan.patches.number, len(stored.failed), kept,
    )  # fmt: skip


def _plan(task: MapTask, patches: Patches, target: str) -> _Plan:
    request, evaluation = task.request, task.evaluation
    if evaluation.facts.key is None or task.run.model is None:
        raise RunError("its scores are of no model that could be asked again")
    folder = evaluation_folder(task.run.folder, evaluation.key)
    scores = read_scores(folder / SCORES_FILE)
    if target not in scores.labels:
        raise RunError(f"it has no scores of {target!r}")
    yes = decide_label(scores, target, find_label_rule(evaluation, target))
    chosen = choose_positives(scores, target, yes)
    if not chosen:
        raise RunError(f"no image with {target} could be scored")
    at = {sample: row for row, sample in enumerate(request.dataset.ids)}
    column = scores.labels.index(target)
    plan = _Plan(
        task, patches, target, folder,
        tuple(at[scores.sample_ids[row]] for row in chosen),
        tuple(name_thumbnail(scores.sample_ids[row], request.fingerprint) for row in chosen),
        scores.scores[list(chosen), column],
        scores,
        int(((scores.truth[:, column] == 1) & ~scores.failed).sum()),
    )  # fmt: skip
    return replace(plan, stood=_find_stood(plan))


def _find_stood(plan: _Plan) -> StoredMaps | None:
    """What stands of the same evaluation and images; what can't be read is made again."""
    request = plan.task.request
    if request.force or not request.trust_stored:
        return None
    stood = attempt(plan.task.run.name, "read", partial(read_maps, plan.folder))
    if not isinstance(stood, StoredMaps) or [each.name for each in stood.maps] != list(plan.names):
        return None
    patches = Patches(stood.fill, stood.rows, stood.columns)
    same = stood.key == plan.task.evaluation.facts.key and stood.target == plan.target
    return stood if same and patches == plan.patches else None


def _tell_cost(plans: Sequence[_Plan]) -> str:
    """How many inferences are to be made, and about how long that takes."""
    names = list_some([plan.task.run.name for plan in plans], MOST_NAMED)
    total = sum(plan.inferences for plan in plans)
    said = (
        f"maps of {names}: {plural(total, 'inference')}, "
        f"{whole(plans[0].patches.number)} for each of {_count_images(plans)}"
    )
    request = plans[0].task.request
    rates = [plan.task.evaluation.cost.images_per_s for plan in plans]
    if None in rates:
        return f"{said}; how long it takes is not known, since no evaluation was timed"
    on_device = request.execution.provider.accelerator
    jobs = 1 if on_device else request.jobs or count_jobs()
    seconds = sum(
        plan.inferences / rate for plan, rate in zip(plans, rates, strict=True) if rate
    ) / jobs  # fmt: skip
    speeds = ", ".join(f"{rate:,.0f}" for rate in rates if rate)
    beside = "" if jobs == 1 else f", {jobs} threads side by side"
    return f"{said}; about {seconds:,.0f} s at {speeds} images/s as evaluated{beside}"


def _count_images(plans: Sequence[_Plan]) -> str:
    return plural(sum(len(plan.rows) for plan in plans), "positive")


def _make_locked(plan: _Plan, advance: Advance, on_event: OnEvent) -> StoredMaps:
    """A run's maps, made and written; no other process evaluates it meanwhile."""
    waiting = partial(on_event, WaitingForRun(plan.task.run.name))
    with hold_lock(plan.folder / LOCK_FILE, waiting), _open(plan) as opened:
        request = plan.task.request
        checkpoint = open_partial(
            request, opened, plan.folder / MAPS_FOLDER, _key(plan), plan.inferences
        )
        scored, decoded = _score(plan, opened, checkpoint, advance)
        column = plan.scores.labels.index(plan.target)
        values = scored.kept.read()[:, column].reshape(len(plan.rows), plan.patches.number)
        lost = np.array([reason is not None for reason in decoded.reasons], np.bool_)
        failed = np.logical_or.reduce(lost.reshape(values.shape), axis=1)
        stored = _store(plan, opened, values, failed)
        write_maps(plan.folder, stored)
        checkpoint.remove()
    return stored


@contextmanager
def _open(plan: _Plan) -> Iterator[OpenedRun]:
    """The run with its model, which is the one that was evaluated; whether it is fed alone."""
    request, run = plan.task.request, plan.task.run
    try:
        opened = open_run(request, run, shares_memory=False)
        if opened.session.identity.sha256 != plan.task.evaluation.facts.model_sha256:
            raise RunError("its model is no longer the one that was evaluated")
        jobs = 1 if request.execution.provider.accelerator else request.jobs or count_jobs()
        sessions = [(run.name, opened.session)]
        (company,) = check_company(sessions, request.dataset, request.digests, {}, None, jobs=jobs)
        if isinstance(company, OutOfMemoryError):
            raise company
        if isinstance(company, Failure):
            raise RunError(company.reason, company.remedy)
        yield replace(opened, company=company)
    finally:
        TRIAL.close()


def _score(
    plan: _Plan, opened: OpenedRun, checkpoint: ScoresCheckpoint, advance: Advance
) -> tuple[ScoredRun, DecodedSet]:
    """All patches of all images through the loop; once more on one thread where memory is short."""
    request, number = plan.task.request, plan.patches.number
    rows = [row for row in plan.rows for _ in range(number)]
    dataset = take_rows(request.dataset, rows)
    score = partial(
        score_runs, dataset, [opened], batch=request.batch, advance=advance,
        digests=[request.digests[row] for row in rows], checkpoints=[checkpoint],
        altered=plan.patches,
    )  # fmt: skip
    (scored,), decoded = score(jobs=request.jobs)
    if scored.out_of_memory and not request.execution.provider.accelerator:
        advance(-len(dataset))
        (scored,), decoded = score(jobs=1)
    if scored.failure is not None:
        raise RunError(scored.failure.reason, scored.failure.remedy)
    return scored, decoded


def _key(plan: _Plan) -> str:
    """All that the scores of the patches depend on."""
    facts: list[Any] = [plan.task.evaluation.facts.key, plan.target, plan.patches.fill]
    facts += [plan.patches.rows, plan.patches.columns, plan.names]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _store(
    plan: _Plan, opened: OpenedRun, values: NDArray[np.floating], failed: NDArray[np.bool_]
) -> StoredMaps:
    """The record of a run's maps; values `(N, P)`, failed `(N,)`."""
    key = plan.task.evaluation.facts.key
    assert key is not None
    return StoredMaps(
        key, plan.target, plan.patches.fill, plan.patches.rows, plan.patches.columns,
        plan.scores.activation, opened.session.spec.pixels, plan.positives,
        tuple(
            StoredMap(name, _shorten(score), tuple(map(_shorten, row)))
            for name, score, row, lost in zip(plan.names, plan.whole, values, failed, strict=True)
            if not lost
        ),
        tuple(name for name, lost in zip(plan.names, failed, strict=True) if lost),
    )  # fmt: skip


def _shorten(value: np.floating[Any]) -> float:
    """By the fewest digits that give it back in its own type."""
    return float(str(value))

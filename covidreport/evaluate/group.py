"""The runs of one group, together in memory: their models loaded, scored and stored."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.boundary import attempt, explain_error
from covidreport.evaluate.checkpoint import ScoresCheckpoint
from covidreport.evaluate.company import check_company
from covidreport.evaluate.cpu_check import CpuReference
from covidreport.evaluate.loop import Advance, Errand, count_jobs, score_runs
from covidreport.evaluate.memory import count_side_by_side, measure_run
from covidreport.evaluate.merging import join_parts
from covidreport.evaluate.opening import begin_trial, identify_all, open_run
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.request import Cluster, EvaluationRequest
from covidreport.evaluate.scored import DecodedSet, OpenedRun, ScoredRun
from covidreport.evaluate.tuned import ChosenThresholds
from covidreport.evaluate.write import Finishing, fail_run, open_scores
from covidreport.images.cache import PixelCache, open_pixel_cache, open_scratch
from covidreport.inference.devices import share_out
from covidreport.inference.execution import Execution
from covidreport.inference.half import half_ahead
from covidreport.inference.memory import available_bytes
from covidreport.inference.session import OutOfMemoryError, renew_memory
from covidreport.inference.trial import TRIAL
from covidreport.records import Failure, PixelSpec, Run, Stage
from covidreport.storage.model import ModelIdentity
from covidreport.workers import Workers


class Work(Struct, frozen=True):
    """What the groups of one evaluation share."""

    request: EvaluationRequest
    chosen: Mapping[Path, ChosenThresholds]
    """Of each run, by its folder."""
    advance: Advance
    scratch: Path | None = None
    """Where pixels are kept for the next group if there is no cache; None with one group alone."""
    caches: dict[PixelSpec, PixelCache] = field(default_factory=dict)
    workers: Workers = field(default_factory=Workers)
    """What describes scores while others are stored."""


def count_workers(request: EvaluationRequest, runs: int) -> int:
    """How many processes describe the scores of so many runs beside this one.

    To describe a run takes about 15 ms and 10 us an image, to start a process 0.3 s, both of a
    core: it begins to be worth it where each has twice that to do. They take at most half of the
    memory that is free.
    """
    jobs = request.jobs or count_jobs(request.execution)
    if jobs == 1 or request.cut is not None or request.parts is not None:
        return 0
    n = len(request.dataset)
    seconds = runs * (0.015 + 1e-5 * n)
    # a process takes some 100 MB, and 53 MB more for 100,000 images of three labels, beside them
    each_bytes = 1e8 + n * (300 + 200 * len(request.dataset.labels))
    return min(jobs, runs, int(seconds / 0.6), int(available_bytes() / 2 / each_bytes))


def evaluate_group(work: Work, runs: Sequence[Run]) -> list[RunOutcome]:
    """Evaluate the runs of one group; their models are freed with the return.

    A run that did not fit into memory beside the others is tried once more without them: another's
    greed is not its fault. On the CPU it is alone then, one batch at a time; on a card all of those
    are the next group, and a run that is alone there is fed smaller batches until it fits.
    """
    on_device = work.request.execution.provider.accelerator
    outcomes: list[RunOutcome] = []
    groups = deque([list(runs)] if runs else [])
    while groups:
        group = groups.popleft()
        done, large = _evaluate_together(work, group)
        outcomes += done
        if large or on_device:  # what the group took of the card is given back
            execution = work.request.execution
            for number in execution.devices or (execution.device_id,):
                renew = partial(renew_memory, execution.on(number), work.request.limits)
                attempt("", "load", renew)
        if len(group) == 1 and (on_device or work.request.jobs == 1):
            outcomes += [fail_run(work.request, failure, run) for run, failure in large]
            continue
        left = [run for run, _ in large]
        work.advance(-len(left) * len(work.request.dataset))
        if not on_device:
            groups.extend([run] for run in left)
            work = replace(work, request=replace(work.request, jobs=1), workers=Workers())
        elif len(left) < len(group):
            groups.extend([left] if left else [])
        else:
            groups.extend([left[:1], left[1:]])
    return outcomes


def _evaluate_together(
    work: Work, runs: Sequence[Run]
) -> tuple[list[RunOutcome], list[tuple[Run, Failure]]]:
    """Load the models, score, write; besides, the runs that failed since memory was short."""
    group = _Group(work, started=time.time())
    group.open_models(runs)
    group.open_caches()
    group.check_company()
    group.score()
    return group.outcomes, group.large


class _Group(Struct):
    """The runs that are in memory together, and what became of those that no longer are."""

    work: Work
    started: float
    ready: list[tuple[OpenedRun, ScoresCheckpoint | None]] = field(default_factory=list)
    outcomes: list[RunOutcome] = field(default_factory=list)
    large: list[tuple[Run, Failure]] = field(default_factory=list)
    """Runs that failed since memory was short: alone they might have fitted."""
    waiting: deque[Run] = field(default_factory=deque)
    """Runs whose models are not loaded yet."""
    identities: dict[Path, ModelIdentity] = field(default_factory=dict)
    """Of the first of these, by its folder, once its trial has begun."""

    def refuse(self, run: Run, why: Failure | OutOfMemoryError, stage: Stage) -> None:
        """A run is not scored; that its images are done with is told."""
        if isinstance(why, OutOfMemoryError):
            self.large.append((run, explain_error(run.name, stage, why)))
        else:
            self.outcomes.append(fail_run(self.work.request, why, run))
        self.work.advance(len(self.work.request.dataset))

    def open_models(self, runs: Sequence[Run]) -> None:
        """Load the models one after the other, and find the place where scores are kept.

        While one is loaded here, the trial is at the next.
        """
        request = self.work.request
        if request.execution.converts:
            half_ahead(identify_all(request, runs), request.limits)
        placed = place_runs(request, runs)
        self.waiting = deque(runs)
        for number in placed:
            run = self.waiting.popleft()
            try:
                work = partial(self._open, run, request.execution.on(number))
                opened = attempt(run.name, "load", work, through=(OutOfMemoryError,))
            except OutOfMemoryError as error:
                self.refuse(run, error, "load")
                continue
            if isinstance(opened, Failure):
                self.refuse(run, opened, "load")
            else:
                self.ready.append(opened)
        TRIAL.close()

    def _open(self, run: Run, execution: Execution) -> tuple[OpenedRun, ScoresCheckpoint | None]:
        request = self.work.request
        beside = self.count_on(execution.device_id)
        opened = open_run(
            replace(request, execution=execution), run, shares_memory=beside > 0,
            identity=self.identities.pop(run.folder, None), tried=self.try_next,
        )  # fmt: skip
        return opened, None if request.parts is not None else open_scores(request, opened)

    def try_next(self) -> None:
        """Let the trial begin with the model that is loaded after this one.

        What is wrong with it is said in its turn.
        """
        if self.waiting:
            run = self.waiting[0]
            identity = attempt(run.name, "load", partial(begin_trial, self.work.request, run))
            if isinstance(identity, ModelIdentity):
                self.identities[run.folder] = identity

    def count_on(self, device_id: int) -> int:
        """How many models are loaded on a card; on the CPU all are on one."""
        numbers = [opened.session.execution.device_id for opened, _ in self.ready]
        return numbers.count(device_id)

    def open_caches(self) -> None:
        """A place for the pixels of each kind: in the cache, else in `scratch`."""
        if self.work.request.disturbances is not None or self.work.request.parts is not None:
            return  # what is kept is pictures as they are; what is merged needs none
        for spec in dict.fromkeys(opened.session.spec.pixels for opened, _ in self.ready):
            if spec in self.work.caches:
                continue
            cache = attempt("the cache of pixels", "write", partial(_open_cache, self.work, spec))
            if isinstance(cache, PixelCache):
                self.work.caches[spec] = cache

    def check_company(self) -> None:
        """Ask each run for its answers to images alone and together."""
        request = self.work.request
        for opened, _ in self.ready:
            session = opened.session
            session.shares_memory = self.count_on(session.execution.device_id) > 1
        found = check_company(
            [(opened.run.name, opened.session) for opened, _ in self.ready], request.dataset,
            request.digests, self.work.caches, request.occlusion,
            jobs=1 if request.execution.provider.accelerator else request.jobs or count_jobs(),
        )  # fmt: skip
        ready, self.ready = self.ready, []
        for (opened, checkpoints), company in zip(ready, found, strict=True):
            if isinstance(company, Failure | OutOfMemoryError):
                self.refuse(opened.run, company, "infer")
            else:
                self.ready.append((replace(opened, company=company), checkpoints))

    def score(self) -> None:
        """Score all images, and write what came out of each run."""
        request = self.work.request
        ready = [opened for opened, _ in self.ready]
        if request.parts is not None:
            self.merge(ready)
            return
        if request.cluster is not None:
            self.score_elsewhere(request.cluster)
            return
        reference = None
        errands: list[Errand] = []
        if request.execution.provider.accelerator and request.cut is None:
            reference = CpuReference(request.dataset, request.altered, request.digests)
            errands = [Errand(partial(reference.score, each), reference.stop) for each in ready]
        scored, decoded = score_runs(
            request.dataset, ready, batch=request.batch, jobs=request.jobs,
            advance=self.work.advance, caches=self.work.caches, digests=request.digests,
            checkpoints=[each for _, each in self.ready if each is not None],
            altered=request.altered, errands=errands,
            most_errands=count_side_by_side([each.run for each in ready], request.limits)
            if errands
            else None,
        )  # fmt: skip
        self.finish(scored, decoded, reference)

    def score_elsewhere(self, cluster: Cluster) -> None:
        """As `score`, by workers that load the models for themselves."""
        from covidreport.evaluate.cluster import score_on_ray

        request = self.work.request
        scored = [
            ScoredRun(opened, checkpoint)
            for opened, checkpoint in self.ready
            if checkpoint is not None
        ]
        jobs = request.jobs or count_jobs()
        decoded = score_on_ray(request, cluster, scored, jobs, self.work.advance)
        self.finish(scored, decoded)

    def finish(
        self, scored: Sequence[ScoredRun], decoded: DecodedSet,
        reference: CpuReference | None = None,
    ) -> None:  # fmt: skip
        """Write what came out of each run."""
        left = []
        for item in scored:
            if item.failure is not None and item.out_of_memory:
                self.large.append((item.opened.run, item.failure))
            else:
                left.append(item)
        work = self.work
        finishing = Finishing(work.request, decoded, self.started, reference, workers=work.workers)
        self.outcomes += finishing.finish_all(left, self.work.chosen)

    def merge(self, ready: Sequence[OpenedRun]) -> None:
        """Join what the shards of each run answered, and write what came out."""
        request = self.work.request
        reference = None
        if request.execution.provider.accelerator:
            reference = CpuReference(request.dataset, request.altered, request.digests)
        for opened in ready:
            joined = attempt(opened.run.name, "read", partial(join_parts, request, opened))
            self.work.advance(len(request.dataset))
            if isinstance(joined, Failure):  # nothing is written: what stands is as good as it was
                self.outcomes.append(RunOutcome(opened.run, failure=joined))
                continue
            finishing = Finishing(request, joined.decoded, joined.started, reference, joined.own)
            self.outcomes.append(
                finishing.finish(joined.scored, self.work.chosen[opened.run.folder])
            )


def place_runs(request: EvaluationRequest, runs: Sequence[Run]) -> list[int]:
    """The number of the card that each run's model is loaded on.

    Where there are several, by the size of the models' files; a file that can't be measured can't
    be opened either, which says why.
    """
    execution = request.execution
    if len(execution.devices) < 2:
        return [execution.device_id] * len(runs)
    sizes = {run.folder: measure_run(run) for run in runs}
    placed = share_out(sizes, execution.devices)
    return [placed[run.folder] for run in runs]


def _open_cache(work: Work, spec: PixelSpec) -> PixelCache | None:
    request = work.request
    cache = open_pixel_cache(request.digests, spec) if request.use_cache else None
    if cache is None and work.scratch is not None:
        cache = open_scratch(work.scratch, len(request.dataset), spec)
    return cache

"""The main loop: each image is decoded once and fed to every run that wants its pixels.

A unit of work is a plain function: `decode_chunk` turns some samples into pixels, `score_chunk`
feeds them to one model. One pool of threads runs both; on the CPU every session has one thread of
its own, so the cores are shared by whole jobs and no answer depends on how many there are. On an
accelerator a batch is decoded in smaller units side by side, and joined on its way to the device;
where runs are on several cards it goes to each that has a run for it.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.audit.bit_depth import describe_bit_depth, name_sources
from covidreport.boundary import attempt, explain_error
from covidreport.evaluate.checkpoint import ScoresCheckpoint, ScoresInMemory
from covidreport.evaluate.decode import Chunk, join_chunks
from covidreport.evaluate.occlusion import Altered
from covidreport.evaluate.request import BATCH
from covidreport.evaluate.scored import DecodedSet, OpenedRun, ScoredRun
from covidreport.evaluate.units import (
    Prepared,
    attempt_score,
    decode_unit,
    kind_of_input,
    read_and_keep,
    score_and_keep,
)
from covidreport.images import describe_doubts
from covidreport.images.cache import PixelCache
from covidreport.inference.allocator import give_memory_back
from covidreport.inference.device import SLOTS, DeviceAnswer, DeviceQueue, Uploaded
from covidreport.inference.execution import Execution
from covidreport.inference.providers import CPU
from covidreport.inference.session import OutOfMemoryError
from covidreport.records import Dataset, Failure, PixelSpec

UNIT: Final = 32
"""How many images of an accelerator's batch one thread decodes at most."""
FREE_CORES: Final = 2
"""Cores for the threads that upload and that run the models, which may not wait for decoders."""


class Errand(Struct, frozen=True):
    """Work for the loop's threads that is wanted at the end alone, and how it is ended before."""

    work: Callable[[], None]
    stop: Callable[[], None]


Advance = Callable[[int], None]
"""Called with the number of run-images that were just scored."""


def count_jobs(execution: Execution = CPU) -> int:
    """How many threads of work this process may keep busy while models run there."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, cores - FREE_CORES) if execution.provider.accelerator else cores


class _Batch(Struct):
    """A batch on its way from the files to the last of the runs."""

    start: int
    left: list[ScoredRun]
    """The runs that have yet to score it."""
    units: list[tuple[Chunk, Prepared] | None]
    """What became of its units, in order; None until they are decoded."""
    open_jobs: int = 0


class _Loop(Struct):
    """The state of one pass over the images."""

    root: Path
    paths: Sequence[str]
    runs: list[ScoredRun]
    decoded: DecodedSet
    batch: int
    unit: int
    advance: Advance
    pool: ThreadPoolExecutor
    devices: Mapping[int, DeviceQueue]
    """Of each card that sessions are on, by its number."""
    caches: Mapping[PixelSpec, PixelCache]
    digests: Sequence[str] | None
    altered: Altered | None = None
    pending: dict[Future[Any], Callable[[Any], None]] = field(default_factory=dict)
    finished: SimpleQueue[Future[Any]] = field(default_factory=SimpleQueue)
    waiting: int = 0
    """Batches that were begun and are not yet scored by every run."""
    running_errands: int = 0

    def run(self, starts: Iterator[int], ahead: int, errands: deque[Errand], most: int) -> None:
        """Take the batches in turn, never more than `ahead` + 1 of them at a time.

        Of the errands `most` are under way; each has a thread that decodes nothing meanwhile.
        """
        # Decoding, errands and models share the pool. This thread alone changes the loop's state,
        # so nothing here needs a lock.
        more = True
        while more or self.pending or errands:
            while more and self.waiting <= ahead:
                start = next(starts, None)
                more = start is not None and any(run.failure is None for run in self.runs)
                if more and start is not None:
                    self.start(start)
            while errands and self.running_errands < most:
                self.running_errands += 1
                self.follow(self.pool.submit(errands.popleft().work), self.end_errand)
            # One job at a time: what it sets off may allow another batch, or end the last.
            if self.pending:
                future = self.finished.get()
                self.pending.pop(future)(future)

    def end_errand(self, future: Future[None]) -> None:
        """An errand has come to its end."""
        future.result()
        self.running_errands -= 1

    def follow(self, job: Future[Any], then: Callable[[Any], None]) -> None:
        """Call `then` with a job in the main thread, once it has ended."""
        self.pending[job] = then
        job.add_done_callback(self.finished.put)

    def start(self, start: int) -> None:
        """Let the units of a batch be decoded."""
        # Decoded for every run that is still open; prepared only for those that lack these scores
        # (a checkpoint may hold them), since preparing is by the run's own mean and type.
        open_runs = [scored for scored in self.runs if not scored.failure]
        specs = tuple(dict.fromkeys(scored.opened.session.spec.pixels for scored in open_runs))
        left = [scored for scored in open_runs if not scored.kept.has(start)]
        kinds = {kind_of_input(scored.opened): scored.opened.session.spec for scored in left}
        stop = min(start + self.batch, len(self.paths))
        units = [slice(at, min(at + self.unit, stop)) for at in range(start, stop, self.unit)]
        batch = _Batch(start, left, [None] * len(units))
        self.waiting += 1
        for i, unit in enumerate(units):
            paths = [self.root / path for path in self.paths[unit]]
            digests = self.digests[unit] if self.digests else None
            job = self.pool.submit(
                decode_unit, paths, unit.start, specs, self.caches, digests, kinds, self.altered
            )
            self.follow(job, partial(self.take, batch, i))

    def take(self, batch: _Batch, i: int, future: Future[tuple[Chunk, Prepared]]) -> None:
        """A unit is decoded; with the last of its batch the runs can be fed."""
        batch.units[i] = future.result()
        units = [unit for unit in batch.units if unit is not None]
        if len(units) == len(batch.units):
            self.feed(
                batch, join_chunks([chunk for chunk, _ in units]), [each for _, each in units]
            )

    def feed(self, batch: _Batch, chunk: Chunk, prepared: Sequence[Prepared]) -> None:
        """A batch is decoded: hand it to the runs, those of one kind of input the same arrays."""
        # The units held the pixels: from here on only what was prepared of them is alive.
        batch.units.clear()
        self.decoded.take(chunk)
        left = [scored for scored in batch.left if scored.failure is None]
        batch.open_jobs = len(left)
        self.advance((len(self.runs) - len(left)) * (chunk.stop - chunk.start))
        if not left:
            self.waiting -= 1
        # Runs of one kind of input read the same arrays: prepared once, uploaded once.
        groups: dict[tuple[Any, ...], list[ScoredRun]] = {}
        for scored in left:
            groups.setdefault(kind_of_input(scored.opened), []).append(scored)
        for key, group in groups.items():
            pieces: list[NDArray[Any]] = []
            refused: list[Failure] = []
            for each in prepared:
                piece = each[key]
                if isinstance(piece, Failure):
                    refused.append(piece)
                else:
                    pieces.append(piece)
            if refused:
                for scored in group:
                    self.settle(chunk, scored, batch, refused[0])
                continue
            # Three ways to a model: on the CPU in the pool; on a card from one upload for all; on a
            # card image by image, where its answers depend on what lies beside an image.
            at_device = [s for s in group if s.opened.session.execution.provider.accelerator]
            on_card = [s for s in at_device if not s.opened.alone]
            for scored in group:
                if scored not in on_card:
                    executor = self.queue_of(scored) if scored in at_device else self.pool
                    score = partial(score_and_keep, chunk, scored, pieces)
                    job = executor.submit(attempt_score, scored, score)
                    self.follow(job, partial(self.keep, chunk, scored, batch))
            for number, device in self.devices.items():
                there = [s for s in on_card if s.opened.session.execution.device_id == number]
                if there:
                    kin = [
                        s.opened.session
                        for s in self.runs
                        if kind_of_input(s.opened) == key
                        and s.opened.session.execution.device_id == number
                    ]
                    upload = device.upload(key, kin, pieces, self.batch, readers=len(there))
                    self.follow(upload, partial(self.spread, chunk, there, batch))

    def queue_of(self, scored: ScoredRun) -> DeviceQueue:
        """The order of work of the card that a run's model is on."""
        return self.devices[scored.opened.session.execution.device_id]

    def spread(
        self, chunk: Chunk, group: list[ScoredRun], batch: _Batch, future: Future[Uploaded]
    ) -> None:
        """A batch lies on the device: every run of the group reads it there."""
        # Where the batch itself did not fit, each run of the group is tried again later with fewer
        # beside it; any other failure of an upload is the failure of these runs.
        uploaded: Uploaded | Failure
        try:
            uploaded = attempt("", "infer", future.result, through=(OutOfMemoryError,))
        except OutOfMemoryError as error:
            uploaded = explain_error("", "infer", error)
            for scored in group:
                scored.note_short_memory()
        for scored in group:
            if isinstance(uploaded, Failure):
                self.settle(chunk, scored, batch, uploaded)
                continue
            answer = partial(self.answer_uploaded, chunk, scored, uploaded)
            job = self.queue_of(scored).submit(attempt_score, scored, answer)
            self.follow(job, partial(self.read, chunk, scored, batch))

    def answer_uploaded(
        self, chunk: Chunk, scored: ScoredRun, uploaded: Uploaded
    ) -> tuple[list[DeviceAnswer], float]:
        """Let a run see what was uploaded (in the device's thread); its answers and the seconds."""
        began = time.perf_counter()
        with uploaded:
            if scored.failure is not None:
                return [], 0.0
            n = chunk.stop - chunk.start
            device = self.queue_of(scored)
            answers, scored.smallest_batch = device.answer(scored.opened.session, uploaded, n)
        return answers, time.perf_counter() - began

    def read(
        self, chunk: Chunk, scored: ScoredRun, batch: _Batch,
        future: Future[tuple[list[DeviceAnswer], float] | Failure],
    ) -> None:  # fmt: skip
        """A run has answered: read its scores, while the device goes on."""
        done = future.result()
        if isinstance(done, Failure):
            self.settle(chunk, scored, batch, done)
            return
        answers, seconds = done
        scored.inference_s += seconds
        work = partial(read_and_keep, chunk, scored, answers)
        job = self.queue_of(scored).submit_reading(attempt_score, scored, work)
        self.follow(job, partial(self.keep, chunk, scored, batch))

    def keep(
        self,
        chunk: Chunk,
        scored: ScoredRun,
        batch: _Batch,
        future: Future[float | Failure],
    ) -> None:
        """A run has scored a chunk, or failed at it: then it is a failure and the rest go on."""
        done = future.result()
        if isinstance(done, Failure):
            self.settle(chunk, scored, batch, done)
        else:
            scored.inference_s += done
            self.settle(chunk, scored, batch, None)

    def settle(
        self, chunk: Chunk, scored: ScoredRun, batch: _Batch, failure: Failure | None
    ) -> None:
        """One run is done with a chunk, for better or worse."""
        if failure is not None and scored.failure is None:
            scored.failure = replace(failure, subject=scored.opened.run.name)
            scored.opened.session.stop()  # nobody waits for what it says to other chunks
        if scored.failure is None:
            scored.n_timed += chunk.stop - chunk.start
        self.advance(chunk.stop - chunk.start)
        batch.open_jobs -= 1
        if batch.open_jobs == 0:
            self.waiting -= 1


def score_runs(
    dataset: Dataset,
    opened: Sequence[OpenedRun],
    *,
    batch: int = BATCH,
    jobs: int | None = None,
    advance: Advance = lambda _: None,
    caches: Mapping[PixelSpec, PixelCache] | None = None,
    digests: Sequence[str] | None = None,
    checkpoints: Sequence[ScoresCheckpoint] | None = None,
    altered: Altered | None = None,
    errands: Sequence[Errand] = (),
    most_errands: int | None = None,
) -> tuple[tuple[ScoredRun, ...], DecodedSet]:
    """Score every image of `dataset` with every run: images decoded once, at most `jobs` at a time.

    At most `jobs` + 1 batches of images are held at any time on the CPU, a few on an accelerator,
    where a batch is decoded in units of at most `UNIT` images. Pixels that stand in `caches`
    are taken from there; scores that stand in `checkpoints` (one for each run) are kept. A run that
    fails is given back with its `failure`; an image that fails has its reason, and NaN in every
    run's scores. altered: what is hidden or changed of each image; caches hold the
    whole pictures as they are.
    errands: what the same threads do meanwhile, at most half of them at once, nor more than
    `most_errands`.
    """
    give_memory_back()
    n = len(dataset)
    on_device = any(each.session.execution.provider.accelerator for each in opened)
    jobs = jobs or count_jobs(opened[0].session.execution if on_device else CPU)
    # every decoder has a part of the first batch, for which the device waits
    unit = min(UNIT, -(-batch // jobs)) if on_device else batch
    # two batches lie in the device's slots; the others keep every decoder busy
    ahead = SLOTS + -(-jobs * unit // batch) if on_device else jobs
    if checkpoints is None:
        runs = [
            ScoredRun(run, ScoresInMemory.of(n, run.width, run.session.score_type))
            for run in opened
        ]
    else:
        runs = [
            ScoredRun(run, checkpoint) for run, checkpoint in zip(opened, checkpoints, strict=True)
        ]
    decoded = DecodedSet.of(n)
    numbers = dict.fromkeys(
        each.session.execution.device_id
        for each in opened
        if each.session.execution.provider.accelerator
    )
    with ThreadPoolExecutor(jobs) as pool, ExitStack() as stack:
        devices = {number: stack.enter_context(closing(DeviceQueue())) for number in numbers}
        loop = _Loop(
            dataset.root,
            dataset.paths,
            runs,
            decoded,
            batch,
            unit,
            advance,
            pool,
            devices,
            caches or {},
            digests,
            altered,
        )
        try:
            most = max(1, min(jobs // 2, most_errands or jobs))
            loop.run(iter(range(0, n, batch)), ahead, deque(errands), most)
        except BaseException:  # the user wants to stop
            for run in runs:
                run.opened.session.stop()
            for errand in errands:
                errand.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    describe_images(decoded, dataset)
    return tuple(runs), decoded


def describe_images(decoded: DecodedSet, dataset: Dataset) -> None:
    """Say what is to be known of the images, once all of them were decoded."""
    decoded.findings = (
        *describe_bit_depth(decoded.peaks, name_sources(dataset)),
        *describe_doubts(decoded.chains),
    )

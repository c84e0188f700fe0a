"""The loop's units of work on Ray: chunks of images for all runs of a group, in actors that hold
the models.

Which actor takes which chunk, and that those of a worker that died are done again, is Ray's. An
actor has one thread and sessions of one thread, as the loop has here, so that scores are the same.
Pixels are cached where the worker is, which may be on another machine.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.boundary import attempt
from covidreport.errors import ServiceError, UsageError
from covidreport.evaluate.decode import Chunk
from covidreport.evaluate.disturbances import Disturbances
from covidreport.evaluate.loop import describe_images
from covidreport.evaluate.occlusion import Altered
from covidreport.evaluate.opening import open_run_session
from covidreport.evaluate.request import Cluster, EvaluationRequest
from covidreport.evaluate.scored import DecodedSet, OpenedRun, ScoredRun
from covidreport.evaluate.units import Prepared, decode_unit, kind_of_input, score_chunk
from covidreport.images.cache import PixelCache, open_pixel_cache
from covidreport.inference.execution import Execution
from covidreport.inference.session import Session
from covidreport.inference.trial import TRIAL
from covidreport.records import Failure, ModelLimits, PixelSpec

TRIES: Final = 3
"""How often a chunk is begun again that a worker died with, and how often a worker is."""
WAIT_S: Final = 5.0
"""For the connection to a cluster that is named."""
QUEUED: Final = 2
"""Chunks that an actor has: one that it scores, and the next."""

Answer = tuple[NDArray[np.floating] | Failure, float]
"""A run's scores of a chunk, or why there are none; the seconds that they took."""
Answers = Mapping[int, Answer]
"""By the place of the run."""


class Share(Struct, frozen=True):
    """What each actor is told once: the images and the runs, whose `session` is None on the way."""

    root: Path
    paths: Sequence[str]
    digests: Sequence[str]
    altered: Altered | None
    runs: tuple[OpenedRun, ...]
    execution: Execution
    batch: int
    use_cache: bool
    limits: ModelLimits


class Worker:
    """An actor: models that are loaded once, and the chunks that it is given."""

    def __init__(self) -> None:
        self._runs: list[OpenedRun | Failure] = []
        self._share: Share | None = None
        self._caches: dict[PixelSpec, PixelCache] = {}

    def _take(self, told: Sequence[Any]) -> Share:
        """What it is told, by a reference: once, and again in a process that took another's place,
        for which Ray has no reference of ours in what it begins an actor with."""
        if self._share is None:
            import ray

            self._share = ray.get(told[0])
            self._runs = [self._open(self._share, each) for each in self._share.runs]
            TRIAL.close()
            self._open_caches(self._share)
        return self._share

    def _open_caches(self, share: Share) -> None:
        """What this machine has of the pixels, and where it keeps what is decoded."""
        if not share.use_cache or isinstance(share.altered, Disturbances):
            return  # what is kept is pictures as they are
        for spec in self._list_specs():
            cache = attempt("", "write", partial(open_pixel_cache, share.digests, spec))
            if isinstance(cache, PixelCache):
                self._caches[spec] = cache

    def _list_specs(self) -> tuple[PixelSpec, ...]:
        """The pixels that the models take, each kind once."""
        loaded = (each for each in self._runs if isinstance(each, OpenedRun))
        return tuple(dict.fromkeys(each.session.spec.pixels for each in loaded))

    def _open(self, share: Share, opened: OpenedRun) -> OpenedRun | Failure:
        work = partial(
            open_run_session, opened.run, share.execution, share.batch, share.use_cache,
            share.limits,
        )  # fmt: skip
        session = attempt(opened.run.name, "load", work)
        if isinstance(session, Failure):
            return session
        session.shares_memory = len(share.runs) > 1
        return replace(opened, session=session)

    def score(
        self, told: Sequence[Any], start: int, stop: int, wanted: Sequence[int]
    ) -> tuple[Chunk, Answers]:
        """Decode a chunk, and feed it to the runs at `wanted`; the chunk is without its pixels."""
        share = self._take(told)
        asked = {at: self._runs[at] for at in wanted}
        specs_of = [each for each in asked.values() if isinstance(each, OpenedRun)]
        kinds = {kind_of_input(each): each.session.spec for each in specs_of}
        paths = [share.root / path for path in share.paths[start:stop]]
        digests = share.digests[start:stop]
        chunk, prepared = decode_unit(
            paths, start, self._list_specs(), self._caches, digests, kinds, share.altered
        )
        return chunk, {at: _answer(chunk, each, prepared) for at, each in asked.items()}


def _answer(chunk: Chunk, opened: OpenedRun | Failure, prepared: Prepared) -> Answer:
    began = time.perf_counter()
    if isinstance(opened, Failure):
        return opened, 0.0
    batch = prepared[kind_of_input(opened)]
    if isinstance(batch, Failure):
        return batch, 0.0
    scores = attempt(opened.run.name, "infer", partial(score_chunk, chunk, opened, batch))
    return scores, time.perf_counter() - began


def score_on_ray(
    request: EvaluationRequest,
    cluster: Cluster,
    runs: Sequence[ScoredRun],
    jobs: int,
    advance: Callable[[int], None],
) -> DecodedSet:
    """Score every image with every run in the workers of a cluster, into `runs`; what is learnt of
    the images.

    jobs: how many workers, where the cluster is started here; else as many as it has cores. A run
    that fails has its `failure`. Raises UsageError where Ray is not installed, and ServiceError
    where no cluster is there or workers die again and again.
    """
    dataset = request.dataset
    decoded = DecodedSet.of(len(dataset))
    bare = tuple(replace(each.opened, session=cast("Session", None)) for each in runs)
    share = Share(
        dataset.root, dataset.paths, request.digests, request.altered, bare, request.execution,
        request.batch, request.use_cache, request.limits,
    )  # fmt: skip
    with _join_cluster(cluster.address, jobs) as (ray, n_workers):
        from ray.util import ActorPool

        told = [ray.put(share)]
        kind = ray.remote(num_cpus=1, max_restarts=TRIES, max_task_retries=TRIES)(Worker)
        pool = ActorPool([kind.remote() for _ in range(n_workers)] * QUEUED)
        chunks = Chunks(range(0, len(dataset), request.batch))
        try:
            for chunk, answers in _ask_workers(
                pool, chunks, partial(_tell, told, request, runs), ray.exceptions
            ):
                decoded.take(chunk)
                _keep(chunk, answers, runs)
                advance(len(runs) * (chunk.stop - chunk.start))
        except ray.exceptions.RayActorError as error:
            raise ServiceError(
                f"a worker of Ray died {TRIES + 1} times, and is not begun again ({error}); what "
                "is done is kept, so that the same command goes on"
            ) from error
    describe_images(decoded, dataset)
    return decoded


class Chunks:
    """The chunks of a data set, by their first images: those to be scored, and those under way."""

    def __init__(self, starts: Iterable[int]) -> None:
        self._left = deque(starts)
        self._asked: set[int] = set()

    def take(self) -> int | None:
        """The next one, which is under way from now on; None where all are."""
        start = self._left.popleft() if self._left else None
        if start is not None:
            self._asked.add(start)
        return start

    def end(self, start: int) -> None:
        """One is scored."""
        self._asked.discard(start)

    def begin_again(self) -> bool:
        """Take back what is under way, since nobody works on it any more; whether there is any."""
        self._left.extend(sorted(self._asked))
        self._asked.clear()
        return bool(self._left)


def _ask_workers(
    pool: Any, chunks: Chunks, tell: Callable[[int], tuple[Any, ...] | None], errors: Any
) -> Iterator[tuple[Chunk, Answers]]:
    """What comes of each chunk, as it comes.

    A worker whose machine is gone is asked no more, and what it had is done again by the others at
    the end. ServiceError where none is left.
    """
    while True:
        while pool.has_free() and (start := chunks.take()) is not None:
            words = tell(start)
            if words is None:  # no run wants it
                chunks.end(start)
            else:
                pool.submit(lambda actor, words: actor.score.remote(*words), words)
        if pool.has_next():
            try:
                chunk, answers = pool.get_next_unordered()
            except errors.ActorUnavailableError:
                pool.pop_idle()  # it is the last of those that wait, and would be given the next
                continue
            chunks.end(chunk.start)
            yield chunk, answers
        elif not chunks.begin_again():
            return
        elif not pool.has_free():
            raise ServiceError(
                "all machines with workers of Ray are gone; what is done is kept, so that the same "
                "command goes on"
            )


def _tell(
    told: Sequence[Any], request: EvaluationRequest, runs: Sequence[ScoredRun], start: int
) -> tuple[Any, ...] | None:
    """What a worker is told of a chunk; None where every run has failed."""
    if all(run.failure for run in runs):
        return None
    wanted = [at for at, run in enumerate(runs) if not run.failure and not run.kept.has(start)]
    return told, start, min(start + request.batch, len(request.dataset)), wanted


def _keep(chunk: Chunk, answers: Answers, runs: Sequence[ScoredRun]) -> None:
    """Put what came of a chunk where the loop puts it."""
    for at, (scores, seconds) in answers.items():
        run = runs[at]
        if run.failure is not None:
            continue
        if isinstance(scores, Failure):
            run.failure = replace(scores, subject=run.opened.run.name)
            continue
        run.kept.put(chunk.start, scores)
        run.inference_s += seconds
        run.n_timed += chunk.stop - chunk.start


@contextmanager
def _join_cluster(address: str | None, jobs: int) -> Iterator[tuple[Any, int]]:
    """Ray, in a cluster that is there or in one that is started here and ended with the work; and
    how many workers are wanted of it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would send statistics of its use
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "--engine ray takes another package: pip install 'covidreport[ray]'"
        ) from error
    if address not in (None, "auto"):
        _check_address(address)
    here = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if here else None
    words: dict[str, Any] = {"address": address} if address else {
        "address": "local",  # else one that is there is taken, as `RAY_ADDRESS` or a file states
        "num_cpus": jobs, "include_dashboard": False,
    }  # fmt: skip
    try:
        with redirect_stdout(io.StringIO()):  # what a program reads is ours alone
            ray.init(
                **words, log_to_driver=False, configure_logging=False, logging_level="ERROR",
                ignore_reinit_error=True,
            )  # fmt: skip
    except Exception as error:
        raise ServiceError(
            f"no cluster of Ray answers ({type(error).__name__}: {error}); one that `ray start` "
            "began asks for a token: set RAY_AUTH_MODE=token"
        ) from error
    try:
        if before is not None:
            signal.signal(signal.SIGTERM, before)  # ours ends the command by its own rules
        cores = int(ray.cluster_resources().get("CPU", 1)) if address else jobs
        yield ray, max(1, cores)
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """UsageError for no HOST:PORT, ServiceError where nobody listens: Ray waits for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise UsageError(
            f"--address {address}: give HOST:PORT, or auto on a machine of the cluster"
        )
    try:
        socket.create_connection((host, int(port)), WAIT_S).close()
    except (OSError, OverflowError) as error:
        raise ServiceError(f"no cluster of Ray answers at {address} ({error})") from error

"""The main loop: each image is decoded once and fed to every run that wants its pixels.

A unit of work is a plain function: `decode_chunk` turns some samples into pixels, `score_chunk`
feeds them to one model. One pool of threads runs both; on the CPU every session has one thread of
its own, so the cores are shared by whole jobs and no answer depends on how many there are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.errors import ImageError, RunError
from covidreport.images import DecodedImage, describe_bit_depth, fit_pixels, read_image
from covidreport.inference.session import Session, prepare_batch
from covidreport.records import Dataset, Failure, Finding, PixelSpec, Run, Scores

BATCH = 32


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """A run whose model is loaded, and the output column of each label of the data."""

    run: Run
    session: Session
    columns: tuple[int, ...]


@dataclass(slots=True)
class ScoredRun:
    """What the loop gathers for one run: scores float32 `(N, K)`, NaN until they are known."""

    opened: OpenedRun
    scores: NDArray[np.float32]
    failure: Failure | None = None
    inference_s: float = 0.0


@dataclass(slots=True)
class DecodedSet:
    """What the loop learns of the images.

    reasons `(N,)`: why an image failed, None where it did not. maxima: the largest raw value of
    each image of 16 bits.
    """

    reasons: list[str | None]
    maxima: list[int | None]
    decode_s: float = 0.0
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of samples, `start` to `stop`, decoded: uint8 `(n, H, W, C)` for each PixelSpec.

    A sample that could not be decoded is black in `pixels` and has its reason in `reasons`.
    """

    start: int
    stop: int
    pixels: Mapping[PixelSpec, NDArray[np.uint8]]
    reasons: tuple[str | None, ...]
    maxima: tuple[int | None, ...]
    seconds: float


Advance = Callable[[int], None]
"""Called with the number of run-images that were just scored."""


def decode_chunk(paths: Sequence[Path], start: int, specs: Iterable[PixelSpec]) -> Chunk:
    """Decode the images at `paths`, each once, for all `specs`; the first has index `start`."""
    began = time.perf_counter()
    specs = tuple(specs)
    pixels = {
        spec: np.zeros((len(paths), spec.height, spec.width, spec.channels), np.uint8)
        for spec in specs
    }
    reasons: list[str | None] = []
    maxima: list[int | None] = []
    for i, path in enumerate(paths):
        try:
            image: DecodedImage = read_image(path)
            for spec in specs:
                pixels[spec][i] = fit_pixels(image, spec)
        except ImageError as error:
            reasons.append(str(error))
            for spec in specs:
                pixels[spec][i] = 0
            continue
        reasons.append(None)
        maxima.append(image.maximum)
    return Chunk(
        start, start + len(paths), pixels, tuple(reasons), tuple(maxima),
        time.perf_counter() - began,
    )  # fmt: skip


def score_chunk(chunk: Chunk, opened: OpenedRun, batch: NDArray[Any]) -> NDArray[np.float32]:
    """One model's scores of a chunk, float32 `(n, K)` in the order of the data's labels.

    NaN in the rows of images that failed. Raises RunError where the model fails, or where it
    gives a score that is not finite for an image that was decoded: such a run is invalid.
    """
    scores = opened.session.run(batch)[:, list(opened.columns)]
    failed = np.array([reason is not None for reason in chunk.reasons])
    strange = ~np.isfinite(scores).all(axis=1) & ~failed
    if strange.any():
        first = chunk.start + int(np.flatnonzero(strange)[0])
        raise RunError(
            f"gives scores that are not finite ({int(strange.sum())} of the images {chunk.start} "
            f"to {chunk.stop - 1}; the first is image {first}): the run is invalid"
        )
    scores[failed] = np.nan
    return scores


def open_columns(session: Session, labels: Sequence[str]) -> tuple[int, ...]:
    """The model's output column of each label of the data; RunError where it lacks one."""
    known = session.spec.labels
    missing = [label for label in labels if label not in known]
    if missing:
        raise RunError(
            f"the model has no output for {', '.join(missing)}; it states {', '.join(known)}. Name "
            'its labels as the data does with `label_map` under "input" in run.json'
        )
    return tuple(known.index(label) for label in labels)


def count_jobs() -> int:
    """How many threads of work this process may keep busy."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _preparation(opened: OpenedRun) -> tuple[Any, ...]:
    """Runs with the same answer here are fed the very same array."""
    spec = opened.session.spec
    return (spec.pixels, spec.layout, spec.dtype, spec.divisor, spec.mean, spec.std)


@dataclass(slots=True)
class _Loop:
    """The state of one pass over the images."""

    paths: Sequence[Path]
    runs: list[ScoredRun]
    decoded: DecodedSet
    batch: int
    advance: Advance
    pool: ThreadPoolExecutor
    device: ThreadPoolExecutor
    pending: dict[Future[Any], Callable[[Any], None]] = field(default_factory=dict)
    waiting: int = 0
    """Chunks that were begun and are not yet scored by every run."""

    def start(self, chunk_start: int) -> None:
        specs = {
            scored.opened.session.spec.pixels: None for scored in self.runs if not scored.failure
        }
        paths = self.paths[chunk_start : chunk_start + self.batch]
        self.waiting += 1
        self.pending[self.pool.submit(decode_chunk, paths, chunk_start, specs)] = self.feed

    def feed(self, future: Future[Chunk]) -> None:
        """A chunk is decoded: prepare it once for each kind of input and hand it to the runs."""
        chunk = future.result()
        self.decoded.decode_s += chunk.seconds
        self.decoded.maxima.extend(chunk.maxima)
        self.decoded.reasons[chunk.start : chunk.stop] = chunk.reasons
        prepared: dict[tuple[Any, ...], NDArray[Any]] = {}
        left = [scored for scored in self.runs if scored.failure is None]
        open_jobs = [len(left)]
        self.advance((len(self.runs) - len(left)) * (chunk.stop - chunk.start))
        if not left:
            self.waiting -= 1
        for scored in left:
            spec = scored.opened.session.spec
            key = _preparation(scored.opened)
            if key not in prepared:
                prepared[key] = prepare_batch(chunk.pixels[spec.pixels], spec)
            pool = self.pool if scored.opened.session.provider.name == "cpu" else self.device
            job = pool.submit(_timed_score, chunk, scored, prepared[key])
            self.pending[job] = lambda done, scored=scored: self.keep(
                done, chunk, scored, open_jobs
            )

    def keep(
        self,
        future: Future[tuple[Any, float]],
        chunk: Chunk,
        scored: ScoredRun,
        open_jobs: list[int],
    ) -> None:
        """A run has scored a chunk, or failed at it: then it is a failure and the rest go on."""
        try:
            scores, seconds = future.result()
            scored.scores[chunk.start : chunk.stop] = scores
            scored.inference_s += seconds
        except RunError as error:
            if scored.failure is None:
                scored.failure = Failure(scored.opened.run.name, "infer", str(error))
        self.advance(chunk.stop - chunk.start)
        open_jobs[0] -= 1
        if open_jobs[0] == 0:
            self.waiting -= 1


def _timed_score(
    chunk: Chunk, scored: ScoredRun, batch: NDArray[Any]
) -> tuple[NDArray[np.float32], float]:
    began = time.perf_counter()
    scores = score_chunk(chunk, scored.opened, batch)
    return scores, time.perf_counter() - began


def score_runs(
    dataset: Dataset,
    opened: Sequence[OpenedRun],
    *,
    batch: int = BATCH,
    jobs: int | None = None,
    advance: Advance = lambda _: None,
) -> tuple[tuple[ScoredRun, ...], DecodedSet]:
    """Score every image of `dataset` with every run: images decoded once, at most `jobs` at a time.

    At most `jobs` + 1 chunks of `batch` images are held at any time. A run that fails is given
    back with its `failure`; an image that fails has its reason, and NaN in every run's scores.
    """
    n, k = dataset.truth.shape
    paths = [dataset.root / path for path in dataset.paths]
    jobs = jobs or count_jobs()
    runs = [ScoredRun(run, np.full((n, k), np.nan, np.float32)) for run in opened]
    decoded = DecodedSet([None] * n, [])
    with ThreadPoolExecutor(jobs) as pool, ThreadPoolExecutor(1) as device:
        loop = _Loop(paths, runs, decoded, batch, advance, pool, device)
        starts = iter(range(0, n, batch))
        more = True
        while more or loop.pending:
            while more and loop.waiting <= jobs:
                start = next(starts, None)
                more = start is not None and any(scored.failure is None for scored in runs)
                if more and start is not None:
                    loop.start(start)
            done, _ = wait(loop.pending, return_when=FIRST_COMPLETED)
            for future in done:
                loop.pending.pop(future)(future)
    finding = describe_bit_depth(decoded.maxima)
    decoded.findings = (finding,) if finding else ()
    return tuple(runs), decoded


def gather_scores(dataset: Dataset, scored: ScoredRun, decoded: DecodedSet) -> Scores:
    """The record of one run's scores, as scores.parquet keeps it."""
    activation = scored.opened.session.spec.activation
    return Scores(
        sample_ids=dataset.ids,
        labels=dataset.labels,
        truth=dataset.truth,
        scores=scored.scores,
        activation="softmax" if activation == "softmax-logit" else activation,
        reasons=tuple(decoded.reasons),
        groups=dataset.groups,
    )

"""The loop's units of work, plain functions: some images decoded, and one model fed with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.boundary import attempt, explain_error
from covidreport.errors import RunError
from covidreport.evaluate.decode import Chunk, decode_chunk
from covidreport.evaluate.disturbances import Disturbances
from covidreport.evaluate.occlusion import Altered, occlude_pixels
from covidreport.evaluate.scored import OpenedRun, ScoredRun
from covidreport.images.cache import PixelCache
from covidreport.inference.batch import prepare_batch
from covidreport.inference.device import DeviceAnswer, read_answers
from covidreport.inference.session import OutOfMemoryError
from covidreport.records import Failure, InputSpec, PixelSpec

_T = TypeVar("_T")

Prepared = Mapping[tuple[Any, ...], NDArray[Any] | Failure]
"""The pixels of some images as each kind of input takes them, or why they can't be had."""


def kind_of_input(opened: OpenedRun) -> tuple[Any, ...]:
    """Runs with the same answer here are fed the very same array."""
    spec = opened.session.spec
    numbers = (spec.divisor, spec.mean, spec.std, spec.per_image)
    return (spec.pixels, spec.layout, spec.dtype, spec.channel_order, *numbers)


def decode_unit(
    paths: Sequence[Path], start: int, specs: tuple[PixelSpec, ...],
    caches: Mapping[PixelSpec, PixelCache], digests: Sequence[str] | None,
    kinds: Mapping[tuple[Any, ...], InputSpec], altered: Altered | None,
) -> tuple[Chunk, Prepared]:  # fmt: skip
    """Some images, decoded, and prepared once for each kind of input that is wanted."""
    changes = None
    if isinstance(altered, Disturbances):
        changes = altered.take(range(start, start + len(paths)))
    decode = partial(decode_chunk, paths, start, caches=caches, digests=digests, changes=changes)
    chunk, refused = _decode_chunk(decode, specs)
    prepared: dict[tuple[Any, ...], NDArray[Any] | Failure] = {}
    for key, spec in kinds.items():
        if spec.pixels in refused:
            prepared[key] = refused[spec.pixels]
        else:
            prepared[key] = attempt("", "infer", partial(_prepare, chunk, spec, altered))
    return replace(chunk, pixels={}), prepared


def _decode_chunk(
    decode: Callable[[Sequence[PixelSpec]], Chunk], specs: tuple[PixelSpec, ...]
) -> tuple[Chunk, Mapping[PixelSpec, Failure]]:
    """A chunk in all kinds of pixels; where that fails, without those kinds that fail alone.

    What a run asks for may not fit into memory: then it is refused, and the others get theirs.
    """
    chunk = attempt("", "decode", partial(decode, specs))
    if not isinstance(chunk, Failure):
        return chunk, {}
    alone = {spec: attempt("", "decode", partial(decode, (spec,))) for spec in specs}
    refused = {spec: each for spec, each in alone.items() if isinstance(each, Failure)}
    chunk = attempt("", "decode", partial(decode, [s for s in specs if s not in refused]))
    if isinstance(chunk, Failure):  # each alone, and not these together
        return decode([]), dict.fromkeys(specs, chunk)
    return chunk, refused


def _prepare(chunk: Chunk, spec: InputSpec, altered: Altered | None) -> NDArray[Any]:
    pixels = occlude_pixels(chunk.pixels[spec.pixels], altered, chunk.start)
    return prepare_batch(pixels, spec)


def score_chunk(chunk: Chunk, opened: OpenedRun, batch: NDArray[Any]) -> NDArray[np.floating]:
    """One model's scores of a chunk, as `OpenedRun.take` gives them.

    NaN in the rows of images that failed. Raises RunError where the model fails, or where it
    gives a score that is not finite for an image that was decoded: such a run is invalid. What is
    no radiograph at all is left without a score then.
    """
    return check_scores(chunk, opened, opened.answer(batch))


def check_scores(
    chunk: Chunk, opened: OpenedRun, answers: NDArray[np.floating]
) -> NDArray[np.floating]:
    """What a model answered to a chunk, `(n, L)`, as `score_chunk` gives it."""
    scores = opened.take(answers)
    failed = np.array([reason is not None for reason in chunk.reasons])
    unscored = ~np.isfinite(scores).all(axis=1)
    if chunk.strange:
        failed |= unscored & np.array(chunk.strange)
    wrong = unscored & ~failed
    if wrong.any():
        first = chunk.start + int(np.flatnonzero(wrong)[0])
        raise RunError(
            f"gives scores that are not finite ({int(wrong.sum())} of the images {chunk.start} "
            f"to {chunk.stop - 1}; the first is image {first}): the run is invalid"
        )
    scores[failed] = np.nan
    return scores


def attempt_score(scored: ScoredRun, score: Callable[[], _T]) -> _T | Failure:
    """What some work for a run gives, or why that failed."""
    name = scored.opened.run.name
    try:
        return attempt(name, "infer", score, through=(OutOfMemoryError,))
    except OutOfMemoryError as error:
        scored.note_short_memory()
        return explain_error(name, "infer", error)


def score_and_keep(chunk: Chunk, scored: ScoredRun, pieces: Sequence[NDArray[Any]]) -> float:
    """Score a chunk and put the scores where they are kept; the seconds that it took."""
    began = time.perf_counter()
    if scored.failure is not None:
        return 0.0  # it failed at another chunk: nobody wants what it says to this one
    batch = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    scored.kept.put(chunk.start, score_chunk(chunk, scored.opened, batch))
    return time.perf_counter() - began


def read_and_keep(chunk: Chunk, scored: ScoredRun, answers: Sequence[DeviceAnswer]) -> float:
    """Read what a device gave and put the scores where they are kept; the seconds that it took."""
    began = time.perf_counter()
    if scored.failure is not None:
        return 0.0
    scores = read_answers(scored.opened.session, answers, chunk.stop - chunk.start)
    scored.kept.put(chunk.start, check_scores(chunk, scored.opened, scores))
    return time.perf_counter() - began

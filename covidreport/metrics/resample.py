"""The bootstrap: the counts of every run and label in many resamples of the same images.

A resample holds as many images as there are, with replacement; where images belong to groups
(patients), it samples whole groups. Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 13; for groups Field and Welsh, "Bootstrapping clustered data", J. R. Stat. Soc. B 69
(2007) 369-390. One resample serves all runs and all labels, so that differences between runs are
paired.

N images, K labels, R runs, B resamples. A resample is a row of weights: how often each unit (image
or group) was sampled. The counts of all runs and labels are then one product of the weights with a
matrix that says which unit adds what to which count. All of it is whole numbers below 2^24, which
float32 holds exactly: the result does not depend on threads or on the order of summation.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.rates import CountArrays
from covidreport.records import UNKNOWN

RESAMPLES = 2000
"""Unless asked otherwise: the ends of a 95 % interval then rest on 50 resamples each."""
COMMON = 32
"""Images with the same truth and answers are sampled together from so many on: one binomial sample
costs as much as sampling about 25 images one by one."""
CHUNK_BYTES = 32 << 20
"""How much memory the weights of one chunk of resamples take."""
FEWEST_RESAMPLES = 200
"""Fewer say too little about the ends of an interval."""
_POSITIVE_WORK = 10
MOST_CACHED = 4_000_000
"""So many weights of a plain bootstrap are kept for the next metric of the same images."""
_SLICE = 16_384
_ROOMY_BYTES = 256 << 20


class ResampledCounts(Struct, frozen=True, eq=False):
    """What was observed, each count `(R, K)`, and what each resample holds, each `(B, R, K)`.

    grouped: whether groups were sampled.
    """

    observed: CountArrays
    resampled: CountArrays
    grouped: bool


def affordable_resamples(truth: NDArray[np.int8], runs: int, work: int) -> int:
    """How many resamples of the curves of so many runs on truth int8 `(N, K)` stay within `work`,
    which counts the weights that are added up: `RESAMPLES` at most, `FEWEST_RESAMPLES` at least.

    A positive weighs as much as ten other images: curves have a step at each.
    """
    positives = int(np.count_nonzero(truth == 1))
    each = runs * (truth.size + _POSITIVE_WORK * positives)
    return min(RESAMPLES, max(FEWEST_RESAMPLES, work // max(1, each)))


def resample_counts(
    truth: NDArray[np.int8],
    answers: NDArray[np.bool_],
    failed: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    collapse: bool = True,
) -> ResampledCounts:
    """The counts of every run and label in every resample.

    truth int8 `(N, K)`, answers bool `(R, N, K)`, failed bool `(R, N)`, groups integers `(N,)`.
    Images of unknown truth are in none of that label's counts; they are sampled like the others, so
    the number of positives and negatives varies from resample to resample.

    collapse: images that agree in the truth and the answers of all runs and labels (groups that
    add the same to every count) are sampled together: their number in a resample is multinomial, so
    the joint distribution over runs and labels is the same and only the random numbers differ.
    False samples image by image. The same arguments give the same counts on every machine with the
    same NumPy.

    Memory beyond the result: about 32 MiB of weights and 2 (R + 1) K bytes an image (four times
    that while it stays under 256 MiB). Raises ValueError for shapes that do not fit, no image, no
    resample, and a truth other than 1, 0 and `UNKNOWN`.
    """
    _check(truth, answers, failed, groups, resamples)
    totals = _count_units(truth, answers, failed, groups)
    runs, labels = answers.shape[0], truth.shape[1]
    observed = totals.sum(axis=1, dtype=np.int64)
    common = np.zeros(0, dtype=np.int64)
    if collapse:
        totals, common = _collapse(totals)
    if totals.shape[0] * totals.shape[1] * 4 <= _ROOMY_BYTES:
        totals = totals.astype(np.float32, copy=False)
    weights = sample_weights(totals.shape[1] - common.size, resamples, seed, common)
    counts = np.concatenate([add_up(chunk, totals) for chunk in weights])
    return ResampledCounts(
        observed=_split(observed[np.newaxis], runs, labels, first=True),
        resampled=_split(counts, runs, labels),
        grouped=groups is not None,
    )


def sample_weights(
    units: int,
    resamples: int,
    seed: int,
    common: NDArray[np.int64] | None = None,
) -> Iterator[NDArray[np.float32]]:
    """How often each unit is sampled, in chunks of resamples: float32 `(b, H + units)`.

    common `(H,)`: the sizes of sets of images that are sampled together; they come first. Their
    numbers and that of all other samples are multinomial; the other samples fall evenly on the
    single units. That is the plain bootstrap, taken apart: the weights of disjoint sets of images
    are independent given how many samples fall into each set.
    """
    sizes = np.zeros(0, dtype=np.int64) if common is None else common
    if not sizes.size and units * resamples <= MOST_CACHED:
        yield _sample_plain(units, resamples, seed)
        return
    yield from _sample(units, resamples, seed, sizes)


@lru_cache(maxsize=2)
def _sample_plain(units: int, resamples: int, seed: int) -> NDArray[np.float32]:
    """The weights of few units, all in one array that nobody may change."""
    none = np.zeros(0, dtype=np.int64)
    weights = np.concatenate(list(_sample(units, resamples, seed, none)))
    weights.flags.writeable = False
    return weights


def _sample(
    units: int, resamples: int, seed: int, sizes: NDArray[np.int64]
) -> Iterator[NDArray[np.float32]]:
    """`sample_weights`, sampled now."""
    rng = np.random.default_rng(seed)
    total, heavy = int(sizes.sum()) + units, sizes.size
    proportions = np.append(sizes, units) / total
    rows = max(1, CHUNK_BYTES // (4 * (heavy + units)))
    for start in range(0, resamples, rows):
        weights = np.empty((min(rows, resamples - start), heavy + units), dtype=np.float32)
        samples = np.full(len(weights), units)
        if heavy:
            parts = rng.multinomial(total, proportions, size=len(weights))
            weights[:, :heavy], samples = parts[:, :-1], parts[:, -1]
        for row, n in zip(weights, samples, strict=True):
            if units:
                row[heavy:] = np.bincount(rng.integers(0, units, n), minlength=units)
        yield weights


def _check(
    truth: NDArray[np.int8],
    answers: NDArray[np.bool_],
    failed: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None,
    resamples: int,
) -> None:
    fits = truth.ndim == 2 and answers.ndim == 3 and answers.shape[1:] == truth.shape
    fits = fits and failed.shape == answers.shape[:2]
    if not fits or (groups is not None and groups.shape != truth.shape[:1]):
        raise ValueError(
            f"truth {truth.shape}, answers {answers.shape} and failed {failed.shape} do not fit: "
            "(N, K), (R, N, K), (R, N), and groups (N,)"
        )
    if truth.size == 0 or answers.size == 0 or resamples < 1:
        raise ValueError("a bootstrap needs an image, a label, a run and a resample")
    if truth.min() < UNKNOWN or truth.max() > 1:
        raise ValueError(f"a truth is 1, 0 or {UNKNOWN} (unknown)")


def _count_units(
    truth: NDArray[np.int8],
    answers: NDArray[np.bool_],
    failed: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None,
) -> NDArray[Any]:
    """What each unit adds: `(K * (2 + 2 R), U)`, for each label positives, negatives, tp, tn."""
    runs, images, labels = answers.shape
    codes, units = None, images
    kind: type[np.number[Any]] = np.uint8
    if groups is not None:
        present, codes = np.unique(groups, return_inverse=True)
        units, kind = present.size, np.float32
    totals = np.empty((labels, 2 + 2 * runs, units), kind)

    def add(chosen: NDArray[np.bool_]) -> NDArray[Any]:
        return chosen if codes is None else np.bincount(codes[chosen], minlength=units)

    # a run after another: what all of them answered stands in memory once
    for label in range(labels):
        positive, negative = truth[:, label] == 1, truth[:, label] == 0
        totals[label, 0], totals[label, 1] = add(positive), add(negative)
        for run in range(runs):
            yes, scored = answers[run, :, label], ~failed[run]
            totals[label, 2 + run] = add(yes & scored & positive)
            totals[label, 2 + runs + run] = add(~yes & scored & negative)
    return totals.reshape(-1, units)


def _collapse(totals: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """One column for each set of at least `COMMON` equal columns, then the other columns.

    Gives the columns and the sizes of the sets.
    """
    single = totals.dtype == np.uint8  # nothing but 0 and 1
    bits = np.packbits(totals, axis=0) if single else _split_bytes(totals)
    words = np.zeros((-(-len(bits) // 8) * 8, bits.shape[1]), dtype=np.uint8)
    words[: len(bits)] = bits
    keys = np.ascontiguousarray(words.T).view(np.uint64).T
    order = np.lexsort(keys)
    ordered = keys[:, order]
    starts = np.append(0, np.flatnonzero((ordered[:, 1:] != ordered[:, :-1]).any(axis=0)) + 1)
    sizes = np.diff(starts, append=order.size)
    common = sizes >= COMMON
    rest = order[~np.repeat(common, sizes)]
    columns = np.concatenate([order[starts[common]], rest])
    return np.ascontiguousarray(totals[:, columns]), sizes[common]


def _split_bytes(totals: NDArray[Any]) -> NDArray[np.uint8]:
    """Whole numbers `(C, U)` as bytes, so that columns are equal where their bytes are."""
    if totals.max(initial=0) < 256:
        return totals.astype(np.uint8)
    whole = np.ascontiguousarray(totals.T.astype(np.int32))
    return np.ascontiguousarray(whole.view(np.uint8).T)


def add_up(weights: NDArray[np.float32], totals: NDArray[Any]) -> NDArray[np.int64]:
    """The counts of a chunk of resamples, int64 `(b, C)`, a slice of the units at a time."""
    sums = np.zeros((len(weights), len(totals)), dtype=np.float64)
    for start in range(0, totals.shape[1], _SLICE):
        part = slice(start, start + _SLICE)
        sums += weights[:, part] @ totals[:, part].astype(np.float32, copy=False).T
    return sums.astype(np.int64)


def _split(sums: NDArray[np.int64], runs: int, labels: int, first: bool = False) -> CountArrays:
    """The four counts `(b, R, K)` from what `_count_units` laid out; only row 0 where `first`."""
    blocks = sums.reshape(len(sums), labels, 2 + 2 * runs).transpose(0, 2, 1)
    positives, negatives = blocks[:, :1], blocks[:, 1:2]
    tp, tn = blocks[:, 2 : 2 + runs], blocks[:, 2 + runs :]
    arrays = (tp, negatives - tn, positives - tp, tn)
    return CountArrays(*(np.ascontiguousarray(each[0] if first else each) for each in arrays))

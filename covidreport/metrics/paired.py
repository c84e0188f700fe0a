"""Whether one run misses more than another on the same images: exact tests of pairs of runs.

Everything here is about wrong answers: bool `(R, P)`, what each of R runs got wrong among P images
of one truth. `find_missed` gives them for the positives, `find_false_alarms` for the negatives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Sum = TypeVar("_Sum", bound=np.number[Any])
_DIRECT_WORK = 2_000_000
_SMALLEST = 1e-12
_EXACT_COINS = 200
_AT_ONCE = 4_000_000
_CACHE_BYTES = 1 << 19


def find_missed(
    truth: NDArray[np.int8], answers: NDArray[np.bool_], failed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The positives that each run missed, bool `(R, P)`; one that failed counts as missed.

    truth int8 `(N,)`, answers and failed bool `(R, N)`. Column i is the i-th positive image.
    """
    positive = truth == 1
    wrong: NDArray[np.bool_] = ~answers[:, positive] | failed[:, positive]
    return wrong


def find_false_alarms(
    truth: NDArray[np.int8], answers: NDArray[np.bool_], failed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The negatives that each run did not clear, bool `(R, M)`, failed ones among them."""
    negative = truth == 0
    wrong: NDArray[np.bool_] = answers[:, negative] | failed[:, negative]
    return wrong


def sum_by_group(
    wrong: NDArray[np.bool_], groups: NDArray[np.integer[Any]] | None
) -> NDArray[np.int64]:
    """How many images of each group each run got wrong, `(G, R)`; without groups each image is one.

    groups: integers `(P,)`, those of the columns of `wrong`.
    """
    if groups is None:
        return wrong.T.astype(np.int64)
    if groups.shape != wrong.shape[1:]:
        raise ValueError(f"groups {groups.shape} for wrong answers {wrong.shape}")
    return sum_rows(wrong, groups, np.int64).T


def sum_rows(
    rows: NDArray[np.bool_], groups: NDArray[np.integer[Any]], kind: type[_Sum]
) -> NDArray[_Sum]:
    """How many images of each group each row `(R, N)` has, `(R, G)` in the order of the groups'
    numbers; a row after another, so that no more memory is needed than the sums take."""
    present, codes = np.unique(groups, return_inverse=True)
    sums = np.empty((len(rows), present.size), kind)
    for row, into in zip(rows, sums, strict=True):
        into[:] = np.bincount(codes[row], minlength=present.size)
    return sums


def count_images(images: int, groups: NDArray[np.integer[Any]] | None) -> NDArray[np.int64]:
    """How many of these images each group has, `(G,)`, in the order of `sum_by_group`."""
    return sum_by_group(np.ones((1, images), np.bool_), groups)[:, 0]


def pack_wrong(wrong: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """64 images a word, `(R, words)`; the last word is filled with right answers."""
    packed = np.packbits(wrong, axis=1)
    words = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
    words[:, : packed.shape[1]] = packed
    return words.view(np.uint64)


def count_discordant(
    wrong: NDArray[np.bool_], pairs: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Of each pair of runs, how many images only the first and only the second got wrong."""
    words = pack_wrong(wrong)
    totals = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
    counts = np.zeros((len(pairs), 2), np.int64)
    for first, seconds, places in _list_by_first(pairs, words.nbytes // max(1, len(words))):
        both = np.bitwise_count(words[seconds] & words[first]).sum(axis=1, dtype=np.int64)
        counts[places, 0] = totals[first] - both
        counts[places, 1] = totals[seconds] - both
    return [(only_first, only_second) for only_first, only_second in counts.tolist()]


def tally_differences(
    sums: NDArray[np.int64], pairs: Sequence[tuple[int, int]]
) -> NDArray[np.int64]:
    """Of each pair of runs, in how many groups they differ by 0, 1, … wrong answers, `(pairs, D)`.

    sums `(G, R)`, of `sum_by_group`.
    """
    most = int(np.ptp(sums, axis=1).max(initial=0))
    kind = np.int8 if sums.max(initial=0) < 128 else np.int64
    by_run = np.ascontiguousarray(sums.T.astype(kind))
    times = np.zeros((len(pairs), most + 1), np.int64)
    for first, seconds, places in _list_by_first(pairs, by_run.nbytes // max(1, len(by_run))):
        differences = np.abs(by_run[seconds] - by_run[first])
        for size in range(1, int(differences.max(initial=0)) + 1):
            times[places, size] = np.bitwise_count(pack_wrong(differences == size)).sum(
                axis=1, dtype=np.int64
            )
    times[:, 0] = len(sums) - times.sum(axis=1)
    return times


def _list_by_first(
    pairs: Sequence[tuple[int, int]], row: int
) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """A run, others that it is the first of pairs with, and where these pairs stand; so many at
    once as a core's cache holds of rows of so many bytes."""
    firsts, seconds = np.array(pairs, np.intp).reshape(-1, 2).T
    order = np.argsort(firsts, kind="stable")
    several = max(1, _CACHE_BYTES // max(1, row))
    for of in np.split(order, 1 + np.flatnonzero(np.diff(firsts[order]))):
        for start in range(0, of.size, several):
            places = of[start : start + several]
            yield int(firsts[of[0]]), seconds[places], places


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """The two-sided exact p-value that two runs err equally often.

    only_first: images that only the first run got wrong; only_second: only the second. The
    binomial test of the one among both at 1/2, as McNemar, "Note on the sampling error of the
    difference between correlated proportions", Psychometrika 12 (1947) 153-157, made exact. 1 where
    no image tells them apart. It takes images for independent: where patients have several, use
    `sign_flip`.
    """
    from scipy.special import bdtr

    fewer, both = min(only_first, only_second), only_first + only_second
    # The binomial at 1/2 is symmetric: both tails are equal.
    return min(1.0, 2 * float(bdtr(fewer, both, 0.5))) if both else 1.0


def sign_flip(differences: NDArray[np.integer[Any]]) -> float:
    """The two-sided exact p-value that two runs err equally often, over groups.

    differences: `(G,)`, in each group (patient) the wrong answers of the first run minus those of
    the second. If neither is worse, exchanging the two runs' names within a group changes nothing,
    so each difference is as likely to have the other sign: Fisher's randomization test on the sum,
    with a group's images kept together. All 2^G sign patterns are counted, by convolution; with one
    image a group it is McNemar's exact test.
    """
    return float(sign_flip_table(differences)[abs(int(differences.sum()))])


def sign_flip_table(differences: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """P(|T| >= t) for t = 0 ... S when the signs of `differences` `(G,)` are thrown at random.

    S is the sum of their absolute values. Groups with equal absolute differences d add d times a
    binomial count, so the law of T is a convolution of as many binomials as there are such d. Very
    large ones are convolved by FFT, which is exact to about 1e-14; p-values there are at least
    1e-12.
    """
    return tabulate_flips(np.bincount(np.abs(differences)))


def tabulate_flips(times: NDArray[np.integer[Any]], reach: float = math.inf) -> NDArray[np.float64]:
    """`sign_flip_table` of differences of which `times[d]` have the absolute value d.

    reach: in standard deviations, how far about its mean each binomial law is gone through; the
    table ends where they do. Beyond 12 lie 1e-32 of a law, and of many differences nearly all of
    its values.
    """
    law, first, floor = _join_laws(times, reach)
    # T = 2 U - S, where U, the sum of the positive parts, has this law from its first value on.
    below = np.cumsum(law)
    total = int(times @ np.arange(len(times)))
    t = np.arange(total - 2 * first + 1)
    table = np.minimum(1.0, 2 * below[(total - t) // 2 - first])
    table[0] = 1.0
    return np.maximum(table, floor)


def flip_tail(times: NDArray[np.integer[Any]], excess: int) -> float:
    """P(|T| >= excess), one value of `tabulate_flips`, and as exact where it is very small.

    The law of the size that most differences have is summed, and not convolved with the others.
    """
    if excess == 0:
        return 1.0
    most = 1 + int(times[1:].argmax())
    others = times.copy()
    others[most] = 0
    law, _, floor = _join_laws(others, math.inf)
    below = np.cumsum(_coins(int(times[most])))
    left = (int(times @ np.arange(len(times))) - excess) // 2 - np.arange(law.size)
    law, left = law[left >= 0], left[left >= 0]
    return max(floor, min(1.0, 2 * float(law @ below[np.minimum(left // most, below.size - 1)])))


def _join_laws(
    times: NDArray[np.integer[Any]], reach: float
) -> tuple[NDArray[np.float64], int, float]:
    """The law of the sum of positive parts, its first value, and what its p-values are good for."""
    law = np.ones(1)
    first, floor = 0, 0.0
    for size in np.flatnonzero(times).tolist():
        if size == 0:
            continue
        low, coins = _middle_coins(int(times[size]), reach)
        spread = np.zeros(size * (coins.size - 1) + 1)
        spread[::size] = coins
        if law.size * coins.size <= _DIRECT_WORK:
            law = np.convolve(law, spread)
        else:
            law, floor = _convolve_fast(law, spread), _SMALLEST
        first += size * low
    return law, first, floor


def flip_tails(
    times: NDArray[np.integer[Any]], excess: NDArray[np.integer[Any]]
) -> NDArray[np.float64]:
    """P(|T| >= excess) of many sets at once, `(S,)`, to about 1e-13.

    times `(S, D)`: how many differences of each set have the absolute value 0, 1, …; excess `(S,)`:
    integers, 0 or more. A sign thrown at random makes cos(d w) of a difference's characteristic
    function, T has their product, and the chances of -t to t together are its mean over the angles
    w by which a sum of whole numbers that large is told apart, each weighed by their Dirichlet
    kernel sin((t + 1/2) w) / sin(w / 2).
    """
    sizes = np.arange(1, times.shape[1])
    found = np.ones(len(times))
    largest = int((times[:, 1:] @ sizes).max(initial=0))
    half = np.arange(1, largest + 1) * (np.pi / (2 * largest + 1))  # of the angles
    powers = np.arange(times[:, 1:].max(initial=0) + 1)[:, np.newaxis]
    functions = [np.cos(2 * size * half) ** powers for size in sizes]
    for rows in np.array_split(np.arange(len(times)), 1 + len(times) * largest // _AT_ONCE):
        law = np.ones((len(rows), largest))
        for size, function in enumerate(functions, 1):
            law *= function[times[rows, size]]
        within = 2 * excess[rows, np.newaxis] - 1  # twice t + 1/2, of the chances below the excess
        kernel = np.sin(within * half) / np.sin(half)
        inside = (within[:, 0] + 2 * (law * kernel).sum(axis=1)) / (2 * largest + 1)
        found[rows] = 1 - inside
    return np.where(excess > 0, np.clip(found, 0.0, 1.0), 1.0)


@lru_cache(maxsize=2048)
def _middle_coins(n: int, reach: float) -> tuple[int, NDArray[np.float64]]:
    """The fewest heads of n coins within so many standard deviations, and the probabilities of
    these and all up to the most."""
    low = int(max(0.0, (n - reach * math.sqrt(n)) / 2))
    return low, _coins(n)[low : n + 1 - low].copy()


def _coins(n: int) -> NDArray[np.float64]:
    """The probabilities of 0 ... n heads of n coins."""
    if n <= _EXACT_COINS:
        return _few_coins(n)
    factorials = _log_factorials(1 << n.bit_length())[: n + 1]
    logs = factorials[n] - factorials - factorials[::-1] - n * np.log(2)
    chances = np.exp(logs)
    law: NDArray[np.float64] = chances / chances.sum()
    return law


@cache
def _few_coins(n: int) -> NDArray[np.float64]:
    return np.array([math.comb(n, heads) / 2**n for heads in range(n + 1)])


@lru_cache(maxsize=2)
def _log_factorials(size: int) -> NDArray[np.float64]:
    """The logarithms of 0!, 1! … (size - 1)!."""
    from scipy.special import gammaln

    logs: NDArray[np.float64] = gammaln(np.arange(size) + 1)
    return logs


def _convolve_fast(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    size = a.size + b.size - 1
    length = 1 << (size - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(a, length) * np.fft.rfft(b, length), length)[:size]
    return np.maximum(product, 0.0)

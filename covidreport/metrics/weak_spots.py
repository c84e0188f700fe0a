"""Weak spots that nobody named: parts of the positives that runs miss more often than chance says.

Every positive is cut by what is known of it (attributes, ages, measured properties of the picture):
by one cut, and by pairs of cuts of two traits. The largest standardised difference between inside
and outside, over all parts and all runs, is held against the same in permuted answers: all answers
to a picture, of all runs, go to another picture. So however many parts were looked at, and however
alike runs and parts are, a spot is named by chance alone at most as often as alpha says, and any
set of true ones leaves the others that guarantee: Westfall and Young, Resampling-Based Multiple
Testing, 1993, single-step maxT (algorithm 2.5).

P positives, R runs, L parts, B permutations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.effective import sample_units
from covidreport.metrics.intervals import two_sided_z, wilson_ends
from covidreport.metrics.paired import sum_by_group
from covidreport.records import Estimate, SpotCut, WeakSpot, WeakSpots

FEWEST_IN_SPOT: Final = 5
"""Positives on either side of a cut."""
QUANTILES: Final = tuple(step / 8 for step in range(1, 8))
"""Of a measured trait, where it is cut."""
PERMUTATIONS: Final = 999
FEWEST_PERMUTATIONS: Final = 199
WORK: Final = 40_000_000_000
"""Multiplications that the permutations of one report may take: a second or two on one core."""
ALPHA: Final = 0.05
POWER: Final = 0.8
SAME: Final = 0.5
"""Two spots that share more of their positives than this are one: its clearest is named."""
_AT_ONCE: Final = 8_000_000


class Part(Struct, frozen=True, eq=False):
    """A part of the positives, and the cuts that make it; mask bool `(P,)`."""

    cuts: tuple[SpotCut, ...]
    mask: NDArray[np.bool_]


def find_weak_spots(
    missed: NDArray[np.bool_], names: Sequence[str],
    traits: Mapping[str, Sequence[str] | NDArray[np.floating]],
    groups: NDArray[np.integer[Any]] | None = None, seed: int = 0,
) -> WeakSpots | None:  # fmt: skip
    """The parts of the positives that runs miss significantly more than the others.

    missed bool `(R, P)`, of runs of these names; traits by name: texts, empty where not stated, or
    numbers, NaN where not known, `(P,)`; groups `(P,)`: the patients, whose images keep together,
    and change places with those of patients who have as many. Runs together are judged as one more
    run: what all share stands first. Of each run its clearest part is named. None where no part has
    `FEWEST_IN_SPOT` positives inside and outside.
    """
    parts = list_parts(traits, missed.shape[1])
    if not parts:
        return None
    masks = np.stack([part.mask for part in parts])
    # whole numbers, whose sums are exact whatever their order
    wrong = missed.astype(np.float32)
    rows = [None, *range(len(missed))] if len(missed) > 1 else [0]
    if len(missed) > 1:
        wrong = np.vstack([wrong.sum(axis=0), wrong])
    inside = masks.T.astype(np.float32)
    chance = _Chance.of(masks, wrong)
    scores = chance.standardise((wrong @ inside)[:, np.newaxis])[:, 0]
    highest = scores.max(axis=1)
    limits = np.concatenate(list(_permute(inside, wrong, chance, groups, seed)))
    reached = (limits >= highest[:, np.newaxis] - 1e-6).sum(axis=1)
    p_values = (1 + reached) / (1 + limits.size)
    found: list[tuple[WeakSpot, NDArray[np.bool_]]] = []
    order = sorted(range(len(rows)), key=lambda row: (rows[row] is not None, p_values[row]))
    for row in order:
        part = parts[int(scores[row].argmax())]
        if p_values[row] > ALPHA or any(_is_same(part.mask, mask) for _, mask in found):
            continue
        of = rows[row]
        answers = missed if of is None else missed[of][np.newaxis]
        run = None if of is None else names[of]
        spot = _describe(part, run, answers, missed, groups, float(p_values[row]))
        found.append((spot, part.mask))
    detectable = _find_detectable(float(np.quantile(limits, 1 - ALPHA)), missed[0])
    return WeakSpots(
        tuple(spot for spot, _ in found), missed.shape[1], len(missed), tuple(traits), len(parts),
        int(limits.size), detectable,
    )  # fmt: skip


def list_parts(
    traits: Mapping[str, Sequence[str] | NDArray[np.floating]], positives: int
) -> list[Part]:
    """All parts by one cut, and by two of different traits, each set of positives once."""
    single = {name: list(_cut(name, values)) for name, values in traits.items()}
    parts = [part for cuts in single.values() for part in cuts]
    for first, second in combinations(single.values(), 2):
        for a in first:
            parts += [Part((*a.cuts, *b.cuts), a.mask & b.mask) for b in second]
    kept: dict[bytes, Part] = {}
    for part in parts:
        size = int(part.mask.sum())
        if FEWEST_IN_SPOT <= size <= positives - FEWEST_IN_SPOT:
            kept.setdefault(np.packbits(part.mask).tobytes(), part)
    return list(kept.values())


def _cut(name: str, values: Sequence[str] | NDArray[np.floating]) -> Iterator[Part]:
    """By one trait: each value against all others, or below and above each quantile."""
    if isinstance(values, np.ndarray):
        known = values[~np.isnan(values)]
        ends = np.quantile(known, QUANTILES, method="lower") if known.size else ()
        for end in sorted({float(each) for each in ends}):
            yield Part((SpotCut(name, most=end),), values <= end)
            yield Part((SpotCut(name, over=end),), values > end)
        return
    column = np.array(values, dtype=object)
    for value in sorted(set(values) - {""}):
        yield Part((SpotCut(name, value=value),), column == value)


class _Chance(Struct, frozen=True, eq=False):
    """What is missed inside over permutations, `(rows, L)`: mean and standard deviation of a sample
    without replacement; a spread without end where all or none is missed."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, masks: NDArray[np.bool_], wrong: NDArray[np.float32]) -> _Chance:
        """masks `(L, P)`, wrong `(rows, P)`."""
        positives, inside = masks.shape[1], masks.sum(axis=1)
        sampled = inside * (positives - inside) / (positives - 1)
        exact = wrong.astype(np.float64)
        mean, variance = (each[:, np.newaxis] for each in (exact.mean(axis=1), exact.var(axis=1)))
        spread = np.sqrt(variance * sampled)
        return cls(mean * inside, np.where(spread > 0, spread, np.inf))

    def standardise(self, sums: NDArray[np.float32]) -> NDArray[np.float64]:
        """How many standard deviations more is missed inside than a permutation expects; 0 for who
        missed all or none. sums `(rows, b, L)`: of what is missed inside."""
        scores: NDArray[np.float64] = sums - self.mean[:, np.newaxis]
        scores /= self.spread[:, np.newaxis]
        return scores


def _permute(
    inside: NDArray[np.float32], wrong: NDArray[np.float32], chance: _Chance,
    groups: NDArray[np.integer[Any]] | None, seed: int,
) -> Iterator[NDArray[np.float64]]:  # fmt: skip
    """The highest score of any part and row in each permutation, `(b,)` a chunk. inside `(P, L)`.

    A permutation leaves mean and variance as they are: only the sums are made anew. Answers change
    places, or parts do the other way round: whichever are fewer.
    """
    (positives, parts), rows = inside.shape, len(wrong)
    number = int(np.clip(WORK // (inside.size * rows), FEWEST_PERMUTATIONS, PERMUTATIONS))
    at_once = max(1, _AT_ONCE // (rows * max(inside.shape)))
    rng = np.random.default_rng(seed)
    for start in range(0, number, at_once):
        orders = draw_orders(groups, positives, min(at_once, number - start), rng)
        if rows <= parts:
            moved = np.take(wrong, orders, axis=1)
            sums = (moved.reshape(-1, positives) @ inside).reshape(rows, len(orders), parts)
        else:
            back = np.empty_like(orders)
            np.put_along_axis(back, orders, np.arange(positives)[np.newaxis], axis=1)
            moved = np.take(inside, back.T, axis=0)
            sums = (wrong @ moved.reshape(positives, -1)).reshape(rows, len(orders), parts)
        yield chance.standardise(sums).max(axis=(0, 2))


def draw_orders(
    groups: NDArray[np.integer[Any]] | None, positives: int, number: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:  # fmt: skip
    """Whose answers each positive gets, `(number, P)`: those of a patient go to one with as many
    images, in any order."""
    codes = np.arange(positives) if groups is None else np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(codes)
    by_patient = np.argsort(codes, kind="stable")
    starts = np.cumsum(sizes) - sizes
    orders = np.empty((number, positives), np.intp)
    for size in np.unique(sizes):
        rows = by_patient[starts[sizes == size][:, np.newaxis] + np.arange(size)]
        source = rng.permuted(np.tile(np.arange(len(rows)), (number, 1)), axis=1)
        images = rng.permuted(rows[source], axis=2)
        orders[:, rows.ravel()] = images.reshape(number, -1)
    return orders


def _is_same(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> bool:
    return int((first & second).sum()) > SAME * int((first | second).sum())


def _describe(
    part: Part, run: str | None, answers: NDArray[np.bool_], missed: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None, p_value: float,
) -> WeakSpot:  # fmt: skip
    inside, outside = part.mask, ~part.mask
    share = missed[:, inside].mean(axis=1) > missed[:, outside].mean(axis=1)
    return WeakSpot(
        run, part.cuts, int(inside.sum()), _estimate(answers, inside, groups),
        _estimate(answers, outside, groups), p_value, int(share.sum()),
    )  # fmt: skip


def _estimate(
    missed: NDArray[np.bool_], mask: NDArray[np.bool_], groups: NDArray[np.integer[Any]] | None
) -> Estimate:
    """The sensitivity on these positives, or its mean over several runs, which has no interval."""
    wrong = missed[:, mask]
    found = int((~wrong).sum())
    if len(missed) > 1:
        return Estimate(found / wrong.size)
    units = None if groups is None else groups[mask]
    right, every = (sum_by_group(each, units)[:, 0] for each in (~wrong, np.ones_like(wrong)))
    low, high = wilson_ends(*sample_units(right, every))
    estimate = Estimate(found / wrong.size, None, None, found, wrong.size)
    if np.isnan(low):
        return estimate  # one patient alone has these images
    return replace(estimate, low=float(low), high=float(high), method="wilson")


def _find_detectable(limit: float, missed: NDArray[np.bool_]) -> float | None:
    """How much less sensitive a run has to be on half of the positives to be named in most studies.

    In `POWER` of them. limit: what a standardised difference has to reach; missed `(P,)` of the
    best run, as if half a case more were missed and found. None where no
    difference would do: over what half can miss.
    """
    positives = missed.size
    rate = (missed.sum() + 0.5) / (positives + 1)
    beyond = two_sided_z(2 * POWER - 1)
    difference = (limit + beyond) * 2 * np.sqrt(rate * (1 - rate) / positives)
    return float(difference) if difference <= 1 else None

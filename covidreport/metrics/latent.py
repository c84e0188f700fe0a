"""A latent normal model of who misses which positive: runs on the same images, images of a patient.

An image is missed where a normal variable of image and run exceeds the run's threshold. On one
image the variables of two runs have the correlation `between`; those of one run on two images of a
patient have `within`; of two runs on two images of a patient, the product. That is the model of the
tetrachoric correlation (Pearson, "On the correlation of characters not quantitatively measurable",
Phil. Trans. R. Soc. A 195 (1900) 1-47) with a random effect of the patient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

MOST_IMAGES: Final = 30
"""Of a patient's positives: beyond, what there is to add up grows out of hand."""
HIGHEST_CORRELATION: Final = 0.99
"""Up to this, correlations are told apart: at 1 two equal runs would be one."""
_HALVINGS: Final = 40


class LatentPair(Struct, frozen=True):
    """A baseline and another run on the same positives, by the latent normal model.

    patients: how many patients have 1, 2, … positive images. sensitivity: the baseline's, a
    fraction, not 0 or 1. between, within: latent correlations, from 0 to `HIGHEST_CORRELATION`.
    """

    patients: tuple[int, ...]
    sensitivity: float
    between: float
    within: float = 0.0

    @property
    def images(self) -> int:
        """All positives."""
        return sum(size * patients for size, patients in enumerate(self.patients, 1))


def count_patients(groups: NDArray[np.integer[Any]] | None, positives: int) -> tuple[int, ...]:
    """`LatentPair.patients`; groups: the patients `(P,)` of the positives, None where each is one.

    A patient with over `MOST_IMAGES` positives is taken for several.
    """
    if groups is None:
        return (positives,)
    sizes = np.unique(groups, return_counts=True)[1]
    rest = sizes % MOST_IMAGES
    parts = [np.full((sizes // MOST_IMAGES).sum(), MOST_IMAGES), rest[rest > 0]]
    return tuple(np.bincount(np.concatenate(parts))[1:].tolist())


def estimate_between(missed: NDArray[np.bool_]) -> float | None:
    """The latent correlation at which runs differ from the first as often as they do.

    missed: bool `(R, P)`, the baseline in row 0. Over all others together the expected number of
    images that only one of a pair missed is that which was counted, each run missing as many as it
    does. None where no correlation decides: no other run, or one of each pair missed all or none.
    """
    rates = missed.mean(axis=1)
    telling = [row for row in range(1, len(missed)) if 0 < rates[row] < 1]
    if not telling or not 0 < rates[0] < 1:
        return None
    both = float((missed[telling] & missed[0]).mean(axis=1).sum())
    first, others = miss_threshold(rates[0]), miss_threshold(rates[telling])
    return _solve(lambda r: float(miss_both(first, others, r).sum()), both)


def estimate_agreement(missed: NDArray[np.bool_]) -> float | None:
    """The latent correlation at which pairs of runs miss images together as often as they do.

    missed: bool `(R, P)`; over all pairs. As `estimate_between`, where no run is the one that
    others are held against: a run that misses one image says little of how far it agrees with
    others. None where no two runs missed some images and found some.
    """
    rates = missed.mean(axis=1)
    telling = np.flatnonzero((rates > 0) & (rates < 1))
    if len(telling) < 2:
        return None
    first, second = np.triu_indices(len(telling), 1)
    lost = missed[telling].astype(np.int64)
    both = float((lost @ lost.T)[first, second].sum()) / missed.shape[1]
    at = miss_threshold(rates[telling])
    return _solve(lambda r: float(miss_both(at[first], at[second], r).sum()), both)


def estimate_within(
    missed: NDArray[np.bool_], groups: NDArray[np.integer[Any]] | None
) -> float | None:
    """The latent correlation at which a patient's images are missed together as often as they are.

    missed: bool `(R, P)`; groups `(P,)`. Pairs of images of one patient, over all runs together, as
    `estimate_between`. None where no patient has several, or every run missed all or none.
    """
    rates = missed.mean(axis=1)
    telling = np.flatnonzero((rates > 0) & (rates < 1))
    if groups is None or not telling.size:
        return None
    codes = np.unique(groups, return_inverse=True)[1]
    pairs = _count_pairs(np.bincount(codes))
    if not pairs:
        return None
    both = sum(_count_pairs(np.bincount(codes[missed[row]])) for row in telling) / pairs
    thresholds = miss_threshold(rates[telling])
    return _solve(lambda r: float(miss_both(thresholds, thresholds, r).sum()), both)


def _count_pairs(sizes: NDArray[np.integer[Any]]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _solve(expected: Callable[[float], float], counted: float) -> float:
    """The correlation, up to the highest, at which what rises with it is what was counted."""
    low, high = 0.0, HIGHEST_CORRELATION
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle) < counted else (low, middle)
    return (low + high) / 2


def miss_threshold(miss_rate: Any) -> Any:
    """Above it an image is missed."""
    from scipy.special import ndtri

    return -ndtri(miss_rate)


def miss_both(first: Any, second: Any, correlation: float) -> Any:
    """P(X > first, Y > second) of two standard normals with a correlation under 1.

    Owen, "Tables for computing bivariate normal probabilities", Ann. Math. Statist. 27 (1956)
    1075-1090, equation 2.1.
    """
    from scipy.special import ndtr, owens_t

    # An exact 0 would be divided by; moved by less than what is rounded, it changes nothing.
    h = np.where(first == 0, 1e-300, -first)
    k = np.where(second == 0, 1e-300, -second)
    root = np.sqrt(1 - correlation**2)
    with np.errstate(over="ignore"):
        inner = owens_t(h, (k / h - correlation) / root) + owens_t(k, (h / k - correlation) / root)
    return np.clip((ndtr(h) + ndtr(k)) / 2 - inner - (h * k < 0) / 2, 0, None)


def list_patient_laws(pair: LatentPair, loss: float) -> list[tuple[int, NDArray[np.float64]]]:
    """For each size m of patients: how many there are, and P(b, c) `(m + 1, m + 1)`.

    b: images of a patient that only the run missed, c: that only the baseline missed.
    """
    worse = pair.sensitivity - loss
    if not (0 < pair.sensitivity < 1 and 0 < worse < 1):
        raise ValueError(f"sensitivities {pair.sensitivity:g} and {worse:g}")
    thresholds = miss_threshold(np.array([1 - worse, 1 - pair.sensitivity]))
    return [
        (n, _patient_law(size, thresholds, pair.between, pair.within if size > 1 else 0.0))
        for size, n in enumerate(pair.patients, 1)
        if n
    ]


def _patient_law(
    size: int, thresholds: NDArray[np.float64], between: float, within: float
) -> NDArray[np.float64]:
    """Images are independent given the patient's effects: a trinomial law, averaged over these."""
    from scipy.special import gammaln, ndtr

    nodes, density = _list_nodes(within)
    weights = np.outer(density, density).ravel()
    ours = np.repeat(nodes, nodes.size)
    theirs = between * ours + np.sqrt(1 - between**2) * np.tile(nodes, nodes.size)
    effects = np.sqrt(within) * np.stack([ours, theirs])
    run, baseline = (thresholds[:, np.newaxis] - effects) / np.sqrt(1 - within)
    both = miss_both(run, baseline, between)
    only_run = np.clip(ndtr(-run) - both, 1e-300, None)
    only_baseline = np.clip(ndtr(-baseline) - both, 1e-300, None)
    logs = np.log([only_run, only_baseline, np.clip(1 - only_run - only_baseline, 1e-300, None)])
    law = np.zeros((size + 1, size + 1))
    for b in range(size + 1):
        c = np.arange(size + 1 - b)
        counts = np.stack([np.full_like(c, b), c, size - b - c], axis=1)
        ways = gammaln(size + 1) - gammaln(counts + 1).sum(axis=1)
        law[b, c] = np.exp(ways[:, np.newaxis] + counts @ logs) @ weights
    scaled: NDArray[np.float64] = law / law.sum()
    return scaled


def found_law(size: int, sensitivity: float, within: float) -> NDArray[np.float64]:
    """How likely a run finds 0, 1, … of a patient's `size` positives, `(size + 1,)`."""
    from scipy.special import comb, ndtr

    nodes, density = _list_nodes(within)
    effects = np.sqrt(within) * nodes
    missed = ndtr((effects - miss_threshold(1 - sensitivity)) / np.sqrt(1 - within))
    k = np.arange(size + 1)[:, np.newaxis]
    law = comb(size, k) * (1 - missed) ** k * missed ** (size - k) @ density
    scaled: NDArray[np.float64] = law / law.sum()
    return scaled


def _list_nodes(within: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A patient's effect and its density: equal steps are exact to many digits for what is smooth
    beside a normal density; one step where there is no effect."""
    nodes = np.linspace(-8, 8, 161) if within > 0 else np.zeros(1)
    density = np.exp(-(nodes**2) / 2)
    return nodes, density / density.sum()

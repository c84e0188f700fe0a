"""Which images make which batch: drawn from the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covidreport.errors import UsageError
from covidreport.records import UNKNOWN

from .fields import split_convention
from .settings import AS_GIVEN, FitSettings

Indices = NDArray[np.intp]


def apply_convention(
    truth: NDArray[np.int8], labels: Sequence[str], convention: str
) -> NDArray[np.int8]:
    """The truth `(N, K)` under a label convention.

    Under `a-counts-as-b`, b is true of every image of which a is; where a is unknown and b is not
    true, b is unknown.
    """
    if convention == AS_GIVEN:
        return truth
    first, second = (list(labels).index(label) for label in split_convention(convention))
    changed = truth.copy()
    changed[truth[:, first] == 1, second] = 1
    changed[(truth[:, first] == UNKNOWN) & (truth[:, second] == 0), second] = UNKNOWN
    return changed


def draw_images(truth: NDArray[np.int8], most: int, seed: int) -> Indices:
    """As many images at most, by their truth `(N, K)`: ascending, and the same for the same seed.

    Images of the same labels keep their share, by largest remainders, and have one at least where
    there are as many images as such kinds.
    """
    if most >= len(truth):
        return np.arange(len(truth))
    kinds, of, sizes = np.unique(truth, axis=0, return_inverse=True, return_counts=True)
    exact = sizes * most / len(truth)
    counts = np.floor(exact).astype(int)
    if most >= len(kinds):
        counts = np.maximum(counts, 1)
    while counts.sum() != most:
        step = 1 if counts.sum() < most else -1
        wanting = np.where((counts + step > 0) | (step > 0), step * (exact - counts), -np.inf)
        counts[int(wanting.argmax())] += step
    random = np.random.default_rng([seed, len(truth)])
    order = random.permutation(len(truth))
    chosen = [order[of.ravel()[order] == kind][:n] for kind, n in enumerate(counts)]
    return np.sort(np.concatenate(chosen))


def weigh_classes(truth: NDArray[np.int8]) -> NDArray[np.float64]:
    """The proportion of draws of each image, `(N,)`, adding up to 1, so that rare labels come as
    often.

    An image counts by the rarest of its labels; images without a label are a class of their own.
    """
    positive = truth == 1
    counts = positive.sum(axis=0)
    weights = np.zeros(len(truth))
    for k in np.argsort(-counts, kind="stable"):
        if counts[k]:
            weights[positive[:, k]] = 1 / counts[k]
    bare = ~positive.any(axis=1)
    if bare.any():
        weights[bare] = 1 / bare.sum()
    proportions: NDArray[np.float64] = weights / weights.sum()
    return proportions


def order_epoch(n: int, seed: int, epoch: int, proportions: NDArray[np.float64] | None) -> Indices:
    """The n images of an epoch in order: each once, or drawn by `shares` with replacement."""
    random = np.random.default_rng([seed, epoch])
    if proportions is None:
        return random.permutation(n)
    return random.choice(n, size=n, p=proportions)


def cut_batches(order: Indices, size: int, smallest: int = 2) -> list[Indices]:
    """Cut an order into batches of `size`; a last one under `smallest` joins the one before it.

    No image is excluded, and batch norm never meets a batch of one.
    """
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    if len(batches) > 1 and len(batches[-1]) < smallest:
        last = batches.pop()
        batches[-1] = np.concatenate([batches[-1], last])
    return batches


def weigh_positives(
    settings: FitSettings, truth: NDArray[np.int8], labels: Sequence[str]
) -> tuple[float, ...] | None:
    """What positives of each label weigh, `(K,)`; None where they weigh as much as negatives."""
    weight = settings.positive_weight
    if weight == "balanced":
        return balance_positives(truth, labels)
    if isinstance(weight, tuple):
        return tuple(dict(weight).get(label, 1.0) for label in labels)
    return None if weight is None else (float(weight),) * len(labels)


def balance_positives(truth: NDArray[np.int8], labels: Sequence[str]) -> tuple[float, ...]:
    """Negatives over positives of each label, `(K,)`; UsageError for a label without positives."""
    positives, negatives = (truth == 1).sum(axis=0), (truth == 0).sum(axis=0)
    without = [label for label, n in zip(labels, positives, strict=True) if n == 0]
    if without:
        raise UsageError(
            f'positive_weight = "balanced": no training image is positive for {", ".join(without)}'
        )
    return tuple(float(weight) for weight in negatives / positives)

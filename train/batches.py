"""Splits, and their batches made ahead of time by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covidreport.records import PixelSpec

from .augmentation import augment, augment_fitted, find_margin
from .images import ImageStore
from .sampling import Indices
from .settings import Augmentation, Transforms
from .transforms import transform_pixels


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The images of one split that could be decoded, and those that could not.

    rows `(N,)`: their indices in the data set; truth int8 `(N, K)` under the split's convention.
    lost_truth int8 `(M, K)`: the truth of the images that failed, which count as wrong answers.
    """

    name: str
    rows: Indices
    truth: NDArray[np.int8]
    lost_truth: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class BatchFeed:
    """How the images of a split become batches: from where, at what size, changed by what."""

    store: ImageStore
    spec: PixelSpec
    workers: int
    augmentation: Augmentation | Transforms | None = None
    seed: Sequence[int] = (0,)
    """Seed, epoch and pass: with the place in the epoch, all that the changes depend on."""
    pinned: bool = False
    """Whether batches lie in memory that a card copies from without the CPU's help."""


@dataclass(frozen=True, slots=True)
class Batch:
    """positions `(B,)` in the split; pixels uint8 `(B, C, H, W)`; truth float32 `(B, K)`."""

    positions: Indices
    pixels: Tensor
    truth: Tensor


def make_batches(
    split: Split,
    feed: BatchFeed,
    batches: Sequence[Indices],
    rank_of_ranks: tuple[int, int] = (0, 1),
) -> Generator[Batch]:
    """The batches of one pass, in order, made by threads some batches ahead.

    batches: positions in the split. rank_of_ranks: (rank, ranks) where several processes divide
    each batch among them; this one makes every ranks-th image from its rank on.
    """
    rank, ranks = rank_of_ranks
    starts = np.cumsum([0, *(len(batch) for batch in batches)])
    ahead = 2 * feed.workers + 1
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(feed.workers) as pool:
        try:
            for positions, start in zip(batches, starts, strict=False):
                indices = start + np.arange(rank, len(positions), ranks)
                mine = positions[rank::ranks]
                waiting.append(pool.submit(_make_batch, split, feed, mine, indices))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _make_batch(split: Split, feed: BatchFeed, positions: Indices, indices: Indices) -> Batch:
    spec = feed.spec
    size = (len(positions), spec.channels, spec.height, spec.width)
    pixels = torch.empty(size, dtype=torch.uint8, pin_memory=feed.pinned)
    truth = torch.empty(len(positions), split.truth.shape[1], pin_memory=feed.pinned)
    truth.numpy()[:] = split.truth[positions]
    images = pixels.numpy().transpose(0, 2, 3, 1)
    for n, (position, index) in enumerate(zip(positions, indices, strict=True)):
        random = np.random.default_rng([*feed.seed, int(index)])
        images[n] = _make_image(feed, int(split.rows[position]), random)
    return Batch(positions, pixels, truth)


def _make_image(feed: BatchFeed, row: int, random: np.random.Generator) -> NDArray[np.uint8]:
    store, spec, kind = feed.store, feed.spec, feed.augmentation
    if isinstance(kind, Transforms):
        return transform_pixels(store.fitted(row, spec), kind, random)
    if kind is None:
        return store.fitted(row, spec)
    if kind.frame == "picture":
        return augment(store.picture(row, spec), kind, spec, random)
    margin = find_margin(kind, spec)
    return augment_fitted(store.fitted(row, spec, margin), kind, random, margin)

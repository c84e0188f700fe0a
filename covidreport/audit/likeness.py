"""How `crops` and `turns` compare small pictures: without their coarse shape, the likest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

COARSE, FINE = 16, 32
"""Pixels a side in which copies are looked for, and are fitted."""
_PROPOSED: Final = 3
_BLOCK: Final = 64

Planes = NDArray[np.floating[Any]]
"""All of them float32."""


def sharpen(pictures: Planes, width: int) -> Planes:
    """Pictures `(P, n, n)` less their coarse shape: the mean over `width` pixels each way."""
    n = pictures.shape[1]
    blur = np.zeros((n, n), np.float32)
    for offset in range(-(width // 2), width // 2 + 1):
        blur[np.arange(n), np.clip(np.arange(n) + offset, 0, n - 1)] += np.float32(1 / width)
    sharp: Planes = pictures - blur @ pictures @ blur.T
    return sharp


def standardize(pictures: Planes) -> Planes:
    """Float32 `(P, n * n)`: pictures `(P, n, n)` as vectors of mean 0 and length 1."""
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    scaled: Planes = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return scaled


def propose_pairs(
    own: Planes, changed: Sequence[Planes], least: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of which the first may be the second, changed in one of several ways: the three likest
    of each, and which way each is.

    own, and each of changed: vectors `(N, D)` of `standardize`. least: the correlation from which
    on a pair is proposed.
    """
    n = len(own)
    few = min(_PROPOSED, n - 1)
    found = [np.empty((3, 0), np.intp)]
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, n))
        like = np.stack([own[rows] @ each.T for each in changed])
        ways, likest = like.argmax(axis=0), like.max(axis=0)
        likest[np.arange(len(rows)), rows] = -1  # itself
        near = np.argpartition(-likest, few - 1, axis=1)[:, :few]
        row, of = np.nonzero(np.take_along_axis(likest, near, axis=1) >= least)
        other = near[row, of]
        found.append(np.stack([rows[row], other, ways[row, other]]))
    one, other, way = np.concatenate(found, axis=1)
    return one, other, way

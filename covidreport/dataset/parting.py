"""Parts of a data set, such as folds: no patient in two of them, and labels as alike as can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covidreport.dataset.names import ImageNames
from covidreport.errors import UsageError
from covidreport.records import Dataset


def part_patients(dataset: Dataset, shares: Sequence[float], seed: int = 0) -> NDArray[np.intp]:
    """The part of each image, `(N,)`, counted from 0; shares: of the images, by part.

    All images of a patient are in one part. The label with the fewest images that are not placed
    yet goes first: each patient with it, those with most images first, comes into the part that
    lacks most images of this label, of several into the one that lacks most images, of these one
    is drawn. Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label data", ECML
    PKDD (2011), algorithm 1, with patients in place of images. The order of rows does not count.

    Raises UsageError where there are fewer patients than parts.
    """
    names = dataset.groups if dataset.groups is not None else dataset.ids
    patients, of = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    if len(patients) < len(shares):
        raise UsageError(f"{len(patients)} patients can't be in {len(shares)} parts")
    wanted = np.asarray(shares, np.float64) / np.sum(shares)
    counts = np.zeros((len(patients), len(dataset.labels) + 1), np.int64)
    np.add.at(counts[:, :-1], of, dataset.truth == 1)
    counts[:, -1] = np.bincount(of, minlength=len(patients))
    return _place(counts, wanted, np.random.default_rng(seed))[of]


def _place(
    counts: NDArray[np.int64], shares: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.intp]:
    """The part of each patient; counts `(P, K + 1)`: images with each label, and all of them."""
    lacking = np.outer(shares, counts.sum(axis=0)).astype(np.float64)
    part = np.full(len(counts), -1, np.intp)
    # drawn once: among patients with as many images their order is chance
    order = np.lexsort((rng.permutation(len(counts)), -counts[:, -1]))
    while (part < 0).any():
        left = counts[part < 0].sum(axis=0)
        labels = np.flatnonzero(left[:-1] > 0)
        label = int(labels[np.argmin(left[labels])]) if labels.size else counts.shape[1] - 1
        for patient in order[(part[order] < 0) & (counts[order, label] > 0)]:
            best = np.lexsort((rng.random(len(shares)), -lacking[:, -1], -lacking[:, label]))[0]
            part[patient] = best
            lacking[best] -= counts[patient]
    return part


def read_lists(dataset: Dataset, lists: Sequence[tuple[str, Sequence[str]]]) -> NDArray[np.intp]:
    """The part of each image, `(N,)`, by lists of their paths or ids; each as (file, lines).

    Raises UsageError for a line that names no image, and for images in two lists or in none.
    """
    images = ImageNames(dataset.ids, dataset.paths, dataset.root)
    part = np.full(len(dataset), -1, np.intp)
    for at, (file, lines) in enumerate(lists):
        for line in filter(None, (line.strip() for line in lines)):
            row = images.find(line)
            if isinstance(row, str):
                raise UsageError(f"{file}: {line!r} {row or 'is no image of the data'}")
            if part[row] not in (-1, at):
                raise UsageError(f"{line!r} stands in {lists[part[row]][0]} and in {file}")
            part[row] = at
    missing = np.flatnonzero(part < 0)
    if missing.size:
        first = dataset.paths[missing[0]]
        raise UsageError(f"{missing.size} images stand in no list, such as {first!r}")
    return part

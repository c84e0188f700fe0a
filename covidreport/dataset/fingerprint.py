"""One digest that tells whether two evaluations looked at the same images with the same truth."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from covidreport.records import Dataset

if TYPE_CHECKING:
    from hashlib import _Hash

_VERSION = b"covidreport.dataset/1"
_BLOCK = 4096
"""Texts that are encoded at once: all of 100,000 would stand in memory twice."""


def fingerprint(dataset: Dataset, digests: Sequence[str]) -> str:
    """SHA-256 over labels, ids, truth, split and the digests of the files, in hexadecimal.

    The order of rows and of labels does not count: a manifest sorted differently, or labels asked
    for in another order, describe the same data. Paths, groups and attributes are excluded: moved
    files are the same images. Every text goes in with its length, so that no two data sets read
    alike. digests: of `hash_files`, one an image.
    """
    if len(digests) != len(dataset):
        raise ValueError(f"{len(digests)} digests for {len(dataset)} images")
    rows = sorted(range(len(dataset)), key=dataset.ids.__getitem__)
    columns = sorted(range(len(dataset.labels)), key=dataset.labels.__getitem__)
    digest = hashlib.sha256(_VERSION)
    _add_texts(digest, dataset.labels, columns)
    _add_texts(digest, dataset.ids, rows)
    digest.update(np.ascontiguousarray(dataset.truth[rows][:, columns]).tobytes())
    _add_texts(digest, dataset.splits or (), rows if dataset.splits else [])
    _add_texts(digest, digests, rows)
    return digest.hexdigest()


def _add_texts(digest: _Hash, texts: Sequence[str], rows: Sequence[int]) -> None:
    """Of the texts in these rows: how many, the length of each in bytes, then all of them.

    Numbers are 64-bit little-endian.
    """
    lengths = np.empty(1 + len(rows), "<u8")
    lengths[0] = len(rows)
    for index, row in enumerate(rows, start=1):
        text = texts[row]
        lengths[index] = len(text) if text.isascii() else len(text.encode())
    digest.update(lengths.tobytes())
    for start in range(0, len(rows), _BLOCK):
        block = [texts[row] for row in rows[start : start + _BLOCK]]
        digest.update("".join(block).encode())

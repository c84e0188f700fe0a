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
_LABEL_VERSION = b"covidreport.label/1"
_ROWS_VERSION = b"covidreport.rows/1"
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


def fingerprint_labels(dataset: Dataset, digests: Sequence[str]) -> dict[str, str]:
    """By label, SHA-256 over its name, the truth of it alone, and ids, splits and digests of files.

    Equal for one label where two data sets hold the same images with the same truth of it, whatever
    other labels either has: runs that answer different labels are then compared on this one. As
    `fingerprint`, the order of rows does not count.
    """
    rows = sorted(range(len(dataset)), key=dataset.ids.__getitem__)
    images = hashlib.sha256(_LABEL_VERSION)
    _add_texts(images, dataset.ids, rows)
    _add_texts(images, dataset.splits or (), rows if dataset.splits else [])
    _add_texts(images, digests, rows)
    found = {}
    for column, label in enumerate(dataset.labels):
        digest = images.copy()
        _add_texts(digest, dataset.labels, [column])
        digest.update(np.ascontiguousarray(dataset.truth[rows, column]).tobytes())
        found[label] = digest.hexdigest()
    return found


def digest_rows(dataset: Dataset) -> str:
    """SHA-256 over labels, ids, truth and splits in their order, whatever the files hold.

    Two data sets have the same exactly where a number of an image means the same in both.
    """
    every = range(len(dataset))
    digest = hashlib.sha256(_ROWS_VERSION)
    _add_texts(digest, dataset.labels, range(len(dataset.labels)))
    _add_texts(digest, dataset.ids, every)
    digest.update(np.ascontiguousarray(dataset.truth).tobytes())
    _add_texts(digest, dataset.splits or (), every if dataset.splits else [])
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
